"""Orders, fills and commissions as wire messages, for any server version.

In: rows of ``blotter``, a version. Out: wire fields. Called by the parts ``executions`` and ``orders``.
"""

from collections.abc import Mapping
from decimal import Decimal

from ibconnect.simulator.scenario.blotter import CANCELLED, FILLED, Commission, Fill, Order
from ibconnect.simulator.scenario.days import Days
from ibconnect.simulator.scenario.encoding import plain
from ibconnect.simulator.scenario.instruments import Instrument
from ibconnect.simulator.wire.frames import Fields
from ibconnect.simulator.wire.layout import Row
from ibconnect.simulator.wire.layouts import (
    COMMISSION,
    COMPLETED_ORDER,
    EXECUTION,
    OPEN_ORDER,
    ORDER_STATUS,
    UNSET_DOUBLE,
)

ZONED_SINCE = 200
"""From this server version on, times name their zone; before, the gateway's is meant."""


def contract_values(instrument: Instrument) -> dict[str, str]:
    """The eleven fields of a contract."""
    i = instrument
    return {
        "conId": str(i.con_id),
        "symbol": i.symbol,
        "secType": i.sec_type,
        "lastTradeDateOrContractMonth": i.expiry,
        "strike": i.strike or "0.0",
        "right": i.right,
        "multiplier": i.multiplier,
        "exchange": i.exchange,
        "currency": i.currency,
        "localSymbol": i.local_symbol,
        "tradingClass": i.trading_class,
    }


def execution_row(fill: Fill, request_id: int, version: int, days: Days) -> Fields:
    """Message 11."""
    return EXECUTION.encode(
        version,
        {
            **contract_values(fill.instrument),
            "reqId": str(request_id),
            "orderId": str(fill.order_id),
            "execId": fill.exec_id,
            "time": days.text(fill.at, version >= ZONED_SINCE),
            "acctNumber": fill.account,
            "execExchange": fill.exchange,
            "side": fill.side,
            "shares": plain(fill.shares),
            "price": plain(fill.price),
            "permId": str(fill.perm_id),
            "clientId": str(fill.client_id),
            "cumQty": plain(fill.cumulative),
            "avgPrice": plain(fill.average_price),
            "orderRef": fill.order_ref,
            "modelCode": fill.model,
            "lastLiquidity": str(fill.liquidity),
        },
    )


def commission_row(exec_id: str, commission: Commission, version: int) -> Fields:
    """Message 59."""
    realized = UNSET_DOUBLE if commission.realized is None else plain(commission.realized)
    return COMMISSION.encode(
        version,
        {
            "execId": exec_id,
            "commission": plain(commission.amount),
            "currency": commission.currency,
            "realizedPNL": realized,
        },
    )


def status_row(order: Order, version: int) -> Fields:
    """Message 3: the order's latest state."""
    state = order.state
    return ORDER_STATUS.encode(
        version,
        {
            "orderId": str(order.order_id),
            "status": state.status,
            "filled": plain(state.filled),
            "remaining": plain(state.remaining),
            "avgFillPrice": plain(state.average_price),
            "permId": _perm_id(order),
            "parentId": str(order.parent_id),
            "lastFillPrice": plain(state.last_price),
            "clientId": str(order.client_id),
            "whyHeld": state.why_held,
        },
    )


def open_order_row(order: Order, version: int) -> Fields:
    """Message 5."""
    shares: list[Row] = [
        {"account": account, "position": "0", "desiredAllocQty": plain(share), "allowedAllocQty": plain(share)}
        for account, share in order.allocations
    ]
    return OPEN_ORDER.encode(
        version,
        {
            **_order_values(order),
            "orderId": str(order.order_id),
            "permId": _perm_id(order),
            "clientId": str(order.client_id),
            "parentId": str(order.parent_id),
            "status": order.state.status,
            "warningText": order.warning,
            "rejectReason": order.warning,
            "orderAllocations": shares,
        },
    )


def completed_order_row(order: Order, version: int, days: Days) -> Fields:
    """Message 101."""
    state = order.state
    why = {FILLED: f"Filled Size: {plain(order.quantity)}", CANCELLED: "Cancelled by Trader"}
    return COMPLETED_ORDER.encode(
        version,
        {
            **_order_values(order),
            "permId": str(order.perm_id),
            "status": state.status,
            "filledQuantity": plain(state.filled),
            "completedTime": days.text(state.at, is_named=True),
            "completedStatus": why.get(state.status, order.warning),
        },
    )


def _perm_id(order: Order) -> str:
    """IB gives it when it has taken the order."""
    return "0" if order.client_id and order.state.status == "PendingSubmit" else str(order.perm_id)


def _order_values(order: Order) -> Mapping[str, "str | list[Row]"]:
    legs: list[Row] = [
        {"conId": str(leg.instrument.con_id), "ratio": str(leg.ratio), "action": leg.action, "exchange": "SMART"}
        for leg in order.legs
    ]
    described = ",".join(
        f"{leg.instrument.con_id}|{leg.ratio if leg.action == 'BUY' else -leg.ratio}" for leg in order.legs
    )
    return {
        **contract_values(order.instrument),
        "strike": order.instrument.strike or "0",
        "right": order.instrument.right or "?",
        "action": order.action,
        "totalQuantity": plain(order.quantity),
        "orderType": order.order_type,
        "lmtPrice": _price(order.limit),
        "auxPrice": _price(order.stop),
        "tif": order.tif,
        "ocaGroup": order.oca_group,
        "account": order.account,
        "orderRef": order.order_ref,
        "outsideRth": "1" if order.outside_rth else "0",
        "faGroup": order.fa_group,
        "faMethod": order.fa_method,
        "modelCode": order.model,
        "goodTillDate": order.good_till,
        "comboLegsDescrip": described,
        "comboLegs": legs,
    }


def _price(price: Decimal | None) -> str:
    return "0.0" if price is None else plain(price)
