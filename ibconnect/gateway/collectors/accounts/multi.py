"""One account, asked for by requests that any number of programs may make: reqAccountUpdatesMulti, reqPositionsMulti.

In: a connection and an account. Out: how the answer ended, and whether it is whole. Called by the walk where the one
account subscription is not to be had, or gave no whole answer. There are no market prices in it.
"""

import asyncio
from dataclasses import replace

from ibconnect.events.notices import LOST, is_refusal
from ibconnect.events.types import AccountSubscribed
from ibconnect.gateway.collectors.accounts.conclusion import TOO_MUCH, Conclusion, Ended, Patience, Source
from ibconnect.gateway.collectors.accounts.cross_check import Check, PositionCheck, rows_of
from ibconnect.gateway.collectors.accounts.messages import ACCOUNT_MULTI_END, POSITION_MULTI_END
from ibconnect.gateway.collectors.accounts.received import Arrivals
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.transport import NOTICE
from ibconnect.texts import one_line


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
    values, positions = connection.transport.getReqId(), connection.transport.getReqId()
    answer = _Answer(values, positions)
    with (
        connection.watching(answer.watch),
        connection.collecting(b"73\0") as rows,
        connection.collecting(b"71\0") as held,
    ):
        connection.record(
            AccountSubscribed,
            account=account,
            source=Source.MULTI.value,
            values_request=values,
            positions_request=positions,
        )
        connection.transport.reqAccountUpdatesMulti(values, account, "", False)
        connection.transport.reqPositionsMulti(positions, account, "")
        await connection.until(patience.download, answer.ended)
        if not connection.lost.done():
            connection.transport.cancelAccountUpdatesMulti(values)
            connection.transport.cancelPositionsMulti(positions)
    found = _multi_ended(answer.ended, connection, patience)
    if (rows.is_flood or held.is_flood) and not connection.lost.done():
        found = Conclusion(Ended.REJECTED, TOO_MUCH)
    arrivals = _of_multi(rows, values, account)
    if check is not None and found.ended is Ended.DOWNLOAD_END:
        arrivals.contracts = {row[4]: (row[15], True) for row in rows_of(held, positions, account, 15)}
        verdict, text = await check.of(account, arrivals)
        found = replace(found, check=verdict, detail=text)
    return _judged_multi(found, arrivals, may_be_empty=may_be_empty)


class _Answer:
    """What has come of the two requests; ``ended`` resolves to how."""

    def __init__(self, values: int, positions: int) -> None:
        self.ended: asyncio.Future[Conclusion] = asyncio.get_running_loop().create_future()
        self._requests = (str(values), str(positions))
        self._open_ends = {(ACCOUNT_MULTI_END, str(values)), (POSITION_MULTI_END, str(positions))}

    def watch(self, number: int, fields: list[str]) -> None:
        """A steering message has come."""
        if self.ended.done():
            return
        if number == NOTICE and fields[3] in LOST:
            self.ended.set_result(Conclusion(Ended.INTERRUPTED, f"{fields[3]}: {one_line(fields[4])}", fields[3]))
        elif number == NOTICE and fields[2] in self._requests and is_refusal(fields[3]):
            self.ended.set_result(Conclusion(Ended.REJECTED, f"{fields[3]}: {one_line(fields[4])}", fields[3]))
        elif number in (ACCOUNT_MULTI_END, POSITION_MULTI_END):
            self._open_ends.discard((number, fields[2]))
            if not self._open_ends:
                self.ended.set_result(Conclusion(Ended.DOWNLOAD_END))


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
