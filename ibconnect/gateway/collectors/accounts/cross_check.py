"""Whether a download holds every position that its account has: the positions are asked for by themselves.

In: an account and what has arrived of it. Out: agrees, differs (and what is missing), or unanswered. Called for
downloads whose own end is no proof. reqPositions (message 61) answers for all accounts at once; where it is refused,
which it is above 50 accounts, reqPositionsMulti (71) answers for one.
"""

import asyncio
from collections.abc import Set
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from ibconnect.events.notices import is_refusal
from ibconnect.events.types import PositionsRequested
from ibconnect.gateway.collectors.accounts.messages import POSITION_END, POSITION_MULTI_END
from ibconnect.gateway.collectors.accounts.received import SHARED_IDS, Arrivals
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.transport import NOTICE
from ibconnect.gateway.unnumbered import NO_REQUEST

# IB's documentation, reqPositions: "This function is not available in Introducing Broker or Financial Advisor master
# accounts that have very large numbers of subaccounts (> 50)".
MANY_ACCOUNTS = 50
_FRESH_S = 10.0
_NAMED = 5


class Check(StrEnum):
    """What the positions say of a download."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Held:
    """One open position as message 61 or 71 has it."""

    symbol: str
    size: str
    model: str = ""


# By contract.
_Book = dict[bytes, Held]


class PositionCheck:
    """For one connection. An answer for all accounts serves for a moment."""

    def __init__(self, connection: Connection, patience_s: float) -> None:
        self._connection = connection
        self._patience_s = patience_s
        self._all: dict[str, _Book] | None = None
        self._asked_at = float("-inf")
        self._is_refused = False
        # An answer for all accounts is ended by whoever has it, and would end that of another one.
        self._turn = asyncio.Lock()

    async def of(self, account: str, arrivals: Arrivals) -> tuple[Check, str]:
        """Compare; the text names what a download lacks.

        :raises GatewayLost: the connection is over
        """
        async with self._turn:
            return await self._compared(account, arrivals)

    async def _compared(self, account: str, arrivals: Arrivals) -> tuple[Check, str]:
        asked_at = self._asked_at
        book = await self._book(account)
        lacking = _lacking(book, arrivals)
        if lacking and self._asked_at == asked_at:
            # What served before may be older than the download.
            self._all = None
            book = await self._book(account)
            lacking = _lacking(book, arrivals)
        if book is None:
            return Check.UNANSWERED, "the account's positions, asked for by themselves, did not come"
        if lacking:
            named = ", ".join(lacking[:_NAMED]) + (", …" if len(lacking) > _NAMED else "")
            return Check.DIFFERS, f"positions that it lacks: {named}"
        return Check.AGREES, ""

    async def _book(self, account: str) -> _Book | None:
        if not self._is_refused and len(self._connection.accounts) <= MANY_ACCOUNTS:
            if self._all is None or asyncio.get_running_loop().time() - self._asked_at > _FRESH_S:
                self._all = await self._ask_for_all()
            if self._all is not None:
                return self._all.get(account, {})
            self._is_refused = True
        return await self._ask_for_one(account)

    async def _ask_for_all(self) -> dict[str, _Book] | None:
        connection = self._connection
        with connection.collecting(b"61\0") as rows:
            self._asked_at = asyncio.get_running_loop().time()
            connection.record(PositionsRequested)
            connection.transport.reqPositions()
            is_whole = await self._ended(POSITION_END, 0, "", refusals=NO_REQUEST)
            if not connection.lost.done():
                connection.transport.cancelPositions()
        if not is_whole or rows.is_flood:
            return None
        books: dict[str, _Book] = {}
        for fields in _split(rows, 16):
            _note(books.setdefault(fields[2].decode(errors="replace"), {}), fields[3:14], fields[14], b"")
        return books

    async def _ask_for_one(self, account: str) -> _Book | None:
        connection = self._connection
        request = connection.transport.getReqId()
        with connection.collecting(b"71\0") as rows:
            self._asked_at = asyncio.get_running_loop().time()
            connection.record(PositionsRequested, account=account, request=request)
            connection.transport.reqPositionsMulti(request, account, "")
            is_whole = await self._ended(POSITION_MULTI_END, 2, str(request), refusals={str(request)})
            if not connection.lost.done():
                connection.transport.cancelPositionsMulti(request)
        if not is_whole or rows.is_flood:
            return None
        book: _Book = {}
        for fields in rows_of(rows, request, account, 17):
            _note(book, fields[4:15], fields[15], fields[17])
        return book

    async def _ended(self, number: int, place: int, text: str, *, refusals: Set[str]) -> bool:
        """Wait for the end of an answer; False if it is refused, does not come, or the gateway has lost IB."""
        connection = self._connection
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def is_refused(fields: list[str]) -> bool:
            # What a question of another collector has taken is most likely meant for that one.
            is_taken = connection.unnumbered.taken is fields
            return not is_taken and fields[2] in refusals and is_refusal(fields[3])

        def watch(seen: int, fields: list[str]) -> None:
            if answer.done():
                return
            if seen == number and (not text or fields[place] == text):
                answer.set_result(True)
            elif seen == NOTICE and (connection.connectivity.is_stale or is_refused(fields)):
                answer.set_result(False)

        with connection.watching(watch):
            await connection.until(self._patience_s, answer)
        return answer.done() and answer.result()


def _split(rows: list[bytes], last: int) -> list[list[bytes]]:
    return [fields for fields in (row.split(b"\0") for row in rows) if len(fields) > last]


def rows_of(rows: list[bytes], request: int, account: str, last: int) -> list[list[bytes]]:
    """The fields of those messages 71 or 73 that answer a request for an account and have a field ``last``."""
    wanted = [str(request).encode(), account.encode()]
    return [fields for fields in _split(rows, last) if fields[2:4] == wanted]


def _note(book: _Book, contract: list[bytes], size: bytes, model: bytes) -> None:
    if contract[0] in SHARED_IDS:
        # Several contracts may have it, and 7 and 61 describe them differently: they cannot be compared.
        return
    key, text = contract[0], size.decode(errors="replace")
    known = book.get(key)
    if known is not None and not known.model and model:
        return
    if _number(text) == 0 and not model:
        book.pop(key, None)
    elif _number(text) != 0:
        book[key] = Held(contract[1].decode(errors="replace"), text, model.decode(errors="replace"))


def _lacking(book: _Book | None, arrivals: Arrivals) -> list[str]:
    """The open positions that did not arrive, or not in their size (in models only the whole can be compared)."""
    lacking = []
    for key, held in (book or {}).items():
        arrived = arrivals.contracts.get(key)
        if arrived is None:
            lacking.append(f"{held.symbol} {held.size}")
        elif not held.model and _number(arrived[0].decode(errors="replace")) != _number(held.size):
            lacking.append(f"{held.symbol} {held.size}, not {arrived[0].decode(errors='replace')}")
    return lacking


def _number(text: str) -> Decimal | str:
    """The number; a text that is none stands for itself."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if number.is_finite() else text
