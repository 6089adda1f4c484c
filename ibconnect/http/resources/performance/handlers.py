"""Returns of an account, and of a set of accounts.

In: calls. Out: answers. Called by the pipeline, for the routes of :mod:`ibconnect.http.resources.performance.resource`.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from aiohttp import web

from ibconnect.http.resources.directory_lookup import within
from ibconnect.http.resources.performance.day_series import DAY_COLUMNS, DAYS, days_of
from ibconnect.http.resources.performance.days import day_of, local_day, within_day
from ibconnect.http.resources.performance.kept import Returns
from ibconnect.http.resources.performance.making import Asked
from ibconnect.http.resources.performance.reading import TABLES
from ibconnect.http.resources.performance.writing import COLUMNS, document, rows_of
from ibconnect.http.server.call import Call, unknown_account
from ibconnect.http.server.frames import table_response
from ibconnect.http.server.problems import invalid

NAMED_MAX = 100
"""Accounts that are named in an answer, where the request names none."""


async def account_performance(call: Call) -> web.StreamResponse:
    """One account's returns."""
    account = call.account()
    return await _answer(call, (account,), f"{account}-performance")


async def all_performance(call: Call) -> web.StreamResponse:
    """Returns of accounts taken together: those that are named, of a group, or all that the token may see."""
    named, visible = call.arguments["account"], call.principal.accounts
    for code in named:
        if not call.principal.may_see(code):
            raise unknown_account(code)
    codes = named or (None if visible is None else sorted(visible))
    codes = await within(call, codes, call.arguments["to"] or call.now)
    return await _answer(call, None if codes is None else tuple(sorted(codes)), "performance", named)


async def _answer(
    call: Call, codes: tuple[str, ...] | None, name: str, named: Sequence[str] | None = None
) -> web.StreamResponse:
    arguments = call.arguments
    by_day = arguments["series"] == DAYS
    if by_day and call.request.query.get("step") not in (None, "1d"):
        raise invalid("step", f"series={DAYS} has days, and no other steps")
    free: Decimal = arguments["riskfree"] or Decimal(0)
    first, last = _day(call, "from"), _day(call, "to")
    as_of = within_day(arguments["to"], arguments["tz"] or UTC, call.now)
    if as_of is not None:
        last = day_of(as_of, call.services.config.pnl_reset)
    asked = Asked(codes, call.principal.accounts, first, last, arguments["currency"], free, call.now, as_of=as_of)
    made = await call.services.part(Returns).of(asked)
    for code in (codes or ()) if named is None else named:
        if code not in made.codes:
            raise unknown_account(code)
    # One answer is made of the tables of one version.
    await call.services.tables.ensure_current(TABLES)
    shown = made.codes if len(made.codes) <= NAMED_MAX else ()
    around = document(made, shown, call.services.config, free)
    if by_day:
        rows = days_of(made, shown)
        return await table_response(call, DAY_COLUMNS, rows, f"{name}-days", document=around, by_column=True)
    rows = rows_of(made, arguments["step"], shown)
    return await table_response(call, COLUMNS, rows, name, document=around)


def _day(call: Call, name: str) -> date | None:
    moment: datetime | None = call.arguments[name]
    return None if moment is None else local_day(moment, call.arguments["tz"] or UTC)
