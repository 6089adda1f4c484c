"""The demo as a visitor meets it: two years in five currencies, one story in reports and statements.

A real process with the embedded Postgres, asked by HTTP; then a second start of it on another port.
"""

import re
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ibconnect.demo.kept import Kept, recall
from ibconnect.demo.world import make
from ibconnect.simulator.scenario.figures import account_values
from tests.paths import scratch
from tests.processes import Process, accounts, get, process
from tests.waiting import DEADLINE_S, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FIRST_START_S = 4 * DEADLINE_S
"""A minute on a quiet machine; tests share theirs with others."""
NEW_YORK = ZoneInfo("America/New_York")


class Visited:
    """A running demo and what its visitor asks."""

    def __init__(self, demo: Process) -> None:
        self.demo = demo
        self.url = demo.url()

    def of(self, path: str) -> Any:
        status, found = get(f"{self.url}/v1/{path}")
        assert status == 200, found
        return found

    def bases(self) -> dict[str, str]:
        """Base currency → account, of the clients."""
        rows = self.of("overview?currency=USD")["Accounts"]
        return {row["BaseCurrency"]: row["AccountCode"] for row in rows if row["AccountCode"].startswith("U")}

    def has_two_years_of_statements(self) -> bool:
        """Whether the returns of all accounts begin two years ago: what is recorded is in the tables a moment later."""
        found = [get(f"{self.url}/v1/accounts/{code}/performance") for code in self.bases().values()]
        long_ago = (datetime.now(UTC) - timedelta(days=720)).date().isoformat()
        return all(status == 200 and (row["Since"] or "9") < long_ago for status, row in found)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    directory = scratch("ibc-demo-")
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def visited(place: Path) -> Iterator[Visited]:
    """The first start, once its two years are there."""
    (place / "real").mkdir(mode=0o700)
    began = time.monotonic()
    with process(place / "first.log", "demo", DATA_DIR=str(place / "real"), PORT="0") as demo:
        found = Visited(demo)
        for what in ("reports of every day", "statements of every day"):
            wait_for(partial(_is_said, demo, what), lambda: demo.output, FIRST_START_S)
        accounts(found.url, 6, dict.fromkeys(found.bases().values(), _a_while_ago()))
        wait_for(found.has_two_years_of_statements, "statements are in the tables", FIRST_START_S, pause=0.2)
        print(f"the first start took {time.monotonic() - began:.1f} s until all was there")
        yield found


def _is_said(demo: Process, what: str) -> bool:
    return f"recorded: {what}" in demo.output


