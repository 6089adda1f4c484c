"""A FlexStatement of one or several days of an account: its sections and their rows.

In: days in a row, of one account. Out: :class:`documents.Statement`. Called by ``source``. Rows of what happens are in
``activity``.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from ibconnect.simulator.flex import cash_report
from ibconnect.simulator.flex.activity import Account, Line, contract, sections
from ibconnect.simulator.flex.closes import Close, Holding
from ibconnect.simulator.flex.days import MEMBERS, Day, change_of, return_of
from ibconnect.simulator.flex.documents import Row, Statement
from ibconnect.simulator.flex.happenings import ZERO

_HUNDRED = Decimal(100)
_MICRO = Decimal("1e-9")


def statement(days: Sequence[Day], generated: datetime, period: str = "") -> Statement:
    """The statement of these days, with every section that there is."""
    first, last = days[0], days[-1]
    account = Account(last.account, last.alias, last.base)
    return Statement(
        last.account,
        first.on,
        last.on,
        generated,
        {
            "AccountInformation": [_information(account, last)],
            "EquitySummaryInBase": list(_summaries(account, days)),
            "ChangeInNAV": [_change(account, days)],
            "CashReport": list(cash_report.rows(account, days)),
            "OpenPositions": [_position(account, last, each) for each in last.after.holdings.values()],
            "InterestAccruals": list(_interest(account, days)),
            "ConversionRates": [row for day in days for row in _rates(day)],
            "CarbonFootprint": [("CarbonEstimate", {**account.row(), "tons": "0.1", "method": "2030-draft"})],
            **sections(account, days),
        },
        period,
    )


def _information(account: Account, last: Day) -> Row:
    names: Line = {
        **account.row(),
        "currency": last.base,
        "name": last.alias or last.account,
        "accountType": "Individual",
        "customerType": "Individual",
        "accountCapabilities": "Margin",
        "dateClosed": last.on if not last.after.worth and last.before.worth else None,
    }
    return "AccountInformation", names


def _summaries(account: Account, days: Sequence[Day]) -> Iterator[Row]:
    """The value before the period, and at the end of each of its days."""
    first = days[0]
    closes = [(day.on, day.after) for day in days]
    if first.former is not None:
        closes.insert(0, (first.former, first.before))
    for date, close in closes:
        yield (
            "EquitySummaryByReportDateInBase",
            {
                **account.row(),
                "currency": account.base,
                "reportDate": date,
                **_parts(close),
            },
        )


def _parts(close: Close) -> Line:
    line: dict[str, object] = {}
    for column, amount in close.parts.items():
        short = close.shorts.get(column, min(amount, ZERO) if column == "cash" else ZERO)
        line |= {column: amount, f"{column}Long": amount - short, f"{column}Short": short}
    shorts = sum((value for key, value in line.items() if key.endswith("Short") and isinstance(value, Decimal)), ZERO)
    none = dict.fromkeys(("commodities", "funds", "notes", "slbCashCollateral", "softDollars", "cfdUnrealizedPl"), ZERO)
    return {**line, **none, "total": close.total, "totalLong": close.total - shorts, "totalShort": shorts}


def _change(account: Account, days: Sequence[Day]) -> Row:
    change = change_of(days)
    return "ChangeInNAV", {
        **account.row(),
        "currency": days[-1].base,
        "fromDate": days[0].on,
        "toDate": days[-1].on,
        "startingValue": days[0].before.total,
        **{member: change[member] for member in MEMBERS},
        "endingValue": days[-1].after.total,
        "twr": return_of(days),
    }


def _position(account: Account, day: Day, held: Holding) -> Row:
    instrument, after = held.instrument, day.after
    cost = held.quantity * held.average_cost
    rate = after.rates[instrument.currency]
    share = (held.value * rate / after.total * _HUNDRED).quantize(Decimal("0.01")) if after.total else ZERO
    return "OpenPosition", {
        **account.row(),
        **contract(instrument, rate),
        "reportDate": day.on,
        "position": held.quantity,
        "markPrice": held.price,
        "positionValue": held.value,
        "openPrice": held.average_cost / instrument.factor,
        "costBasisPrice": (held.average_cost / instrument.factor).quantize(_MICRO),
        "costBasisMoney": cost,
        "percentOfNAV": share,
        "fifoPnlUnrealized": held.value - cost,
        "side": "Long" if held.quantity > 0 else "Short",
        "levelOfDetail": "SUMMARY",
    }


def _interest(account: Account, days: Sequence[Day]) -> Iterator[Row]:
    before, after = days[0].before.accrued, days[-1].after.accrued
    for currency in sorted({*before, *after}):
        was, now = before.get(currency, ZERO), after.get(currency, ZERO)
        if was or now:
            yield (
                "InterestAccrualsCurrency",
                {
                    **account.row(),
                    "currency": currency,
                    "fromDate": days[0].on,
                    "toDate": days[-1].on,
                    "startingAccrualBalance": was,
                    "interestAccrued": now - was,
                    "accrualReversal": ZERO,
                    "fxTranslation": ZERO,
                    "endingAccrualBalance": now,
                },
            )


def _rates(day: Day) -> Iterator[Row]:
    for currency, rate in day.after.rates.items():
        if currency != day.base:
            yield (
                "ConversionRate",
                {
                    "reportDate": day.on,
                    "fromCurrency": currency,
                    "toCurrency": day.base,
                    "rate": rate,
                },
            )
