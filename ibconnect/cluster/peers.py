"""What instances know of one another without Postgres: who the others were, and for how long Postgres answers each.

In: the others' names and addresses as of the last beat, and each answer of Postgres that a candidate or leader of this
instance had, or missed. Out: our own seconds with Postgres, which the others may ask for over HTTP, and theirs. Called
by the elections, by the registry, and by whoever serves ``/healthz``.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

# Candidates ask Postgres at least every half second. One that has had no answer for so long has lost it; if that is
# wrong because the machine is busy, the next question, a moment later, says so.
SILENT_S = 1.2
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}

Ask = Callable[[str, str], Awaitable[float | None]]
"""Ask the instance of a name at an address: for how many seconds Postgres has answered it without a break, 0 if it does
not; None if that instance cannot be asked there."""


async def _unasked(name: str, address: str) -> None:
    """Nobody can be asked."""


class Peers:
    """One per process.

    :param ask: how to ask another instance
    :param clock: seconds of a clock that never steps
    """

    def __init__(self, ask: Ask = _unasked, clock: Callable[[], float] = time.monotonic) -> None:
        self.known: dict[str, str | None] = {}
        """Those alive at the last beat, and where they can be asked; None: they did not say."""
        self.bound: Sequence[tuple[str, int]] = ()
        """The addresses and ports on which this instance serves HTTP."""
        self._ask = ask
        self._clock = clock
        self._spans: dict[str, tuple[float, float]] = {}

    def answered(self, gateway: str) -> None:
        """Postgres has just answered the candidate or leader of a gateway."""
        now = self._clock()
        self._spans[gateway] = self._spans.get(gateway, (now, now))[0], now

    def broke(self, gateway: str) -> None:
        """It has not answered."""
        self._spans.pop(gateway, None)

    def seconds(self) -> float:
        """For how long Postgres has answered without a break; 0 if it does not."""
        now = self._clock()
        return max((now - since for since, last in self._spans.values() if now - last < SILENT_S), default=0.0)

    async def ask(self) -> list[float | None]:
        """The seconds of each of the others; None for those that cannot be asked."""
        return await asyncio.gather(*(self._ask_one(name, address) for name, address in self.known.items()))

    async def _ask_one(self, name: str, address: str | None) -> float | None:
        return None if address is None else await self._ask(name, address)

    def address(self, local: str | None) -> str | None:
        """Where the others can best ask us; None if that cannot be said.

        Of the addresses that are bound one that other machines reach, best the one by which we reach Postgres; where
        all are bound that one, or loopback if Postgres is on this machine.

        :param local: our own address on a connection to Postgres; None if that is a Unix socket
        """
        if not self.bound:
            return None
        host, port = min(self.bound, key=lambda place: _distance(place[0], local or "127.0.0.1"))
        if host in _LOOPBACK:
            if local is not None and _version(host) != _version(local):
                return None
            host = local or _LOOPBACK[host]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _distance(host: str, local: str) -> tuple[bool, bool, bool]:
    """How far an address is from being the best one: the smaller the better."""
    is_other_version = _version(host) != _version(local)
    is_ours = host == local or (host in _LOOPBACK and not is_other_version)
    return ip_address(host).is_loopback, not is_ours, is_other_version


def _version(host: str) -> int:
    return ip_address(host).version
