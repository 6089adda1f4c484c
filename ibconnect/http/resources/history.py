"""How values, or one position, of an account went over time: one point per snapshot, or per step.

A tag is found where the snapshot tables keep it (:mod:`ibconnect.tags`): account-level money per segment, ledger
figures per currency, and whatever else IB sends among the values and attributes. Called by the pipeline.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from psycopg.sql import SQL, Composable, Identifier, Literal

from ibconnect.database.sql import queries
from ibconnect.http.openapi.schemas import ACCOUNT_CODE, FIGURE, TEXT, TIME, nullable, object_of
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
from ibconnect.http.resources.kept_series import KeptSeries, answered
from ibconnect.http.resources.series import Extra, Kind, Series
from ibconnect.http.resources.series_points import TABLES, Question, Span, span_of, times
from ibconnect.http.resources.vocabulary import UNKNOWN, Tag, understood
from ibconnect.http.server import db
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import Call
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import POINTS_MAX, POINTS_PAGE, TAGS_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code, Problem, ProblemType
from ibconnect.http.server.resource import Resource, Route, Schema
from ibconnect.http.server.tokens import Right
from ibconnect.tags import BASE, LEDGER_TAGS, SEGMENT_TAGS, UNSET_TEXTS, column

_SQL = queries("http/history")
UNKNOWN_POSITION = ProblemType("unknown-position", 404, "There is no such position")
_SNAPSHOT_TAGS = ("Cushion", "LookAheadNextChange")
_TEXT = "other_text"
_OF_MONEY = ("segment_figure", "both_figure_of_currency")
_OF_LEDGER = ("ledger_figure", "both_figure_of_currency")
_POSITION_COLUMNS = {
    "Position": "position",
    "MarketPrice": "market_price",
    "MarketValue": "market_value",
    "AverageCost": "average_cost",
    "UnrealizedPNL": "unrealized_pnl",
    "RealizedPNL": "realized_pnl",
}
# What reports have of positions that have no prices.
_WITHOUT_PRICES = ("Position", "AverageCost")
# IB sends nothing as well as its largest number for none.
_UNSET = sorted({"", *UNSET_TEXTS})


class _Reasons(NamedTuple):
    """Why figures of a place are null: among which values it is looked for what IB sent there, and where else the
    figure may be, in columns and among the values of which level.
    """

    asked: str
    elsewhere: str
    level: str


_REASONS = {
    "segment_figure": _Reasons("asked_of_account", "segment_elsewhere", "account_level"),
    "ledger_figure": _Reasons("of_ledger", "ledger_elsewhere", "ledger_level"),
    "both_figure_of_currency": _Reasons("asked_of_both", "both_elsewhere", "either_level"),
    "snapshot_figure": _Reasons("bare", "amount_elsewhere", "account_level"),
    _TEXT: _Reasons("no_figure", "text_elsewhere", "either_level"),
}
_READY = Extra("Ready", Kind.FLAG, "", "Whether the figures can be relied on")
_WHY = Extra("Why", Kind.REASONS, "", "Why figures are null")
_PARTIAL = Extra("Partial", Kind.FLAG, "false", "The running step")


async def account_history(call: Call) -> web.StreamResponse:
    """One or several tags over time."""
    return await answered(call, call.account(), _account_series)


async def _account_series(call: Call, account: str) -> tuple[Series, Span, Question]:
    arguments = call.arguments
    span = await span_of(call, account)
    currencies = [] if arguments["currency"] is None else [arguments["currency"]]
    wanted = await understood(call, account, arguments["tag"], arguments["segment"], currencies)
    segment, currency = wanted.segment, arguments["currency"]
    tags = {tag.name: tag._replace(segment=tag.segment or segment) for tag in wanted.tags}
    places = {name: _place(tag, currency) for name, tag in tags.items()}
    found = {name: _figure(tag, places[name]) for name, tag in tags.items()}
    reasons = SQL(", ").join(
        _why(name, found[name], _reason(call, span, tag, places[name])) for name, tag in tags.items()
    )
    code = currency or span.base[1]
    other = Extra("Currency", Kind.TEXT, code or "", "The currency of money")
    extras = {other: SQL("NULL" if currency else _SQL["other_base"]), **_extras(call, reasons)}
    extras = {extra: figure for extra, figure in extras.items() if extra.name not in places}
    columns = SQL(", ").join(map(_column, [*found.values(), *extras.values()]))
    joins = _joins(tags, places)

    def fill(points: Composable) -> db.Query:
        return SQL(_SQL["with_figures"]).format(times=times(call), points=points, columns=columns, joins=joins)

    asked = {"currency": currency, "ledger": currency or BASE, "base_currency": span.base[0], "unset": _UNSET}
    head = {"AccountCode": account, "Segment": segment, "Currency": code, "Step": call.request.query.get("step")}
    texts = frozenset(name for name, place in places.items() if place == _TEXT)
    constants = tuple(each for each in (("AccountCode", account),) if each[0] not in places)
    series = Series(head, tuple(places), texts, (*extras, *_partial(call)), constants)
    return series, span, Question(fill, asked, "newest_first", _facts(places, extras))


async def position_history(call: Call) -> web.StreamResponse:
    """One position over time; null where it was not held."""
    return await answered(call, call.account(), _position_series)


async def _position_series(call: Call, account: str) -> tuple[Series, Span, Question]:
    span, contract = await span_of(call, account), call.arguments["IbContractId"]
    asked = {"account": span.account_id, "contract": contract, "gateway": span.gateway_id}
    held = await db.row(call.services.pool, _SQL["position_exists"], asked)
    if held is None or not held[0]:
        raise Problem(UNKNOWN_POSITION, f"account {account!r} never held contract {contract}")
    found = await db.row(call.services.pool, _SQL["currency_of"], {"contract": contract})
    currency = found[0] if found else None
    gap, names = _gap(call, span), _POSITION_COLUMNS.items()
    reasons = (_why(name, Identifier("held", each), _reason_of_position(name, gap)) for name, each in names)
    extras = _extras(call, SQL(", ").join(reasons))
    columns = SQL("").join(SQL(", ") + _column(figure) for figure in extras.values())

    def fill(points: Composable) -> db.Query:
        return SQL(_SQL["with_position"]).format(times=times(call), points=points, columns=columns)

    step = call.request.query.get("step")
    head = {"AccountCode": account, "IbContractId": contract, "Step": step, "Currency": currency}
    constants = (("Currency", currency or ""), ("AccountCode", account), ("IbContractId", str(contract)))
    series = Series(head, tuple(_POSITION_COLUMNS), extras=(*extras, *_partial(call)), constants=constants)
    return series, span, Question(fill, {"contract": contract}, "priced_first", ("ready", "source"))


def _column(figure: Composable) -> Composable:
    return SQL(_SQL["column"]).format(figure=figure)


def _extras(call: Call, reasons: Composable) -> dict[Extra, Composable]:
    """The columns that say whether a point can be relied on, where there are others, and why it is null."""
    takes_any = call.arguments["ready"] is not None
    extras: dict[Extra, Composable] = {}
    if takes_any:
        extras[_READY] = SQL(_SQL["is_ready"])
    if takes_any or call.arguments["why"] is not None:
        extras[_WHY] = SQL(_SQL["why"]).format(reasons=reasons)
    return extras


def _partial(call: Call) -> tuple[Extra, ...]:
    """The column that marks the running step, where there are steps; it is filled in with the pages."""
    return () if call.arguments["step"] is None else (_PARTIAL,)


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


def _joins(tags: dict[str, Tag], places: dict[str, str]) -> Composable:
    """The tables that have the figures of tags."""
    with_money = [tag for name, tag in tags.items() if places[name] in _OF_MONEY]
    segments = dict.fromkeys(tag.segment or "" for tag in with_money)
    joins: list[Composable] = [SQL(_SQL["join_segment"]).format(**_money(each)) for each in segments]
    if any(place in _OF_LEDGER for place in places.values()):
        joins.append(SQL(_SQL["join_ledger"]))
    return SQL(" ").join(joins)


def _facts(places: dict[str, str], extras: Iterable[Extra]) -> tuple[str, ...]:
    """Which columns of a snapshot the expressions for tags look at: what is not needed only takes time."""
    facts = ["base_currency_id", "has_inexact"]
    facts += [column(name) for name, place in places.items() if place == "snapshot_figure"]
    facts += ["attribute_set_id"] * (_TEXT in places.values())
    return (*facts, *["ready"] * (_READY in extras))


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


def _reason(call: Call, span: Span, asked: Tag, place: str) -> Composable:
    """The expression for why a tag's figure is null."""
    asked_of, elsewhere, level = (_SQL[name] for name in _REASONS[place])
    names = {"tag": Literal(asked.tag), "column": Identifier(column(asked.tag)), **_money(asked.segment or "")}
    names["level"] = SQL(level)
    names["amount"] = SQL(_SQL["amount_elsewhere"]).format(**names)
    parts = {"gap": _gap(call, span), "asked": SQL(asked_of), "elsewhere": SQL(elsewhere).format(**names)}
    return SQL(_SQL["reason"]).format(**names, **parts)


