"""Every exception this package raises on purpose, in one tree.

IbConnectError
├── ConfigError            a setting is missing or wrong; names it, its value and what is right
├── DatabaseError          Postgres said no, or could not be reached
│   ├── DatabaseUnavailable    no connection, or it broke; trying again later may help
│   ├── SchemaError            the database's schema does not fit this version of the code
│   └── EmbeddedPostgresError  the embedded server could not be set up, started or stopped
├── EventError             an event cannot be stored or read back
│   ├── UnknownTopic           a stored topic that no event class owns
│   └── InboxClosed            the recorder no longer takes events
├── GatewayError           an IB Gateway refused, vanished or broke its protocol
│   ├── GatewayUnavailable     nothing listens, or it does not let us in
│   │   └── HandshakeUnfinished    it accepted the connection, and the handshake did not end
│   └── GatewayLost            the connection ended under us
├── ProjectionError        a projection cannot go on
├── FlexError              IBKR's Flex Web Service gave no statement; says what to do
│   ├── FlexUnavailable        it may give one later: it is busy, or cannot be reached
│   ├── FlexNothing            it has none of these days
│   └── FlexRefused            it gives none until somebody has done something
├── PartFailed             a part that the service cannot do without has died for good
├── ProcessDied            a process of the service has died, and may be started again
├── StatementRefused       a document is no Flex statement that can be recorded; says why
├── Problem                an answer with an error status, see ibconnect/http/server/problems.py
└── SimulatorError         the simulated gateway was asked for what it cannot do
    └── CaptureError           a capture file is not what it should be

Driver errors (psycopg, ib_async, OSError) are wrapped once, where they are first met, with ``from exc``.
"""


class IbConnectError(Exception):
    """Base of all errors of this package; ``str()`` is fit for a log line and a terminal."""


class ConfigError(IbConnectError):
    """A setting is wrong. The message names the setting, its value (unless secret) and what is right."""


class DatabaseError(IbConnectError):
    """Postgres refused something that the code relies on."""


class DatabaseUnavailable(DatabaseError):
    """No connection to Postgres could be had, or it broke; the same call may succeed later."""


class SchemaError(DatabaseError):
    """The database's schema is newer than the code, or is not one of ours."""


class EmbeddedPostgresError(DatabaseError):
    """The embedded Postgres could not be set up, started or stopped."""


class EventError(IbConnectError):
    """An event cannot be stored or read back."""


class UnknownTopic(EventError):
    """A stored event has a topic that no event class owns: it was written by newer code."""


class InboxClosed(EventError):
    """The recorder is closing and takes no more events."""


class GatewayError(IbConnectError):
    """An IB Gateway refused, vanished or broke its protocol."""


class GatewayUnavailable(GatewayError):
    """Nothing listens at the gateway's address, or it does not let us in."""


class HandshakeUnfinished(GatewayUnavailable):
    """It accepted the connection, but the API handshake did not end, or was no good: leave it alone for a while."""


class GatewayLost(GatewayError):
    """The connection to the gateway ended while it was in use."""


class ProjectionError(IbConnectError):
    """A projection cannot go on."""


class FlexError(IbConnectError):
    """IBKR's Flex Web Service gave no statement. ``code``: IBKR's own, if it gave one."""

    def __init__(self, why: str, code: str = "") -> None:
        super().__init__(why)
        self.code = code


class FlexUnavailable(FlexError):
    """The service is busy, still makes the statement, or cannot be reached: the same may succeed later.

    ``is_paced``: too many requests were sent. ``is_anew``: the statement has to be asked for from the beginning.
    """

    def __init__(self, why: str, code: str = "", *, is_paced: bool = False, is_anew: bool = False) -> None:
        super().__init__(why, code)
        self.is_paced = is_paced
        self.is_anew = is_anew


class FlexNothing(FlexError):
    """The service has no statement of the days that it was asked for."""


class FlexRefused(FlexError):
    """The token, the query or the request is no good: nothing comes until somebody has done something."""


class PartFailed(IbConnectError):
    """A part that the service cannot do without has died for good; the message names the part and says why."""


class ProcessDied(IbConnectError):
    """A process of the service has died.

    ``how``: in words, fit for anybody to read. ``may_be_put_right``: whether somebody may do that while it is tried
    again.
    """

    def __init__(self, how: str, why: str = "", *, may_be_put_right: bool = False) -> None:
        super().__init__(why or how)
        self.how = how
        self.may_be_put_right = may_be_put_right


class StatementRefused(IbConnectError):
    """A document is not well-formed, no Flex statement, dangerous or too large: nothing of it is recorded."""


class SimulatorError(IbConnectError):
    """The simulated gateway was asked for what it cannot do."""


class CaptureError(SimulatorError):
    """A capture file is not JSON Lines of wire fields; the message names file and line."""
