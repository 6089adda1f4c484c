"""The cash report of a period: each currency's cash, where it came from and went, and all of it in the base currency.

In: days in a row, of one account. Out: rows of CashReport. Called by ``statements``. A currency's cash is the gateway's
TotalCashBalance: with what futures have earned, as if they settled at the end of each day.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from ibconnect.simulator.flex.activity import Account
from ibconnect.simulator.flex.closes import Close
from ibconnect.simulator.flex.days import Day
from ibconnect.simulator.flex.documents import Row
from ibconnect.simulator.flex.happenings import (
    DEPOSIT,
    SALES_TAX,
    TRANSACTION_TAX,
    ZERO,
    Cash,
    Deal,
    Happening,
    SystemTransfer,
    Transfer,
)

_COLUMNS = {
    "Dividends": "dividends",
    "Payment In Lieu Of Dividends": "paymentInLieu",
    "Withholding Tax": "withholdingTax",
    "Broker Interest Paid": "brokerInterest",
    "Broker Interest Received": "brokerInterest",
    "Advisor Fees": "advisorFees",
    "Other Fees": "otherFees",
    "Commission Adjustments": "commissions",
    SALES_TAX: "salesTax",
    TRANSACTION_TAX: "transactionTax",
}
_ALL = (
    *("commissions", "deposits", "withdrawals", "accountTransfers", "internalTransfers", "dividends", "brokerInterest"),
    *("paymentInLieu", "withholdingTax", "salesTax", "transactionTax", "advisorFees", "otherFees"),
    *("netTradesSales", "netTradesPurchases"),
)
BASE = "BASE_SUMMARY"

Sums = dict[str, Decimal]


def rows(account: Account, days: Sequence[Day]) -> Iterator[Row]:
    """One for the base currency, one for each currency that there is or was."""
    first, last = days[0], days[-1]
    sums: dict[str, Sums] = defaultdict(lambda: defaultdict(lambda: ZERO))
    based: Sums = defaultdict(lambda: ZERO)
    for day in days:
        for each in day.happenings:
            for column, currency, amount in _effects(each):
                sums[currency][column] += amount
                based[column] += amount * day.after.rates[currency]
    starting, ending = first.before.cash, last.after.cash
    yield _row(account, days, BASE, based, (_based(first.before), _based(last.after)))
    for currency in sorted({*starting, *ending, *sums}):
        edges = starting.get(currency, ZERO), ending.get(currency, ZERO)
        yield _row(account, days, currency, sums[currency], edges)


def _based(close: Close) -> Decimal:
    return sum((amount * close.rates[currency] for currency, amount in close.cash.items()), ZERO)


def _effects(each: Happening) -> Iterator[tuple[str, str, Decimal]]:
    """Column, currency and amount of what a happening moves."""
    match each:
        case Cash() if each.kind == DEPOSIT:
            yield "deposits" if each.amount > 0 else "withdrawals", each.currency, each.amount
        case Cash():
            yield _COLUMNS[each.kind], each.currency, each.amount
        case Transfer() if each.instrument is None:
            yield "accountTransfers", each.currency, each.cash
        case SystemTransfer():
            yield "internalTransfers", each.currency, each.amount
        case Deal() if each.instrument.sec_type != "FUT":
            instrument = each.instrument
            yield "commissions", instrument.currency, -each.fee
            yield _side(-each.amount), instrument.currency, -each.amount
            if instrument.sec_type == "CASH":
                yield _side(each.quantity), instrument.symbol, each.quantity


def _side(amount: Decimal) -> str:
    return "netTradesSales" if amount > 0 else "netTradesPurchases"


def _row(account: Account, days: Sequence[Day], currency: str, sums: Sums, edges: tuple[Decimal, Decimal]) -> Row:
    """What is left is what futures have settled, and in the base currency what rates have done."""
    starting, ending = edges
    rest = ending - starting - sum(sums.values(), ZERO)
    is_base = currency == BASE
    return "CashReportCurrency", {
        **account.row(),
        "currency": currency,
        "levelOfDetail": "BaseCurrency" if is_base else "Currency",
        "fromDate": days[0].on,
        "toDate": days[-1].on,
        "startingCash": starting,
        **{column: sums[column] for column in _ALL},
        "depositWithdrawals": sums["deposits"] + sums["withdrawals"],
        "cashSettlingMtm": ZERO if is_base else rest,
        "fxTranslationGainLoss": rest if is_base else ZERO,
        "endingCash": ending,
        "endingSettledCash": ending,
    }
