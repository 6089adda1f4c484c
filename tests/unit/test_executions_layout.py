"""Messages 11 and 59 of every server version, as IB's own client reads them; and those that are odd."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ibapi.decoder import Decoder
from ibapi.wrapper import EWrapper

from ibconnect.errors import ProjectionError
from ibconnect.projections.executions.layout import commission_of, execution_id, fill_of
from ibconnect.simulator.scenario.blotter import Commission, Fill
from ibconnect.simulator.scenario.days import Days
from ibconnect.simulator.scenario.printing import commission_row, execution_row
from tests.acceptance.market_books import busy
from tests.executions import UNSET, commission, fill

HEARD = datetime(2026, 1, 5, 15, tzinfo=UTC)
VERSIONS = (157, 163, 177, 178, 197, 198, 199, 200)


class Client(EWrapper):  # type: ignore[misc]
    """What IB's own client makes of a message."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:  # noqa: N802, N803
        self.seen.append((contract, execution))

    def commissionAndFeesReport(self, commissionAndFeesReport: Any) -> None:  # noqa: N802, N803
        self.seen.append(commissionAndFeesReport)


def as_client(fields: list[str], version: int) -> Any:
    client = Client()
    Decoder(client, version).interpret([field.encode() for field in fields[1:]], int(fields[0]))
    (seen,) = client.seen
    return seen


def some_fills() -> list[Fill]:
    fills = busy().world.fills
    return [*fills[:20], *(fill for fill in fills if fill.earlier or fill.instrument.sec_type == "BAG")][:40]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_what_ibs_client_reads(version: int) -> None:
    days = Days("US/Eastern", "09:30")
    for each in some_fills():
        fields = list(execution_row(each, 7, version, days))
        contract, execution = as_client(fields, version)
        found = fill_of(fields, 1, HEARD, "gateway", days.zone)
        assert found.id.text == execution.execId
        assert (found.account, found.side, found.exchange) == (execution.acctNumber, execution.side, execution.exchange)
        assert (found.time, found.at) == (execution.time, each.at.replace(microsecond=0))
        assert (str(found.shares), str(found.cum_qty)) == (f"{execution.shares:f}", f"{execution.cumQty:f}")
        assert [float(figure or 0) for figure in (found.price, found.avg_price)] == [
            execution.price,
            execution.avgPrice,
        ]
        ids = (execution.orderId, execution.permId, execution.clientId, execution.lastLiquidity, contract.conId)
        own = (found.order_id, found.perm_id, found.client_id, found.last_liquidity, found.contract_id)
        assert tuple(map(str, ids)) == own
        assert (found.order_ref, found.model_code) == (execution.orderRef, execution.modelCode)
        assert found.contract.local_symbol == contract.localSymbol
        assert found.contract.trading_class == contract.tradingClass
        assert found.pending_price_revision == (execution.pendingPriceRevision if version >= 178 else None)
        assert (found.texts, found.remarks) == (None, ())


def test_a_commission_is_what_ibs_client_reads() -> None:
    for realized in (None, Decimal("-73.07")):
        fields = list(commission_row("a.b.01.01", Commission(Decimal("1.05"), "USD", realized), 200))
        seen = as_client(fields, 200)
        found = commission_of(fields, 1, HEARD, "gateway")
        assert (found.id.text, found.currency) == (seen.execId, seen.currency)
        assert float(found.commission or 0) == seen.commissionAndFees
        assert found.realized_pnl == (None if realized is None else "-73.07")


@given(st.integers(0, 30))
def test_what_is_too_short_is_refused(length: int) -> None:
    with pytest.raises(ProjectionError):
        fill_of(fill("a.b.01.01", more=())[:length], 1, HEARD, "gateway", None)
    if length < 8:
        with pytest.raises(ProjectionError):
            commission_of(commission("a.b.01.01")[:length], 1, HEARD, "gateway")


@given(st.integers(19, 30), st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=12))
def test_an_odd_figure_costs_itself_alone(at: int, text: str) -> None:
    usual = fill("a.b.01.01", time="20260105 09:31:00 US/Eastern")
    odd = [*usual[:at], text, *usual[at + 1 :]]
    first, second = (fill_of(fields, 1, HEARD, "gateway", None)._asdict() for fields in (usual, odd))
    changed = {name for name, value in first.items() if second[name] != value}
    assert len(changed - {"digest", "texts", "remarks"}) <= 1


@pytest.mark.parametrize("account", ["", "A,B", "\n", "x" * 65])
def test_an_execution_of_no_account_is_refused(account: str) -> None:
    with pytest.raises(ProjectionError):
        fill_of(fill("a.b.01.01", account), 1, HEARD, "gateway", None)


@pytest.mark.parametrize(
    ("text", "key", "number"),
    [
        ("0000e0d5.65f1a2b3.01.01", "0000e0d5.65f1a2b3.01", 1),
        ("0000e0d5.65f1a2b3.01.12", "0000e0d5.65f1a2b3.01", 12),
        ("nodots", "nodots", 0),
        (".01", ".01", 0),
        ("a.", "a.", 0),
        ("a.b", "a.b", 0),
        ("a.99999999999", "a.99999999999", 0),
        ("a.٣", "a.٣", 0),
    ],
)
def test_an_execution_id(text: str, key: str, number: int) -> None:
    assert execution_id(text) == (text, key, number)


def test_unset_figures_are_none() -> None:
    fields = commission("a.b.01.01", UNSET, "", UNSET)
    found = commission_of(fields, 1, HEARD, "gateway")
    assert (found.commission, found.realized_pnl, found.bond_yield, found.texts) == (None, None, None, None)
