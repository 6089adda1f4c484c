"""One account's download: subscribe, and wait until IB has said everything, or will not.

In: a connection and an account. Out: how the download ended, and whether it is whole; the values themselves are in the
recorded events. Called by a refresh, one account after the other, since IB allows one account subscription over all
clients.

Silence is believed no more than a bare end: what ended without a word of IB, or without any position, is compared with
the account's positions asked for by themselves. Every wait is bounded here: a request that IB rejects with 2101 or 321
is never answered otherwise.
"""

import asyncio
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ibconnect.errors import GatewayLost
from ibconnect.events.notices import LOST, SUBSCRIBED_ELSEWHERE, UNSUBSCRIBED, interrupts, is_refusal
from ibconnect.events.types import AccountConcluded, AccountSubscribed
from ibconnect.gateway.collectors.accounts.cross_check import Check, PositionCheck, rows_of
from ibconnect.gateway.collectors.accounts.received import Arrivals
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.transport import ACCOUNT_MULTI_END, DOWNLOAD_END, NOTICE, POSITION_MULTI_END
from ibconnect.texts import one_line

ANSWER_S = 5.0
"""How long IB may take to answer when positions are asked for by themselves."""

_FLOOD = "more came than any account has"

# Request ids that stand for none: what is refused with one of them was our account subscription.
_NO_REQUEST = frozenset({"", "-1", "0", "2147483647"})


class Ended(StrEnum):
    """How an account's download ended."""

    DOWNLOAD_END = "download-end"
    QUIET = "quiet"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    REJECTED = "rejected"
    DISCONNECTED = "disconnected"


