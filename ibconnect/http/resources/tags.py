"""What an account's figures are called and what they mean: its tags, segments and currencies.

In: which keys the account was ever sent. Out: ``/v1/accounts/{AccountCode}/tags``, with the meanings of
:mod:`ibconnect.meanings`. Called by the pipeline.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiohttp import web
from psycopg.rows import TupleRow

from ibconnect.http.openapi.figures import FIGURES
from ibconnect.http.openapi.schemas import ACCOUNT_CODE, TEXT, list_of, nullable, object_of, row_of
from ibconnect.http.openapi.shared import ACCOUNT, FORMAT, GATEWAY, HISTORY, IF_NONE_MATCH, NOT_MODIFIED, table
from ibconnect.http.resources.conditions import whose
from ibconnect.http.resources.vocabulary import SQL, Vocabulary, vocabulary
from ibconnect.http.server import db
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import Call
from ibconnect.http.server.frames import TABLE, Column, Row, Type, next_page, table_response
from ibconnect.http.server.limits import LISTED_TAGS_DEFAULT, LISTED_TAGS_MAX
from ibconnect.http.server.parameters import Kind, Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route, Schema
from ibconnect.http.server.tokens import Right
from ibconnect.meanings import BASE_MEANING, MEANINGS, SEGMENTS, SIGNS, SOURCES, UNITS, Meaning
from ibconnect.tags import BASE, LEDGER_TEXT_TAGS

_UNKNOWN = Meaning("IB does not document it, and this program does not know it yet", "text", None, "", "")
_CURSOR = re.compile("[AL](?:[0-9a-f]{2}){0,256}", re.ASCII)
_FIRST = ("", False)


def _listed(members: Iterable[tuple[str, str]]) -> str:
    """Words and what they mean, as one text."""
    return "; ".join(f"`{name}`: {meaning}" for name, meaning in members)


COLUMNS = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False, in_head=True),
    Column("Tag", Type.TEXT, "IB's name of the figure", is_nullable=False),
    Column(
        "Level",
        Type.TEXT,
        "`account`: of the account or a segment, in its base currency; `ledger`: per currency. Some tags are both",
        is_nullable=False,
    ),
    Column("Whole", Type.BOOLEAN, "Whether there is one without a segment", is_nullable=False),
    Column("Segments", Type.TEXTS, "The segments that it came with", is_nullable=False),
    Column("Currencies", Type.TEXTS, "The currencies that it came with", is_nullable=False),
    Column("Unit", Type.TEXT, _listed(UNITS.items()), is_nullable=False),
    Column("Sign", Type.TEXT, f"{_listed(SIGNS.items())}; null: no figure"),
    Column("Meaning", Type.TEXT, "What it is", is_nullable=False),
    Column("Differs", Type.TEXT, "From what it is easily mistaken for"),
    Column("Source", Type.TEXT, f"Where IB says so; null: nowhere. {_listed(SOURCES.items())}"),
)


def _row(account: str, sent: TupleRow) -> Row:
    """A row of the table."""
    tag, is_ledger, *comes_with = sent
    meaning = MEANINGS.get(tag, _UNKNOWN)
    level = "ledger" if is_ledger or tag in LEDGER_TEXT_TAGS else "account"
    says = (meaning.unit, meaning.sign, meaning.text, meaning.differs or None, meaning.source or None)
    return (account, tag, level, *comes_with, *says)


async def list_tags(call: Call) -> web.StreamResponse:
    """The tags, segments and currencies of an account."""
    account, arguments = call.account(), call.arguments
    known = await vocabulary(call, account)
    tag, is_ledger = arguments["cursor"] or _FIRST
    limit, asked = arguments["limit"], {"account": account, "gateway": arguments["gateway"]}
    page = {**asked, "tag": tag, "is_ledger": is_ledger, "rows": limit + 1}
    found = await db.rows(call.services.pool, SQL["list_tags"], page)
    headers = next_page(call, cursor=_cursor_of(*found[limit - 1][:2])) if len(found) > limit else {}
    rows = [_row(account, row) for row in found[:limit]]
    around = await _around(call, known, asked)
    return await table_response(
        call,
        COLUMNS,
        rows,
        f"{account}-tags",
        document=lambda tags: {"AccountCode": account, **around, "Tags": tags},
        headers=headers,
    )


async def _around(call: Call, known: Vocabulary, asked: db.Parameters) -> dict[str, Any]:
    """The account's base currency, its segments and currencies, each with what it is."""
    (found,) = await db.rows(
        call.services.pool, whose(SQL["around"], asked["gateway"]), {**asked, "codes": list(known.currencies)}
    )
    base, titles, names = found[0], dict(found[1]), dict(found[2])
    return {
        "BaseCurrency": base,
        "Segments": [
            {"Segment": segment, "Title": titles.get(segment), "Meaning": SEGMENTS.get(segment)}
            for segment in known.segments
        ],
        "Currencies": [
            {"Currency": code, "Name": BASE_MEANING if code == BASE else names.get(code)} for code in known.currencies
        ],
    }


