"""What the books of a simulated world say of executions, and what the view says, as rows that can be compared."""

from collections.abc import Mapping
from typing import Any

from ibconnect.simulator import Scenario
from ibconnect.simulator.scenario.blotter import Fill
from tests.executions import Report

Row = dict[str, Any]

_QUERY = """
    SELECT
        account_code, execution_id, executed, ib_contract_id, symbol, local_symbol, security_type, currency, side,
        shares, price, cum_qty, avg_price, exchange, order_id, perm_id, client_id, order_ref, model_code, liquidity,
        commission, commission_currency, realized_pnl, coalesce(corrects, '{}') AS corrects,
        combo_execution_id IS NOT NULL AS is_leg, remarks
    FROM v_execution
"""


def of_books(scenario: Scenario) -> Mapping[tuple[str, str], Row]:
    """By account and execution id."""
    world = scenario.world
    return {(fill.account, fill.exec_id): _row(fill, world) for fill in world.fills if fill.account in world.accounts}


def _row(fill: Fill, world: Any) -> Row:
    instrument, report = fill.instrument, fill.commission
    legs = world.trading.orders[fill.perm_id].legs
    return {
        "account_code": fill.account,
        "execution_id": fill.exec_id,
        "executed": fill.at.replace(microsecond=0),
        "ib_contract_id": instrument.con_id,
        "symbol": instrument.symbol,
        "local_symbol": instrument.local_symbol,
        "security_type": instrument.sec_type,
        "currency": instrument.currency,
        "side": fill.side,
        "shares": fill.shares,
        "price": fill.price,
        "cum_qty": fill.cumulative,
        "avg_price": fill.average_price,
        "exchange": fill.exchange,
        "order_id": fill.order_id,
        "perm_id": fill.perm_id,
        "client_id": fill.client_id,
        "order_ref": fill.order_ref,
        "model_code": fill.model,
        "liquidity": fill.liquidity,
        "commission": report and report.amount,
        "commission_currency": report and report.currency,
        "realized_pnl": report and report.realized,
        "corrects": [former.exec_id for former in fill.earlier],
        "is_leg": bool(legs) and instrument.sec_type != "BAG",
        "remarks": [],
    }


def of_tables(report: Report) -> Mapping[tuple[str, str], Row]:
    """The same out of the view."""
    cursor = report.connection.execute(_QUERY)
    names = [column.name for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return {(row["account_code"], row["execution_id"]): row for row in rows}
