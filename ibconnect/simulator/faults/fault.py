"""What a fault is, and how one takes hold of connections.

In: a gateway, a fault and its parameters. Out: tampers on connections, now or when they come. Called by the
groups of faults, which ``registry`` names.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.frames import Fields

Params = Mapping[str, Any]

MESSAGE: Params = {"skip": 0, "count": 1, "every": False, "only": ""}
"""The parameters of a fault of single messages, with their defaults; ``only``: message ids, as ``11+59``."""
STATE: Params = {"seconds": 0.0, "every": False}
"""Those of a fault that lasts."""
FOREIGN_ACCOUNT = "DU9999999"
"""An account that no login of the simulator has."""


class Target(Protocol):
    """The part of a gateway that faults act on."""

    subscriptions: Subscriptions
    armed: list[Callable[[Connection], None]]
    offline: bool
    refused_logins: int

    @property
    def live(self) -> list[Connection]: ...

    @property
    def open_connections(self) -> list[Connection]: ...

    def spawn(self, work: Any) -> "asyncio.Task[None]": ...

    async def listen(self) -> None: ...

    async def stop_listening(self) -> None: ...


Change = Callable[[Connection, Fields, Params], Fields | bytes | None]
Matches = Callable[[Fields], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what it does, its parameters with their defaults, and how it begins."""

    name: str
    help: str
    begin: Callable[[Target, "Fault", Params], None]
    params: Mapping[str, Any] = field(default_factory=dict)
    change: Change | None = None
    matches: Matches = lambda fields: True


class Spoil:
    """A fault armed on one connection: passes ``skip`` matching messages, then changes ``count`` of them."""

    def __init__(self, fault: Fault, params: Params) -> None:
        self._fault = fault
        self._params = params
        self._skip = int(params["skip"])
        self._left = int(params["count"])
        self._only = frozenset(str(params["only"]).replace("+", " ").split())

    def apply(self, connection: Connection, fields: Fields) -> Fields | bytes | None:
        if not self._fault.matches(fields) or (self._only and fields[0] not in self._only):
            return None
        if self._skip:
            self._skip -= 1
            return None
        self._left -= 1
        if self._left <= 0:
            connection.tampers.remove(self)
        assert self._fault.change is not None
        return self._fault.change(connection, fields, self._params)


def arm(target: Target, params: Params, act: Callable[[Connection], None]) -> None:
    """Do something to every open connection, or to the next one; to all later ones too if ``every``."""
    present = target.open_connections
    for connection in present:
        act(connection)
    if params["every"]:
        target.armed.append(act)
    elif not present:

        def once(connection: Connection) -> None:
            target.armed.remove(once)
            act(connection)

        target.armed.append(once)


def spoil(target: Target, fault: Fault, params: Params) -> None:
    def add(connection: Connection) -> None:
        connection.tampers.append(Spoil(fault, params))

    arm(target, params, add)


def now_or_spoil(target: Target, fault: Fault, params: Params) -> None:
    """Act at once on clients that are logged in, unless messages are to pass first."""
    present = target.live
    if params["skip"] or params["only"] or not present:
        spoil(target, fault, params)
        return
    assert fault.change is not None
    for connection in present:
        for _ in range(int(params["count"])):
            fault.change(connection, (), params)


def later(target: Target, params: Params, act: Callable[[], None]) -> None:
    """Undo a fault after its ``seconds``; 0 = never."""
    seconds = float(params["seconds"])
    if seconds:
        asyncio.get_running_loop().call_later(seconds, act)
