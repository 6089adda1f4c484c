"""What happened in a period, as rows of its sections: payments, trades, transfers, accruals, splits, options.

In: days in a row, of one account. Out: rows by section. Called by ``statements``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ibconnect.simulator.flex.days import Day, effects
from ibconnect.simulator.flex.documents import Row
from ibconnect.simulator.flex.happenings import (
    DEPOSIT,
    IN,
    SALES_TAX,
    TRANSACTION_TAX,
    ZERO,
    Cash,
    Deal,
    DividendChange,
    OptionEvent,
    Split,
    SystemTransfer,
    Transfer,
)
from ibconnect.simulator.scenario.instruments import Instrument

Line = Mapping[str, object]
_SETTLE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Account:
    """Whose rows these are."""

    code: str
    alias: str
    base: str

    def row(self) -> dict[str, object]:
        return {"accountId": self.code, "acctAlias": self.alias, "model": ""}


def contract(instrument: Instrument | None, rate: Decimal, currency: str = "") -> Line:
    """The columns of a contract; empty ones for a row that is about none."""
    if instrument is None:
        return {"currency": currency, "fxRateToBase": rate, "assetCategory": "", "symbol": "", "conid": ""}
    is_option = instrument.right != ""
    return {
        "currency": currency or instrument.currency,
        "fxRateToBase": rate,
        "assetCategory": instrument.sec_type,
        "symbol": instrument.local_symbol,
        "description": instrument.local_symbol if is_option else f"{instrument.symbol} (simulated)",
        "conid": str(instrument.con_id),
        "listingExchange": instrument.exchange,
        "underlyingSymbol": instrument.symbol if is_option else "",
        "multiplier": instrument.factor,
        "strike": Decimal(instrument.strike) if instrument.strike else "",
        "expiry": instrument.expiry,
        "putCall": instrument.right,
    }


def sections(account: Account, days: Sequence[Day]) -> dict[str, list[Row]]:
    """The rows of every section of what happens."""
    found: dict[str, list[Row]] = {
        "Trades": [],
        "TransactionTaxes": [],
        "OptionEAE": [],
        "CorporateActions": [],
        "CashTransactions": [],
        "SalesTaxes": [],
        "Transfers": [],
        "ChangeInDividendAccruals": [],
        "StmtFunds": list(_funds(account, days)),
    }
    for day in days:
        for each in day.happenings:
            make = _MAKERS.get(type(each))
            if make is not None:
                section, row = make(account, day, each)
                found[section].append(row)
    found["Trades"] += [_order(account, day, each) for day in days for each in day.happenings if isinstance(each, Deal)]
    return found


def _cash(account: Account, day: Day, each: Cash) -> tuple[str, Row]:
    head = {**account.row(), **contract(each.instrument, day.after.rates[each.currency], each.currency)}
    if each.kind == SALES_TAX:
        return "SalesTaxes", (
            "SalesTax",
            {
                **head,
                "date": day.on,
                "country": "Austria",
                "taxType": "VAT",
                "payer": account.code,
                "taxableDescription": each.text,
                "taxableAmount": each.amount * 5,
                "taxRate": "0.2",
                "salesTax": each.amount,
                "transactionID": str(each.number),
            },
        )
    if each.kind == TRANSACTION_TAX:
        return "TransactionTaxes", (
            "TransactionTax",
            {
                **head,
                "date": day.on,
                "reportDate": day.on,
                "taxDescription": each.text,
                "taxAmount": each.amount,
                "tradeId": str(each.number),
            },
        )
    return "CashTransactions", (
        "CashTransaction",
        {
            **head,
            "description": each.text,
            "dateTime": each.at,
            "settleDate": day.on,
            "amount": each.amount,
            "type": each.kind,
            "tradeID": "",
            "code": "",
            "transactionID": str(each.number),
            "reportDate": day.on,
            "clientReference": "",
            "levelOfDetail": "DETAIL",
        },
    )


def _money(deal: Deal) -> Decimal:
    """What a trade moves of cash in the contract's currency, without commission; a future moves none."""
    return ZERO if deal.instrument.sec_type == "FUT" else -deal.amount


