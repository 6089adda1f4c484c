"""One account's download: subscribe, and wait until IB has said everything, or will not.

In: a link and an account. Out: how the download ended; the values themselves are in the recorded events. Called
by a refresh, one account after the other, since IB allows one account subscription over all clients.

Every wait is bounded here: a request that IB rejects with 2101 or 321 is never answered otherwise.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ibconnect.errors import GatewayLost
from ibconnect.events.kinds import AccountConcluded, AccountSubscribed
from ibconnect.gateway.client import ACCOUNT_MULTI_END, DOWNLOAD_END, NOTICE, POSITION_MULTI_END
from ibconnect.gateway.link import Link

# IB's documentation, "Error codes": another client holds the account subscription; the request is not valid;
# the request could not be processed; not allowed to this login.
SUBSCRIBED_ELSEWHERE = "2101"
_REJECTIONS = frozenset({SUBSCRIBED_ELSEWHERE, "320", "321", "322", "331", "344", "435"})


class Ended(StrEnum):
    """How an account's download ended; the first two make a snapshot."""

    DOWNLOAD_END = "download-end"
    QUIET = "quiet"
    TIMEOUT = "timeout"
    REJECTED = "rejected"
    DISCONNECTED = "disconnected"

    @property
    def is_whole(self) -> bool:
        """Whether what arrived is the whole account."""
        return self in (Ended.DOWNLOAD_END, Ended.QUIET)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: how long a download may last, and after how much silence it counts as ended."""

    download: float
    quiet: float


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What became of one account's download."""

    ended: Ended
    detail: str = ""
    code: str = ""
    is_ready: bool = True


async def download(link: Link, account: str, patience: Patience) -> Conclusion:
    """Subscribe to the account by reqAccountUpdates, beside other programs by the multi requests instead."""
    conclusion = await _by_updates(link, account, patience)
    if conclusion.code == SUBSCRIBED_ELSEWHERE:
        return await _by_multi(link, account, patience)
    return conclusion


async def _by_updates(link: Link, account: str, patience: Patience) -> Conclusion:
    answer: asyncio.Future[Conclusion] = asyncio.get_running_loop().create_future()

    def watch(number: int, fields: list[str]) -> None:
        if answer.done():
            return
        if number == DOWNLOAD_END and fields[2] == account:
            answer.set_result(Conclusion(Ended.DOWNLOAD_END))
        elif number == NOTICE and fields[2] == "-1" and fields[3] in _REJECTIONS:
            answer.set_result(Conclusion(Ended.REJECTED, f"{fields[3]}: {fields[4]}", fields[3]))

    link.saw_not_ready = False
    with link.watching(watch):
        link.tell(AccountSubscribed, account=account, source="updates")
        link.client.reqAccountUpdates(True, account)
        conclusion = await _answered(link, answer, patience, may_end_quietly=True)
    return _concluded(link, account, conclusion)


async def _by_multi(link: Link, account: str, patience: Patience) -> Conclusion:
    answer: asyncio.Future[Conclusion] = asyncio.get_running_loop().create_future()
    values, positions = link.client.getReqId(), link.client.getReqId()
    open_ends = {(ACCOUNT_MULTI_END, str(values)), (POSITION_MULTI_END, str(positions))}

    def watch(number: int, fields: list[str]) -> None:
        if answer.done():
            return
        if number == NOTICE and fields[2] in (str(values), str(positions)):
            answer.set_result(Conclusion(Ended.REJECTED, f"{fields[3]}: {fields[4]}", fields[3]))
        open_ends.discard((number, fields[2]))
        if not open_ends and not answer.done():
            answer.set_result(Conclusion(Ended.DOWNLOAD_END))

    with link.watching(watch):
        link.tell(
            AccountSubscribed, account=account, source="multi", values_request=values, positions_request=positions
        )
        link.client.reqAccountUpdatesMulti(values, account, "", False)
        link.client.reqPositionsMulti(positions, account, "")
        conclusion = await _answered(link, answer, patience, may_end_quietly=False)
        if not link.lost.done():
            link.client.cancelAccountUpdatesMulti(values)
            link.client.cancelPositionsMulti(positions)
    return _concluded(link, account, conclusion)


async def _answered(
    link: Link, answer: asyncio.Future[Conclusion], patience: Patience, *, may_end_quietly: bool
) -> Conclusion:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        heard = link.data_at if may_end_quietly and link.data_at >= began else None
        deadline = began + patience.download
        until = min(deadline, (loop.time() if heard is None else heard) + patience.quiet)
        watched: set[asyncio.Future[Any]] = {answer, link.lost}
        await asyncio.wait(watched, timeout=max(0.0, until - loop.time()), return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        if link.lost.done():
            return Conclusion(Ended.DISCONNECTED, link.lost.result())
        if heard is not None and loop.time() >= link.data_at + patience.quiet:
            return Conclusion(Ended.QUIET)
        if loop.time() >= deadline:
            return Conclusion(Ended.TIMEOUT, f"not ended within {patience.download:g} s")


def _concluded(link: Link, account: str, conclusion: Conclusion) -> Conclusion:
    try:
        link.tell(AccountConcluded, account=account, ended=conclusion.ended.value, detail=conclusion.detail)
    except GatewayLost as exc:
        return Conclusion(Ended.DISCONNECTED, str(exc))
    if link.saw_not_ready:
        return Conclusion(conclusion.ended, conclusion.detail, conclusion.code, is_ready=False)
    return conclusion


def unsubscribe(link: Link, account: str) -> None:
    """End the account's subscription; IB sends no answer to this."""
    if not link.lost.done():
        link.client.reqAccountUpdates(False, account)
