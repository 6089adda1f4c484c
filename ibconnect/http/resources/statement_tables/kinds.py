"""Which tables of statements are served, and what each column of them is called: one entry for each.

In: nothing. Out: kinds. Read by the handlers and the routes of this package: who serves another table adds an entry.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import LiteralString, NamedTuple

from ibconnect.http.server.columns import Column, Type


class Field(NamedTuple):
    """A column of an answer, and the one of the table that it is."""

    column: Column
    of: LiteralString


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A table of statements that is served.

    ``noun``: the last part of its path; ``table``: in the schema of statements; ``row``: what a row is, in a few words;
    ``what``: what the list is; ``chosen_by``: a parameter by which rows are chosen, and its column; ``example``: one
    of its values; ``of_all``: whether it is served for all accounts as well, which takes an index by day; ``line``: the
    query that says where in its statement a row stands.
    """

    noun: str
    table: LiteralString
    name: str
    names: str
    row: str
    what: str
    how: str
    fields: tuple[Field, ...]
    chosen_by: tuple[str, LiteralString] | None = None
    example: str = ""
    of_all: bool = False
    line: LiteralString = "line"

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of an answer."""
        return tuple(field.column for field in self.fields)


def _text(*names: tuple[str, LiteralString, str]) -> Iterator[Field]:
    return (Field(Column(name, Type.TEXT, meaning), of) for name, of, meaning in names)


def _figures(*names: tuple[str, LiteralString, str]) -> Iterator[Field]:
    return (Field(Column(name, Type.FIGURE, meaning), of) for name, of, meaning in names)


def _days(*names: tuple[str, LiteralString, str]) -> Iterator[Field]:
    return (Field(Column(name, Type.DATE, meaning), of) for name, of, meaning in names)


def _fields(*parts: Iterable[Field]) -> tuple[Field, ...]:
    return (*_WHOSE, *(field for part in parts for field in part), *_SOURCE)


MORE = Field(
    Column(
        "More",
        Type.JSON,
        "What the statement says besides, by IBKR's names, as text",
        is_optional=True,
        schema={"type": "object", "additionalProperties": {"type": "string"}},
    ),
    "more",
)
_WHOSE = (
    Field(Column("AccountCode", Type.TEXT, "The account", is_nullable=False), "account"),
    Field(Column("Day", Type.DATE, "The day on which the statement counts it", is_nullable=False), "day"),
)
_SOURCE = (
    Field(Column("Statement", Type.INTEGER, "The statement that says so", is_nullable=False), "statement"),
    Field(Column("Section", Type.TEXT, "The section of it", is_nullable=False), "origin"),
    MORE,
)
_AT = Field(Column("Time", Type.TIME, "When it happened; null: the statement says the day alone"), "at")
_CONTRACT = Field(Column("IbContractId", Type.INTEGER, "IB's id of the contract; null: none"), "contract")
_CURRENCY = ("CurrencyCode", "currency", "What the amounts are in")
_RATE = ("FxRateToBase", "rate_to_base", "What one of its currency is in the account's base currency")
_CODE = ("Code", "code", "IBKR's codes, separated by semicolons")
_MULTIPLIER = ("Multiplier", "multiplier", "Units of the underlying")
_STRIKE = ("Strike", "strike", "Of an option")
_ID = ("TransactionId", "id", "IBKR's id of it")


def _names() -> Iterator[Field]:
    """What says which contract it is."""
    yield _CONTRACT
    yield from _text(
        ("Symbol", "symbol", "Of the contract"),
        ("SecurityType", "asset", "IBKR's category: STK, OPT, FUT, CASH, BOND ..."),
        ("ISIN", "isin", "Of the contract"),
        ("Description", "description", "What the statement calls it"),
    )


def _option() -> Iterator[Field]:
    yield from _text(
        ("UnderlyingSymbol", "underlying", "Of the underlying"), ("Right", "put_call", "C or P, of an option")
    )
    yield from _days(("Expiry", "expiry", "When it expires"))
    yield from _figures(_STRIKE, _MULTIPLIER)


CASH_FLOWS = Served(
    noun="cash-flows",
    table="cash_flow",
    name="CashFlow",
    names="CashFlows",
    row="Cash or assets that came into an account or left it",
    what="Cash flows",
    how="Deposits, withdrawals, transfers, dividends, interest, fees, taxes. `External`: a flow into the account or "
    "out of it, as performance counts it.",
    fields=_fields(
        (_AT,),
        _days(("SettleDay", "settle_day", "When it settles")),
        _text(("Type", "type", "IBKR's type: Deposits/Withdrawals, Dividends, Withholding Tax, Other Fees ...")),
        (
            Field(
                Column("External", Type.BOOLEAN, "Whether it came from outside of the account; null: unknown"),
                "external",
            ),
        ),
        _text(
            ("Scope", "scope", "`firm`: from outside of the firm; `account`: from or to another account; `internal`"),
            ("Counterparty", "counterparty", "The other account, or the other broker"),
        ),
        (Field(Column("IsAsset", Type.BOOLEAN, "Whether assets moved, at their value, and not cash"), "is_asset"),),
        _figures(("Amount", "amount", "What came is positive, what left negative")),
        _text(_CURRENCY),
        _figures(_RATE, ("AmountInBase", "amount_in_base", "The amount in the account's base currency")),
        _names(),
        _text(
            _ID,
            ("ActionId", "action_id", "IBKR's id of the corporate action or dividend that it is of"),
            _CODE,
            ("ClientReference", "client_reference", "What the client wrote on it"),
        ),
    ),
    chosen_by=("type", "type"),
    example="Dividends",
    of_all=True,
    line="line_of_flow",
)
TRANSFERS = Served(
    noun="transfers",
    table="transfer",
    name="Transfer",
    names="Transfers",
    row="Positions or cash that were transferred",
    what="Transfers",
    how="Positions and cash from and to other accounts and brokers, with IBKR's signs; what counts as a flow of them "
    "is among the cash flows.",
    fields=_fields(
        (_AT,),
        _days(("SettleDay", "settle_day", "When it settles")),
        _text(
            ("Type", "type", "ACATS, ATON, FOP, INTERNAL ..."),
            ("Direction", "direction", "IN or OUT"),
            ("Counterparty", "counterparty", "The other account"),
            ("CounterpartyName", "counterparty_name", "Whose it is, or the other broker"),
        ),
        _names(),
        _figures(
            ("Quantity", "quantity", "How many"),
            ("Price", "price", "At which they were transferred"),
            _MULTIPLIER,
            ("Amount", "amount", "Value of the position"),
            ("AmountInBase", "amount_in_base", "The same in the account's base currency"),
            ("Cash", "cash", "Cash that was transferred"),
        ),
        _text(_CURRENCY),
        _figures(
            _RATE,
            ("PNL", "pnl", "Profit that was transferred with it"),
            ("PNLInBase", "pnl_in_base", "The same in the account's base currency"),
        ),
        _text(_ID, _CODE),
    ),
)
ACCRUALS = Served(
    noun="accruals",
    table="accrual",
    name="Accrual",
    names="Accruals",
    row="A dividend or interest that is due",
    what="Accruals of dividends and interest",
    how="`Kind` is `dividend` (as they stand at the end of the day), `dividend change` (as they were booked) or "
    "`interest` (of the period, by currency).",
    fields=_fields(
        _text(("Kind", "kind", "`dividend`, `dividend change` or `interest`")),
        _days(
            ("FromDay", "from_day", "Of interest: the first day of the period"),
            ("ToDay", "to_day", "Of interest: the last one"),
            ("ExDay", "ex_day", "The first day without the dividend"),
            ("PayDay", "pay_day", "When it is paid"),
        ),
        _names(),
        _figures(
            ("Quantity", "quantity", "How many bring it"),
            ("GrossRate", "gross_rate", "For each of them"),
            ("GrossAmount", "gross_amount", "Before tax and fees"),
            ("Tax", "tax", "What is withheld"),
            ("Fee", "fee", "What is charged"),
            ("NetAmount", "net_amount", "What remains"),
            ("Starting", "starting", "Interest that was due at the beginning of the period"),
            ("Accrued", "accrued", "What came to it"),
            ("Reversal", "reversal", "What was paid or taken back"),
            ("FxTranslation", "fx_translation", "What rates of currencies changed of it"),
            ("Ending", "ending", "Interest that is due at the end of the period"),
        ),
        _text(_CURRENCY),
        _figures(_RATE),
        _text(_CODE),
    ),
    chosen_by=("kind", "kind"),
    example="dividend",
)
CORPORATE_ACTIONS = Served(
    noun="corporate-actions",
    table="corporate_action",
    name="CorporateAction",
    names="CorporateActions",
    row="A split, merger, spin-off or the like",
    what="Corporate actions",
    how="What they brought and took.",
    fields=_fields(
        (_AT,),
        _text(
            ("Type", "type", "IBKR's code: FS (split), TC (merger), SO (spin-off), IC (new id) ..."),
            ("ActionDescription", "action_description", "What happened, in IBKR's words"),
        ),
        _names(),
        _figures(
            ("Quantity", "quantity", "What came or left"),
            ("Amount", "amount", "Cash, as the action has it"),
            ("Proceeds", "proceeds", "What was received"),
            ("Value", "value", "What the position is worth"),
            ("Cost", "cost", "Cost basis"),
            ("RealizedPNL", "realized", "Profit of what it closed"),
            ("MtmPNL", "mtm", "Profit by the closing price"),
            _MULTIPLIER,
        ),
        _text(_CURRENCY),
        _figures(_RATE),
        _text(_ID, ("ActionId", "action_id", "IBKR's id of the action"), _CODE),
    ),
    chosen_by=("type", "type"),
    example="FS",
)
OPTION_EVENTS = Served(
    noun="option-events",
    table="option_event",
    name="OptionEvent",
    names="OptionEvents",
    row="An exercise, assignment or expiration",
    what="Exercises, assignments and expirations of options",
    how="With the trades of the underlying that they led to.",
    fields=_fields(
        _text(("Type", "transaction_type", "Exercise, Assignment, Expiration, Buy, Sell")),
        _names(),
        _option(),
        _figures(
            ("Quantity", "quantity", "How many"),
            ("Price", "price", "Of one unit"),
            ("ClosePrice", "close_price", "At the end of the day"),
            ("Proceeds", "proceeds", "What was received"),
            ("CommissionAndTax", "commission_and_tax", "Negative where it was paid"),
            ("Cost", "cost", "Cost basis"),
            ("RealizedPNL", "realized", "Profit of what it closed"),
            ("MtmPNL", "mtm", "Profit by the closing price"),
        ),
        _text(_CURRENCY),
        _figures(_RATE),
        _text(_ID),
    ),
    chosen_by=("type", "transaction_type"),
    example="Assignment",
)
CONVERSION_RATES = Served(
    noun="conversion-rates",
    table="conversion_rate",
    name="ConversionRate",
    names="ConversionRates",
    row="What a currency was worth at the end of a day",
    what="Conversion rates",
    how="As statements of the account say them.",
    fields=_fields(
        _text(
            ("FromCurrency", "currency", "What one unit of"),
            ("ToCurrency", "to_currency", "was worth in this currency"),
        ),
        _figures(("Rate", "rate", "How much")),
    ),
    chosen_by=("currency", "currency"),
    example="EUR",
)
OPEN_POSITIONS = Served(
    noun="open-positions",
    table="open_position",
    name="OpenPosition",
    names="OpenPositions",
    row="A position at the end of a day",
    what="Open positions at the end of days",
    how="As statements say them; a position that a statement has by lots alone is its lots.",
    fields=_fields(
        _names(),
        _option(),
        _text(("Side", "side", "Long or Short"), ("Level", "level", "SUMMARY; LOT: a lot of it")),
        _figures(
            ("Position", "quantity", "Negative if it is short"),
            ("MarkPrice", "mark_price", "At the end of the day"),
            ("PositionValue", "value", "What it is worth"),
            ("OpenPrice", "open_price", "At which it was opened"),
            ("CostPrice", "cost_price", "Cost basis of one"),
            ("Cost", "cost", "Cost basis"),
            ("UnrealizedPNL", "unrealized", "Profit if it were closed"),
            ("PercentOfNAV", "percent_of_nav", "Of the account's value"),
            ("AccruedInterest", "accrued_interest", "Of a bond"),
        ),
        _text(_CURRENCY),
        _figures(_RATE),
        (
            Field(Column("Opened", Type.TIME, "Of a lot: when it was opened"), "opened"),
            Field(Column("HoldingSince", Type.TIME, "Of a lot: since when it counts as held"), "holding_since"),
        ),
        _text(_CODE),
    ),
)
TAXES = Served(
    noun="transaction-taxes",
    table="transaction_tax",
    name="TransactionTax",
    names="TransactionTaxes",
    row="A tax on a transaction, or on a fee",
    what="Taxes on transactions",
    how="`Kind` is `transaction`, or `sales` (of fees).",
    fields=_fields(
        (_AT,),
        _text(
            ("Kind", "kind", "`transaction` or `sales`"),
            ("TaxType", "tax_type", "Which tax, in IBKR's words"),
            ("Country", "country", "Whose tax"),
        ),
        _names(),
        _figures(
            ("Quantity", "quantity", "Of the trade"),
            ("Price", "price", "Of the trade"),
            ("TaxableAmount", "taxable_amount", "What it is taken of"),
            ("TaxRate", "tax_rate", "How much of it"),
            ("Amount", "amount", "Negative where it was paid"),
        ),
        _text(_CURRENCY),
        _figures(_RATE),
        _text(_ID, ("TradeId", "trade_id", "IBKR's id of the trade"), _CODE),
    ),
)

SERVED: tuple[Served, ...] = (
    CASH_FLOWS,
    TRANSFERS,
    ACCRUALS,
    CORPORATE_ACTIONS,
    OPTION_EVENTS,
    CONVERSION_RATES,
    OPEN_POSITIONS,
    TAXES,
)