def _deal(account: Account, day: Day, each: Deal) -> tuple[str, Row]:
    instrument = each.instrument
    held = day.after.holdings.get(instrument.con_id)
    return "Trades", (
        "Trade",
        {
            **account.row(),
            **contract(instrument, day.after.rates[instrument.currency]),
            "tradeID": str(each.number + 500_000_000),
            "reportDate": day.on,
            "dateTime": each.at,
            "tradeDate": each.at.date(),
            "settleDateTarget": each.at.date() + _SETTLE,
            "transactionType": each.kind,
            "exchange": instrument.exchange if each.kind == "ExchTrade" else "--",
            "quantity": each.quantity,
            "tradePrice": each.price,
            "tradeMoney": each.amount,
            "proceeds": -each.amount,
            "taxes": ZERO,
            "ibCommission": -each.fee,
            "ibCommissionCurrency": instrument.currency,
            "netCash": _money(each) - each.fee,
            "closePrice": held.price if held else each.price,
            "openCloseIndicator": "O" if each.realized is None else "C",
            "notes": each.notes,
            "fifoPnlRealized": each.realized if each.realized is not None else ZERO,
            "buySell": "BUY" if each.quantity > 0 else "SELL",
            "ibOrderID": str(each.order_id),
            "transactionID": str(each.number),
            "ibExecID": each.exec_id,
            "orderTime": each.at,
            "levelOfDetail": "EXECUTION",
            "orderType": each.order_type,
            "isAPIOrder": "N",
        },
    )


def _order(account: Account, day: Day, each: Deal) -> Row:
    """The order of an execution: the same figures once more, at another level."""
    row = dict(_deal(account, day, each)[1][1])
    row |= {"levelOfDetail": "ORDER", "ibExecID": "", "tradeID": "", "transactionID": "", "exchange": ""}
    return "Order", row


def _transfer(account: Account, day: Day, each: Transfer) -> tuple[str, Row]:
    rate = day.after.rates[each.currency]
    is_cash = each.instrument is None
    return "Transfers", (
        "Transfer",
        {
            **account.row(),
            **contract(each.instrument, rate, each.currency),
            "assetCategory": "CASH" if each.instrument is None else each.instrument.sec_type,
            "reportDate": day.on,
            "date": each.at.date(),
            "dateTime": each.at,
            "settleDate": day.on,
            "type": each.kind,
            "direction": each.direction,
            "company": "--",
            "account": each.counterparty,
            "accountName": "",
            "deliveringBroker": each.counterparty if each.direction == IN else "",
            "quantity": each.quantity,
            "transferPrice": each.price,
            "positionAmount": ZERO if is_cash else each.value,
            "positionAmountInBase": ZERO if is_cash else each.value * rate,
            "pnlAmount": ZERO,
            "pnlAmountInBase": ZERO,
            "cashTransfer": each.cash,
            "code": "",
            "clientReference": "",
            "transactionID": str(each.number),
            "levelOfDetail": "TRANSFER",
        },
    )


def _accrual(account: Account, day: Day, each: DividendChange) -> tuple[str, Row]:
    currency = each.instrument.currency
    return "ChangeInDividendAccruals", (
        "ChangeInDividendAccrual",
        {
            **account.row(),
            **contract(each.instrument, day.after.rates[currency]),
            "reportDate": day.on,
            "date": each.on,
            "exDate": each.ex_day,
            "payDate": each.pay_day,
            "quantity": each.quantity,
            "tax": each.tax,
            "fee": ZERO,
            "grossRate": abs(each.gross / each.quantity).quantize(Decimal("0.000001")),
            "grossAmount": each.gross,
            "netAmount": each.net,
            "code": each.code,
            "fromAcct": "",
            "toAcct": "",
        },
    )


def _split(account: Account, day: Day, each: Split) -> tuple[str, Row]:
    return "CorporateActions", (
        "CorporateAction",
        {
            **account.row(),
            **contract(each.instrument, day.after.rates[each.instrument.currency]),
            "reportDate": day.on,
            "dateTime": each.at,
            "actionDescription": each.text,
            "amount": ZERO,
            "proceeds": ZERO,
            "value": ZERO,
            "quantity": each.quantity,
            "fifoPnlRealized": ZERO,
            "mtmPnl": ZERO,
            "code": "",
            "type": "FS",
            "transactionID": str(each.number),
            "actionID": str(each.instrument.con_id % 1_000_000),
            "levelOfDetail": "DETAIL",
        },
    )


