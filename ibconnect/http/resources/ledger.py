"""An account's ledger over time, in long form: a row for each currency of each report, or of the last of each step.

In: a call. Out: a table of cash and values per currency, oldest first, page by page. Called by the pipeline.
"""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from aiohttp import web
from psycopg.rows import TupleRow

from ibconnect.database.sql import queries
from ibconnect.http.openapi.figures import described, meaning_of
from ibconnect.http.openapi.schemas import FIGURE, list_of, row_of
from ibconnect.http.openapi.shared import (
    ACCOUNT,
    ANY,
    CLOSE,
    FORMAT,
    FROM,
    GATEWAY,
    HISTORY,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    STEP,
    TO,
    TZ,
    table,
)
from ibconnect.http.resources.points import Point, points_of
from ibconnect.http.resources.vocabulary import UNKNOWN_CURRENCY, understood
from ibconnect.http.server import db
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import Call
from ibconnect.http.server.frames import TABLE, Column, Row, Type, next_page, table_response
from ibconnect.http.server.limits import CURRENCIES_MAX, LEDGER_ROWS_DEFAULT, LEDGER_ROWS_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route, Schema
from ibconnect.http.server.tokens import Right
from ibconnect.tags import LEDGER_TAGS
from ibconnect.times import format_rfc3339

_SQL = queries("http/ledger")
_TABLES = ("accounts",)
_ALL = "*"

COLUMNS: tuple[Column, ...] = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Timestamp", Type.TIME, "Of the report, or the end of the step", is_nullable=False),
    Column("Currency", Type.TEXT, "The currency of the figures; BASE: all, in the base currency", is_nullable=False),
    *(Column(tag, Type.FIGURE, meaning_of(tag)) for tag in LEDGER_TAGS),
    Column("BaseCurrency", Type.TEXT, "What BASE is in; null: the gateway did not say"),
    Column("Ready", Type.BOOLEAN, "Whether the figures of that report can be relied on", is_nullable=False),
    Column("Partial", Type.BOOLEAN, "Of the step that is still running: its newest report", is_optional=True),
)


async def ledger(call: Call) -> web.StreamResponse:
    """Cash and values per currency over time."""
    account, asked = call.account(), call.arguments["currency"]
    points = await points_of(call, account)
    codes = None
    if asked and _ALL not in asked:
        codes = list((await understood(call, account, (), None, asked)).currencies)
    page = _Page(account, codes, call.arguments["limit"])
    async for some in points:
        if isinstance(some, datetime):
            page.resume = some
        else:
            await page.add(call, some)
        if page.resume is not None:
            break
    headers = {}
    if page.resume is not None:
        end = call.arguments["to"] or call.now
        headers = next_page(call, **{"from": format_rfc3339(page.resume), "to": format_rfc3339(end)})
    # One answer is made of the tables of one version.
    await call.services.tables.ensure_current(_TABLES)
    return await table_response(call, COLUMNS, page.rows, f"{account}-ledger", headers=headers)


@dataclass(slots=True)
class _Page:
    """The rows of one answer. ``codes``: their currencies, None: all; ``resume``: whence the next page goes on."""

    account: str
    codes: list[str] | None
    limit: int
    rows: list[Row] = field(default_factory=list)
    resume: datetime | None = None

    async def add(self, call: Call, points: list[Point]) -> None:
        """The rows of some more points, as long as there is room."""
        asked = {"snapshots": [point.snapshot for point in points], "codes": self.codes}
        found = await db.rows(call.services.pool, _SQL["of_reports"], asked)
        ledgers = {number: list(some) for number, some in groupby(found, itemgetter(0))}
        for number, point in enumerate(points, 1):
            rows = [self._row(point, row) for row in ledgers.get(number, ())]
            # The running step is on the page of the one before it: no page could begin with it.
            if rows and len(self.rows) >= self.limit and not point.is_partial:
                self.resume = point.resume
                return
            self.rows += rows

    def _row(self, point: Point, found: TupleRow) -> Row:
        _, is_ready, base, currency, *figures = found
        return (self.account, point.at, currency, *figures, base, is_ready, point.is_partial or None)


_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, LEDGER_ROWS_MAX),
    "Most rows on a page, but for the last report's",
    LEDGER_ROWS_DEFAULT,
    default=LEDGER_ROWS_DEFAULT,
)
_CURRENCY = Parameter(
    "currency",
    "query",
    kinds.pattern(r"^(?:\*|[A-Za-z]{3,5})$", "`*`, BASE or a currency code such as USD", str.upper),
    "Currencies, repeated or separated by commas; `*`: all that a report has, and BASE. Default: `*`",
    ["*"],
    repeated=CURRENCIES_MAX,
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/ledger",
        name="getLedger",
        handler=ledger,
        tag=HISTORY,
        right=Right.READ,
        summary="Cash and values per currency over time",
        description=(
            "A row for each currency of each report, or of the last report of each step; none of a step without a "
            "report. Page by page: the header `Link` names the next page."
        ),
        parameters=(ACCOUNT, FROM, TO, TZ, STEP, CLOSE, _CURRENCY, ANY, GATEWAY, _LIMIT, FORMAT, IF_NONE_MATCH),
        answers={200: table("The rows, oldest first, BASE before other currencies", "Ledger"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY, UNKNOWN_CURRENCY),
        media=TABLE,
        reports=_TABLES,
    ),
)


def _schema() -> Schema:
    """A row, each figure with its unit and sign."""
    row = row_of("What an account has in one currency, or in all of them, as of one report", COLUMNS)
    members = row["properties"]
    return {**row, "properties": {**members, **{tag: described(tag, FIGURE) for tag in LEDGER_TAGS}}}


RESOURCE = Resource(
    ROUTES,
    {"LedgerRow": _schema(), "Ledger": list_of("Oldest first", "LedgerRow")},
    Path(__file__).with_suffix(".json"),
)