def _cursor_of(tag: str, is_ledger: bool) -> str:
    return f"{'L' if is_ledger else 'A'}{tag.encode().hex()}"


def _parse_cursor(text: str) -> tuple[str, bool]:
    """Where a page begins; whatever else has the form of a cursor stands for some tag, which there need not be."""
    if _CURSOR.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a cursor that an earlier answer gave")
    return bytes.fromhex(text[1:]).decode(errors="replace").replace("\0", "\ufffd"), text[0] == "L"


_TAG = row_of(
    "A tag that the account was sent; one that is both of an account and of the ledger is there twice", COLUMNS
)
_SEGMENT = object_of(
    "A part of the account that IB reckons for itself",
    {
        "Segment": {**TEXT, "description": "The letter that IB adds to a tag, as in `NetLiquidation-S`"},
        "Title": {**nullable(TEXT), "description": "What IB calls it in this account"},
        "Meaning": nullable(TEXT),
    },
)
_CURRENCY = object_of("A currency of the account, or BASE", {"Currency": TEXT, "Name": nullable(TEXT)})
_TAG_LIST = object_of(
    "What an account's figures are called, and what they mean",
    {
        "AccountCode": ACCOUNT_CODE,
        "BaseCurrency": {**nullable(TEXT), "description": "As of its newest report; null before the first"},
        "Segments": list_of("By letter", "Segment"),
        "Currencies": list_of("By code", "LedgerCurrency"),
        "Tags": list_of("By tag, account level before ledger", "Tag"),
    },
)

_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, LISTED_TAGS_MAX),
    "Most tags on a page",
    LISTED_TAGS_DEFAULT,
    default=LISTED_TAGS_DEFAULT,
)
_FROM_CURSOR = Parameter(
    "cursor",
    "query",
    Kind({"type": "string", "pattern": f"^{_CURSOR.pattern}$"}, _parse_cursor),
    "Where the page begins, from an earlier answer's `Link`",
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/tags",
        name="listTags",
        handler=list_tags,
        tag=HISTORY,
        right=Right.READ,
        summary="Tags and what they mean",
        description=(
            "The tags, segments and currencies that the account was ever sent: what each is, its unit and sign, and "
            "how it differs from what it is easily mistaken for. Page by page: the header `Link` names the next page."
        ),
        parameters=(ACCOUNT, GATEWAY, _LIMIT, _FROM_CURSOR, FORMAT, IF_NONE_MATCH),
        answers={200: table("The tags", "TagList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY),
        media=TABLE,
        reports=("accounts",),
    ),
)

SCHEMAS: dict[str, Schema] = {
    "Tag": {**_TAG, "x-figures": FIGURES},
    "Segment": _SEGMENT,
    "LedgerCurrency": _CURRENCY,
    "TagList": _TAG_LIST,
}
RESOURCE = Resource(ROUTES, SCHEMAS, Path(__file__).with_suffix(".json"))