class Source(StrEnum):
    """What an account is asked by: the one account subscription, or requests that any number of programs may make."""

    UPDATES = "updates"
    MULTI = "multi"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: how long a download may last, after how much silence it counts as ended, how long an answer may take."""

    download: float
    quiet: float
    answer: float = field(default_factory=lambda: ANSWER_S)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What became of one account's download. ``why``: what keeps it from being whole; empty if it is."""

    ended: Ended
    detail: str = ""
    code: str = ""
    why: str = ""
    check: Check | None = None
    is_ready: bool = True
    has_rows: bool = False
    awaits_prices: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its figures can be relied on."""
        return not self.why


async def by_updates(
    connection: Connection, account: str, patience: Patience, check: PositionCheck
) -> tuple[Conclusion, Arrivals]:
    """Subscribe to the account by reqAccountUpdates; what still comes of it afterwards is noted in the arrivals.

    :raises GatewayLost: the connection is over
    """
    changed = asyncio.Event()
    arrivals = connection.received.watch(account)
    refused: list[Conclusion] = []

    def watch(number: int, fields: list[str]) -> None:
        if number == DOWNLOAD_END:
            changed.set()
        elif number == NOTICE and not refused and (found := _refusal(fields, connection, arrivals)):
            refused.append(found)
            changed.set()

    with connection.watching(watch):
        arrivals.since = connection.tell(AccountSubscribed, account=account, source=Source.UPDATES.value)
        connection.transport.reqAccountUpdates(True, account)
        conclusion = await _answered(connection, arrivals, patience, changed, refused)
    if not arrivals.ends and conclusion.ended is not Ended.REJECTED:
        connection.received.owe_end(account)
    return await judged(conclusion, account, arrivals, check), arrivals


def _refusal(fields: list[str], connection: Connection, arrivals: Arrivals) -> Conclusion | None:
    """What a notice means for a download under way, if it ends it."""
    code, detail = fields[3], f"{fields[3]}: {one_line(fields[4])}"
    connection.received.settle()
    if code in LOST or (code == UNSUBSCRIBED and arrivals.has_rows):
        return Conclusion(Ended.INTERRUPTED, detail, code)
    if interrupts(code) or arrivals.has_rows or fields[2] not in _NO_REQUEST or not is_refusal(code):
        return None
    return Conclusion(Ended.REJECTED, detail, code)


async def _answered(
    connection: Connection, arrivals: Arrivals, patience: Patience, changed: asyncio.Event, refused: list[Conclusion]
) -> Conclusion:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.download
    ended_at: float | None = None
    while True:
        connection.received.settle()
        if refused:
            return refused[0]
        if connection.lost.done():
            return Conclusion(Ended.DISCONNECTED, connection.lost.result())
        if arrivals.is_flood:
            return Conclusion(Ended.REJECTED, _FLOOD)
        now = loop.time()
        if arrivals.ends:
            ended_at = ended_at or now
            if arrivals.has_rows and not arrivals.lacks:
                return Conclusion(Ended.DOWNLOAD_END)
        heard = max((at for at in (arrivals.new_at, ended_at) if at is not None), default=None)
        quiet_at = None if heard is None else heard + patience.quiet
        if quiet_at is not None and now >= quiet_at:
            return Conclusion(Ended.DOWNLOAD_END if arrivals.ends else Ended.QUIET)
        if now >= deadline:
            return Conclusion(Ended.TIMEOUT, f"not ended within {patience.download:g} s")
        changed.clear()
        # Rows wake nobody: whoever waits looks for them when they could have been followed by silence.
        await _either(changed, connection, min(quiet_at or now + patience.quiet, deadline) - now)


async def _either(changed: asyncio.Event, connection: Connection, seconds: float) -> None:
    waiting = asyncio.ensure_future(changed.wait())
    watched: set[asyncio.Future[Any]] = {waiting, connection.lost}
    try:
        await asyncio.wait(watched, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


async def judged(conclusion: Conclusion, account: str, arrivals: Arrivals, check: PositionCheck) -> Conclusion:
    """Whether a download by updates is whole, and if not, why; asks for positions where its end is no proof."""
    found = replace(conclusion, is_ready=not arrivals.is_not_ready, has_rows=arrivals.has_rows)
    if conclusion.ended not in (Ended.DOWNLOAD_END, Ended.QUIET):
        return replace(found, why=f"{conclusion.ended.value}: {conclusion.detail}")
    if conclusion.ended is Ended.QUIET or not arrivals.contracts:
        verdict, text = await check.of(account, arrivals)
        found = replace(found, check=verdict, detail=text)
    if arrivals.has_rows and arrivals.lacks:
        return replace(found, why=f"incomplete: {arrivals.lacks} did not come")
    if found.check not in (None, Check.AGREES):
        return replace(found, why=f"incomplete: {found.detail}")
    if arrivals.is_not_ready:
        return replace(found, why="not-ready: IB's server was resetting (AccountReady=false)")
    if arrivals.has_no_price:
        return replace(found, why="incomplete: no open position has a price yet", awaits_prices=True)
    return found


async def by_multi(
    connection: Connection,
    account: str,
    patience: Patience,
    *,
    may_be_empty: bool = True,
    check: PositionCheck | None = None,
) -> Conclusion:
    """Ask by reqAccountUpdatesMulti and reqPositionsMulti instead, which other programs do not hinder.

    :param may_be_empty: whether nothing that came of the account before contradicts an answer without any value
    :param check: if given, what the answer's positions are compared with, since a download lacked some
    :raises GatewayLost: the connection is over
    """
    answer: asyncio.Future[Conclusion] = asyncio.get_running_loop().create_future()
    values, positions = connection.transport.getReqId(), connection.transport.getReqId()
    open_ends = {(ACCOUNT_MULTI_END, str(values)), (POSITION_MULTI_END, str(positions))}

    def watch(number: int, fields: list[str]) -> None:
        if answer.done():
            return
        if number == NOTICE and fields[3] in LOST:
            answer.set_result(Conclusion(Ended.INTERRUPTED, f"{fields[3]}: {one_line(fields[4])}", fields[3]))
        elif number == NOTICE and fields[2] in (str(values), str(positions)) and is_refusal(fields[3]):
            answer.set_result(Conclusion(Ended.REJECTED, f"{fields[3]}: {one_line(fields[4])}", fields[3]))
        elif number in (ACCOUNT_MULTI_END, POSITION_MULTI_END):
            open_ends.discard((number, fields[2]))
            if not open_ends:
                answer.set_result(Conclusion(Ended.DOWNLOAD_END))

    with connection.watching(watch), connection.collecting(b"73\0") as rows, connection.collecting(b"71\0") as held:
        connection.tell(
            AccountSubscribed,
            account=account,
            source=Source.MULTI.value,
            values_request=values,
            positions_request=positions,
        )
        connection.transport.reqAccountUpdatesMulti(values, account, "", False)
        connection.transport.reqPositionsMulti(positions, account, "")
        watched: set[asyncio.Future[Any]] = {answer, connection.lost}
        await asyncio.wait(watched, timeout=patience.download, return_when=asyncio.FIRST_COMPLETED)
        if not connection.lost.done():
            connection.transport.cancelAccountUpdatesMulti(values)
            connection.transport.cancelPositionsMulti(positions)
    found = _multi_ended(answer, connection, patience)
    if (rows.is_flood or held.is_flood) and not connection.lost.done():
        found = Conclusion(Ended.REJECTED, _FLOOD)
    arrivals = _of_multi(rows, values, account)
    if check is not None and found.ended is Ended.DOWNLOAD_END:
        arrivals.contracts = {row[4]: (row[15], True) for row in rows_of(held, positions, account, 15)}
        verdict, text = await check.of(account, arrivals)
        found = replace(found, check=verdict, detail=text)
    return _judged_multi(found, arrivals, may_be_empty=may_be_empty)


def _multi_ended(answer: asyncio.Future[Conclusion], connection: Connection, patience: Patience) -> Conclusion:
    if answer.done():
        return answer.result()
    if connection.lost.done():
        return Conclusion(Ended.DISCONNECTED, connection.lost.result())
    return Conclusion(Ended.TIMEOUT, f"not ended within {patience.download:g} s")


def _judged_multi(conclusion: Conclusion, arrivals: Arrivals, *, may_be_empty: bool) -> Conclusion:
    """Whether an answer to the multi requests is whole, and if not, why."""
    found = replace(conclusion, is_ready=not arrivals.is_not_ready, has_rows=arrivals.has_rows)
    if found.ended is not Ended.DOWNLOAD_END:
        return replace(found, why=f"{found.ended.value}: {found.detail}")
    if found.check not in (None, Check.AGREES):
        return replace(found, why=f"incomplete: {found.detail}")
    if arrivals.lacks and (arrivals.has_rows or not may_be_empty):
        return replace(found, why=f"incomplete: {arrivals.lacks} did not come")
    if arrivals.is_not_ready:
        return replace(found, why="not-ready: IB's server was resetting (AccountReady=false)")
    return found


def _of_multi(rows: list[bytes], request: int, account: str) -> Arrivals:
    """What the answer says of the account as a whole, which is what no model is named for."""
    arrivals = Arrivals()
    for fields in rows_of(rows, request, account, 8):
        if not fields[4]:
            arrivals.add_value(fields[5], fields[6], fields[7], 0.0)
    return arrivals


def conclude(
    connection: Connection,
    account: str,
    conclusion: Conclusion,
    *,
    last: int | None,
    request: int | None,
    then: str = "",
) -> None:
    """Record how a download ended.

    :param last: when its last message arrived, microseconds since the epoch
    :param request: the highest refresh request that it serves
    :param then: what has the last word on the account instead
    :raises GatewayLost: the connection is over
    """
    if conclusion.ended is Ended.DISCONNECTED:
        raise GatewayLost(conclusion.detail)
    connection.tell(
        AccountConcluded,
        account=account,
        ended=conclusion.ended.value,
        detail=conclusion.detail,
        why=conclusion.why,
        check="" if conclusion.check is None else conclusion.check.value,
        last=last,
        request=request,
        then=then,
    )


def is_held_elsewhere(conclusion: Conclusion) -> bool:
    """Whether another program has, or has just taken, the one account subscription."""
    return conclusion.code in (SUBSCRIBED_ELSEWHERE, UNSUBSCRIBED)


def unsubscribe(connection: Connection, account: str) -> None:
    """End the account's subscription; IB sends no answer to this."""
    if not connection.lost.done():
        connection.transport.reqAccountUpdates(False, account)
