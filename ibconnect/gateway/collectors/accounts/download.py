"""One account's download: subscribe, and wait until IB has said everything, or will not.

In: a connection and an account. Out: how the download ended, and whether it is whole; the values themselves are in the
recorded events. Called by the walk, one account after the other, since IB allows one account subscription over all
clients.

Silence is believed no more than a bare end: what ended without a word of IB, or without any position, is compared with
the account's positions asked for by themselves. Every wait is bounded here: a request that IB rejects with 2101 or 321
is never answered otherwise.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ibconnect.events.notices import LOST, UNSUBSCRIBED, interrupts, is_refusal
from ibconnect.events.types import AccountSubscribed
from ibconnect.gateway.collectors.accounts.conclusion import TOO_MUCH, Conclusion, Ended, Patience, Source
from ibconnect.gateway.collectors.accounts.cross_check import Check, PositionCheck
from ibconnect.gateway.collectors.accounts.messages import DOWNLOAD_END
from ibconnect.gateway.collectors.accounts.received import Arrivals, Received
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.transport import NOTICE
from ibconnect.gateway.unnumbered import NO_REQUEST
from ibconnect.texts import one_line


async def by_updates(
    connection: Connection,
    received: Received,
    account: str,
    patience: Patience,
    check: PositionCheck,
    *,
    has_replaced: bool = False,
    gives_way: Callable[[], bool] = lambda: False,
) -> tuple[Conclusion, Arrivals]:
    """Subscribe to the account by reqAccountUpdates; what still comes of it afterwards is noted in the arrivals.

    :param has_replaced: whether it takes the place of another account, of which the first 2100 then speaks
    :param gives_way: whether somebody waits for another account: nothing at all of this one is not waited for, then
    :raises GatewayLost: the connection is over
    """
    arrivals = received.watch(account)
    may_give_way_at = asyncio.get_running_loop().time() + patience.quiet
    refusal = _Refusal(is_announced=has_replaced, gives_way=gives_way, may_give_way_at=may_give_way_at)

    def watch(number: int, fields: list[str]) -> None:
        if number == DOWNLOAD_END:
            refusal.changed.set()
        elif number == NOTICE:
            received.settle()
            if found := refusal.of(fields, arrivals):
                refusal.note(found, patience, is_certain=connection.unnumbered.taken is not fields)

    with connection.watching(watch):
        arrivals.since = connection.record(AccountSubscribed, account=account, source=Source.UPDATES.value)
        connection.transport.reqAccountUpdates(True, account)
        conclusion = await _answered(connection, received, arrivals, patience, refusal)
    if not arrivals.ends and conclusion.ended is not Ended.REJECTED:
        received.owe_end(account)
    return await judged(conclusion, account, arrivals, check), arrivals


@dataclass(slots=True)
class _Refusal:
    """Why a download under way ends, and from when on: later, if a question of another collector may be meant.

    ``is_announced``: a 2100 is still to come, perhaps, which says that the account before was replaced by this one.
    ``gives_way``: whether somebody waits for another account, for which a silent one makes room from some time on.
    """

    is_announced: bool
    gives_way: Callable[[], bool]
    may_give_way_at: float
    why: Conclusion | None = None
    at: float = math.inf
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def of(self, fields: list[str], arrivals: Arrivals) -> Conclusion | None:
        """What a notice means for the download, if it ends it."""
        if fields[3] == UNSUBSCRIBED and self.is_announced:
            # Were it about this account after all, its end does not come, and its positions are compared.
            self.is_announced = False
            return None
        return _refused(fields, arrivals)

    def note(self, why: Conclusion, patience: Patience, *, is_certain: bool) -> None:
        now = asyncio.get_running_loop().time()
        at = now if is_certain else now + patience.answer
        if at < self.at:
            self.why, self.at = why, at
            self.changed.set()

    def holds(self, arrivals: Arrivals, now: float) -> Conclusion | None:
        """Why the download has ended by now; rows show that somebody else was meant."""
        if self.at > now and arrivals.has_rows:
            self.why, self.at = None, math.inf
        if now >= self.may_give_way_at and not arrivals.has_rows and self.gives_way():
            return Conclusion(Ended.TIMEOUT, "nothing came, and somebody waits for another account")
        return self.why if self.at <= now else None


def _refused(fields: list[str], arrivals: Arrivals) -> Conclusion | None:
    """What a notice means for a download under way, if it ends it."""
    code, detail = fields[3], f"{fields[3]}: {one_line(fields[4])}"
    if code in LOST or (code == UNSUBSCRIBED and arrivals.has_rows):
        return Conclusion(Ended.INTERRUPTED, detail, code)
    if interrupts(code) or arrivals.has_rows or fields[2] not in NO_REQUEST or not is_refusal(code):
        return None
    return Conclusion(Ended.REJECTED, detail, code)


async def _answered(
    connection: Connection, received: Received, arrivals: Arrivals, patience: Patience, refusal: _Refusal
) -> Conclusion:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.download
    ended_at: float | None = None
    while True:
        received.settle()
        now = loop.time()
        if (refused := refusal.holds(arrivals, now)) is not None:
            return refused
        if connection.lost.done():
            return Conclusion(Ended.DISCONNECTED, connection.lost.result())
        if arrivals.is_flood:
            return Conclusion(Ended.REJECTED, TOO_MUCH)
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
        refusal.changed.clear()
        # Rows wake nobody: whoever waits looks for them when they could have been followed by silence.
        wake_at = min(quiet_at or now + patience.quiet, deadline, refusal.at)
        await _either(refusal.changed, connection, wake_at - now)


async def _either(changed: asyncio.Event, connection: Connection, seconds: float) -> None:
    waiting = asyncio.ensure_future(changed.wait())
    try:
        await connection.until(max(0.0, seconds), waiting)
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
