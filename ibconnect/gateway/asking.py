"""A gateway greeted and left again: who answers there, which accounts it lists, and whether it says anything of orders.

Nothing is recorded or subscribed. In: an address. Out: its greeting. Called by ``ibconnect check``, also beside a
running recorder: a gateway admits each client id once, so another one is used, drawn by chance from those that hardly
anybody chooses.
"""

import asyncio
from random import SystemRandom
from typing import NamedTuple

from ibconnect.codes import listed_codes
from ibconnect.errors import GatewayUnavailable
from ibconnect.events.notices import FARMS, LOST, is_refusal
from ibconnect.gateway.transport import ACCOUNTS, NOTICE, Transport
from ibconnect.setting_values import GatewayAddress
from ibconnect.texts import one_line

_LOWEST_ID, _HIGHEST_ID = 1_000_000_000, 2_000_000_000
_ID_TAKEN = "326"
_TRIES = 3
# After the login; a gateway that says nothing in that time is not asked for long.
_ORDERS_S = 3.0
_OPEN_ORDER_END = 53


class Greeting(NamedTuple):
    """What a gateway says of itself, and as which client it was asked."""

    server_version: str
    accounts: list[str]
    client_id: int
    notice: str
    """Code and text of the last thing that it said of its own accord; empty: nothing but of market data farms."""
    has_lost_ib: bool
    refuses_orders: str = ""
    """Code and text by which it refused to say which orders are open, if it was asked."""


async def greet(address: GatewayAddress, patience_s: float, *, asks_for_orders: bool = False) -> Greeting:
    """Connect, hear what it says, and leave.

    :param asks_for_orders: have it say which orders are open, which binds and changes none
    :raises GatewayUnavailable: nothing listens, it refuses, or it does not answer in time
    """
    for remaining in reversed(range(_TRIES)):
        client_id = SystemRandom().randint(_LOWEST_ID, _HIGHEST_ID)
        call = _Call(asks_for_orders)
        try:
            return await call.greeting(address, client_id, patience_s)
        except GatewayUnavailable as exc:
            if call.notice[:1] != [_ID_TAKEN] or not remaining:
                said = f" (the gateway said {': '.join(call.notice)})" if call.notice else ""
                raise GatewayUnavailable(f"{exc}{said}") from exc
    raise AssertionError("unreachable: the last try returns or raises")


class _Call:
    """One connection, and what came of it."""

    def __init__(self, asks_for_orders: bool) -> None:
        self._asks_for_orders = asks_for_orders
        self._has_asked = False
        self._orders: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._version = ""
        self._accounts: list[str] = []
        self.notice: list[str] = []

    async def greeting(self, address: GatewayAddress, client_id: int, patience_s: float) -> Greeting:
        transport = Transport(
            on_handshake=self._on_handshake,
            on_read=_nothing,
            on_frame=_nothing,
            on_run=_nothing,
            on_undecodable=_nothing,
            on_message=self._on_message,
            on_read_end=_nothing,
            on_lost=_nothing,
            steering={_OPEN_ORDER_END: 1},
        )
        try:
            await transport.open(address, client_id, patience_s)
            refusal = await self._asked_for_orders(transport) if self._asks_for_orders else ""
        finally:
            transport.close()
            # Or the loop may end before the socket is closed.
            await asyncio.sleep(0)
        return Greeting(
            self._version,
            self._accounts,
            client_id,
            ": ".join(self.notice),
            self.notice[:1] in [[code] for code in LOST],
            refusal,
        )

    async def _asked_for_orders(self, transport: Transport) -> str:
        self._has_asked = True
        transport.reqAllOpenOrders()
        await asyncio.wait({self._orders}, timeout=_ORDERS_S)
        return self._orders.result() if self._orders.done() else ""

    def _on_handshake(self, version: str, _: str) -> None:
        self._version = version

    def _on_message(self, number: int, fields: list[str]) -> None:
        if number == ACCOUNTS:
            self._accounts = list(listed_codes(fields[2]))
        elif self._has_asked and not self._orders.done() and (number == _OPEN_ORDER_END or _refuses(number, fields)):
            self._orders.set_result("" if number == _OPEN_ORDER_END else f"{fields[3]}: {one_line(fields[4], 200)}")
        elif number == NOTICE and fields[3] not in FARMS:
            self.notice = [fields[3], one_line(fields[4], 200)]


def _refuses(number: int, fields: list[str]) -> bool:
    return number == NOTICE and is_refusal(fields[3])


def _nothing(*_: object) -> None:
    """Nobody records this."""
