"""The ``Balance`` of a report: the figures of the whole account, with its base currency where they are money.

In: texts as Postgres keeps them, which are IB's own digits. Out: JSON text; no amount passes through a float.
"""

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

# (tag, segment, currency, whether of the ledger) → the figure that no column holds exactly.
Others = Mapping[tuple[str, str | None, str | None, bool], str]


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
        members.append(f'"{tag}":{text or others.get((tag, None, None, False)) or "null"}')
    for tag in MONEY_TAGS:
        if tag == _LEDGER_MONEY:
            amount = base_ledger[_LEDGER_INDEX] if base_ledger else ""
            amount = amount or others.get((tag, None, BASE, True), "")
        else:
            amount = whole_account[_SEGMENT_INDEX[tag]] if whole_account else ""
            amount = amount or others.get((tag, None, base, False), "")
        members.append(f'"{tag}":"{base} {amount}"' if amount and base else f'"{tag}":null')
    return f"{{{','.join(members)}}}"
