"""How values, or one position, of an account went over time: one point per snapshot, or per step.

A tag is found where the snapshot tables keep it (:mod:`ibconnect.tags`): account-level money per segment, ledger
figures per currency, and whatever else IB sends among the values and attributes. Called by the pipeline.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from psycopg.sql import SQL, Composable, Identifier, Literal

from ibconnect.database.sql import queries
from ibconnect.http.openapi.schemas import ACCOUNT_CODE, FIGURE, TEXT, TIME, nullable, object_of
from ibconnect.http.openapi.shared import ACCOUNT, ANY, FROM, GATEWAY, HISTORY, TO
from ibconnect.http.resources.series import FORMATS, Extra, Page, Pages, Series
from ibconnect.http.resources.vocabulary import UNKNOWN, Tag, understood
from ibconnect.http.server import db
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import Call, unknown_account, unknown_gateway
from ibconnect.http.server.frames import next_page
from ibconnect.http.server.limits import POINTS_MAX, POINTS_PAGE, POINTS_PIECE, TAGS_MAX
from ibconnect.http.server.moments import parse_length
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code, Problem, ProblemType
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.streams import send_stream
from ibconnect.http.server.tokens import Right
from ibconnect.http.server.turns import Gate
from ibconnect.tags import BASE, LEDGER_TAGS, SEGMENT_TAGS, column
from ibconnect.times import format_rfc3339, from_micros, parse_rfc3339

_SQL = queries("http/history")
_TABLES = ("accounts",)
UNKNOWN_POSITION = ProblemType("unknown-position", 404, "There is no such position")
_SNAPSHOT_TAGS = ("Cushion", "LookAheadNextChange")
_TEXT = "other_text"
_POSITION_COLUMNS = ("Position", "MarketPrice", "MarketValue", "AverageCost", "UnrealizedPNL", "RealizedPNL")
_BEGINNING = from_micros(0)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Span:
    """What to read: an account's points from ``start`` to ``end``, both included, and where a next page begins.

    ``base``: id and code of the base currency of its newest snapshot. ``wanted``: which snapshots make points.
    """

    account_id: int
    base: tuple[int | None, str | None]
    start: datetime
    end: datetime
    asked_end: datetime
    step: timedelta | None
    beyond: datetime | None
    wanted: Composable
    gateway_id: int | None


async def account_history(call: Call) -> web.StreamResponse:
    """One or several tags over time."""
    account, arguments = call.account(), call.arguments
    span = await _span(call, account)
    currencies = [] if arguments["currency"] is None else [arguments["currency"]]
    wanted = await understood(call, account, arguments["tag"], arguments["segment"], currencies)
    segment, currency = wanted.segment, arguments["currency"]
    asked = {
        "currency": currency,
        "ledger": currency or BASE,
        "base_currency": span.base[0],
    }
    tags = {tag.name: tag._replace(segment=tag.segment or segment) for tag in wanted.tags}
    places = {name: _place(tag, currency) for name, tag in tags.items()}
    extras = {
        Extra("Currency", True, currency or span.base[1] or ""): SQL(_SQL["other_base"]),
        **_readiness(call),
    }
    extras = {extra: figure for extra, figure in extras.items() if extra.name not in places}
    figures = [*(_figure(tag, places[name]) for name, tag in tags.items()), *extras.values()]
    columns = SQL(", ").join(SQL(_SQL["column"]).format(figure=figure) for figure in figures)
    segments = dict.fromkeys(tag.segment or "" for tag in tags.values())
    joins = SQL(" ").join(SQL(_SQL["join_segment"]).format(**_money(each)) for each in segments)
    query = SQL(_SQL["with_figures"]).format(points=_points(span, "newest_first"), columns=columns, segments=joins)
    head = {
        "AccountCode": account,
        "Segment": segment,
        "Currency": currency or span.base[1],
        "Step": call.request.query.get("step"),
    }
    texts = frozenset(name for name, place in places.items() if place == _TEXT)
    series = Series(head, tuple(places), texts, tuple(extras))
    return await _send(call, series, span, _pages(call, query, asked, span))


async def position_history(call: Call) -> web.StreamResponse:
    """One position over time; null where it was not held."""
    account, contract = call.account(), call.arguments["IbContractId"]
    span = await _span(call, account)
    asked = {"account": span.account_id, "contract": contract, "gateway": span.gateway_id}
    held = await db.row(call.services.pool, _SQL["position_exists"], asked)
    if held is None or not held[0]:
        raise Problem(UNKNOWN_POSITION, f"account {account!r} never held contract {contract}")
    extras = _readiness(call)
    columns = [SQL(", ") + SQL(_SQL["column"]).format(figure=figure) for figure in extras.values()]
    query = SQL(_SQL["with_position"]).format(points=_points(span, "priced_first"), columns=SQL("").join(columns))
    head = {"AccountCode": account, "IbContractId": contract, "Step": call.request.query.get("step")}
    series = Series(head, _POSITION_COLUMNS, extras=tuple(extras))
    return await _send(call, series, span, _pages(call, query, {"contract": contract}, span))


def _readiness(call: Call) -> dict[Extra, Composable]:
    """The column that says whether a point can be relied on, where there are others."""
    return {} if call.arguments["ready"] is None else {Extra("Ready", False, ""): SQL(_SQL["is_ready"])}


async def _span(call: Call, account: str) -> _Span:
    arguments = call.arguments
    takes_any, gateway = arguments["ready"] is not None, arguments["gateway"]
    start, end = arguments["from"] or _BEGINNING, arguments["to"] or call.now
    asked_end = end
    asked = {
        "account": account,
        "from": start,
        "to": end,
        "limit": POINTS_MAX,
        "any": takes_any,
        "gateway": gateway,
    }
    found = await db.rows(call.services.pool, _SQL["account"], asked, binary=True)
    if not found:
        raise unknown_account(account)
    account_id, base_id, base_code, first_created, beyond, gateway_id = found[0]
    if gateway is not None and gateway_id is None:
        raise unknown_gateway(gateway)
    whose = _SQL["of_each_refresh" if gateway is None else "of_one_gateway"]
    wanted = SQL("{} AND {}").format(SQL(_SQL["any" if takes_any else "ready"]), SQL(whose))
    step = arguments["step"]
    if step is not None and arguments["from"] is None:
        start = _on_step(first_created, step) if first_created else end
    if step is not None:
        steps = (end - start) // step
        beyond = start + step * POINTS_MAX if steps >= POINTS_MAX else None
        end = end if beyond is None else beyond - step
    return _Span(account_id, (base_id, base_code), start, end, asked_end, step, beyond, wanted, gateway_id)


def _on_step(instant: datetime, step: timedelta) -> datetime:
    """The first whole multiple of the step at or after an instant, counted from 1970."""
    return _BEGINNING - (_BEGINNING - instant) // step * step


def _points(span: _Span, first: str) -> Composable:
    if span.step is None:
        return SQL(_SQL["each_snapshot"]).format(wanted=span.wanted)
    return SQL(_SQL["each_step"]).format(wanted=span.wanted, first=SQL(_SQL[first]))


def _place(asked: Tag, currency: str | None) -> str:
    """Where a tag is kept. One that is both account-level and ledger is the latter first if a currency is given."""
    tag, segment = asked.tag, asked.segment
    if asked.is_ledger:
        return "ledger_figure" if tag in LEDGER_TAGS else _TEXT
    if tag in LEDGER_TAGS and segment is None and (currency is not None or tag not in SEGMENT_TAGS):
        return "both_figure_of_currency" if tag in SEGMENT_TAGS else "ledger_figure"
    if tag in SEGMENT_TAGS:
        return "segment_figure"
    return "snapshot_figure" if tag in _SNAPSHOT_TAGS and segment is None else _TEXT


def _money(segment: str) -> dict[str, Composable]:
    """What the account-level money of a segment is called, and the segment."""
    return {"money": Identifier(f"money{segment}"), "segment": Literal(segment)}


def _figure(asked: Tag, place: str) -> Composable:
    """The expression for a tag."""
    tag, money = Literal(asked.tag), _money(asked.segment or "")
    if place == _TEXT:
        return SQL(_SQL[place]).format(tag=tag, segment=money["segment"])
    others = {
        whose: SQL(_SQL["other_amount"]).format(tag=tag, whose=SQL(_SQL[whose]), segment=money["segment"])
        for whose in ("of_account", "of_ledger", "bare")
    }
    names = {"column": Identifier(column(asked.tag)), "tag": tag, "is_of_ledger": SQL(_SQL["of_ledger"])}
    return SQL(_SQL[place]).format(**names, **others, money=money["money"])


async def _pages(call: Call, query: db.Query, asked: dict[str, Any], span: _Span) -> Pages:
    """The points, page by page; no connection is held while the client takes its time."""
    asked = {**asked, "gateway": span.gateway_id}
    if span.step is not None:
        async for page in _stepped_pages(call, query, asked, span, span.step):
            yield page
        return
    start = span.start
    end = span.end if span.beyond is None else span.beyond - _MICROSECOND
    while start <= end:
        page = await _page(call, query, {**asked, "account": span.account_id, "from": start, "to": end})
        yield page
        times = page[0]
        if len(times) < POINTS_PAGE:
            return
        start = parse_rfc3339(times[-1]) + _MICROSECOND


async def _stepped_pages(call: Call, query: db.Query, asked: dict[str, Any], span: _Span, step: timedelta) -> Pages:
    """As :func:`_pages`, by number of the step: a time beyond the last one might lie outside the calendar."""
    for first in range(0, (span.end - span.start) // step + 1, POINTS_PAGE):
        start = span.start + first * step
        end = start + min((span.end - start) // step, POINTS_PAGE - 1) * step
        limits = {"account": span.account_id, "from": start, "to": end, "step": step}
        yield await _page(call, query, {**asked, **limits})


async def _page(call: Call, query: db.Query, asked: dict[str, Any]) -> Page:
    # A plan for any number of points looks each one up; for many, one for those times joins at twice the speed.
    (columns,) = await db.rows(call.services.pool, query, {**asked, "rows": POINTS_PAGE}, prepare=False)
    # One answer is made of the tables of one version: the connection is cut if those of another came between pages.
    await call.services.tables.ensure_current(_TABLES)
    return [[] if lines is None else lines.split("\n") for lines in columns]


async def _pieces(pages: Pages) -> Pages:
    """The same points, so few at a time that making them ready to send makes nobody wait."""
    async for page in pages:
        for first in range(0, len(page[0]), POINTS_PIECE):
            yield [column[first : first + POINTS_PIECE] for column in page]


async def _in_turn(gate: Gate, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks, each made when the event loop has time for it."""
    while True:
        async with gate.piece():
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk


