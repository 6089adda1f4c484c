"""The closed list of things worth telling: each becomes one log line, a counter, or both.

In: :func:`observe` calls from every room, with facts as keywords. Out: structured log lines (console or JSON)
and Prometheus metrics. What may be amiss for a while is a row of :class:`Trouble`, and is reported by
:mod:`~ibconnect.troubles`. Positions and amounts are facts at DEBUG only, and account codes too, unless a
client named one in the request that is logged: nothing at INFO or above says what somebody owns.
"""

import logging
import sys
from collections.abc import Iterable, MutableMapping
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from ibconnect import disks
from ibconnect.errors import IbConnectError
from ibconnect.metrics.histograms import BUCKETS, LoopHistogram, Measured

BUILD_INFO = Gauge(
    "ibconnect_build_info",
    "1; which program this is, the schema of the database and the snapshot tables that it needs.",
    ["version", "python", "schema", "tables"],
)
EVENTS_RECORDED = Counter("ibconnect_events_recorded", "Events committed to the event store.", ["gateway", "kind"])
BATCH_EVENTS = Histogram(
    "ibconnect_batch_events",
    "Events per committed batch.",
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000),
)
COMMIT_SECONDS = Histogram(
    "ibconnect_commit_seconds", "Time from arrival to commit of a batch's oldest event.", buckets=BUCKETS
)
SPOOL_BYTES = Measured("ibconnect_spool_bytes", "Bytes of this process's events on local disk, waiting for Postgres.")
SPOOL_MAX_BYTES = Gauge("ibconnect_spool_max_bytes", "Most bytes that the spool may take (SPOOL_MAX_BYTES).")
SPOOL_LEFTOVER_BYTES = Measured(
    "ibconnect_spool_leftover_bytes", "Bytes that killed processes left on local disk, waiting for Postgres."
)
SPOOL_KEPT_BYTES = Measured(
    "ibconnect_spool_kept_bytes", "Bytes in the spool that are kept for somebody to look at, by why.", ["why"]
)
SPOOL_KEPT = Counter(
    "ibconnect_spool_kept", "Journals of killed processes that could not be opened or read to their end.", ["why"]
)
EVENTS_REFUSED = Counter("ibconnect_events_refused", "Events kept in files since the event store does not take them.")
MESSAGES_LOST = Counter("ibconnect_messages_lost", "Messages that arrived when the spool was full.", ["gateway"])
REFRESH_SECONDS = Histogram(
    "ibconnect_refresh_seconds",
    "Duration of a walk over a gateway's accounts.",
    ["gateway", "outcome"],
    buckets=BUCKETS,
)
GATEWAY_CONNECTED = Gauge("ibconnect_gateway_connected", "1 while this instance records the gateway.", ["gateway"])
GATEWAY_LED = Gauge("ibconnect_gateway_led", "1 while some instance leads the gateway, connected or not.", ["gateway"])
GATEWAY_CONNECTS = Counter("ibconnect_gateway_connects", "Sessions opened with the gateway.", ["gateway"])
GATEWAY_FLOODS = Counter(
    "ibconnect_gateway_floods", "Connections that were ended since the gateway sent more than is allowed.", ["gateway"]
)
NOTICES = Counter("ibconnect_gateway_notices", "Error and notice messages of the gateway.", ["gateway", "code"])
ACCOUNT_CONFLICTS = Gauge(
    "ibconnect_account_conflicts",
    "Accounts that the gateway lists although they belong to another one, if no pin in IB_GW says so.",
    ["gateway"],
)
STATEMENTS_FETCHED = Counter(
    "ibconnect_statements_fetched",
    "Documents that the Flex Web Service gave; new: not recorded before.",
    ["query", "new"],
)
STATEMENTS_FAILED = Counter(
    "ibconnect_statements_failed", "Times that the Flex Web Service gave no document in the end.", ["query"]
)
STATEMENTS_GOT = Gauge(
    "ibconnect_statements_got_timestamp_seconds",
    "When a Flex query was last answered with a document, seconds since the epoch; 0: not yet.",
    ["query"],
)
STATEMENTS_DUE = Gauge(
    "ibconnect_statements_due_timestamp_seconds",
    "When a Flex query is fetched next, seconds since the epoch.",
    ["query"],
)
PROJECTION_POSITION = Gauge("ibconnect_projection_position", "Position of the last event applied to the tables.")
PROJECTION_LAG_EVENTS = Gauge("ibconnect_projection_lag_events", "Events recorded and not yet applied.")
PROJECTION_LAG_SECONDS = Gauge("ibconnect_projection_lag_seconds", "Age of the oldest event not yet applied.")
PROJECTION_POISON = Gauge("ibconnect_projection_poison_events", "Events set aside because they could not be applied.")
SNAPSHOTS = Counter("ibconnect_snapshots", "Snapshots written by this instance's projector.")
PART_FAILURES = Counter("ibconnect_part_failures", "Parts of the service that died and were started again.", ["part"])
TROUBLES = Measured("ibconnect_trouble", "1 while something is amiss; /readyz and the log say more.", ["trouble"])
HTTP_FAILED = Counter("ibconnect_http_failed", "Requests answered with status 500.", ["route"])
HTTP_REFUSED_TOKENS = Counter("ibconnect_http_refused_tokens", "Requests with a missing or wrong bearer token.")
HTTP_CROWDED_OUT = Counter("ibconnect_http_crowded_out", "Requests that were refused as too many.", ["code"])
HTTP_CONNECTIONS_CLOSED = Counter(
    "ibconnect_http_connections_closed",
    "Connections closed as too many: idle ones in favour of new ones, and new ones that were refused.",
    ["why"],
)
HTTP_SECONDS = LoopHistogram("ibconnect_http_seconds", "Duration of HTTP requests.", ("route", "method", "status"))


