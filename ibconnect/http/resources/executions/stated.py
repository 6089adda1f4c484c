"""Fills of Flex statements beside those of gateways: one fill, two witnesses.

In: a page of executions as gateways told of them. Out: the same page with the fills that statements alone know, newest
first, and with what statements say otherwise of those that both know. Called by the handlers of this package.

An execution and a trade of a statement are one fill if their ids are the same but for the number of the correction.
Where the statement has a later correction than the gateway, that stands in the place of what the gateway told.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, LiteralString, NamedTuple

import orjson
from psycopg.sql import SQL, Composed

from ibconnect.database.sql import queries
from ibconnect.http.resources.executions.columns import COLUMNS
from ibconnect.http.resources.executions.cursor import Place
from ibconnect.http.resources.witnesses import PRICE, agree
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Row

_SQL = queries("http/executions_stated")
_AT = {column.name: number for number, column in enumerate(COLUMNS)}
_CORRECTION = re.compile(r"(.+)\.(\d{1,9})", re.ASCII)
_SIDES = {1: "BOT", -1: "SLD"}
_UNKNOWN_TIME = "unknown-time"
GATEWAY, STATEMENT, BOTH = "gateway", "statement", "both"


class Fill(NamedTuple):
    """A row of a page, and where it stands."""

    place: Place
    cells: list[Any]


class Trade(NamedTuple):
    """A fill as a statement tells of it: the columns of ``page`` of sql/http/executions_stated.sql."""

    is_unknown: bool
    account: str
    exec_id: str | None
    trade_id: str | None
    key: str | None
    at: datetime | None
    time: str | None
    contract: int | None
    symbol: str | None
    local_symbol: str | None
    asset: str | None
    sign: int | None
    shares: str | None
    price: str | None
    currency: str | None
    exchange: str | None
    commission: str | None
    commission_currency: str | None
    realized: str | None
    order_reference: str | None
    multiplier: str | None
    strike: str | None
    right: str | None
    expiry: str | None
    isin: str | None
    description: str | None
    received: datetime
    moment: datetime
    position: int
    statement: int
    line: int


def split_id(text: str) -> tuple[str, int]:
    """What all corrections of an execution have in common, and the number of this one."""
    match = _CORRECTION.fullmatch(text)
    return (match[1], int(match[2])) if match else (text, 0)


async def with_statements(
    call: Call, told: Sequence[Fill], asked: dict[str, Any], found: LiteralString, *, is_full: bool
) -> list[Fill]:
    """The fills of a page and those of statements, in their order.

    :param told: those that gateways told of
    :param asked: the parameters of the page
    :param found: the query that finds trades: ``of_all`` or ``of_each_account``
    :param is_full: there are more: the page needs no trades before the last of these
    """
    since = max(asked["from"], told[-1].place.moment) if is_full else asked["from"]
    given = {
        **asked,
        "from": since,
        "accounts": [fill.cells[0] for fill in told],
        "keys": [split_id(fill.cells[1])[0] for fill in told],
    }
    query = _query(found, asked["contract"] is not None, asked["symbols"] is not None)
    trades = [Trade._make(row) for row in await db.rows(call.services.pool, query, given)]
    if not trades:
        return list(told)
    # Of several corrections the last one counts.
    known = sorted((trade for trade in trades if not trade.is_unknown), key=lambda trade: split_id(trade.exec_id or ""))
    witnesses = {(trade.account, trade.key): trade for trade in known}
    fills = [
        each
        for fill in told
        for each in _witnessed(fill, witnesses.get((fill.cells[0], split_id(fill.cells[1])[0])), asked["all"])
    ]
    fills += [_stated(trade) for trade in trades if trade.is_unknown]
    return sorted(fills, key=lambda fill: fill.place, reverse=True)


@cache
def _query(found: LiteralString, has_contract: bool, has_symbol: bool) -> Composed:
    moment, key = _part("moment").format(), _part("key").format()
    wanted = {"of_contract": has_contract, "of_symbol": has_symbol}
    names = [name for name, is_wanted in wanted.items() if is_wanted] or ["of_any_contract"]
    parts = {
        "moment": moment,
        "key": key,
        "span": _part("span").format(moment=moment),
        "unknown": _part("unknown").format(key=key),
        "wanted": SQL(" AND ").join(map(_part, names)),
    }
    return _part("page").format(found=_part(found).format(**parts), moment=moment, key=key)


def _part(name: str) -> SQL:
    return SQL(db.compact(_SQL[name]))


def _witnessed(fill: Fill, trade: Trade | None, shows_all: bool) -> Iterator[Fill]:
    """An execution that a statement tells of as well; a correction of which the gateway does not know before it."""
    if trade is None or trade.exec_id is None:
        yield fill
        return
    told, cells = fill.cells[_AT["ExecutionId"]], fill.cells
    if fill.cells[_AT["CorrectedBy"]] is not None or split_id(trade.exec_id)[1] <= split_id(told)[1]:
        is_same = told == trade.exec_id
        yield fill._replace(cells=_with(cells, Source=BOTH, **_said(cells, trade)) if is_same else cells)
        return
    corrected = _with(
        cells,
        **_figures(trade),
        ExecutionId=trade.exec_id,
        Corrects=[*cells[_AT["Corrects"]], told],
        Source=STATEMENT,
        Statement=trade.statement,
    )
    yield fill._replace(cells=corrected)
    if shows_all:
        yield fill._replace(cells=_with(cells, CorrectedBy=trade.exec_id))


def _figures(trade: Trade) -> dict[str, Any]:
    """What a statement says of a fill, by column."""
    return {
        "Side": _SIDES.get(trade.sign or 0),
        "Shares": trade.shares,
        "Price": trade.price,
        "CurrencyCode": trade.currency,
        "Commission": trade.commission,
        "CommissionCurrency": trade.commission_currency or trade.currency,
        "RealizedPNL": trade.realized,
    }


def _said(cells: list[Any], trade: Trade) -> dict[str, Any]:
    """The statement that is a witness, and what it says otherwise; what one of both does not say is no difference."""
    figures, said = _figures(trade), dict[str, Any]()
    for name in ("Shares", "Price", "Commission"):
        least = None if name == "Shares" else PRICE
        if not agree(figures[name], cells[_AT[name]] or None, least):
            said[name] = orjson.Fragment(figures[name])
    for name in ("Side", "CurrencyCode"):
        if figures[name] and cells[_AT[name]] and figures[name] != cells[_AT[name]]:
            said[name] = figures[name]
    return {"Statement": trade.statement, "Differences": orjson.dumps(said).decode() if said else None}


def _stated(trade: Trade) -> Fill:
    """A fill that no gateway told of."""
    cells: list[Any] = [None] * len(COLUMNS)
    known = _with(
        cells,
        **_figures(trade),
        AccountCode=trade.account,
        ExecutionId=trade.exec_id or trade.trade_id or "",
        Time=trade.at,
        TimeAsSent=trade.time,
        IbContractId=trade.contract,
        Symbol=trade.symbol,
        LocalSymbol=trade.local_symbol,
        SecurityType=trade.asset,
        Exchange=trade.exchange,
        OrderRef=trade.order_reference,
        Multiplier=trade.multiplier,
        Strike=trade.strike,
        Right=trade.right,
        Expiry=trade.expiry,
        Corrects=[],
        Received=trade.received,
        Remarks=[] if trade.at else [_UNKNOWN_TIME],
        Source=STATEMENT,
        ISIN=trade.isin,
        LongName=trade.description,
        Statement=trade.statement,
    )
    return Fill(Place(trade.moment, trade.position, trade.statement, trade.line), known)


def _with(cells: list[Any], **changed: Any) -> list[Any]:
    """The same cells with others in some columns."""
    made = cells.copy()
    for name, cell in changed.items():
        made[_AT[name]] = cell
    return made


def row_of(fill: Fill, isin: str | None, long_name: str | None) -> Row:
    """The row of a page, with what its contract was called then where that is known."""
    cells = fill.cells
    if isin is not None or long_name is not None:
        cells = _with(cells, ISIN=isin, LongName=long_name)
    return cells
