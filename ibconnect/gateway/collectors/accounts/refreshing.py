"""While a gateway is connected: refresh when somebody wants it, again where something was missing, once more where
something came late.

In: a connection, and the queue that the schedule, requests and the gateway itself add to. Out: recorded walks, one
after the other. Called by the collector of accounts, once for each connection.
"""

import asyncio
from typing import Any

from ibconnect.cluster.registry import Registry
from ibconnect.config import Config
from ibconnect.gateway.collectors.accounts.conclusion import Patience
from ibconnect.gateway.collectors.accounts.received import Received
from ibconnect.gateway.collectors.accounts.retries import Retries
from ibconnect.gateway.collectors.accounts.roster import Roster
from ibconnect.gateway.collectors.accounts.unfinished import Done, Unfinished
from ibconnect.gateway.collectors.accounts.walk import RESUMED, Order, Refresher, Walk
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.refresh_queue import QueuedRefresh, RefreshQueue
from ibconnect.gateway.schedule import has_tick
from ibconnect.times import to_micros

# How often it is looked whether something came late.
_LATE_S = 0.25
# How long the first refresh waits for what Postgres says of other instances; while it is away that is not known.
_HEARD_S = 2.0
# In the place of an account: the whole list, where the list itself was not as it should be.
_LIST = ""


class Refreshing:
    """One connection's. What is wanted, listed, to be tried again and unfinished outlasts it, and so is given."""

    def __init__(
        self,
        connection: Connection,
        received: Received,
        *,
        patience: Patience,
        queue: RefreshQueue,
        retries: Retries,
        roster: Roster,
        unfinished: Unfinished,
        coordination: Registry,
        config: Config,
    ) -> None:
        self._connection = connection
        self._acct_ref = config.acct_ref
        self._unfinished = unfinished
        self._queue = queue
        self._retries = retries
        self._coordination = coordination
        self._gateways = {str(each): list(each.pins) for each in config.ib_gw}
        self._refresher = Refresher(
            connection,
            received,
            patience,
            roster,
            latest_request=lambda: coordination.latest_request,
            configured=self._configured,
            queue=queue,
            unfinished=unfinished,
            troubled=lambda: retries.troubled,
        )

    async def run(self) -> None:
        """Go on until the connection ends.

        :raises GatewayLost: it ended while a refresh was under way
        """
        # A gateway whose address has changed gets its accounts by the first refresh that says what is configured now.
        await self._coordination.heard(_HEARD_S)
        # Whatever was wanted while nobody could fulfil it, this refresh does, with its own time.
        self._queue.clear()
        await self._learn_unfinished()
        self._queue.add(QueuedRefresh("start"))
        while not self._connection.lost.done():
            if await self._is_wanted():
                self._follow_up(await self._refresh(self._queue.take()))
            elif self._connection.lost.done():
                return
            elif self._connection.connectivity.is_stale:
                self._refresher.late.clear()
            elif (late := await self._refresher.conclude_late()) is not None:
                self._follow_up(late)
            self._want_retry()

    async def _is_wanted(self) -> bool:
        """Wait until a refresh is wanted (True), or until it is time to look for something else."""
        wanted = asyncio.ensure_future(self._queue.wanted())
        try:
            await self._connection.until(self._patience(), wanted)
            return wanted.done() and not self._connection.lost.done()
        finally:
            wanted.cancel()

    def _configured(self) -> dict[str, Any]:
        others = self._coordination.others
        return {"gateways": self._gateways, "others": others or [], "knows_others": others is not None}

    def _patience(self) -> float | None:
        waits = [] if self._refresher.late.is_idle else [_LATE_S]
        if (due := self._retries.next_at) is not None and not self._connection.connectivity.is_stale:
            waits.append(max(0.0, due - _now()))
        return min(waits, default=None)

    async def _refresh(self, queued: QueuedRefresh) -> Walk:
        walk = await self._refresher.run(self._order(queued))
        if set(walk.accounts) == set(self._connection.accounts):
            self._queue.drop("accounts")
        for account in (queued.accounts or frozenset()).difference(walk.accounts):
            self._retries.forget(account)
        self._queue.drop_served(walk.request if walk.is_for_all else None, walk.served)
        if queued.trigger != "retry":
            self._queue.ended()
        return walk

    async def _learn_unfinished(self) -> None:
        """Ask Postgres what the instance that led this gateway before had done when it ended."""
        if self._unfinished.is_known:
            return
        found = await self._coordination.unfinished_refresh(str(self._connection.address), self._connection.session.id)
        if found is not None:
            created, done = found
            self._unfinished.begin(created, {account: Done(at, request) for account, at, request in done})

    def _order(self, queued: QueuedRefresh) -> Order:
        """What is asked for: the rest of a refresh that was cut off, if that is still what is wanted."""
        now = self._connection.session.now()
        created, done = self._unfinished.created, self._unfinished.done(now, self._coordination.latest_request)
        if queued.accounts is None and done and created is not None and not has_tick(self._acct_ref, created, now):
            return Order(RESUMED, created, done=done)
        return Order(queued.trigger, now if queued.created is None else to_micros(queued.created), queued.accounts)

    def _follow_up(self, walk: Walk) -> None:
        now = _now()
        for account, conclusion in walk.conclusions.items():
            self._retries.note(account, now, is_whole=conclusion.is_whole)
            self._retries.note_pace(account, is_slow=account in walk.slow)
        if walk.is_for_all:
            is_listed = bool(walk.accounts) and all(
                code in walk.conclusions or code in walk.accounts for code in walk.missing
            )
            self._retries.note(_LIST, now, is_whole=is_listed)
            self._retries.keep([*walk.accounts, _LIST])

    def _want_retry(self) -> None:
        # While the gateway has lost IB nothing can be had; everything is asked for when it is back.
        if self._connection.connectivity.is_stale:
            return
        due = self._retries.due(_now())
        if due:
            self._queue.add(QueuedRefresh("retry", accounts=None if _LIST in due else frozenset(due)))


def _now() -> float:
    return asyncio.get_running_loop().time()
