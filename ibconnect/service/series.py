"""Every series of the metrics that the settings make known exists from the first scrape on, with 0.

In: the settings, and what the process does. Out: the labels of counters and gauges. Called by the composition root
before anything is served. A series that begins with its first event hides that event from Prometheus, which sees no
increase; one that is not there when nothing works keeps its alert from firing when it is needed most.

Labels that only a client or a gateway can name (statuses of requests, codes of notices that mean nothing here) begin
when they come. They are of closed lists too: nobody outside can make a series of a name of his own.
"""

import platform

from ibconnect import __version__
from ibconnect import observe as o
from ibconnect.config import Config
from ibconnect.database.migrations import available
from ibconnect.database.tables import report_of
from ibconnect.events import notices
from ibconnect.events.kept import DAMAGED, UNOPENED
from ibconnect.events.quarantine import QUARANTINED
from ibconnect.events.types import TYPES
from ibconnect.gateway.outcome import Outcome
from ibconnect.roles import ALL, API, COORDINATION, ORDER, PROJECT, PROJECTOR, RECORD, STATEMENTS, keeper_of, process_of

_CODES = (*notices.LOST, *notices.RESTORED, notices.UNSUBSCRIBED, notices.SUBSCRIBED_ELSEWHERE)


def expect(config: Config, roles: frozenset[str]) -> None:
    """Show all series of what does this, here or in another process of the instance whose series this one shows."""
    schema = str(available()[-1].number)
    o.BUILD_INFO.labels(__version__, platform.python_version(), schema, str(report_of("accounts").version)).set(1)
    o.SPOOL_MAX_BYTES.set(config.spool_max_bytes)
    if RECORD in roles:
        _expect_recording(config)
    if PROJECT in roles:
        o.PART_FAILURES.labels(PROJECTOR)
    if API in roles:
        _expect_answers()
    if roles == ALL:
        for role in ORDER:
            o.PART_FAILURES.labels(process_of(role))


def _expect_recording(config: Config) -> None:
    for gateway in map(str, config.ib_gw):
        _expect_gateway(gateway)
    for part in (COORDINATION, *map(keeper_of, config.ib_gw)):
        o.PART_FAILURES.labels(part)
    for query in config.flex_queries:
        o.STATEMENTS_FAILED.labels(query.name)
        for new in ("true", "false"):
            o.STATEMENTS_FETCHED.labels(query.name, new)
    if config.flex_queries:
        o.PART_FAILURES.labels(STATEMENTS)
    for why in (DAMAGED, UNOPENED):
        o.SPOOL_KEPT.labels(why)
    for why in (DAMAGED, UNOPENED, QUARANTINED):
        o.SPOOL_KEPT_BYTES.expect(why)


def _expect_answers() -> None:
    from ibconnect.http.resources.registry import ROUTES
    from ibconnect.http.server.shares import COUNTED

    for code in sorted(COUNTED, key=lambda each: each.code):
        o.HTTP_CROWDED_OUT.labels(code.code)
    for why in ("idle", "refused"):
        o.HTTP_CONNECTIONS_CLOSED.labels(why)
    for route in ROUTES:
        o.HTTP_FAILED.labels(route.path)


def _expect_gateway(gateway: str) -> None:
    o.GATEWAY_CONNECTED.labels(gateway).set(0)
    o.ACCOUNT_CONFLICTS.labels(gateway).set(0)
    o.GATEWAY_LED.labels(gateway).set(0)
    o.GATEWAY_CONNECTS.labels(gateway)
    o.GATEWAY_FLOODS.labels(gateway)
    o.MESSAGES_LOST.labels(gateway)
    for kind in TYPES.values():
        o.EVENTS_RECORDED.labels(gateway, kind.__name__)
    for outcome in Outcome:
        o.REFRESH_SECONDS.labels(gateway, outcome.value)
    for code in _CODES:
        o.NOTICES.labels(gateway, code)
