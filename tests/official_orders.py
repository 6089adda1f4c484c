"""Messages about orders as IB's own client reads them: it is asked for each field in turn, and so says the layout.

In: a server version, and what to draw fields from. Out: a message that IB's client has read to its last field, with
what it found in each; and where a walk of ours has found otherwise. For the tests of the orders report.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any
from unittest.mock import patch

import ibapi.decoder
import ibapi.order_condition
import ibapi.orderdecoder
from ibapi.const import UNSET_DECIMAL, UNSET_DOUBLE, UNSET_INTEGER

from ibconnect.contracts import Contract
from ibconnect.projections.orders.layout import ALGO, ALLOCATIONS, CONDITIONS, LEG_PRICES, LEGS, ROUTING
from ibconnect.projections.orders.walk import Walked

OPEN, COMPLETED = 5, 101
_READ = {OPEN: "processOpenOrder", COMPLETED: "processCompletedOrderMsg"}
_MODULES = (ibapi.decoder, ibapi.orderdecoder, ibapi.order_condition)
_decode = ibapi.orderdecoder.decode

Found = tuple[Any, Any, Any]
"""Contract, order and state of the order, as IB's client has them."""

_ORDER_TYPES = ("LMT", "MKT", "TRAIL LIMIT", "PEG BENCH", "PEGBENCH", "")
_KINDS = ("1", "3", "4", "5", "6", "7")
_INTS = ("", "0", "1", "2", "3", "-1")
_COUNTS = ("", "0", "0", "1", "2", "3")
_FLOATS = ("", "0", "0.0", "-1.50", "1.7976931348623157E308", "12.25", "1.0E7")
_BOOLS = ("", "0", "1")


class _Told:
    """The wrapper that IB's client tells what it has read."""

    def __init__(self) -> None:
        self.found: Found | None = None

    def openOrder(self, _number: int, contract: Any, order: Any, state: Any) -> None:  # noqa: N802
        """An open order."""
        self.found = contract, order, state

    def completedOrder(self, contract: Any, order: Any, state: Any) -> None:  # noqa: N802
        """A completed one."""
        self.found = contract, order, state


def message(number: int, version: int, random: Random) -> tuple[list[str], Found]:
    """A message of this server version, made by answering whatever IB's client asks for, and what it found in it."""
    fields, numbers, told = [str(number)], count(100), _Told()

    def asked(kind: type, _fields: Any, *args: Any, **more: Any) -> Any:
        frame = sys._getframe(1)
        text = _text(kind, frame.f_code.co_name, frame.f_locals, random, numbers)
        fields.append(text)
        return _decode(kind, iter([text.encode()]), *args, **more)

    with _patched(asked):
        getattr(ibapi.decoder.Decoder(told, version), _READ[number])(iter(()))
    assert told.found is not None
    return fields, told.found


@contextmanager
def _patched(decode: Callable[..., Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for module in _MODULES:
            stack.enter_context(patch.object(module, "decode", decode))
        yield


def _text(kind: type, asker: str, known: Mapping[str, Any], random: Random, numbers: Iterator[int]) -> str:
    """What to answer: texts are numbers that no other field has, so that a shift of one place is seen."""
    if asker == "decodeConditions" and "conditionsSize" in known and kind is int:
        return random.choice(_KINDS)
    if asker == "decodeOrderType":
        return random.choice(_ORDER_TYPES)
    if kind is str:
        is_empty = asker != "decode" and random.random() < 0.3
        return "" if is_empty else str(next(numbers))
    if kind is int:
        return random.choice(_COUNTS if asker.endswith(("Legs", "Params", "Conditions", "Fees")) else _INTS)
    return random.choice(_BOOLS if kind is bool else _FLOATS if kind is float else _INTS)


# Where IB's client keeps what the layout calls otherwise.
_CONTRACT = {
    "id": "conId",
    "security_type": "secType",
    "expiry": "lastTradeDateOrContractMonth",
    "local_symbol": "localSymbol",
    "trading_class": "tradingClass",
}
_PLACES: Mapping[str, str] = {
    **{f"contract {name}": f"contract.{_CONTRACT.get(name, name)}" for name in Contract._fields},
    "comboLegsDescrip": "contract.comboLegsDescrip",
    "deltaNeutralContractConId": "contract.deltaNeutralContract.conId",
    "deltaNeutralContractDelta": "contract.deltaNeutralContract.delta",
    "deltaNeutralContractPrice": "contract.deltaNeutralContract.price",
    "softDollarTierName": "order.softDollarTier.name",
    "softDollarTierValue": "order.softDollarTier.val",
    "softDollarTierShown": "order.softDollarTier.displayName",
    LEGS: "contract.comboLegs",
    LEG_PRICES: "order.orderComboLegs",
    ROUTING: "order.smartComboRoutingParams",
    ALGO: "order.algoParams",
    CONDITIONS: "order.conditions",
    ALLOCATIONS: "state.orderAllocations",
}
# What it reads and forgets, or keeps as whether there is one.
_FORGOTTEN = frozenset(
    ("sharesAllocation", "faProfile", "eTradeOnly", "firmQuoteOnly", "nbboPriceCap", "deltaNeutralContractPresent")
)
_LIMITS = ("price", "time", "percent", "volume", "changePercent")
_UNSET = (UNSET_INTEGER, UNSET_DOUBLE, UNSET_DECIMAL)


def differences(walked: Walked, found: Found) -> list[str]:
    """What a walk has found otherwise than IB's client."""
    own = {name: text for name, text in walked.values.items() if name not in _FORGOTTEN}
    wrong = [f"{name}: {text!r}" for name, text in own.items() if not _is_same(text, _official(name, found))]
    for name, items in walked.lists.items():
        official = _official(name, found) or []
        if len(items) != len(official):
            wrong.append(f"{len(items)} of {name}, not {len(official)}")
        for item, theirs in zip(items, official, strict=False):
            wrong += [
                f"{name}.{key}: {text!r}" for key, text in item.items() if not _is_same(text, _in(theirs, key, text))
            ]
    return wrong


def _official(name: str, found: Found) -> Any:
    contract, order, state = found
    roots = {"contract": contract, "order": order, "state": state}
    if name not in _PLACES:
        return getattr(order, name) if hasattr(order, name) else getattr(state, name)
    root, *path = _PLACES[name].split(".")
    value = roots[root]
    for part in path:
        value = getattr(value, part)
    return value


def _in(item: Any, key: str, text: str) -> Any:
    """A field of an item of a list."""
    if key == "type":
        return item.type()
    if key == "conjunction":
        # Of that it keeps whether it is an "a".
        return text if item.isConjunctionConnection == (text == "a") else None
    if key == "limit":
        return next(getattr(item, name) for name in _LIMITS if hasattr(item, name))
    return getattr(item, key)


def _is_same(text: str, official: Any) -> bool:
    if isinstance(official, bool):
        return official is (text not in ("", "0"))
    if isinstance(official, str):
        return official == text
    if official in _UNSET:
        return text in ("", "1.7976931348623157E308")
    return Decimal(str(official)) == Decimal(text or "0")
