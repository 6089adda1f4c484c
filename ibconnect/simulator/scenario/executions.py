"""Executions (reqExecutions): those since the gateway's midnight, or of some days, with their commissions."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import Message, Part, Request, Sorting, Unreadable, number, text
from ibconnect.simulator.scenario.blotter import Fill
from ibconnect.simulator.scenario.feeds import JournalFeed, ScriptFeed
from ibconnect.simulator.scenario.printing import commission_row, execution_row
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.scenario.trading import Entry, Report
from ibconnect.simulator.source import Feed, Question, Recordings
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.frames import Fields
from ibconnect.simulator.wire.layouts import UNSET_INT

DAYS_SINCE = 200
"""From this server version on, a request says of which days."""
_MOST_DAYS = 7
_SIDES = {"BUY": "BOT", "SELL": "SLD", "BOT": "BOT", "SLD": "SLD", "SSHORT": "SLD"}


class Filter(NamedTuple):
    """What a request asks for; empty is everything."""

    client_id: int
    account: str
    time: str
    symbol: str
    security_type: str
    exchange: str
    side: str
    days: int
    dates: Sequence[str]


def _by_scenario(scenario: Scenario, request_id: int, wanted: Filter, version: int) -> list[Fields]:
    rows: list[Fields] = []
    for fill in _wanted(scenario, wanted):
        rows.append(execution_row(fill, request_id, version, scenario.world.days))
        if fill.commission is not None:
            rows.append(commission_row(fill.exec_id, fill.commission, version))
    return [*rows, _end(request_id)]


def _wanted(scenario: Scenario, wanted: Filter) -> Iterator[Fill]:
    """The fills that a request asks for, each after what it corrects."""
    world = scenario.world
    begin, dates = _begin(scenario, wanted), frozenset(wanted.dates)
    for fill in world.trading.fills.values():
        if fill.account not in world.accounts or not _matches(fill, wanted):
            continue
        if dates and f"{world.days.local(fill.at):%Y%m%d}" not in dates:
            continue
        if fill.at >= begin:
            yield from (*fill.earlier, fill)


def _matches(fill: Fill, wanted: Filter) -> bool:
    conditions = (
        (wanted.client_id, fill.client_id),
        (wanted.account, fill.account),
        (wanted.symbol, fill.instrument.symbol),
        (wanted.security_type, fill.instrument.sec_type),
        (wanted.exchange, fill.exchange),
        (_SIDES.get(wanted.side.upper(), wanted.side), fill.side),
    )
    return all(not condition or condition == value for condition, value in conditions)


def _begin(scenario: Scenario, wanted: Filter) -> datetime:
    days, now = scenario.world.days, scenario.world.now
    if wanted.dates:
        begin = now - timedelta(days=_MOST_DAYS)
    else:
        begin = days.midnight(now, max(0, min(wanted.days, _MOST_DAYS) - 1))
    return max(begin, _time(wanted.time, days.zone)) if wanted.time else begin


def _time(value: str, zone: ZoneInfo) -> datetime:
    """``20260105-15:04:05`` is in UTC; with a blank it is the gateway's time, or that of the zone which follows."""
    match = re.fullmatch(r"(\d{8})([- ]) ?(\d\d:\d\d:\d\d)(?: (\S+))?", value)
    if match is None:
        raise Unreadable("Time", value)
    day, separator, time, name = match.groups()
    try:
        meant = UTC if separator == "-" else ZoneInfo(name) if name else zone
        return datetime.strptime(f"{day} {time}", "%Y%m%d %H:%M:%S").replace(tzinfo=meant).astimezone(UTC)
    except (ValueError, OSError, LookupError, OverflowError):
        raise Unreadable("Time", value) from None


def _by_recordings(recordings: Recordings, request_id: int, wanted: Filter, version: int) -> list[Fields]:
    return recordings.whole("executions", None, _end(request_id), request_id)


def _end(request_id: int) -> Fields:
    return ("55", "1", str(request_id))


EXECUTIONS = Question(_by_scenario, _by_recordings)
"""By request id, filter and server version."""


def _unasked(scenario: Scenario, version: int) -> Feed:
    def row(entry: Entry) -> Sequence[Fields]:
        if isinstance(entry, Fill):
            return (execution_row(entry, -1, version, scenario.world.days),)
        return (commission_row(entry.exec_id, entry.commission, version),) if isinstance(entry, Report) else ()

    return JournalFeed(scenario.world.trading, row)


def _none_unasked(recordings: Recordings, version: int) -> Feed:
    return ScriptFeed([])


UNASKED = Question(_unasked, _none_unasked)
"""By server version."""


def _ask(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    request_id, client = number(fields, 2), text(fields, 3, "Client Id")
    rest = [text(fields, index, name) for index, name in enumerate(_NAMES, 4)]
    days, dates = 0, list[str]()
    if connection.version >= DAYS_SINCE:
        days = 0 if text(fields, 10, "Last N Days") in ("", UNSET_INT) else number(fields, 10, "Last N Days")
        count = number(fields, 11, "Specific Dates Count")
        dates = [text(fields, index, "Specific Date") for index in range(12, 12 + count)]
    account, time, symbol, security_type, exchange, side = rest
    client_id = number(fields, 3, "Client Id") if client else 0
    wanted = Filter(client_id, account, time, symbol, security_type, exchange, side, days, dates)
    rows = subscriptions.source.answer(EXECUTIONS, request_id, wanted, connection.version)
    connection.send(rows)


def _end_of(fields: list[str]) -> Fields:
    return _end(number(fields, 2))


_NAMES = ("Account Code", "Time", "Symbol", "Security Type", "Exchange", "Side")

PART = Part(
    requests={"7": Request("reqExecutions", _ask, "11, 59, 55; 320", 2, kind="executions", end=_end_of)},
    messages={
        "11": Message("execDetails", "executions", Sorting.ENDED, 1),
        "55": Message("execDetailsEnd", "executions", Sorting.ENDED, 2, is_end=True),
        "59": Message("commissionReport", "executions", Sorting.ENDED, is_late=True),
    },
    unasked=UNASKED,
)