async def _send(call: Call, series: Series, span: _Span, pages: Pages) -> web.StreamResponse:
    headers = {"Cache-Control": "private, no-cache"}
    if span.beyond is not None:
        headers |= next_page(call, **{"from": format_rfc3339(span.beyond), "to": format_rfc3339(span.asked_end)})
    chunks = FORMATS[call.media](series, _pieces(await _begun(pages)))
    return await send_stream(call, _in_turn(call.services.gate, chunks), headers)


async def _begun(pages: Pages) -> Pages:
    """The same pages, the first of them read: what fails then is answered as a problem, since nothing has been sent."""
    first = await anext(pages, None)

    async def all_of_them() -> Pages:
        if first is not None:
            yield first
            async for page in pages:
                yield page

    return all_of_them()


_HISTORY = object_of(
    "Values over time",
    {
        "AccountCode": ACCOUNT_CODE,
        "Segment": nullable(TEXT),
        "Currency": {**nullable(TEXT), "description": "The one asked for, else the base currency"},
        "Step": nullable(TEXT),
        "Points": {
            "type": "array",
            "items": {
                "type": "object",
                "description": "One member for each tag asked for; null is a gap",
                "required": ["Timestamp"],
                "properties": {
                    "Timestamp": TIME,
                    "Currency": {**TEXT, "description": "Where the base currency was another one then"},
                    "Ready": {"type": "boolean", "description": "With ready=any"},
                },
                "additionalProperties": {"type": ["number", "string", "boolean", "null"]},
            },
        },
    },
)