def _reason_of_position(name: str, gap: Composable) -> Composable:
    """The expression for why a figure of a position is null."""
    is_priced = Literal(name not in _WITHOUT_PRICES)
    return SQL(_SQL["reason_of_position"]).format(gap=gap, is_priced=is_priced, says=Literal(f": {name} is "))


def _gap(call: Call, span: Span) -> Composable:
    """The expression for why a point has no snapshot, which only one of a step may have not."""
    return Literal("no-report") if call.arguments["step"] is None else SQL(_SQL["gap"]).format(whose=span.whose)


def _why(name: str, figure: Composable, reason: Composable) -> Composable:
    return SQL(_SQL["why_figure"]).format(name=Literal(name), figure=figure, reason=reason)


_ALSO: dict[str, Schema] = {
    "Ready": {"type": "boolean", "description": "With ready=any"},
    "Why": {
        "type": "object",
        "description": "With ready=any or why=true: why figures are null, by their names",
        "additionalProperties": {
            "enum": [
                "no-report",
                "not-ready",
                "not-sent",
                "unset-figure",
                "unreadable-figure",
                "other-currency",
                "not-held",
                "without-prices",
            ]
        },
    },
    "Partial": {"type": "boolean", "description": "The running step: the newest value, at its own time"},
}

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
                    **_ALSO,
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
        "Currency": {**nullable(TEXT), "description": "The currency of the contract"},
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
                    **_ALSO,
                },
                optional=tuple(_ALSO),
            ),
        },
    },
)

