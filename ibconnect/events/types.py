"""What happened: one frozen class for each kind of event, registered under a short explicit topic.

Inbound events hold what a gateway sent, as wire text; the others say what this program did. Stored topics are
data: a class may move or be renamed, its ``TOPIC`` may not change (a golden test pins the list). Importing
``ibconnect.events`` registers all of them with the eventsourcing library.
"""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.utils import register_topic

from ibconnect.errors import UnknownTopic
from ibconnect.events.codec import FRAME, MESSAGE

TYPES: dict[str, type["Event"]] = {}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events. ``arrived``: microseconds since the epoch, UTC; None if the event before says it."""

    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1

    originator_id: UUID
    originator_version: int
    arrived: int | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        topic = cls.__dict__.get("TOPIC")
        if topic is not None:
            if topic in TYPES:
                raise TypeError(f"topic {topic!r} is owned by {TYPES[topic].__name__}")
            TYPES[topic] = cls
            register_topic(topic, cls)


@dataclass(frozen=True, kw_only=True)
class InboundEvent(Event):
    """Something that the gateway sent: ``fields`` are all its wire fields, message id first, verbatim."""

    fields: tuple[str, ...] = ()


class AccountValueUpdated(InboundEvent):
    """updateAccountValue (6): ``6, 2, key, value, currency, account``."""

    TOPIC = "v"


class PortfolioUpdated(InboundEvent):
    """updatePortfolio (7): ``7, 8``, eleven fields of the contract, six figures of the position, account."""

    TOPIC = "p"


class AccountTimeUpdated(InboundEvent):
    """updateAccountTime (8): ``8, 1, "HH:MM"`` in the gateway's local time."""

    TOPIC = "t"


class AccountsListed(InboundEvent):
    """managedAccounts (15): ``15, 1, "A,B,C"``."""

    TOPIC = "a"


class AccountDownloadEnded(InboundEvent):
    """accountDownloadEnd (54): ``54, 1, account``."""

    TOPIC = "d"


class GatewayNotice(InboundEvent):
    """An error, warning or notice (4): ``4, 2, request id, code, text`` and, from 166, a JSON field.

    From 194 on ``4, request id, code, text, JSON, time`` (milliseconds since the epoch).
    """

    TOPIC = "n"


class MessageReceived(InboundEvent):
    """Any other message, also one of a known id whose layout is not the known one."""

    TOPIC = MESSAGE


@dataclass(frozen=True, kw_only=True)
class FrameReceived(Event):
    """A frame that is not NUL-ended UTF-8 text: its ``payload`` as bytes.

    ``is_row``: several frames in a row that are too small to be messages; ``payload`` holds them with their lengths.
    """

    TOPIC = FRAME

    payload: bytes = b""
    is_row: bool = False


@dataclass(frozen=True, kw_only=True)
class OwnEvent(Event):
    """Something that this program did or noticed; stored as a JSON object, with its time under ``t``."""


@dataclass(frozen=True, kw_only=True)
class SessionOpened(OwnEvent):
    """A connection to a gateway was established: the first event of its stream.

    ``continues``: the stream (UUID) that this one goes on with; all else is as it was there. Another instance had
    closed it, while the one that recorded it was cut off from Postgres.
    """

    TOPIC = "so"

    gateway: str
    client_id: int
    server_version: str
    connection_time: str = ""
    instance: str
    software: str
    continues: str = ""


@dataclass(frozen=True, kw_only=True)
class SessionClosed(OwnEvent):
    """The connection ended: the last event of its stream.

    ``reason``: ``stopped``, ``lost``, ``silent``, ``broken-frame``, ``refused``, ``spool-full``, ``flood`` (it sent
    more than is allowed: ``detail`` says of what), ``deposed``, ``orphaned`` (left open, and closed by another instance
    or a later start), ``fenced`` (while another had closed it).
    ``unfinished``: base64 of an incomplete last frame.
    """

    TOPIC = "sc"

    reason: str
    detail: str = ""
    unfinished: str = ""