class Level(Enum):
    """How loud an observation is."""

    DEBUG = logging.DEBUG
    INFO = logging.INFO
    WARNING = logging.WARNING
    ERROR = logging.ERROR


@dataclass(frozen=True, slots=True)
class Line:
    """How one kind of observation is logged: its level and the sentence."""

    level: Level
    text: str


class Kind(Enum):
    """Everything worth telling. Facts are given by keyword and follow the sentence."""

    SETTING_UNREAD = Line(Level.WARNING, "a variable is named almost like a setting, and is not read")
    SERVICE_STARTING = Line(Level.INFO, "starting")
    SERVICE_STARTED = Line(Level.INFO, "started")
    SERVICE_STOPPING = Line(Level.INFO, "stopping")
    SERVICE_STOPPED = Line(Level.INFO, "stopped")
    DATABASE_MIGRATED = Line(Level.INFO, "database schema brought up to date")
    DATABASE_LOST = Line(Level.WARNING, "Postgres is away")
    DATABASE_REFUSES = Line(Level.WARNING, "Postgres is there and refuses us: somebody has to mend it, trying again")
    STARTED_WITHOUT_DATABASE = Line(Level.WARNING, "recording to the spool until Postgres is there")
    DATABASE_REVIVED = Line(Level.WARNING, "the embedded Postgres was killed and is started again")
    DATABASE_REVIVED_TO_END = Line(
        Level.INFO, "the embedded Postgres was stopped as well: it runs again until everything is stored"
    )
    DATABASE_BACK = Line(Level.INFO, "Postgres is back")
    SPOOL_STARTED = Line(Level.WARNING, "events wait in the spool until they can be stored")
    SPOOL_DRAINED = Line(Level.INFO, "events are stored again")
    SPOOL_LEFT = Line(Level.INFO, "what is not stored yet stays in the spool, the next start stores it")
    SPOOL_FULL = Line(Level.ERROR, "the spool is full: recording is interrupted until there is room")
    SPOOL_ROOM = Line(Level.INFO, "there is room again: recording goes on, the events say what is missing")
    SPOOL_ADOPTED = Line(Level.INFO, "what a killed process left in the spool is stored")
    SPOOL_DAMAGED = Line(Level.ERROR, "the spool of a killed process is damaged: the rest of it is kept aside")
    SPOOL_UNOPENED = Line(Level.ERROR, "what a killed process left in the spool cannot be opened: it is kept aside")
    SPOOL_POSTPONED = Line(Level.WARNING, "what a killed process left in the spool cannot be stored now, trying again")
    SPOOL_KEPT = Line(Level.WARNING, "what was kept aside in the spool waits for somebody to look at it")
    EVENTS_REFUSED = Line(Level.ERROR, "the event store does not take some events: they are kept in a file")
    REFUSED_KEPT = Line(Level.WARNING, "events that the event store did not take wait for somebody to look at them")
    WRITER_FAILED = Line(Level.ERROR, "storing events failed, trying again")
    GATEWAY_CONNECTED = Line(Level.INFO, "gateway connected")
    GATEWAY_LOST = Line(Level.WARNING, "gateway lost")
    GATEWAY_UNAVAILABLE = Line(Level.WARNING, "gateway unavailable, trying again until it is back")
    GATEWAY_FLOODS = Line(
        Level.WARNING, "a gateway sends more than is allowed: its connection was ended, it is tried again later"
    )
    GATEWAY_CALM = Line(Level.INFO, "a gateway that sent more than is allowed keeps within it again")
    ACCOUNTS_LEFT_OUT = Line(Level.WARNING, "a gateway lists more accounts than are asked for: the first of them are")
    ACCOUNTS_TAKEN = Line(Level.INFO, "all accounts that the gateway lists are asked for")
    GATEWAY_STALE = Line(Level.WARNING, "gateway lost its connection to IB, values are stale")
    GATEWAY_FRESH = Line(Level.INFO, "gateway regained its connection to IB")
    INSTANCE_TAKEN = Line(Level.WARNING, "another process has this INSTANCE: waiting for it to end")
    LEADER_ELECTED = Line(Level.INFO, "this instance records the gateway")
    LEADER_DEPOSED = Line(Level.WARNING, "this instance no longer records the gateway")
    LEADER_STANDS_IN = Line(Level.WARNING, "nobody can be elected without Postgres: recording as the gateway permits")
    LEADER_YIELDS = Line(Level.INFO, "another instance records fewer gateways and takes this one over")
    GATEWAY_UNLED = Line(Level.ERROR, "nobody records a gateway: no instance leads it")
    GATEWAY_LED = Line(Level.INFO, "every gateway has a leader again")
    KEEPER_FAILED = Line(Level.ERROR, "recording a gateway failed unexpectedly, trying again")
    SESSION_ORPHANED = Line(Level.WARNING, "a session left open by a killed instance was closed")
    SESSION_CONTINUED = Line(
        Level.WARNING, "what was recorded of a session after its end is stored as its continuation"
    )
    COLLECTOR_UNANSWERED = Line(
        Level.WARNING, "a gateway does not answer what it is asked beside its accounts: it is asked again later"
    )
    COLLECTOR_ANSWERED = Line(Level.INFO, "a gateway answers what it did not answer before")
    COLLECTOR_FAILED = Line(Level.ERROR, "asking a gateway for something beside its accounts failed, trying again")
    MESSAGE_UNDECODABLE = Line(Level.WARNING, "a message could not be understood; it is recorded")
    REFRESH_STARTED = Line(Level.DEBUG, "refresh started")
    REFRESH_ENDED = Line(Level.INFO, "refresh ended")
    ACCOUNT_CONCLUDED = Line(Level.DEBUG, "account download concluded")
    SUBSCRIPTION_NOT_REPLACED = Line(
        Level.INFO, "the gateway lets no account take the place of another: each is unsubscribed before the next one"
    )
    ACCOUNTS_IN_CONFLICT = Line(
        Level.WARNING, "a gateway lists accounts that belong to another one: what it says of them is set apart"
    )
    ACCOUNTS_NOT_KEPT = Line(
        Level.WARNING, "a gateway has named more accounts than are kept: those beyond are recorded, and listed nowhere"
    )
    ACCOUNTS_MOVED = Line(Level.WARNING, "accounts belong to this gateway from now on, and did not before")
    ACCOUNTS_NOT_PINNED = Line(Level.INFO, "a gateway lists accounts that are not its own by IB_GW")
    MONTH_MADE = Line(Level.INFO, "a partition for the events of a month was made")
    MONTHS_MISSING = Line(Level.WARNING, "the events of a month have no partition of their own, and cannot get it now")
    STATEMENT_FETCHED = Line(Level.INFO, "a Flex statement was fetched and is recorded")
    STATEMENT_NOT_RECORDED = Line(Level.ERROR, "a Flex statement that was fetched could not be recorded")
    STATEMENTS_MISSING = Line(Level.WARNING, "Flex statements are not to be had: they are asked for again")
    STATEMENTS_COMPLETE = Line(Level.INFO, "Flex statements are fetched again")
    PROJECTION_CREATED = Line(Level.INFO, "tables of a report created")
    PROJECTION_MOVED = Line(Level.INFO, "tables of a report of an earlier version are taken over")
    PROJECTION_REBUILDING = Line(Level.INFO, "tables of reports are rebuilt from the events")
    PROJECTION_REBUILT = Line(Level.INFO, "rebuilt tables of reports are live")
    PROJECTION_NEWER = Line(
        Level.WARNING, "the tables of a report are of a newer version: recording goes on, the report does not"
    )
    VIEW_IN_THE_WAY = Line(Level.ERROR, "a public view stays as it was: what somebody built upon it cannot follow")
    PROJECTION_LEFTOVER = Line(
        Level.WARNING, "the former tables of a report are still being read, the next rebuild drops them"
    )
    PROJECTION_POISONED = Line(Level.ERROR, "an event could not be applied and was set aside")
    POSITIONS_BEYOND = Line(Level.ERROR, "an event stands beyond the sequence of positions: it is not applied")
    POSITIONS_FIT = Line(Level.INFO, "no event stands beyond the sequence of positions any more")
    PROJECTION_FAILED = Line(Level.WARNING, "applying events failed, trying again")
    PROJECTION_RECOVERED = Line(Level.INFO, "events are applied again")
    HTTP_SERVING = Line(Level.INFO, "serving")
    HTTP_REFUSED = Line(Level.INFO, "a request was refused")
    HTTP_FAILED = Line(Level.ERROR, "a request failed")
    HTTP_TOKEN_REFUSED = Line(Level.WARNING, "a request with a missing or wrong token was refused")
    HTTP_TOKEN_BARE = Line(
        Level.WARNING, "an API token without @ has full rights; the next release refuses it: write @* behind it"
    )
    HTTP_TOKEN_ENDED = Line(Level.INFO, "an API token was removed, limited or ended, or signed out: its answers end")
    HTTP_TOKENS_LOADED = Line(Level.INFO, "API tokens loaded")
    HTTP_TOKENS_NONE = Line(Level.WARNING, "API_TOKENS_FILE holds no token: every request is refused")
    HTTP_TOKENS_UNREADABLE = Line(Level.ERROR, "API tokens cannot be read, the former ones stay in force")
    HTTP_CROWDED = Line(Level.WARNING, "too many requests, searches or streams at once: some are refused")
    HTTP_CONNECTIONS_CROWDED = Line(Level.WARNING, "too many connections: some are closed")
    HTTP_SLOW_READER = Line(Level.WARNING, "a slow reader of the live events was cut off")
    HTTP_REQUEST = Line(Level.INFO, "request")
    BACKGROUND_FAILED = Line(Level.ERROR, "a background task failed")
    PROCESS_SILENT = Line(Level.ERROR, "a process of this instance does not answer the others")
    PROCESS_ANSWERS = Line(Level.INFO, "a process of this instance answers the others again")
    NOBODY_PROJECTS = Line(Level.ERROR, "no process on this database projects: reports stay as they are")
    SOMEBODY_PROJECTS = Line(Level.INFO, "a process projects again")
    PART_RESTARTED = Line(Level.ERROR, "a part of the service died and is started again")
    PART_STEADY = Line(Level.INFO, "a part of the service runs steadily again")
    PART_FAILED = Line(Level.ERROR, "what the service cannot do without has died: ending, to be started again")