_POSITION_HISTORY = object_of(
    "A position over time",
    {
        "AccountCode": ACCOUNT_CODE,
        "IbContractId": {"type": "integer"},
        "Step": nullable(TEXT),
        "Points": {
            "type": "array",
            "items": object_of(
                "null: not held at that time",
                {
                    "Timestamp": TIME,
                    "Position": FIGURE,
                    "MarketPrice": FIGURE,
                    "MarketValue": FIGURE,
                    "AverageCost": FIGURE,
                    "UnrealizedPNL": FIGURE,
                    "RealizedPNL": FIGURE,
                    "Ready": {"type": "boolean", "description": "With ready=any"},
                },
                optional=("Ready",),
            ),
        },
    },
)


def _elapsed(text: str) -> timedelta:
    if (elapsed := parse_length(text).elapsed) is None:
        raise ValueError(f"{text!r} is not a step such as 1h, 1d or 2w")
    return elapsed


_CONTRACT = Parameter(
    "IbContractId", "path", kinds.integer(0, 2**53 - 1), "IB's id of the contract", 265598, required=True
)
_STEP = Parameter(
    "step",
    "query",
    kinds.Kind({"type": "string", "pattern": "^(?:[1-9][0-9]{0,4}[smhd]|[1-9][0-9]{0,3}w)$"}, _elapsed),
    "One point per step (90s, 30m, 1h, 7d, 2w): the last value at or before it, null where the step has none. "
    "Steps count from `from`, or else fall on its whole multiples since 1970. Default: one point per snapshot",
    "1d",
)
_HISTORY_LIMITS = (
    f"At most {POINTS_MAX:,} points; where there are more, the header `Link` names the next page. "
    "Ask for `text/csv` by `Accept` to get a table."
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/history",
        name="getHistory",
        handler=account_history,
        tag=HISTORY,
        right=Right.READ,
        summary="Values over time",
        description=f"One or several tags, one point per snapshot or per step. {_HISTORY_LIMITS}",
        parameters=(
            ACCOUNT,
            Parameter(
                "tag",
                "query",
                kinds.TAG,
                "Tags as in `Values`, or as IB spells them (`NetLiquidation-S`, `$LEDGER-CashBalance`), in any letter "
                "case; repeated or separated by commas",
                ["NetLiquidation"],
                required=True,
                repeated=TAGS_MAX,
            ),
            Parameter("segment", "query", kinds.SEGMENT, "A segment (S, C, P ...). Default: the whole account", "S"),
            Parameter(
                "currency",
                "query",
                kinds.CURRENCY,
                "The ledger of a currency. Default: account-level figures, and of the ledger its BASE row",
                "USD",
            ),
            FROM,
            TO,
            _STEP,
            ANY,
            GATEWAY,
        ),
        answers={200: Answer("The points, oldest first", {JSON: "History", "text/csv": "Text"}, ("Link",))},
        problems=UNKNOWN,
        media=(JSON, "text/csv"),
        reports=_TABLES,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/positions/{IbContractId}/history",
        name="getPositionHistory",
        handler=position_history,
        tag=HISTORY,
        right=Right.READ,
        summary="A position over time",
        description=f"Size, price, value, cost and profit of one contract. {_HISTORY_LIMITS}",
        parameters=(ACCOUNT, _CONTRACT, FROM, TO, _STEP, ANY, GATEWAY),
        answers={200: Answer("The points, oldest first", {JSON: "PositionHistory", "text/csv": "Text"}, ("Link",))},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY, UNKNOWN_POSITION),
        media=(JSON, "text/csv"),
        reports=_TABLES,
    ),
)

RESOURCE = Resource(
    ROUTES, {"History": _HISTORY, "PositionHistory": _POSITION_HISTORY}, Path(__file__).with_suffix(".json")
)