@dataclass(frozen=True, kw_only=True)
class RefreshStarted(OwnEvent):
    """A walk over the accounts begins; all its snapshots share ``created`` (microseconds since the epoch).

    ``scope``: empty if it is for all accounts of the gateway, ``some`` if for these ``accounts`` alone. ``resumed``:
    those that are not asked for, since a refresh with the same ``created``, which was cut off, has their figures.

    Whose an account is follows from the rest. ``gateways``: those that this instance has configured, in the order of
    ``IB_GW``, each with the accounts that are pinned to it. ``others``: those that other living instances have, if it
    ``knows_others``, which it does not before it has heard from Postgres. Earlier versions say nothing of these.
    """

    TOPIC = "rs"

    created: int
    trigger: str
    accounts: list[str] = field(default_factory=list)
    scope: str = ""
    resumed: list[str] = field(default_factory=list)
    gateways: dict[str, list[str]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    knows_others: bool | None = None


@dataclass(frozen=True, kw_only=True)
class AccountSubscribed(OwnEvent):
    """One account's download begins. ``source``: ``updates`` or ``multi`` (with the two request ids).

    ``since``: nothing new is asked; what came late is taken together with the download that began with the event of
    that version in this stream.
    """

    TOPIC = "as"

    account: str
    source: str
    values_request: int | None = None
    positions_request: int | None = None
    since: int | None = None


@dataclass(frozen=True, kw_only=True)
class AccountConcluded(OwnEvent):
    """One account's download is over. Version 1 says nothing of whether it is whole: silence was believed.

    ``ended``: ``download-end``, ``quiet``, ``timeout``, ``interrupted``, ``rejected``, ``disconnected``. ``why``: what
    keeps its figures from being relied on; empty if nothing does.
    ``check``: where its end is no proof that it is whole, what the account's positions, asked for by themselves, say
    of it: ``agrees``, ``differs``, ``unanswered``. ``last``: when its last own message arrived (microseconds since the
    epoch). ``request``: the highest refresh request that it serves. ``then``: what has the last word on the account in
    this refresh instead: ``updates`` or ``multi``, which follows.
    """

    TOPIC = "ac"
    class_version: ClassVar[int] = 2

    account: str
    ended: str
    detail: str = ""
    why: str = ""
    check: str = ""
    last: int | None = None
    request: int | None = None
    then: str = ""

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """What version 1 does not say stays unknown."""


@dataclass(frozen=True, kw_only=True)
class PositionsRequested(OwnEvent):
    """Positions are asked for by themselves, to compare a download with: of all accounts, or of one by a request id."""

    TOPIC = "pr"

    account: str = ""
    request: int | None = None


@dataclass(frozen=True, kw_only=True)
class QuestionAsked(OwnEvent):
    """A request goes out whose answer does not say what it is about: it has the request's number alone.

    ``report``: what is made of the answer, as ``pnl``. ``account``, and ``contract`` (IB's id) if it is about one
    position. ``days``: of how many days of the gateway's, of which today is the last.
    """

    TOPIC = "qa"

    report: str
    request: int
    account: str = ""
    contract: int | None = None
    days: int | None = None


@dataclass(frozen=True, kw_only=True)
class RefreshEnded(OwnEvent):
    """The walk is over: ``complete``, ``partial``, ``failed`` or ``aborted``.

    ``request``: the highest refresh request that it serves; ``missing``: why, for each account without figures that can
    be relied on; ``detail``: why, where it concerns no account.
    """

    TOPIC = "re"

    created: int
    outcome: str
    request: int | None = None
    missing: dict[str, str] = field(default_factory=dict)
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class DecodeFailed(OwnEvent):
    """The message at ``version`` of this stream could not be understood; it is stored all the same.

    ``more``: how many others, after it, of the same read of the socket.
    """

    TOPIC = "df"

    version: int
    error: str
    more: int | None = None


@dataclass(frozen=True, kw_only=True)
class RecordingInterrupted(OwnEvent):
    """Between two sessions nothing could be recorded: the spool was full while Postgres was away; or nothing was to be.

    ``why``: why it was left alone, where it had sent more than is allowed. ``messages`` and ``bytes``: what is known to
    be lost.
    """

    TOPIC = "ri"

    since: int
    until: int
    messages: int
    bytes: int
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class StatementBegan(OwnEvent):
    """A Flex statement was imported: the first event of a stream of its own, which holds one document, byte for byte.

    ``sha256``: hexadecimal, of its ``bytes`` bytes; ``parts`` events hold them, in ``encoding``. ``source``: ``file``,
    ``http`` or ``flex``; ``name``: of the file, or the id of the query; ``by``: the name of the token that gave it.
    Of what the Flex Web Service gave, as texts: ``query`` (its id), the days asked for, the ``reference`` code.
    """

    TOPIC = "sb"

    sha256: str
    bytes: int
    parts: int
    encoding: str
    source: str
    name: str = ""
    by: str = ""
    query: str = ""
    from_: str = ""
    to: str = ""
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class StatementPart(OwnEvent):
    """The next bytes of a document. ``n``: from 0; ``zstd``: base64 of them, compressed by themselves."""

    TOPIC = "sp"

    n: int
    zstd: str


@dataclass(frozen=True, kw_only=True)
class StatementEnded(OwnEvent):
    """The document is whole: the last event of its stream, and all that a list of documents needs.

    ``statements``: how many it holds; ``accounts``: whose, in order of their codes; ``from_`` and ``to``: the lowest
    and highest day of any, as texts, where they can be compared; ``elements``: how many have attributes.
    """

    TOPIC = "se"

    statements: int
    accounts: list[str] = field(default_factory=list)
    from_: str = ""
    to: str = ""
    elements: int = 0


def class_of(topic: str) -> type[Event]:
    """The class that owns a stored topic.

    :raises UnknownTopic: no class of this version does
    """
    try:
        return TYPES[topic]
    except KeyError:
        raise UnknownTopic(f"no event class owns the topic {topic!r}; was it written by a newer ibconnect?") from None


_BASE_FIELDS = {"originator_id", "originator_version", "arrived"}


def own_fields(kind: type[Event]) -> tuple[str, ...]:
    """The names of the fields that ``kind`` adds to :class:`Event`; their keys in a state have no ``_`` at the end."""
    return tuple(item.name for item in fields(kind) if item.name not in _BASE_FIELDS)