def _a_while_ago() -> str:
    return (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def test_the_pages_address_is_the_first_thing_that_it_prints(visited: Visited) -> None:
    assert re.fullmatch(r"http://localhost:\d+/", visited.demo.output.splitlines()[0])
    assert "[error" not in visited.demo.output


def test_accounts_in_five_currencies_have_two_years_of_reports_hourly_in_the_end(visited: Visited) -> None:
    bases = visited.bases()
    assert set(bases) == {"USD", "EUR", "GBP", "CHF", "JPY"}
    start = recall_of(visited).start
    _, statements = make(start)
    days = {day.isoformat() for day in statements.past_days}
    for code in bases.values():
        found = visited.of(f"accounts/{code}/history?tag=NetLiquidation&to={start:%Y-%m-%dT%H:%M:%SZ}")["Points"]
        moments = [datetime.fromisoformat(each["Timestamp"]).astimezone(NEW_YORK) for each in found]
        assert {f"{each:%Y-%m-%d}" for each in moments} == days
        assert start - min(moments) > timedelta(days=720)
        recent = [each for each in moments if start - each < timedelta(days=28)]
        assert len(recent) > 100
    ledger = visited.of(f"accounts/{bases['EUR']}/ledger?from={min(days)}&to={max(days)}&step=1mo")
    assert len({row["Currency"] for row in ledger}) >= 4, "cash in several currencies"


def recall_of(visited: Visited) -> Kept:
    kept = re.search(r"history is kept in (\S+)", visited.demo.output)
    assert kept
    return recall(Path(kept[1]), datetime.now(UTC))


def test_each_client_lost_a_quarter_and_has_recovered(visited: Visited) -> None:
    for code in visited.bases().values():
        found = visited.of(f"accounts/{code}/performance")
        deepest = found["MaximumDrawdown"]
        assert -0.30 < deepest["Depth"] < -0.18, (code, deepest)
        assert deepest["Recovered"], (code, deepest)
        assert found["Inflows"] > 0 > found["Outflows"]
        assert found["TimeWeightedReturn"] > 0


def test_an_account_was_all_but_sold_out_for_days_and_was_saved_by_a_deposit(visited: Visited) -> None:
    code = visited.bases()["EUR"]
    points = visited.of(f"accounts/{code}/history?tag=Cushion&ready=any")["Points"]
    low = [datetime.fromisoformat(each["Timestamp"]) for each in points if each["Cushion"] < 0.1]
    assert 3 <= len(low) <= 6
    assert min(each["Cushion"] for each in points) < 0.03
    flows = visited.of(
        f"accounts/{code}/cash-flows?from={max(low):%Y-%m-%d}&to={max(low) + timedelta(days=5):%Y-%m-%d}"
    )
    assert any("MARGIN CALL MET" in (row["Description"] or "") for row in flows)
    after = next(each for each in points if datetime.fromisoformat(each["Timestamp"]) > max(low))
    assert after["Cushion"] > 0.15


def test_there_are_deposits_dividends_transfers_trades_orders_and_options_that_ended(visited: Visited) -> None:
    types: set[str] = set()
    kinds: set[str] = set()
    for code in visited.bases().values():
        types |= {row["Type"] for row in visited.of(f"accounts/{code}/cash-flows?limit=10000")}
        kinds |= {row["SecurityType"] for row in visited.of(f"accounts/{code}/executions?limit=10000")}
        orders = visited.of(f"accounts/{code}/orders?limit=1000")
        assert len(orders) > 100
    assert types >= {"Deposits/Withdrawals", "Dividends", "Withholding Tax", "Advisor Fees"}
    assert types >= {"INTERNAL", "Broker Interest Received", "Other Fees"}
    assert kinds >= {"STK", "OPT", "FUT", "CASH"}


def test_statements_and_reports_tell_one_story(visited: Visited) -> None:
    """Every value, balance, position, price and fill of two years is compared, and none differs."""
    start = recall_of(visited).start
    for code in [*visited.bases().values()]:
        path = f"accounts/{code}/reconciliation?limit=366&show=differences"
        compared = 0
        for first, last in ((730, 366), (365, 0)):
            begin, end = start - timedelta(days=first), start - timedelta(days=last)
            found = visited.of(f"{path}&from={begin:%Y-%m-%d}&to={end:%Y-%m-%d}")
            assert (found["Summary"]["Differ"], found["Summary"]["NotCompared"]) == (0, 0), found["Rows"][:3]
            compared += found["Summary"]["Agree"]
        assert compared > 5_000


def test_the_gateways_restart_shows_as_a_gap_in_the_past_and_live(visited: Visited) -> None:
    start = recall_of(visited).start
    code = visited.bases()["USD"]
    _, statements = make(start)
    day = statements.past_days[-10]
    found = visited.of(f"accounts/{code}/history?tag=NetLiquidation&from={day}&to={day + timedelta(days=1)}")["Points"]
    hours = {datetime.fromisoformat(each["Timestamp"]).astimezone(NEW_YORK).hour for each in found}
    assert hours >= {10, 11, 15, 16, 17}
    assert hours.isdisjoint({12, 13, 14})
    wait_for(lambda: "gateway lost" in visited.demo.output, lambda: visited.demo.output, FIRST_START_S)

    def is_back() -> bool:
        (gateway,) = visited.of("gateways")
        since = datetime.fromisoformat(gateway["Since"])
        return bool(gateway["State"] == "connected") and since > start + timedelta(seconds=75)

    wait_for(is_back, "the gateway is back after its restart", FIRST_START_S)


def worth_at_the_end_of(kept: Kept) -> dict[str, str]:
    """What each account is worth when a world has passed through the same seconds, in this process."""
    world = make(kept.start)[0].world
    kept.pass_again(world, kept.start)
    values = {code: account_values(account, world.market) for code, account in world.accounts.items()}
    return {code: next(v.text for v in some if v.key == "NetLiquidation") for code, some in values.items()}


def test_a_second_start_on_another_port_goes_on_at_once_and_warns_of_nothing(visited: Visited, place: Path) -> None:
    before = visited.of("gateways")[0]["Gateway"]
    executions = {code: visited.of(f"accounts/{code}/executions?limit=500") for code in visited.bases().values()}
    began = recall_of(visited)
    visited.demo.stop(signal.SIGINT)
    assert visited.demo.popen.returncode == 0
    stopped = datetime.now(UTC)
    worth = worth_at_the_end_of(recall_of(visited))
    with process(place / "second.log", "demo", DATA_DIR=str(place / "real"), PORT="0") as demo:
        again = Visited(demo)
        latest = accounts(again.url, 6, dict.fromkeys(executions, datetime.now(UTC).isoformat()))
        assert len(latest) >= 6
        assert "reports of every day" not in demo.output, "the two years are not recorded again"
        (gateway,) = again.of("gateways")
        assert (gateway["Gateway"], gateway["Conflicts"]) == (before, [])
        rows = again.of("overview?currency=USD")["Accounts"]
        assert {name for row in rows for name in row["Gateways"]} == {before}
        for code, value in worth.items():
            report = again.of(f"accounts/{code}/as-of/{stopped:%Y-%m-%dT%H:%M:%SZ}")
            assert report["Balance"]["NetLiquidation"].split()[1] == value, (
                "the last report is what the world ended with"
            )
        demo.said("statements of every day")
        again_recalled = recall_of(again)
        assert (again_recalled.start, len(again_recalled.runs)) == (began.start, 2)
        for code, told in executions.items():
            kept = {row["ExecutionId"] for row in again.of(f"accounts/{code}/executions?limit=1000")}
            assert {row["ExecutionId"] for row in told} <= kept
        assert "[warning" not in demo.output
        assert demo.stop(signal.SIGINT) < DEADLINE_S
