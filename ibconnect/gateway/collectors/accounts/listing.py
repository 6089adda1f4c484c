"""The list of accounts that a walk goes by, asked for anew at its beginning.

In: a connection, and the accounts that were listed a moment ago. Out: a list in which nothing is missing that was just
there, or word of what is. Called by the walk.
"""

import asyncio
from collections.abc import Collection

from ibconnect.errors import GatewayLost
from ibconnect.gateway.collectors.accounts.roster import Roster
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.transport import ACCOUNTS

# How long the gateway may take to repeat its list of accounts, and to list those again that it has just listed.
_LIST_S = 2.0
_LIST_AGAIN_S = 1.0


class Listing:
    """Of one connection."""

    def __init__(self, connection: Connection, roster: Roster) -> None:
        self._connection = connection
        self._roster = roster

    async def renew(self) -> None:
        """Have the accounts listed anew; once more if some are gone that were just there.

        :raises GatewayLost: the connection is over
        """
        await self._ask()
        if not self._connection.accounts or self._roster.missing(_now()):
            await self._connection.until(_LIST_AGAIN_S)
            await self._ask()

    async def _ask(self) -> None:
        connection = self._connection
        listed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def watch(number: int, _: list[str]) -> None:
            if number == ACCOUNTS and not listed.done():
                listed.set_result(None)

        with connection.watching(watch):
            if connection.lost.done():
                raise GatewayLost(connection.lost.result())
            connection.transport.reqManagedAccts()
            await connection.until(_LIST_S, listed)
        self._roster.note(connection.accounts, _now())

    def missing(self, accounts: Collection[str]) -> dict[str, str]:
        """What should be listed and is not among these accounts, each with why it should."""
        gone = (code for code in self._roster.missing(_now()) if code not in accounts)
        missing = dict.fromkeys(gone, "unlisted: the gateway listed it before, and does not list it now")
        for code in self._connection.address.pins:
            if code not in accounts:
                missing.setdefault(code, "unlisted: IB_GW pins it to this gateway, which does not list it")
        return missing


def _now() -> float:
    return asyncio.get_running_loop().time()
