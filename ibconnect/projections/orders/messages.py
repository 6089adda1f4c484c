"""What openOrder (5), orderStatus (3) and completedOrder (101) say of an order.

In: the fields of a message, the server version. Out: a :class:`~ibconnect.projections.orders.facts.Said`. Called by
:mod:`reader`. Pure. A figure that is no number costs itself, and stays readable as it was sent; where a message
cannot be read to its end, what is behind is not known, and ``fault`` says so.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import orjson

from ibconnect.projections.orders.facts import Cells, Key, Kind, Said
from ibconnect.projections.orders.layout import ALLOCATIONS, COMPLETED_ORDER, LEG_PRICES, LEGS, OPEN_ORDER
from ibconnect.projections.orders.walk import Walked, walk
from ibconnect.texts import readable
from ibconnect.wire_numbers import is_exact, is_unset, number_of

_TEXTS: Mapping[str, str] = {
    "contract symbol": "symbol",
    "contract security_type": "security_type",
    "contract expiry": "last_trade_date",
    "contract right": "option_right",
    "contract exchange": "exchange",
    "contract currency": "currency",
    "contract local_symbol": "local_symbol",
    "contract trading_class": "trading_class",
    "contract strike": "strike",
    "contract multiplier": "multiplier",
    "comboLegsDescrip": "combo_legs_description",
    "action": "action",
    "orderType": "order_type",
    "tif": "tif",
    "ocaGroup": "oca_group",
    "orderRef": "order_ref",
    "modelCode": "model_code",
    "faGroup": "fa_group",
    "faMethod": "fa_method",
    "faPercentage": "fa_percentage",
    "goodAfterTime": "good_after_time",
    "goodTillDate": "good_till_date",
    "commissionAndFeesCurrency": "commission_currency",
    "warningText": "warning_text",
    "rejectReason": "reject_reason",
    "completedTime": "completed_time",
    "completedStatus": "completed_status",
}
_IDS: Mapping[str, str] = {
    "contract id": "ib_contract_id",
    "clientId": "client_id",
    "parentId": "parent_id",
    "parentPermId": "parent_perm_id",
}
_FIGURES: Mapping[str, str] = {
    "totalQuantity": "total_quantity",
    "cashQty": "cash_qty",
    "lmtPrice": "lmt_price",
    "auxPrice": "aux_price",
    "trailStopPrice": "trail_stop_price",
    "trailingPercent": "trailing_percent",
    "lmtPriceOffset": "lmt_price_offset",
    "commissionAndFees": "commission",
    "minCommissionAndFees": "min_commission",
    "maxCommissionAndFees": "max_commission",
    "initMarginBefore": "init_margin_before",
    "maintMarginBefore": "maint_margin_before",
    "equityWithLoanBefore": "equity_with_loan_before",
    "initMarginChange": "init_margin_change",
    "maintMarginChange": "maint_margin_change",
    "equityWithLoanChange": "equity_with_loan_change",
    "initMarginAfter": "init_margin_after",
    "maintMarginAfter": "maint_margin_after",
    "equityWithLoanAfter": "equity_with_loan_after",
}
_STATE_TERMS = ("totalQuantity", "orderType", "lmtPrice", "auxPrice")
"""Terms that a client may change: each change is a state of its own."""
_STATE_FIGURES: Mapping[str, str] = {
    "filled": "filled",
    "filledQuantity": "filled",
    "remaining": "remaining",
    "avgFillPrice": "avg_fill_price",
    "lastFillPrice": "last_fill_price",
    "mktCapPrice": "mkt_cap_price",
    **{name: _FIGURES[name] for name in _STATE_TERMS if name in _FIGURES},
}
_STATE_TEXTS: Mapping[str, str] = {"status": "status", "whyHeld": "why_held", "orderType": "order_type"}
_DEAD = ("sharesAllocation", "eTradeOnly", "firmQuoteOnly", "nbboPriceCap")
# What has a place of its own, or no meaning any more.
_PLACED = frozenset(
    (*_TEXTS, *_IDS, *_FIGURES, *_STATE_FIGURES, *_STATE_TEXTS, "account", "permId", "orderId", "outsideRth", *_DEAD)
)
_LISTED = frozenset((LEGS, LEG_PRICES, ALLOCATIONS))
_LEG_NAMES = ("conId", "ratio", "action", "exchange")
_PARENTS = ("parent_id", "parent_perm_id")
_LARGEST_ID = (1 << 63) - 1
_STATUS = (
    "orderId",
    "status",
    "filled",
    "remaining",
    "avgFillPrice",
    "permId",
    "parentId",
    "lastFillPrice",
    "clientId",
)
_STATUS_MORE = ("whyHeld", "mktCapPrice")

# Every list repeats what the one before said of most orders: so many messages are understood once, if they are small.
_MOST_KEPT, _LARGEST_KEPT = 2_048, 10_000


def read(fields: Sequence[str], version: int, position: int, at: int) -> Said:
    """What one of the :data:`MESSAGES` says, which came in this event, at this time.

    :raises ValueError: it does not say of which order
    """
    understood = _understood if sum(map(len, fields)) <= _LARGEST_KEPT else _understood.__wrapped__
    return understood(tuple(fields), version)._replace(position=position, at=at)


@lru_cache(maxsize=_MOST_KEPT)
def _understood(fields: tuple[str, ...], version: int) -> Said:
    return _READ[fields[0]](fields, version)


def _open_order(fields: Sequence[str], version: int) -> Said:
    return _described(Kind.OPEN, walk(OPEN_ORDER, fields, 1, version))


def _completed_order(fields: Sequence[str], version: int) -> Said:
    """It names the order by IB's own id alone."""
    said = _described(Kind.COMPLETED, walk(COMPLETED_ORDER, fields, 1, version))
    # Gateways send a quantity of 0 for what has been filled or cancelled.
    for cells in (said.about, said.state):
        if _is_zero(cells.get("total_quantity")):
            del cells["total_quantity"]
    return said


