"""Whose positions and changes are shown: the accounts that a request names, as far as its token may see them.

In: calls. Out: account codes, or a problem. Called by the handlers of positions and of changes.
"""

from collections.abc import Sequence

from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.call import Call, unknown_account, unknown_gateway

_SQL = queries("http/positions")
_ACCOUNTS = queries("http/accounts")


async def visible(call: Call, named: Sequence[str]) -> list[str] | None:
    """The accounts to look at: those that are named, or all that the token may see (None: all that there are).

    :raises Problem: one that is named is not there, or not for this token
    """
    allowed = call.principal.accounts
    if not named:
        return None if allowed is None else sorted(allowed)
    may_see = [code for code in named if call.principal.may_see(code)]
    known = {code for (code,) in await db.rows(call.services.pool, _SQL["known"], {"codes": may_see})}
    for code in named:
        if code not in known:
            raise unknown_account(code)
    return list(named)


async def ensure_gateway(call: Call, account: str, gateway: str | None) -> None:
    """Return if a gateway has named an account, or none is asked for.

    :raises Problem: it has not
    """
    if gateway is None:
        return
    named = await db.row(call.services.pool, _ACCOUNTS["gateway_named"], {"account": account, "gateway": gateway})
    if named is None or not named[0]:
        raise unknown_gateway(gateway)
