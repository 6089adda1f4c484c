"""All accounts at one moment: what each is worth, what changed, and the total in one currency.

In: calls. Out: answers. Called by the pipeline. What was made of the tables is kept until they say something new.
"""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import UTC, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from typing import NamedTuple, Self

from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.http.resources.directory_lookup import members, names
from ibconnect.http.resources.overview.closes import Closes, closes_before, days_over
from ibconnect.http.resources.overview.making import CASH, CHANGES, GROSS, NET, Maker, Overview, Row
from ibconnect.http.resources.overview.rates import EXACT
from ibconnect.http.resources.overview.reading import Reader
from ibconnect.http.resources.overview.writing import COLUMNS, RETURNS, Head, cells, document, return_of
from ibconnect.http.resources.performance.stated_kept import ReturnsAsked, StatedReturns
from ibconnect.http.resources.table_state import TableState
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.limits import ACCOUNTS_PIECE, OVERVIEW_ROWS_KEPT
from ibconnect.http.server.problems import invalid
from ibconnect.http.server.services import Part, Services
from ibconnect.times import EPOCH, format_rfc3339

_SQL = queries("http/overview")
_MIDNIGHT = time()
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)


class _Asked(NamedTuple):
    """What an overview is of."""

    visible: frozenset[str] | None
    at: datetime | None
    closes: Closes
    currency: str | None
    takes_any: bool
    returns: ReturnsAsked


class Overviews(Part):
    """Those of one application that were made last, each with the state of the tables that it is of."""

    def __init__(self) -> None:
        self.kept: OrderedDict[_Asked, tuple[Hashable, Overview]] = OrderedDict()
        self._rows = 0

    @classmethod
    def made(cls, services: Services) -> Self:
        """None yet."""
        return cls()

    def known(self, asked: _Asked, state: Hashable) -> Overview | None:
        """The overview, if it was made in this state."""
        known, overview = self.kept.get(asked, (None, None))
        return overview if known == state else None

    def keep(self, asked: _Asked, state: Hashable, overview: Overview) -> None:
        """Keep one, and the newest others as far as there is room."""
        self._forget(asked)
        self.kept[asked] = state, overview
        self._rows += len(overview.rows)
        while self._rows > OVERVIEW_ROWS_KEPT and len(self.kept) > 1:
            self._forget(next(iter(self.kept)))

    def _forget(self, asked: _Asked) -> None:
        _, overview = self.kept.pop(asked, (None, None))
        self._rows -= 0 if overview is None else len(overview.rows)


async def overview(call: Call) -> web.StreamResponse:
    """The accounts that the token may see, a page of them; the total is over all."""
    arguments = call.arguments
    at: datetime | None = arguments["at"]
    moment = min(max(at or call.now, EPOCH), _LATEST)
    zone, close = arguments["tz"] or UTC, arguments["close"] or _MIDNIGHT
    closes = closes_before(moment, zone, close)
    takes_any = arguments["ready"] is not None
    visible = call.principal.accounts
    if arguments["group"]:
        visible = await members(call, arguments["group"], at or call.now)
    over, currency = days_over(closes, moment, zone, close), arguments["currency"]
    returns = ReturnsAsked(visible, call.principal.accounts, over, currency)
    made = await _overview(call, _Asked(visible, at, closes, currency, takes_any, returns))
    await _ensure_known(call, made, arguments["currency"])
    ordered, limit = _ordered(made, arguments["sort"]), arguments["limit"]
    first = _first_after(ordered, arguments["cursor"])
    page = ordered[first : first + limit]
    headers = {}
    if first + limit < len(ordered):
        now = {} if at else {"at": format_rfc3339(call.now)}
        headers = next_page(call, cursor=page[-1].account.code, **now)
    currency = made.currency or arguments["currency"]
    head = Head(None if at is None else format_rfc3339(at), [format_rfc3339(each) for each in closes], currency)
    said = await names(call, at or call.now, [row.account.code for row in page])
    rows = [cells(made, currency, row, said.get(row.account.code)) for row in page]
    return await table_response(
        call, COLUMNS, rows, _name(currency, at), document=document(head, made), headers=headers
    )


