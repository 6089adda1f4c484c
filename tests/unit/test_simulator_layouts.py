"""The simulated gateway's layouts: what they write, IB's own client reads, in every server version that is all text."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ibapi.decoder import Decoder
from ibapi.wrapper import EWrapper

from ibconnect.simulator.wire.details import BOND_DETAILS, CONTRACT_DETAILS
from ibconnect.simulator.wire.layout import F, Item, Layout, LayoutError, Many, Typed, Values, When
from ibconnect.simulator.wire.layouts import COMPLETED_ORDER, EXECUTION, OPEN_ORDER, ORDER_STATUS, UNSET_DOUBLE
from ibconnect.simulator.wire.versions import convert

VERSIONS = range(157, 201)
TEXTS = {"orderType": "LMT", "secType": "OPT", "lastTradeDateOrContractMonth": "20260116", "maturity": "20260116"}
"""Values of fields that say what else there is, or that IB's client takes apart."""


class Read(EWrapper):  # type: ignore[misc]
    """What IB's client says of one message: everything it was given, by name."""

    def __init__(self, version: int) -> None:
        self.known: dict[str, Any] = {}
        self.decoder = Decoder(self, version)

    def read(self, fields: Sequence[str]) -> dict[str, Any]:
        rest = iter([field.encode() for field in fields])
        number = int(next(rest))
        self.decoder.msgId2handleInfo[number].processMeth(self.decoder, rest)
        assert next(rest, None) is None, "a field is left over"
        return self.known

    def _take(self, *things: Any) -> None:
        for thing in things:
            for name, value in vars(thing).items():
                if name == "contract":
                    self._take(value)
                elif name not in self.known or self.known[name] in ("", None, 0):
                    self.known[name] = value

    def openOrder(self, orderId: int, contract: Any, order: Any, orderState: Any) -> None:  # noqa: N802, N803
        self._take(order, contract, orderState)

    def completedOrder(self, contract: Any, order: Any, orderState: Any) -> None:  # noqa: N802, N803
        self._take(order, contract, orderState)

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:  # noqa: N802, N803
        self._take(execution, contract)
        self.known |= {"reqId": reqId, "execExchange": execution.exchange, "exchange": contract.exchange}

    def contractDetails(self, reqId: int, contractDetails: Any) -> None:  # noqa: N802, N803
        self._take(contractDetails)

    def bondContractDetails(self, reqId: int, contractDetails: Any) -> None:  # noqa: N802, N803
        self._take(contractDetails)

    def orderStatus(self, *said: Any) -> None:  # noqa: N802
        names = [item.name for item in ORDER_STATUS.items if isinstance(item, F)]
        ours = ["orderId", "status", "filled", "remaining", "avgFillPrice", "permId", "parentId", "lastFillPrice"]
        assert names == [*ours, "clientId", "whyHeld", "mktCapPrice"]
        self.known = dict(zip(names, said, strict=True))


def plain(items: Sequence[Item], version: int) -> Iterator[F]:
    """The single fields of a layout that a version has."""
    for item in items:
        if isinstance(item, When) and version >= item.since:
            yield from plain(item.items, version)
        elif isinstance(item, F) and item.since <= version < item.until:
            yield item


def numbered(layout: Layout, version: int) -> dict[str, Any]:
    """Values that no two fields share, with every part that may be left out, and two rows of each list."""
    values: dict[str, Any] = {item.name: str(n) for n, item in enumerate(plain(layout.items, version), 11)}
    values |= {name: text for name, text in TEXTS.items() if name in values}
    values["deltaNeutralContractPresent"] = "1"
    # IB's client has one name for two fields, of which it keeps the second.
    values["trailStopPrice"] = values.get("adjustedTrailStopPrice", "")
    for item in _parts(layout.items):
        if isinstance(item, Many):
            values[item.name] = [{f.name: str(n) for n, f in enumerate(item.items, 600 + row * 20)} for row in (0, 1)]
        elif isinstance(item, Typed):
            values[item.name] = [
                {"type": kind, **{str(n): str(n + 3) for n in range(length)}} for kind, length in item.lengths.items()
            ]
    return values


def _parts(items: Sequence[Item]) -> Iterator[Item]:
    for item in items:
        yield item
        if isinstance(item, When):
            yield from _parts(item.items)


@pytest.mark.parametrize(
    "layout", [EXECUTION, OPEN_ORDER, COMPLETED_ORDER, ORDER_STATUS, CONTRACT_DETAILS, BOND_DETAILS], ids=lambda x: x.id
)
def test_ib_s_client_reads_every_field_where_it_is_written(layout: Layout) -> None:
    for version in VERSIONS:
        values = numbered(layout, version)
        least = {name: "1" for name in ("reqId", "shares", "cumQty", "totalQuantity") if name in values}
        for variant in (values, {**values, "orderType": "PEG BENCH", "algoStrategy": "", "hedgeType": ""}, least):
            _check(layout, version, variant)


def _check(layout: Layout, version: int, values: Values) -> None:
    fields = layout.encode(version, values)
    again = layout.decode(version, fields)
    assert layout.encode(version, again) == fields
    seen = Read(version).read(fields)
    for name in again.keys() & values.keys() & seen.keys():
        wanted = values[name]
        if isinstance(wanted, str) and not isinstance(seen[name], bool):
            assert _same(seen[name], wanted), (version, name, seen[name])


def _same(seen: Any, wanted: str) -> bool:
    if isinstance(seen, int | float | Decimal):
        return Decimal(str(seen)) == Decimal(wanted)
    return str(seen) == wanted


@given(st.sampled_from([EXECUTION, OPEN_ORDER, COMPLETED_ORDER, CONTRACT_DETAILS]), st.data())
def test_a_message_of_one_version_becomes_that_of_another(layout: Layout, data: st.DataObject) -> None:
    was, version = (data.draw(st.sampled_from(VERSIONS)) for _ in range(2))
    values = numbered(layout, was)
    converted = convert(layout.encode(was, values), was, version)
    assert converted == layout.encode(version, layout.decode(was, layout.encode(was, values)))
    kept = layout.decode(version, converted)
    for name, value in layout.decode(was, layout.encode(was, values)).items():
        if name in kept:
            assert kept[name] == value


@given(st.sampled_from(VERSIONS), st.sampled_from(VERSIONS), st.lists(st.text(max_size=3), max_size=40))
def test_what_has_no_such_layout_stays_as_it_is(was: int, version: int, rest: list[str]) -> None:
    for number in ("5", "101", "61", "4"):
        fields = [number, *rest]
        assert convert(fields, was, was) == fields
        assert number in ("5", "101") or convert(fields, was, version) == fields
    short = ["5", "1", "2"]
    assert convert(short, 178, 200) == short
    with pytest.raises(LayoutError):
        OPEN_ORDER.decode(178, short)


def test_what_is_not_said_has_the_text_of_a_real_gateway() -> None:
    fields = list(OPEN_ORDER.encode(178, {}))
    assert fields.count(UNSET_DOUBLE) == 15
    assert "None" in fields
    again: Values = OPEN_ORDER.decode(178, fields)
    assert again["deltaNeutralOpenClose"] == "?"
