"""Two moments of an account compared.

In: a call. Out: what was opened, closed or changed between the reports that were complete then, and where the
difference in value came from; as a table the rows alone. Called by the pipeline.
"""

import asyncio
from decimal import Decimal
from typing import Any

from aiohttp import web
from psycopg.sql import SQL

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError
from ibconnect.http.resources.accounts.cached import Reports
from ibconnect.http.resources.changes.columns import CASH, COLUMNS, NO_REPORT, NO_REPORT_BEFORE, POSITION
from ibconnect.http.resources.changes.facts import Facts, facts_of
from ibconnect.http.resources.changes.rows import Ends, rows_of
from ibconnect.http.resources.changes.split import Why
from ibconnect.http.resources.compare.difference import Difference, difference_of
from ibconnect.http.resources.compare.moved import Moved, Unknown, moved_between
from ibconnect.http.resources.positions.reading import complete_by, tables
from ibconnect.http.resources.positions.whose import ensure_gateway, visible
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Column, Row
from ibconnect.http.server.frames import as_figure, table_response
from ibconnect.times import format_rfc3339

_CHANGES = queries("http/changes")
TABLES = ("accounts", "statements")
NO_VALUE = "no-net-liquidation"
KINDS = (POSITION, CASH)
ROWS: tuple[Column, ...] = COLUMNS


async def account_compare(call: Call) -> web.StreamResponse:
    """One account at two moments."""
    account, gateway = call.account(), call.arguments["gateway"]
    await visible(call, [account])
    await ensure_gateway(call, account, gateway)
    ends = await _ends(call, account, gateway)
    document: dict[str, Any] = {
        "AccountCode": account,
        "From": ends.first and format_rfc3339(ends.first),
        "To": ends.last and format_rfc3339(ends.last),
        "Ready": None if ends.last is None else bool(ends.is_last_ready) and ends.is_first_ready is not False,
        "BaseCurrency": None,
        "Why": NO_REPORT if ends.last is None else NO_REPORT_BEFORE if ends.first is None else None,
        "Difference": None,
    }
    rows: list[Row] = []
    if document["Why"] is None:
        before, after = await _facts(call, ends)
        async with call.services.gate.piece():
            rows = rows_of(ends, before, after, KINDS)
        document |= await _compared(call, ends, before, after)
    await call.services.tables.ensure_current(TABLES)
    return await table_response(
        call, ROWS, rows, f"{account}-compare", document=lambda changes: {**document, "Changes": changes}
    )


async def _ends(call: Call, account: str, gateway: str | None) -> Ends:
    """The reports to compare."""
    asked = {
        "codes": [account],
        "gateway": gateway,
        "first": call.arguments["from"],
        "last": call.arguments["to"] or call.now,
        "newest": (await tables(call.services.pool)).newest,
        "any": call.arguments["ready"] is not None,
        "begin": "",
        "rows": 1,
    }
    query = SQL(_CHANGES["reports"]).format(first=complete_by("first", gateway), last=complete_by("last", gateway))
    found = await db.rows(call.services.pool, query, asked)
    return Ends(*found[0])


async def _facts(call: Call, ends: Ends) -> tuple[Facts, Facts]:
    """What both reports say."""
    reader = call.services.part(Reports).reader
    assert ends.first is not None
    assert ends.last is not None
    before, after = await asyncio.gather(reader.load(ends.account, ends.first), reader.load(ends.account, ends.last))
    if before is None or after is None:
        raise ProjectionError("the snapshot tables were swapped while two reports were compared")
    async with call.services.gate.piece():
        return facts_of(before), facts_of(after)


async def _compared(call: Call, ends: Ends, before: Facts, after: Facts) -> dict[str, Any]:
    """What is said of the difference in value."""
    if before.base != after.base or after.base is None:
        return {"Why": Why.OTHER_BASE.value}
    assert ends.first is not None
    assert ends.last is not None
    span, reset = (ends.first, ends.last), call.services.config.pnl_reset
    moved = await moved_between(call.services.pool, ends.account, span, after.base, reset)
    async with call.services.gate.piece():
        found = difference_of(before, after, moved)
    if found is None:
        return {"BaseCurrency": after.base, "Why": NO_VALUE}
    return {"BaseCurrency": after.base, "Difference": _shown(found, moved)}


def _shown(found: Difference, moved: Moved | Unknown) -> dict[str, Any]:
    income = moved.income if isinstance(moved, Moved) else ()
    return {
        "ValueBefore": _figure(found.before),
        "ValueAfter": _figure(found.after),
        "Value": _figure(found.whole),
        "Flows": _figure(found.flows),
        "Positions": _figure(found.positions),
        "Currencies": _figure(found.currencies),
        "Cash": _figure(found.income),
        "Trading": _figure(found.trading),
        "Moved": _figure(found.moved),
        "Rest": _figure(found.rest),
        "CashByType": [{"Type": kind or None, "Amount": _figure(amount)} for kind, amount in income],
        "Unsplit": found.unsplit,
        "Why": None if isinstance(moved, Moved) else moved.value,
    }


def _figure(amount: Decimal | None) -> Any:
    return None if amount is None else as_figure(f"{amount:f}")
