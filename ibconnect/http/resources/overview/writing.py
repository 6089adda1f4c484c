"""An overview as a table, and what stands around its rows in JSON.

In: an overview, the moments that it is of. Out: columns, rows of cells, the document. Called by the handler. Figures
are texts with every digit, which JSON takes as numbers.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from ibconnect.http.resources.directory_lookup import Entry
from ibconnect.http.resources.overview.making import CASH, CHANGES, GROSS, NET, PERIODS, Overview, Row, text_of
from ibconnect.http.resources.overview.rates import Rate
from ibconnect.http.resources.overview.reading import Account
from ibconnect.http.resources.performance.stated import NO_FLOWS, OTHER_BASE
from ibconnect.http.server.frames import Cell, Column, Type, as_figure

RETURNS = tuple(f"Return{period}" for period in PERIODS)
USUAL = dict.fromkeys(RETURNS, NO_FLOWS)
"""Why figures are null that are so where statements tell nothing."""

MOMENTS = ("At", *PERIODS)
"""What rates are of: the moment asked for, and those that it is compared with."""

_OVER = ("since the last close", "since the last close of the month before", "since the last close of the year before")
_WHY = "For each figure of the row that is null, why: `ChangeYearToDate=no-report`"

COLUMNS = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Alias", Type.TEXT, "What the advisor called it at the moment; null: nothing, or the login is none"),
    Column("AccountType", Type.TEXT, "INDIVIDUAL, ..."),
    Column("BaseCurrency", Type.TEXT, "That of the figures of the row, but for NetLiquidationIn"),
    Column(NET, Type.FIGURE, "What it is worth"),
    Column(
        "Currency", Type.TEXT, "The currency asked for, else the base currency where all have the same", in_head=True
    ),
    Column("NetLiquidationIn", Type.FIGURE, "NetLiquidation in Currency: times the rate of `Rates`, with every digit"),
    *(
        Column(f"Change{period}", Type.FIGURE, f"What NetLiquidation has changed by {over}: flows are part of it")
        for period, over in zip(PERIODS, _OVER, strict=True)
    ),
    *(
        Column(
            f"Return{period}",
            Type.FIGURE,
            f"The return {over}, as a share, time-weighted, to the end of FlowsUntil",
        )
        for period, over in zip(PERIODS, _OVER, strict=True)
    ),
    *(
        Column(
            f"Report{period}", Type.TIME, f"The report that Change{period} compares with: the newest before the close"
        )
        for period in PERIODS
    ),
    Column("Cushion", Type.FIGURE, "ExcessLiquidity as a share of NetLiquidation, as IB gives it"),
    Column(CASH, Type.FIGURE, "TotalCashValue"),
    Column(GROSS, Type.FIGURE, "What is held, long and short added"),
    Column("Leverage", Type.FIGURE, "GrossPositionValue / NetLiquidation, rounded to four decimals"),
    Column("Latest", Type.TIME, "The report that the row is of"),
    Column("Ready", Type.BOOLEAN, "Whether that report can be relied on"),
    Column("Gateways", Type.TEXTS, "Those that it belongs to and that list it now", is_nullable=False),
    Column("Why", Type.TEXTS, _WHY, is_nullable=False),
    Column("Groups", Type.TEXTS, "The advisor's groups that it was in at the moment", is_nullable=False),
    Column("FlowsUntil", Type.DATE, "The last day that is over and of which a statement tells the value and the flows"),
)


class Head(NamedTuple):
    """What stands before the rows. ``at``: None for now. ``closes``: the moments that are compared with."""

    at: str | None
    closes: Sequence[str]
    currency: str | None


def return_of(overview: Overview, account: Account, place: int) -> tuple[str | None, str]:
    """The return of an account over one of :data:`PERIODS`, or why there is none."""
    found = overview.returns.each.get(account.code)
    if found is None:
        return None, NO_FLOWS
    if account.base and found.currency and account.base != found.currency:
        return None, OTHER_BASE
    return found.shares[place], found.why[place]


def cells(overview: Overview, currency: str | None, row: Row, said: Entry | None) -> tuple[Cell, ...]:
    """A row of the table; ``said``: by the advisor's directory."""
    account = row.account
    returns = [return_of(overview, account, place) for place in range(len(PERIODS))]
    told = overview.returns.each.get(account.code)
    why = [(name, reason) for name, (_, reason) in zip(RETURNS, returns, strict=True) if reason not in ("", NO_FLOWS)]
    return (
        account.code,
        None if said is None else said.alias,
        account.account_type,
        account.base or None,
        account.net_liquidation,
        currency,
        row.net_liquidation_in,
        *row.change,
        *(share for share, _ in returns),
        *row.since,
        account.cushion,
        account.cash,
        account.gross_position_value,
        row.leverage,
        account.created,
        account.is_ready if account.created else None,
        account.gateways,
        [f"{name}={reason}" for name, reason in (*row.why.items(), *why)],
        () if said is None else said.groups,
        None if told is None else told.until,
    )


def document(head: Head, overview: Overview) -> Callable[[orjson.Fragment], object]:
    """What stands around the rows."""
    rates = [_rate(moment, rate) for moment, used in zip(MOMENTS, overview.rates, strict=True) for rate in used]
    return lambda rows: {
        "At": head.at,
        "Closes": dict(zip(PERIODS, head.closes, strict=True)),
        "Currency": head.currency,
        "Accounts": rows,
        "Total": _total(head.currency, overview),
        "Rates": rates,
        "Why": USUAL,
    }


def _total(currency: str | None, overview: Overview) -> dict[str, Any]:
    total, together = overview.total, overview.returns.together
    figures = {name: as_figure(total.figures.get(name)) for name in (NET, *CHANGES, CASH, GROSS)}
    return {
        "Currency": currency,
        "Accounts": total.accounts,
        "Complete": total.is_complete,
        NET: figures[NET],
        **{name: figures[name] for name in CHANGES},
        **{name: as_figure(share) for name, share in zip(RETURNS, together.shares, strict=True)},
        CASH: figures[CASH],
        GROSS: figures[GROSS],
        "Leverage": as_figure(total.leverage),
        "Excluded": [
            {"Figure": figure, "Why": why, "AccountCodes": codes}
            for (figure, why), codes in sorted(total.excluded.items())
        ],
        "FlowsUntil": None if together.until is None else together.until.isoformat(),
        "Why": {name: reason for name, reason in zip(RETURNS, together.why, strict=True) if reason},
    }


def _rate(moment: str, rate: Rate) -> dict[str, Any]:
    ledgers = [
        {
            "Currency": given.source,
            "BaseCurrency": given.base,
            "ExchangeRate": as_figure(given.rate),
            "AccountCode": given.account,
            "Timestamp": given.created,
            "Gateway": given.gateway,
        }
        for given in rate.given
    ]
    return {
        "Moment": moment,
        "From": rate.source,
        "To": rate.target,
        "Rate": as_figure(text_of(rate.rate)),
        "Ledgers": ledgers,
    }