async def _overview(call: Call, asked: _Asked) -> Overview:
    """What was made of the tables as they are now."""
    services = call.services
    stated = services.part(StatedReturns)
    told = await stated.state()
    state = await services.part(TableState).recent(), told
    overviews = services.part(Overviews)
    known = overviews.known(asked, state)
    if known is not None:
        return known
    codes = None if asked.visible is None else sorted(asked.visible)
    found = await services.part(Reader).read(codes, asked.at, asked.closes, asked.currency, takes_any=asked.takes_any)
    maker = Maker(found)
    while len(maker.rows) < len(found.accounts):
        async with services.gate.piece():
            maker.add(ACCOUNTS_PIECE)
    made = maker.overview(await stated.of(asked.returns, told))
    overviews.keep(asked, state, made)
    return made


async def _ensure_known(call: Call, made: Overview, currency: str | None) -> None:
    """Refuse a currency that none of these accounts has to do with: one that is misspelt would else look like no rate.

    :raises Problem: no ledger of theirs has it; says which currencies there are
    """
    ready = [row for row in made.rows if row.account.base and row.account.is_ready]
    if currency is None or not ready or any(row.rate is not None for row in ready):
        return
    shown = {"codes": [row.account.code for row in ready], "created": [row.account.created for row in ready]}
    known = [code for (code,) in await db.rows(call.services.pool, _SQL["currencies"], shown)]
    if currency not in known:
        close = get_close_matches(currency, known, n=1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise invalid("currency", f"no ledger has {currency!r}; there is {', '.join(known)}{meant}")


_SHARES = ("Cushion", "Leverage", *RETURNS)
SORTS = ("AccountCode", NET, *CHANGES, CASH, GROSS, *_SHARES)
"""What rows may be ordered by; amounts of several currencies in the one asked for."""


def _ordered(made: Overview, sort: str) -> list[Row]:
    """The rows in order: ``-`` stands before what is to begin with the largest. Those without a figure come last."""
    name, is_descending = sort.removeprefix("-"), sort.startswith("-")
    if name == "AccountCode":
        return made.rows[::-1] if is_descending else made.rows
    if made.currency is None and name not in _SHARES and made.rows:
        raise invalid("sort", "the accounts have several base currencies: name one by currency=")
    figures = [(row, _figure(made, row, name)) for row in made.rows]
    there = [(row, figure) for row, figure in figures if figure is not None]
    there.sort(key=lambda pair: pair[1], reverse=is_descending)
    return [*(row for row, _ in there), *(row for row, figure in figures if figure is None)]


def _figure(made: Overview, row: Row, name: str) -> Decimal | None:
    account = row.account
    if name in RETURNS:
        share, _ = return_of(made, account, RETURNS.index(name))
        return None if share is None else Decimal(share)
    if name in ("Cushion", "Leverage"):
        text = account.cushion if name == "Cushion" else row.leverage
        return Decimal(text) if text else None
    texts = {NET: account.net_liquidation, CASH: account.cash, GROSS: account.gross_position_value}
    text = row.change[CHANGES.index(name)] if name in CHANGES else texts[name]
    return EXACT.multiply(Decimal(text), row.rate) if text and row.rate is not None else None


def _first_after(rows: list[Row], code: str | None) -> int:
    """Where the page begins that follows an account; one that is not there is followed by nothing."""
    if code is None:
        return 0
    places = (number for number, row in enumerate(rows, 1) if row.account.code == code)
    return next(places, len(rows))


def _name(currency: str | None, at: datetime | None) -> str:
    return "-".join(filter(None, ("overview", currency, None if at is None else format_rfc3339(at))))
