"""Real clients, unmodified, over TCP: all must see the same figures, and those are the scenario's."""

import asyncio
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ib_async import IB

from ibconnect.simulator import Gateway, Scenario
from ibconnect.simulator.scenario.accounts import ACCOUNT_SUMMARY, POSITIONS, UPDATES
from ibconnect.simulator.scenario.pnl import PNL
from tests.acceptance.clients.official import look
from tests.npm import NODE, environment, installed
from tests.waiting import DEADLINE_S

CLIENTS = Path(__file__).parent / "clients"
TAGS = "AccountType,NetLiquidation,TotalCashValue,Cushion,AccruedCash,$LEDGER:ALL"
Figures = dict[str, Any]


def _scenario(advisor: bool = True) -> Scenario:
    scenario = Scenario(seed=11, accounts=3, positions=9, advisor=advisor, activity=50.0)
    for _ in range(300):
        scenario.advance()
    return scenario


def _gateway(scenario: Scenario) -> Gateway:
    """A gateway whose time stands still while a client looks."""
    return Gateway(scenario, speed=1e-6)


def _number(value: Any) -> float | str:
    """A figure as a number where it is one, so that clients with different types compare."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _rows(rows: Iterable[Iterable[Any]]) -> dict[tuple[str, ...], list[float | str]]:
    """Rows by account and the next two fields; what is sent twice under one key counts as last sent."""
    found = {}
    for row in rows:
        first, second, third, *rest = row
        found[str(first), str(second), str(third)] = [_number(value) for value in rest]
    return found


def _expected(scenario: Scenario) -> Figures:
    """The scenario's figures, read from the rows that it prints."""
    values, portfolio, positions = [], [], []
    for code in scenario.codes():
        for row in scenario.answer(UPDATES, code).first():
            if row[0] == "6":
                values.append((code, row[2], row[4], row[3]))
            elif row[0] == "7":
                portfolio.append((code, row[2], row[4], *row[13:19]))
    positions = [(r[2], r[3], r[5], r[14], r[15]) for r in scenario.answer(POSITIONS).first() if r[0] == "61"]
    summary = [
        (r[3], r[4], r[6], r[5]) for r in scenario.answer(ACCOUNT_SUMMARY, 1, "All", TAGS.split(",")).first()[:-1]
    ]
    pnl = {code: [_number(f) for f in scenario.answer(PNL, 1, code, "").first()[0][2:]] for code in scenario.codes()}
    return {
        "values": _rows(values),
        "portfolio": _rows(portfolio),
        "positions": _rows(positions),
        "summary": _rows(summary),
        "pnl": pnl,
    }


def _check(seen: Figures, expected: Figures) -> None:
    """Each table in turn, so that a failure names its row. The same text is the same number for everybody."""
    for table, rows in expected.items():
        assert seen[table].keys() == rows.keys(), table
        for key, figures in rows.items():
            assert seen[table][key] == figures, (table, key)


async def _ib_async(port: int, account: str = "") -> tuple[IB, Figures]:
    """What ib_async's high-level client holds after its default start-up fetches."""
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, clientId=11, account=account, raiseSyncErrors=True)
    accounts = ib.managedAccounts()
    portfolio: list[Any] = []
    for code in accounts:
        await asyncio.wait_for(ib.reqAccountUpdatesAsync(code), DEADLINE_S)
        portfolio += ib.portfolio(code)
    summary = await asyncio.wait_for(ib.reqAccountSummaryAsync(), DEADLINE_S) or ib.wrapper.acctSummary.values()
    pnls = {}
    for code in accounts:
        pnl = ib.reqPnL(code)
        async with asyncio.timeout(DEADLINE_S):
            await pnl_of(ib, pnl)
        pnls[code] = [pnl.dailyPnL, pnl.unrealizedPnL, pnl.realizedPnL]
    return ib, {
        "values": _rows((v.account, v.tag, v.currency, v.value) for v in ib.accountValues()),
        "portfolio": _rows(_portfolio_row(item) for item in portfolio),
        "positions": _rows(
            (p.account, p.contract.conId, p.contract.secType, p.position, p.avgCost) for p in ib.positions()
        ),
        "summary": _rows((v.account, v.tag, v.currency, v.value) for v in summary),
        "pnl": pnls,
    }