_CONTRACT = Parameter(
    "IbContractId", "path", kinds.integer(0, 2**53 - 1), "IB's id of the contract", 265598, required=True
)
_WHY_NULL = Parameter(
    "why",
    "query",
    kinds.choice("true"),
    "`true`: a point that has figures that are null says why (`Why`); with `ready=any` each does",
)
_WHICH = (FROM, TO, TZ, STEP, CLOSE, ANY, _WHY_NULL, GATEWAY, FORMAT, IF_NONE_MATCH)
_HISTORY_LIMITS = (
    f"At most {POINTS_MAX:,} points, as Arrow or Parquet {POINTS_PAGE:,}; where there are more, the header `Link` "
    "names the next page."
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
            *_WHICH,
        ),
        answers={200: table("The points, oldest first", "History"), 304: NOT_MODIFIED},
        problems=UNKNOWN,
        media=TABLE,
        reports=TABLES,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/positions/{IbContractId}/history",
        name="getPositionHistory",
        handler=position_history,
        tag=HISTORY,
        right=Right.READ,
        summary="A position over time",
        description=f"Size, price, value, cost and profit of one contract. {_HISTORY_LIMITS}",
        parameters=(ACCOUNT, _CONTRACT, *_WHICH),
        answers={200: table("The points, oldest first", "PositionHistory"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY, UNKNOWN_POSITION),
        media=TABLE,
        reports=TABLES,
    ),
)

RESOURCE = Resource(
    ROUTES,
    {"History": _HISTORY, "PositionHistory": _POSITION_HISTORY},
    Path(__file__).with_suffix(".json"),
    parts=(KeptSeries,),
)