def _order_status(fields: Sequence[str], _version: int) -> Said:
    if len(fields) <= len(_STATUS):
        raise ValueError(f"an orderStatus has {len(_STATUS) + 1} fields at least, and this one {len(fields)}")
    values = dict(zip((*_STATUS, *_STATUS_MORE), fields[1:], strict=False))
    inexact: dict[str, str] = {}
    about = {"client_id": _id_text(values["clientId"], "client_id", inexact)}
    return _said(Kind.STATUS, Walked(values, {}, ""), about, inexact)


_READ: Mapping[str, Callable[[Sequence[str], int], Said]] = {
    "5": _open_order,
    "3": _order_status,
    "101": _completed_order,
}
MESSAGES: tuple[str, ...] = tuple(_READ)
"""The ids of those that say something of an order."""


def _described(kind: Kind, walked: Walked) -> Said:
    values, inexact = walked.values, dict[str, str]()
    if "permId" not in values:
        raise ValueError(f"the order cannot be told: {walked.fault}")
    about: Cells = {column: readable(values[name]) or None for name, column in _TEXTS.items() if name in values}
    about |= {column: _id_text(values[name], column, inexact) for name, column in _IDS.items() if name in values}
    about |= {column: _figure(values[name], column, inexact) for name, column in _FIGURES.items() if name in values}
    if "outsideRth" in values:
        about["outside_rth"] = "t" if values["outsideRth"] not in ("", "0") else "f"
    about["legs"] = _legs(walked)
    about["allocations"] = _json([_item(item, tuple(item)) for item in walked.lists.get(ALLOCATIONS, ())])
    about["others"] = _others(walked)
    about["fault"] = walked.fault or None
    return _said(kind, walked, about, inexact)


def _said(kind: Kind, walked: Walked, about: Cells, inexact: dict[str, str]) -> Said:
    values, state_inexact = walked.values, dict[str, str]()
    key = Key(_id(values, "permId"), _id(values, "clientId"), _id(values, "orderId"))
    if not any((key.perm_id, key.order_id)):
        raise ValueError("the order has neither a permId nor an id of its client")
    figures = {name: column for name, column in _STATE_FIGURES.items() if name in values}
    state: Cells = {column: _figure(values[name], column, state_inexact) for name, column in figures.items()}
    state |= {column: readable(values[name]) or None for name, column in _STATE_TEXTS.items() if name in values}
    account = readable(values.get("account", ""))
    return Said(kind, key, account, about, state, inexact, state_inexact, 0, 0)


def _id(values: Mapping[str, str], name: str) -> int:
    """A number of an order; 0 if there is none.

    :raises ValueError: what is there is none
    """
    text = values.get(name, "")
    number = _whole(text)
    if number is None:
        raise ValueError(f"the {name} {text[:30]!r} is no number of an order")
    return number


def _whole(text: str) -> int | None:
    """A whole number that a column can hold; 0 if the text is empty or unset."""
    if is_unset(text):
        return 0
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) < 20 and int(digits) <= _LARGEST_ID
    return int(text) if is_number else None


def _id_text(text: str, column: str, inexact: dict[str, str]) -> str | None:
    """The same for columns that nothing goes by: what is no number is null, and kept as it was sent."""
    if is_unset(text):
        return None
    number = _whole(text)
    if number is None:
        inexact[column] = text
    # No order is its own parent: 0 says that there is none.
    return None if number is None or (number == 0 and column in _PARENTS) else str(number)


def _figure(text: str, column: str, inexact: dict[str, str]) -> str | None:
    """A figure as ``numeric`` has it."""
    if is_unset(text):
        return None
    if is_exact(text):
        return text
    inexact[column] = text
    return number_of(text)


def _is_zero(text: str | None) -> bool:
    return text is not None and text.strip("0.") == ""


def _legs(walked: Walked) -> str | None:
    """The legs of a combination, each with its price where the order has one."""
    legs = [_item(leg, _LEG_NAMES) for leg in walked.lists.get(LEGS, ())]
    prices = walked.lists.get(LEG_PRICES, ())
    for leg, price in zip(legs, prices, strict=False):
        if not is_unset(price["price"]):
            leg["Price"] = _json_value(price["price"])
    return _json(legs)


def _item(item: Mapping[str, str], names: Sequence[str]) -> dict[str, object]:
    return {_shown(name): _json_value(item[name]) for name in names}


def _others(walked: Walked) -> str | None:
    """What has no column, by IB's names, without what is unset, empty or 0."""
    found: dict[str, object] = {
        _shown(name): readable(text)
        for name, text in walked.values.items()
        if name not in _PLACED and not is_unset(text) and text not in ("0", "0.0")
    }
    found |= {
        _shown(name): [{_shown(key): readable(text) for key, text in item.items()} for item in items]
        for name, items in walked.lists.items()
        if items and name not in _LISTED
    }
    return _json(found)


def _shown(name: str) -> str:
    return name[:1].upper() + name[1:]


def _json_value(text: str) -> object:
    """A number with all its digits where the text is one."""
    if is_unset(text):
        return None
    return orjson.Fragment(text) if is_exact(text) else readable(text)


def _json(found: object) -> str | None:
    return orjson.dumps(found).decode() if found else None
