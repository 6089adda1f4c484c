"""Cash flows: which there are, whether they are external, between whom they go.

In: the cells of a row of a cash transaction, a transfer, a grant or a line of the statement of funds. Out: cells of
rows of ``cash_flow``. Called by :mod:`rows`. Pure.

External is what the account's owner brings or takes: deposits, withdrawals, transfers in and out of cash and of assets
(at their value), grants, card payments and bills. Income and cost are not: dividends, interest, fees, taxes. ``scope``
says of what moves whether it passes the border of the firm (``firm``), that between two accounts of it (``account``: a
flow of each, none of the firm), or none at all (``internal``: an account and its own segment, such as U1234567C).

The amount of a transfer of assets is what the account gained by it: a long position that comes in or a short one that
goes out adds value, the other two take it. IBKR signs quantity and value so: both are of the change, negative for a
long position that leaves. Some programs sign the value of the position itself, whichever way it goes; of a row whose
quantity and value have opposite signs that is certain, and else the sum that ChangeInNAV gives of asset transfers
decides (:func:`signed_by_direction`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Context, Decimal

Row = dict[str, str]

_EXACT = Context(prec=500)
_ZERO = Decimal(0)
_EXTERNAL = frozenset(
    {
        "deposits/withdrawals",
        "deposits&withdrawals",
        "deposits",
        "withdrawals",
        "depositswithdrawals",
        "debitcardactivity",
        "debitcard",
        "billpay",
        "cashreceipts",
        "donations",
    }
)
_ACCOUNT = re.compile(r"\b(?:to|from)\s+(?:account\s+)?((?:DU|DF|U|F|I)[0-9X*]{5,9}[A-Z]?)\b", re.IGNORECASE)
_SYSTEM = re.compile(r"\bsystem\s+transfer\b", re.IGNORECASE)
# How the statement of funds calls what moves between two accounts: a deposit is an "Electronic Fund Transfer".
_BETWEEN = re.compile(r"\s*cash\s+transfer\b", re.IGNORECASE)
_SEGMENT = re.compile(r"[A-Z]")
_NOBODY = frozenset({"", "-", "--", "N/A"})

_LINE_TYPES = {
    "DEP": "Deposits/Withdrawals",
    "WITH": "Deposits/Withdrawals",
    "WTH": "Deposits/Withdrawals",
    "DIV": "Dividends",
    "PIL": "Payment In Lieu Of Dividends",
    "FRTAX": "Withholding Tax",
    "CINT": "Broker Interest Received",
    "DINT": "Broker Interest Paid",
    "INTR": "Bond Interest Received",
    "INTP": "Bond Interest Paid",
    "OFEE": "Other Fees",
    "ADVFEE": "Advisor Fees",
}
# Trades, and what has a section of its own: no cash transactions.
_NO_FLOWS = frozenset(["BUY", "SELL", "SHORT", "COVER", "ASSIGN", "EXE", "EXP", "FOREX", "ADJ", "CORP"])
_SHARED = ("id", "at", "settle_day", "currency", "rate_to_base", "description", "contract", "symbol", "asset", "isin")
_FROM_LINE = (*_SHARED, "action_id")
_FROM_TRANSFER = (*_SHARED, "type", "code")


def cash_transaction(row: Row, account: str) -> None:
    """Complete the row of a cash transaction."""
    is_external = "".join(row.get("type", "").lower().split()) in _EXTERNAL
    row["external"], row["is_asset"] = "f", "f"
    if is_external:
        _place(row, account, row.get("description", ""))
    _in_base(row)


def fund_line(line: Mapping[str, str], account: str, level: str) -> Row | None:
    """The cash flow that a line of the statement of funds is, if it is one."""
    activity = line.get("activity", "").upper()
    amount = line.get("amount") or line.get("credit") or line.get("debit")
    if not activity or activity in _NO_FLOWS or not amount or line.get("trade_id"):
        return None
    row = {name: line[name] for name in _FROM_LINE if name in line}
    row["amount"], row["type"], row["code"] = amount, _LINE_TYPES.get(activity, activity), activity
    if level.upper() == "BASECURRENCY":
        row["rate_to_base"] = "1"
    cash_transaction(row, account)
    if row.get("scope") == "firm" and _BETWEEN.match(row.get("description", "")):
        row["scope"] = "account"
    return row


def transfers(transfer: Mapping[str, str], account: str, *, by_direction: bool) -> Iterator[Row]:
    """The cash flows of a transfer: of its assets, of its cash.

    :param by_direction: the value is that of the position, whichever way it goes
    """
    amount, base = _decimal(transfer.get("amount")), _decimal(transfer.get("amount_in_base"))
    assets = None if amount is None else _signed(transfer, amount, by_direction)
    in_base = None if base is None else _signed(transfer, base, by_direction)
    if assets or in_base:
        yield _transferred(transfer, account, assets, base=in_base, is_asset=True)
    cash = _decimal(transfer.get("cash"))
    if cash:
        # Of cash that leaves some programs give the size alone.
        if by_direction and _is_out(transfer):
            cash = -abs(cash)
        yield _transferred(transfer, account, cash, base=None, is_asset=False)


def grant(row: Row) -> None:
    """Complete the row of a grant of stock."""
    row["external"], row["is_asset"], row["scope"] = "t", "t", "firm"
    row.setdefault("type", "Grant")
    _in_base(row)


def signed_by_direction(rows: Iterable[Mapping[str, str]], total: Decimal | None) -> bool:
    """Whether the values of a statement's transfers are those of positions, not of changes: what adds up says so.

    :param total: asset transfers of ChangeInNAV, in the base currency; None if there is no such figure
    """
    if total is None:
        return False
    known = list(rows)
    sums = [sum((_signed(row, _base(row), flag) for row in known), _ZERO) for flag in (False, True)]
    as_change, as_position = (abs(each - total) for each in sums)
    return as_position < as_change


def _signed(transfer: Mapping[str, str], amount: Decimal, by_direction: bool) -> Decimal:
    quantity = _decimal(transfer.get("quantity")) or _ZERO
    if not _is_out(transfer):
        # What comes in changes by what it is; some give the value of a short position without its sign.
        return -abs(amount) if quantity < 0 else amount
    if quantity and (quantity < 0) != (amount < 0):
        return -amount
    return -amount if by_direction else amount


def _base(transfer: Mapping[str, str]) -> Decimal:
    base = _decimal(transfer.get("amount_in_base"))
    if base is not None:
        return base
    amount, rate = _decimal(transfer.get("amount")), _decimal(transfer.get("rate_to_base"))
    return _ZERO if amount is None else _EXACT.multiply(amount, Decimal(1) if rate is None else rate)


def _is_out(transfer: Mapping[str, str]) -> bool:
    return transfer.get("direction", "").upper() == "OUT"


def _transferred(
    transfer: Mapping[str, str], account: str, amount: Decimal | None, *, base: Decimal | None, is_asset: bool
) -> Row:
    row = {name: transfer[name] for name in _FROM_TRANSFER if name in transfer}
    row["is_asset"] = "t" if is_asset else "f"
    if amount is not None:
        row["amount"] = _plain(amount)
    _place(row, account, row.get("description", ""), transfer)
    if base is not None:
        row["amount_in_base"] = _plain(base)
    else:
        _in_base(row)
    return row


def _place(row: Row, account: str, description: str, transfer: Mapping[str, str] | None = None) -> None:
    """Say whether what moves is external, within which border, and who is on the other side."""
    other = (transfer or {}).get("counterparty", "")
    is_internal_type = (transfer or {}).get("type", "").upper() == "INTERNAL"
    if other in _NOBODY and (match := _ACCOUNT.search(description)):
        others = [each for each in _ACCOUNT.findall(description) if each.upper() != account.upper()]
        other = others[0] if others else match[1]
        is_internal_type = True
    if other not in _NOBODY:
        row["counterparty"] = other
    if _SYSTEM.search(description) or (other and _is_segment(account, other)):
        row["external"], row["scope"] = "f", "internal"
    else:
        row["external"], row["scope"] = "t", "account" if is_internal_type else "firm"


def _is_segment(account: str, other: str) -> bool:
    """Whether one is the other, or a segment of it: U1234567 and U1234567C."""
    short, long = sorted((account, other), key=len)
    return long == short or (long.startswith(short) and _SEGMENT.fullmatch(long[len(short) :]) is not None)


def _in_base(row: Row) -> None:
    """The amount in the account's base currency, exactly, where the row has a rate."""
    amount, rate = _decimal(row.get("amount")), _decimal(row.get("rate_to_base"))
    if amount is not None and rate is not None:
        row["amount_in_base"] = _plain(_EXACT.multiply(amount, rate))


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _plain(value: Decimal) -> str:
    return format(value, "f")