@dataclass(frozen=True, slots=True)
class Lasting:
    """How a trouble is reported: in the log while it lasts, and when it is over (if that is worth a line); in words."""

    lasts: Kind
    over: Kind | None
    text: str


class Trouble(Enum):
    """What may be amiss for a while although the service goes on; its name is its label in Prometheus."""

    EMBEDDED_DOWN = Lasting(Kind.DATABASE_LOST, None, "the embedded Postgres cannot be started again")
    DATABASE_WAITS = Lasting(Kind.DATABASE_LOST, None, "the schema of the database cannot be prepared")
    DATABASE_REFUSES = Lasting(
        Kind.DATABASE_REFUSES, Kind.DATABASE_BACK, "Postgres refuses the login or a right of this service"
    )
    EVENTS_WAIT = Lasting(Kind.SPOOL_STARTED, Kind.SPOOL_DRAINED, "events wait in the spool")
    WRITER_FAILS = Lasting(Kind.WRITER_FAILED, None, "the writer of events fails")
    RECORDING_INTERRUPTED = Lasting(
        Kind.SPOOL_FULL, Kind.SPOOL_ROOM, "recording is interrupted since the spool is full, or has not begun again"
    )
    GATEWAY_FLOODS = Lasting(
        Kind.GATEWAY_FLOODS, Kind.GATEWAY_CALM, "a gateway sends more than is allowed, and is recorded with breaks"
    )
    ACCOUNTS_LEFT_OUT = Lasting(
        Kind.ACCOUNTS_LEFT_OUT, Kind.ACCOUNTS_TAKEN, "a gateway lists more accounts than are asked for"
    )
    LEFTOVERS_WAIT = Lasting(Kind.SPOOL_POSTPONED, None, "what a killed process left in the spool waits")
    LEFTOVERS_KEPT = Lasting(Kind.SPOOL_KEPT, None, "what a killed process left could not be opened or read to its end")
    EVENTS_KEPT = Lasting(Kind.REFUSED_KEPT, None, "the event store did not take some events, which are kept in files")
    MONTHS_MISSING = Lasting(Kind.MONTHS_MISSING, None, "the events of a month lack a partition, and are stored apart")
    STATEMENTS_MISSING = Lasting(
        Kind.STATEMENTS_MISSING, Kind.STATEMENTS_COMPLETE, "IBKR's Flex Web Service gives no statements"
    )
    PROJECTION_FAILS = Lasting(
        Kind.PROJECTION_FAILED,
        Kind.PROJECTION_RECOVERED,
        "the tables of reports are not kept up, what they show is old",
    )
    POSITIONS_BEYOND = Lasting(
        Kind.POSITIONS_BEYOND, Kind.POSITIONS_FIT, "an event stands beyond the sequence of positions"
    )
    GATEWAY_UNLED = Lasting(Kind.GATEWAY_UNLED, Kind.GATEWAY_LED, "nobody leads a gateway, which is not recorded")
    PROCESS_SILENT = Lasting(Kind.PROCESS_SILENT, Kind.PROCESS_ANSWERS, "a process does not answer the others")
    NOBODY_PROJECTS = Lasting(Kind.NOBODY_PROJECTS, Kind.SOMEBODY_PROJECTS, "reports are old, since nobody projects")
    PART_RESTARTS = Lasting(Kind.PART_RESTARTED, Kind.PART_STEADY, "a part of the service had to be started again")


