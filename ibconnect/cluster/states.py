"""What an election knows, and what it can hear: plain values, without a clock, a socket or a task.

In: nothing. Out: the states of docs/cluster.md, what is remembered beside them, events, actions. Used by
:mod:`~ibconnect.cluster.decision`, which decides, :mod:`~ibconnect.cluster.quorum`, which counts the others' words,
and :mod:`~ibconnect.cluster.election`, which asks and acts. All times are of one clock that never steps
(``loop.time()``).
"""

from dataclasses import dataclass
from enum import Enum

NEVER = float("-inf")


class Mode(Enum):
    """Where an instance stands with one gateway."""

    FOLLOWING = "following"
    HOLDING_OFF = "holding off"
    RESTING = "resting"
    LEADING = "leading"
    IN_DOUBT = "in doubt"
    STANDING_IN = "standing in"
    LEAVING = "leaving"


RECORDING = frozenset({Mode.LEADING, Mode.IN_DOUBT, Mode.STANDING_IN})
"""In these this instance may record."""


class Action(Enum):
    """What the election does when it moves."""

    RECORD = "record"
    STOP = "stop"
    LOG_ELECTED = "log: elected"
    LOG_STANDS_IN = "log: stands in"
    LOG_YIELDS = "log: yields"


@dataclass(frozen=True, slots=True)
class State:
    """A mode, and what is remembered beside it."""

    mode: Mode = Mode.FOLLOWING
    since: float = NEVER
    """When this mode began."""
    why: str = ""
    """Why recording ended last."""

    sure_at: float = NEVER
    """When the last question was asked to which Postgres answered that the lease is ours."""
    away_since: float | None = None
    """Since when Postgres has not answered us."""
    held_since: float | None = None
    """Since when Postgres has said without a break that the lease is another's."""
    has_servers_word: bool = False
    """Whether the last connection ended with the server's own word that it goes down, for everybody."""

    has_led: bool = False
    must_hold_off: bool = False
    """Whether Postgres was away, so that another may be recording without the lease."""
    given_up_at: float = NEVER
    """When we last gave the gateway up to an instance that records fewer."""
    not_taken_at: float = NEVER
    """When it turned out that nobody had taken it."""

    has_peers: bool = False
    are_same_client: bool = True
    is_surplus: bool = False
    """Whether another instance should record this gateway."""
    registered_since: float = float("inf")
    """Since when the registry has been connected to Postgres without a break."""

    nobody_had_it_at: float = NEVER
    """When the last question was asked to which all others answered that they have not got Postgres."""
    somebody_has_it: bool = False
    """Whether another has had Postgres for so long that it is, or will be, elected."""
    needs_nobodys_word: bool = False
    """Whether the server has given its own word, or the gateway let us in while nobody had Postgres."""
    is_admitted: bool = False
    """Whether the gateway has let us in."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A connection to Postgres stands; the lease has not been asked for yet."""


@dataclass(frozen=True, slots=True)
class Leased:
    """Postgres says that the lease is ours."""

    asked_at: float


@dataclass(frozen=True, slots=True)
class Held:
    """Postgres says that another connection has the lease; ``by_us``: one of our own, which is dying."""

    by_us: bool = False


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Postgres does not answer; ``has_servers_word``: the server said before that it goes down."""

    has_servers_word: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """For how many seconds each of the others has Postgres: 0 if it has not; None: it cannot be asked."""

    asked_at: float
    seconds: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Beat:
    """What the registry of instances knows."""

    has_peers: bool
    are_same_client: bool = True
    is_surplus: bool = False
    registered_since: float = float("inf")


@dataclass(frozen=True, slots=True)
class NotTaken:
    """We are elected again for a gateway that we gave up, and nobody has recorded it meanwhile."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The gateway has let us in."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The connection to the gateway has ended."""


@dataclass(frozen=True, slots=True)
class Left:
    """Recording has ended, what was recorded is stored or in the spool, the lease is free."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Time has passed."""


Event = Reached | Leased | Held | Unreachable | Said | Beat | NotTaken | Admitted | Dropped | Left | Passed