async def pnl_of(ib: IB, pnl: Any) -> None:
    """Wait for the first figures of a subscription."""
    while pnl.dailyPnL != pnl.dailyPnL:
        await ib.updateEvent


def _portfolio_row(item: Any) -> tuple[Any, ...]:
    contract = item.contract
    figures = (item.marketPrice, item.marketValue, item.averageCost, item.unrealizedPNL, item.realizedPNL)
    return (item.account, contract.conId, contract.secType, item.position, *figures)


def _without_closed(figures: Figures) -> Figures:
    """ib_async forgets a position as soon as its size is 0."""
    return {
        **figures,
        "portfolio": {k: v for k, v in figures["portfolio"].items() if v[0] != 0},
        "positions": {k: v for k, v in figures["positions"].items() if v[0] != 0},
    }


async def test_ib_async_sees_the_figures() -> None:
    scenario = _scenario()
    async with _gateway(scenario) as gateway:
        ib, seen = await _ib_async(gateway.port)
        expected = _without_closed(_expected(scenario))
        compared = {tag for _, tag, _ in expected["summary"]}
        seen["summary"] = {key: row for key, row in seen["summary"].items() if key[1] in compared}
        _check(seen, expected)
        asked = [fields[0] for fields in gateway.connections[0].requests]
        assert asked[:4] == ["71", "61", "5", "99"]
        assert asked.count("76") == len(scenario.codes()) > 2
        ib.disconnect()


async def test_ib_async_with_one_account_gets_its_updates_on_connecting() -> None:
    scenario = _scenario()
    code = scenario.codes()[1]
    async with _gateway(scenario) as gateway:
        ib = IB()
        await ib.connectAsync("127.0.0.1", gateway.port, account=code, raiseSyncErrors=True)
        open_positions = [p for p in scenario.world.account(code).positions.values() if p.quantity]
        assert len(ib.portfolio()) == len(open_positions)
        net = next(v.value for v in ib.accountValues(code) if v.tag == "NetLiquidation")
        assert Decimal(net) == Decimal(next(v.text for v in scenario.values(code) if v.key == "NetLiquidation"))
        ib.disconnect()


async def test_ib_s_own_client_sees_the_figures() -> None:
    scenario = _scenario()
    async with _gateway(scenario) as gateway:
        app = await asyncio.to_thread(look, gateway.port, TAGS)
    assert app.errors == []
    assert app.accounts == list(scenario.codes())
    seen = {
        "values": _rows(app.values),
        "portfolio": _rows(app.rows),
        "positions": _rows(app.held),
        "summary": _rows(app.summary),
        "pnl": {code: list(app.profits[100 + n]) for n, code in enumerate(app.accounts)},
    }
    _check(seen, _expected(scenario))


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The JavaScript client."""
    return installed(CLIENTS)


async def test_stoqey_sees_the_figures(node_modules: Path) -> None:
    scenario = _scenario()
    async with _gateway(scenario) as gateway:
        process = await asyncio.create_subprocess_exec(
            str(NODE),
            str(CLIENTS / "stoqey.cjs"),
            str(gateway.port),
            TAGS,
            env=environment(NODE_PATH=str(node_modules)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, err.decode()
    told = json.loads(out)
    assert told["errors"] == []
    assert told["accounts"] == list(scenario.codes())
    seen = {table: _rows(told[table]) for table in ("values", "portfolio", "positions", "summary")}
    _check({**seen, "pnl": told["pnl"]}, _expected(scenario))
