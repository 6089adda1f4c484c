"""Returns as a table of periods, and what stands around it in JSON.

In: what was made of a set, steps. Out: columns, rows of cells, the document. Called by the handlers. Returns are shares
(0.01 is one percent) with twelve decimals, amounts have every digit.
"""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson

from ibconnect.config import Config
from ibconnect.http.resources.performance.making import Made
from ibconnect.http.server.columns import Column, Row, Type
from ibconnect.http.server.frames import as_figure
from ibconnect.returns.figures import EXACT, ONE, DayReturn, Gap
from ibconnect.returns.linking import DAYS_OF_YEAR, Period, each_day, month_of, periods, year_of
from ibconnect.returns.risk import TRADING_DAYS, Extreme
from ibconnect.returns.summary import Summary

GAPS_MAX = 1_000
"""Gaps that are named; how many there are is said."""

_DIGITS = Decimal("1e-12")

STEPS: dict[str, Callable[[date], object]] = {
    "1d": each_day,
    "1w": lambda day: day.isocalendar()[:2],
    "1mo": month_of,
    "1q": lambda day: (day.year, (day.month - 1) // 3),
    "1y": year_of,
}

COLUMNS = (
    Column(
        "AccountCodes", Type.TEXTS, "The accounts of the set, where they are named", is_nullable=False, in_head=True
    ),
    Column("Currency", Type.TEXT, "What amounts are in", in_head=True),
    Column("Since", Type.DATE, "The day at whose end the period begins: the last with a value", is_nullable=False),
    Column("Day", Type.DATE, "The day at whose end it ends", is_nullable=False),
    Column("StartValue", Type.FIGURE, "What it begins with", is_nullable=False),
    Column("EndValue", Type.FIGURE, "What it ends with", is_nullable=False),
    Column("Flows", Type.FIGURE, "External flows, and accounts that joined the set or left it", is_nullable=False),
    Column("Gain", Type.FIGURE, "The change of value that is no flow", is_nullable=False),
    Column("Return", Type.FIGURE, "Time-weighted, as a share; null: a day of the period has none"),
    Column(
        "Linked", Type.FIGURE, "The same since the beginning of the span; null from the first day without a return on"
    ),
    Column("Sources", Type.TEXTS, "Where values come from: statement, recorder", is_nullable=False),
    Column("Methods", Type.TEXTS, "How the returns of its days came about", is_nullable=False),
)


def share(value: Decimal | None) -> str | None:
    """A return or a ratio, rounded to twelve decimals, without zeros at the end."""
    if value is None:
        return None
    rounded = value.quantize(_DIGITS, ROUND_HALF_EVEN, EXACT)
    text = str(rounded)
    text = (f"{rounded:f}" if "E" in text else text).rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def plain(amount: Decimal) -> str:
    """An amount without zeros at the end: of sums and products, these say nothing."""
    text = str(amount)
    text = f"{amount:f}" if "E" in text else text
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def less_one(factor: Decimal | None) -> str | None:
    """A factor as a return."""
    return None if factor is None else share(EXACT.subtract(factor, ONE))


def rows_of(made: Made, step: str, codes: Sequence[str]) -> list[Row]:
    """The series by steps, oldest first."""
    if made.summary is None:
        return []
    known = {"1mo": made.summary.months, "1y": made.summary.years}
    found = known.get(step) or periods(made.days, STEPS[step])
    return [_row(each, codes, made.currency) for each in found]


def _row(each: Period, codes: Sequence[str], currency: str) -> Row:
    return (
        codes,
        currency or None,
        each.since,
        each.day,
        plain(each.start),
        plain(each.value),
        plain(each.flow),
        plain(each.gain),
        less_one(each.factor),
        less_one(each.level),
        [source.value for source in each.sources],
        [method.value for method in each.methods],
    )


def document(made: Made, codes: Sequence[str], config: Config, free: Decimal) -> Callable[[orjson.Fragment], object]:
    """What stands around the rows."""
    head = {
        "AccountCodes": codes,
        "Accounts": len(made.codes),
        "Currency": made.currency or None,
        **_span(made.summary),
    }
    tail = {
        "Method": _method(made, config, free),
        "Source": _sources(made.days),
        "Gaps": [_gap(gap) for gap in made.gaps[:GAPS_MAX]],
        "GapsInAll": len(made.gaps),
    }
    return lambda rows: {**head, **tail, "Series": rows}


def _span(found: Summary | None) -> dict[str, Any]:
    if found is None:
        return {**dict.fromkeys(_MEMBERS), "Months": [], "Years": []}
    best_day, worst_day = found.days or (None, None)
    best_month, worst_month = found.best_months or (None, None)
    fall, rate = found.drawdown, found.money_weighted
    values: tuple[Any, ...] = (
        found.since.isoformat(),
        found.until.isoformat(),
        as_figure(plain(found.start)),
        as_figure(plain(found.value)),
        as_figure(plain(found.flows)),
        as_figure(plain(found.inflows)),
        as_figure(plain(found.outflows)),
        as_figure(plain(found.gain)),
        as_figure(share(found.time_weighted)),
        as_figure(share(found.annual)),
        {
            "Solutions": rate.solutions.value,
            "Annual": as_figure(share(rate.annual)),
            "Period": as_figure(share(rate.over)),
        },
        found.spread.observations,
        as_figure(share(found.spread.volatility)),
        as_figure(share(found.spread.sharpe)),
        as_figure(share(found.spread.sortino)),
        None
        if fall is None
        else {
            "Depth": as_figure(share(fall.depth)),
            "Peak": fall.peak.isoformat(),
            "Trough": fall.trough.isoformat(),
            "Recovered": None if fall.recovered is None else fall.recovered.isoformat(),
        },
        *map(_extreme, (best_day, worst_day, best_month, worst_month)),
    )
    return {
        **dict(zip(_MEMBERS, values, strict=True)),
        "Months": [_period(each, f"{each.day:%Y-%m}") for each in found.months],
        "Years": [_period(each, f"{each.day:%Y}") for each in found.years],
    }


_MEMBERS = (
    "Since",
    "Until",
    "StartValue",
    "EndValue",
    "Flows",
    "Inflows",
    "Outflows",
    "Gain",
    "TimeWeightedReturn",
    "AnnualizedReturn",
    "MoneyWeightedReturn",
    "Observations",
    "Volatility",
    "SharpeRatio",
    "SortinoRatio",
    "MaximumDrawdown",
    "BestDay",
    "WorstDay",
    "BestMonth",
    "WorstMonth",
)


def _extreme(found: Extreme | None) -> dict[str, Any] | None:
    return None if found is None else {"Day": found.day.isoformat(), "Return": as_figure(share(found.value))}


def _period(each: Period, name: str) -> dict[str, Any]:
    return {
        "Period": name,
        "Return": as_figure(less_one(each.factor)),
        "Gain": as_figure(plain(each.gain)),
        "Flows": as_figure(plain(each.flow)),
    }


def _method(made: Made, config: Config, free: Decimal) -> dict[str, Any]:
    methods = [each.method.value for each in made.days]
    return {
        "TimeWeighted": "daily returns, linked",
        "MoneyWeighted": "xirr",
        "Flows": config.perf_flows,
        "LargeFlow": as_figure(str(config.perf_large_flow)),
        "Days": {name: methods.count(name) for name in dict.fromkeys(methods)},
        "RiskFreeRate": as_figure(plain(free)),
        "DaysOfYear": DAYS_OF_YEAR,
        "TradingDaysOfYear": TRADING_DAYS,
    }


def _sources(days: Sequence[DayReturn]) -> list[dict[str, Any]]:
    """From when until when values come from where."""
    runs = [(source, list(some)) for source, some in groupby(days, key=attrgetter("source"))]
    return [
        {
            "Source": source.value,
            "From": some[0].day.isoformat(),
            "To": some[-1].day.isoformat(),
            "Days": len(some),
        }
        for source, some in runs
    ]


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "Code": gap.code.value,
        "From": gap.first.isoformat(),
        "To": gap.last.isoformat(),
        "Days": gap.days,
        "Detail": gap.detail or None,
    }
