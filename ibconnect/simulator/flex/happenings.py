"""What happens to an account on a day, besides prices: the rows that statements are made of.

In: what the history or the live world did. Out: frozen rows of exact decimals; moments are aware. Called by ``history``
and ``live``, which make them, by ``days``, which adds them up, and by ``rows``, which prints them.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ibconnect.simulator.scenario.instruments import Instrument

ZERO = Decimal(0)

DEPOSIT, SALES_TAX, TRANSACTION_TAX = "Deposits/Withdrawals", "Sales Tax", "Transaction Tax"
IN, OUT = "IN", "OUT"
INTERNAL = "INTERNAL"

COMPONENTS = {
    DEPOSIT: "depositsWithdrawals",
    "Dividends": "dividends",
    "Payment In Lieu Of Dividends": "dividends",
    "Withholding Tax": "withholdingTax",
    "Broker Interest Paid": "interest",
    "Broker Interest Received": "interest",
    "Advisor Fees": "advisorFees",
    "Other Fees": "otherFees",
    "Commission Adjustments": "commissions",
    SALES_TAX: "salesTax",
    TRANSACTION_TAX: "transactionTax",
}
"""What IBKR calls a payment → the member of ChangeInNAV that counts it."""
KINDS = tuple(COMPONENTS)


@dataclass(frozen=True, slots=True)
class Cash:
    """A payment: a row of CashTransactions, SalesTaxes or TransactionTaxes."""

    at: datetime
    number: int
    kind: str
    currency: str
    amount: Decimal
    text: str
    instrument: Instrument | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    """An execution: a row of Trades. ``quantity`` is below 0 for a sale, ``fee`` above 0 for a cost."""

    at: datetime
    number: int
    instrument: Instrument
    quantity: Decimal
    price: Decimal
    fee: Decimal
    exec_id: str
    order_id: int
    realized: Decimal | None = None
    """In the contract's currency; None where it opened a position."""
    kind: str = "ExchTrade"
    notes: str = ""
    order_type: str = "LMT"

    @property
    def amount(self) -> Decimal:
        """What was paid for it, without commission, in the contract's currency."""
        return (self.quantity * self.price * self.instrument.factor).quantize(Decimal("0.0001"))


@dataclass(frozen=True, slots=True)
class Transfer:
    """Cash or a position that comes (``IN``) or goes; ``cash`` and ``quantity`` have the sign of what the account gets.

    A short position that leaves gives the account a quantity above 0, and goes out all the same.
    """

    at: datetime
    number: int
    kind: str
    direction: str
    counterparty: str
    currency: str
    cash: Decimal = ZERO
    instrument: Instrument | None = None
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    """What one is worth at the end of the day, in the contract's currency."""

    @property
    def value(self) -> Decimal:
        """What the account gets, in ``currency``: cash, or what the position is worth."""
        if self.instrument is None or self.instrument.sec_type == "FUT":  # what a future has earned is in the cash
            return self.cash
        return (self.quantity * self.price * self.instrument.factor).quantize(Decimal("0.01"))


@dataclass(frozen=True, slots=True)
class DividendChange:
    """A dividend that is accrued (``Po``), or taken back as it is paid (``Re``); amounts with their sign."""

    on: date
    number: int
    code: str
    instrument: Instrument
    ex_day: date
    pay_day: date
    quantity: Decimal
    gross: Decimal
    tax: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


@dataclass(frozen=True, slots=True)
class Split:
    """A split: so many more of a contract, at no cost."""

    at: datetime
    number: int
    instrument: Instrument
    quantity: Decimal
    text: str


@dataclass(frozen=True, slots=True)
class OptionEvent:
    """An option that is exercised, assigned, or expires: so many leave the account."""

    at: datetime
    number: int
    kind: str
    instrument: Instrument
    quantity: Decimal
    realized: Decimal


@dataclass(frozen=True, slots=True)
class SystemTransfer:
    """Cash that goes to a segment of the same account; nothing changes in all."""

    at: datetime
    number: int
    segment: str
    currency: str
    amount: Decimal


Happening = Cash | Deal | Transfer | DividendChange | Split | OptionEvent | SystemTransfer