def _option(account: Account, day: Day, each: OptionEvent) -> tuple[str, Row]:
    return "OptionEAE", (
        "OptionEAE",
        {
            **account.row(),
            **contract(each.instrument, day.after.rates[each.instrument.currency]),
            "date": day.on,
            "transactionType": each.kind,
            "quantity": each.quantity,
            "tradePrice": ZERO,
            "markPrice": ZERO,
            "proceeds": ZERO,
            "commisionsAndTax": ZERO,
            "costBasis": each.realized,
            "realizedPnl": each.realized,
            "fxPnl": ZERO,
            "mtmPnl": ZERO,
            "tradeID": str(each.number),
        },
    )


_MAKERS: Mapping[type, Callable[[Account, Day, Any], tuple[str, Row]]] = {
    Cash: _cash,
    Deal: _deal,
    Transfer: _transfer,
    DividendChange: _accrual,
    Split: _split,
    OptionEvent: _option,
}

_CODES = {
    "Dividends": "DIV",
    "Payment In Lieu Of Dividends": "PIL",
    "Withholding Tax": "FRTAX",
    "Broker Interest Paid": "DINT",
    "Broker Interest Received": "CINT",
    "Advisor Fees": "ADVFEE",
    "Other Fees": "OFEE",
    "Commission Adjustments": "CADJ",
    SALES_TAX: "STAX",
    TRANSACTION_TAX: "TTAX",
}


def _funds(account: Account, days: Sequence[Day]) -> Iterator[Row]:
    """Every line of the period's cash in the base currency, with its balance, and what rates have done to it."""
    first, last = days[0], days[-1]
    balance = _base_cash(first.before.cash, first.before.rates)
    yield _line(account, first, ("", "Starting Balance", "", None), ZERO, balance)
    for day in days:
        for each in day.happenings:
            for told, amount in _entries(day, each):
                balance += amount
                yield _line(account, day, told, amount, balance)
        rest = _base_cash(day.after.cash, day.after.rates) - balance
        if rest:
            balance += rest
            yield _line(account, day, ("ADJ", "FX Translations P&L and futures", "", None), rest, balance)
    yield _line(account, last, ("", "Ending Balance", "", None), ZERO, balance)


def _base_cash(cash: Mapping[str, Decimal], rates: Mapping[str, Decimal]) -> Decimal:
    return sum((amount * rates[currency] for currency, amount in cash.items()), ZERO)


Told = tuple[str, str, str, Instrument | None]
"""Code, words, number and contract of a line."""


def _entries(day: Day, each: object) -> Iterator[tuple[Told, Decimal]]:
    rates = day.after.rates
    match each:
        case Cash():
            code = _CODES.get(each.kind, "")
            if each.kind == DEPOSIT:
                code = "DEP" if each.amount > 0 else "WITH"
            yield (code, each.text, str(each.number), each.instrument), each.amount * rates[each.currency]
        case SystemTransfer():
            code, way = ("DEP", "from") if each.amount > 0 else ("WITH", "to")
            words = f"System Transfer {way} {day.account}{each.segment if each.amount < 0 else ''}"
            yield (code, words, str(each.number), None), each.amount * rates[each.currency]
        case Transfer() if each.instrument is None:
            words = f"Cash transfer {'from' if each.cash > 0 else 'to'} {each.counterparty}"
            yield ("DEP" if each.cash > 0 else "WITH", words, str(each.number), None), each.cash * rates[each.currency]
        case Deal():
            amount = (_money(each) - each.fee) * rates[each.instrument.currency]
            if each.instrument.sec_type == "CASH":
                amount = sum((part * rates[currency] for _, currency, part in effects(each)), ZERO)
            verb = "Buy" if each.quantity > 0 else "Sell"
            words = f"{verb} {abs(each.quantity):f} {each.instrument.local_symbol}"
            yield (verb.upper(), words, str(each.number), each.instrument), amount


def _line(account: Account, day: Day, told: Told, amount: Decimal, balance: Decimal) -> Row:
    code, words, number, instrument = told
    return "StatementOfFundsLine", {
        **account.row(),
        **contract(instrument, Decimal(1), account.base),
        "currency": account.base,
        "reportDate": day.on,
        "date": day.on,
        "settleDate": day.on,
        "activityCode": code,
        "activityDescription": words,
        "debit": amount if amount < 0 else None,
        "credit": amount if amount > 0 else None,
        "amount": amount,
        "balance": balance,
        "levelOfDetail": "BaseCurrency",
        "transactionID": number,
    }
