"""The ``Balance`` of a report: the figures of the whole account, with its base currency where they are money.

In: texts as Postgres keeps them, which are IB's own digits. Out: JSON text; no amount passes through a float.
"""

import re
from collections.abc import Mapping, Sequence

import orjson

from ibconnect.tags import BASE, LEDGER_TAGS, SEGMENT_TAGS

# In the order in which IB Connect's clients have always read them.
MONEY_TAGS: tuple[str, ...] = (
    "AccruedCash",
    "AvailableFunds",
    "BuyingPower",
    "EquityWithLoanValue",
    "ExcessLiquidity",
    "FullAvailableFunds",
    "FullExcessLiquidity",
    "FullInitMarginReq",
    "FullMaintMarginReq",
    "GrossPositionValue",
    "InitMarginReq",
    "LookAheadAvailableFunds",
    "LookAheadExcessLiquidity",
    "LookAheadInitMarginReq",
    "LookAheadMaintMarginReq",
    "MaintMarginReq",
    "NetLiquidation",
    "TotalCashBalance",
    "TotalCashValue",
)

_LEDGER_MONEY = "TotalCashBalance"
_LEDGER_INDEX = LEDGER_TAGS.index(_LEDGER_MONEY)
_SEGMENT_INDEX = {tag: SEGMENT_TAGS.index(tag) for tag in MONEY_TAGS if tag != _LEDGER_MONEY}
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)

# (tag, segment, currency) → (value, amount) of what no column holds exactly.
Others = Mapping[tuple[str, str | None, str | None], tuple[str, str | None]]


def balance(
    *,
    account_type: str | None,
    ratios: Mapping[str, str | None],
    base: str | None,
    whole_account: Sequence[str],
    base_ledger: Sequence[str],
    others: Others,
) -> str:
    """The JSON object.

    :param ratios: Cushion and LookAheadNextChange, in that order
    :param base: ISO code of the base currency
    :param whole_account: figures in the order of SEGMENT_TAGS, ``""`` where IB sent none; empty: no such row
    :param base_ledger: figures of the ledger's BASE row in the order of LEDGER_TAGS, likewise
    """
    members = [f'"AccountType":{orjson.dumps(account_type).decode()}']
    for tag, text in ratios.items():
        members.append(f'"{tag}":{text or _other(others, tag, None) or "null"}')
    for tag in MONEY_TAGS:
        if tag == _LEDGER_MONEY:
            amount = base_ledger[_LEDGER_INDEX] if base_ledger else ""
            amount = amount or _other(others, tag, BASE)
        else:
            amount = whole_account[_SEGMENT_INDEX[tag]] if whole_account else ""
            amount = amount or _other(others, tag, base)
        members.append(f'"{tag}":"{base} {amount}"' if amount and base else f'"{tag}":null')
    return f"{{{','.join(members)}}}"


def _other(others: Others, tag: str, currency: str | None) -> str:
    """A figure that its column does not hold exactly (``-0.00``): IB's digits if they are plain, else the amount."""
    value, amount = others.get((tag, None, currency), ("", None))
    if amount is None:
        return ""
    return value if _PLAIN.fullmatch(value) and currency is not None else amount