def observe(kind: Kind, /, **facts: Any) -> None:
    """Log one thing. ``error`` may be an exception: its text is logged.

    At ERROR its traceback is logged too, unless it is foreseen: then the text says all, and a traceback hides it.
    """
    line = kind.value
    error = facts.get("error")
    if isinstance(error, BaseException):
        facts["error"] = _text_of(error)
        if line.level is Level.ERROR and not _is_foreseen(error):
            facts["exc_info"] = error
    structlog.get_logger("ibconnect").log(line.level.value, line.text, kind=kind.name.lower(), **facts)


# PostgreSQL's documentation, "Error codes": connections, logins, databases, resources, shutdown, a read-only server,
# missing rights. Whoever runs the server can cause them; all others are about our statements.
_FORESEEN_STATES = ("08", "28", "3D", "53", "57", "25006", "42501")


def _text_of(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return disks.cause(error, str(error.filename))
    return str(error) or repr(error)


def _is_foreseen(error: BaseException) -> bool:
    """Whether it comes from outside (a disk, a network, Postgres, a user), not from a fault of the program."""
    if isinstance(error, IbConnectError | ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError):
        return error.errno is not None
    if hasattr(error, "sqlstate"):
        return error.sqlstate is None or error.sqlstate.startswith(_FORESEEN_STATES)
    return False


def _printable(_: Any, __: str, facts: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Nothing that a client or a gateway says can move the cursor, change colours or begin a line of its own."""
    for name, value in facts.items():
        if isinstance(value, str) and not value.isprintable() and name not in ("exception", "stack"):
            facts[name] = "".join(
                each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
                for each in value
            )
    return facts


def write_lines(lines: Iterable[str]) -> None:
    """Write lines of the access log as they are, together, where the others go; nothing if INFO is not logged."""
    if not logging.getLogger("ibconnect").isEnabledFor(logging.INFO):
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            with handler.lock or nullcontext():
                handler.stream.write("".join(lines))
                handler.flush()


def hush_driver() -> None:
    """Let the Postgres driver log errors only: while the process ends, its connections may break in any order."""
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def _is_told_once(record: logging.LogRecord) -> bool:
    """False for what the driver says beside an error that it raises, and that is told by who meets it."""
    return not (record.name.partition(".")[0] == "psycopg" and str(record.msg).startswith("error ignored"))


def configure_logging(log_format: str, log_level: str, process: str = "") -> None:
    """Set up logging for the process, once at start, to standard error. A name of the process stands in each line.
    ib_async logs every position it sees at INFO and repeats each failed attempt to connect at ERROR; the facts
    among these are observed by the gateway room itself, so that library only speaks up if it is CRITICAL.
    """
    level = getattr(logging, log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        *([lambda _, __, facts: {**facts, "process": process}] if process else []),
    ]
    json = log_format == "json"
    # The default tracebacks show the value of every local variable: passwords in URLs, positions.
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer() if json else console
    before: list[structlog.typing.Processor] = [structlog.processors.format_exc_info] if json else [_printable]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *before, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_is_told_once)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ibconnect").setLevel(level)
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
