"""Executions from the socket to the API: asked for, recorded to the letter, one row each, whatever happens."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ibconnect.events.types import QuestionAsked, SessionOpened
from ibconnect.gateway.collectors.executions import days_to_ask, next_before_midnight
from ibconnect.projections.executions.projection import EXECUTIONS
from ibconnect.projections.upkeep import rebuild
from ibconnect.simulator import Gateway, Scenario
from tests.collecting import of_number
from tests.execution_books import of_books, of_tables
from tests.executions import report
from tests.projecting import project, project_report
from tests.recording import Recording, ask_for_refresh, recording
from tests.serving import serving
from tests.tables import rows
from tests.waiting import until

pytestmark = pytest.mark.with_tables

FROZEN = 1e-6
"""So slow that nothing happens in the simulated market while it is looked at."""


def busy(seconds: int = 200) -> Scenario:
    scenario = Scenario(seed=11, accounts=3, positions=6, advisor=True, activity=80.0)
    for _ in range(seconds):
        scenario.advance()
    return scenario


async def answers(seen: Recording, count: int) -> None:
    """Wait until so many answers have ended."""
    await until(lambda: len(of_number(seen, 55)) >= count, f"{count} answers about executions")
    await seen.writer.flushed()


def check(url: str, scenario: Scenario) -> None:
    """The tables have what the books have, live and rebuilt."""
    wanted = of_books(scenario)
    project_report(url, EXECUTIONS)
    with report(url) as tables:
        live = tables.tables()
        assert of_tables(tables) == wanted
    rebuild(url, reports=[EXECUTIONS])
    with report(url) as tables:
        assert tables.tables() == live


@pytest.mark.parametrize("version", [pytest.param(157, marks=pytest.mark.slow), 178, 200])
async def test_they_are_in_the_tables_as_in_the_books(database_url: str, tmp_path: Path, version: int) -> None:
    scenario = busy()
    async with (
        Gateway(scenario, speed=FROZEN, server_version=version) as gateway,
        recording(database_url, tmp_path, gateway.port, COLLECT="executions") as seen,
    ):
        # At connection, after the first refresh, after the next one.
        await answers(seen, 2)
        for _ in range(50):
            scenario.advance()
        ask_for_refresh(database_url)
        await answers(seen, 3)
        asked = seen.of(QuestionAsked)
        assert [each.days for each in asked] == ([7, 1, 1] if version >= 200 else [1, 1, 1])
        assert [str(each.request) for each in asked] == [fields[2] for fields in of_number(seen, 55)]
        assert seen.inbound() == gateway.sent, "what is recorded is what was sent"
    check(database_url, scenario)


def faults(*names: tuple[str, dict[str, Any]], is_slow: bool = True) -> Any:
    text = " ".join(f"{name} {parameters.get('only', '')}".strip() for name, parameters in names)
    return pytest.param(names, id=text, marks=[pytest.mark.slow] if is_slow else [])


@pytest.mark.parametrize(
    "faults",
    [
        faults(("drop", {"only": "11", "skip": 20}), is_slow=False),
        faults(("twice", {"only": "11+59+55", "count": 500}), ("late-commissions", {}), is_slow=False),
        faults(("reset-mid-message", {"only": "59", "skip": 5})),
        faults(("drop", {"only": "55"})),
        faults(("mixed", {})),
        faults(("lost", {"only": "59", "count": 30})),
        faults(("lost", {"only": "55"})),
    ],
)
async def test_no_fault_loses_or_doubles_one(
    database_url: str, tmp_path: Path, faults: Sequence[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.collectors.question.ANSWER_S", 1.0)
    monkeypatch.setattr("ibconnect.gateway.collectors.due.AGAIN_S", 0.2)
    scenario = busy()
    async with Gateway(scenario, speed=FROZEN) as gateway:
        for name, parameters in faults:
            gateway.inject(name, **parameters)
        async with recording(database_url, tmp_path, gateway.port, COLLECT="executions") as seen:
            await answers(seen, 1)
            await seen.refreshes()
            gateway.clear_faults()
            ask_for_refresh(database_url)
            await answers(seen, len(of_number(seen, 55)) + 1)
            breaks = sum(name.startswith(("drop", "reset")) for name, _ in faults)
            assert len(seen.of(SessionOpened)) == 1 + breaks
    check(database_url, scenario)


async def test_two_gateways_that_list_one_account_tell_of_each_once(database_url: str, tmp_path: Path) -> None:
    scenario = busy()
    async with (
        Gateway(scenario, speed=FROZEN, server_version=178) as one,
        Gateway(scenario, speed=FROZEN) as two,
        recording(database_url, tmp_path, one.port, two.port, COLLECT="executions") as seen,
    ):
        await answers(seen, 4)
    check(database_url, scenario)
    project(database_url)
    account = max(code for code, _ in of_books(scenario))
    async with serving(database_url) as served:
        found = await rows(served, f"/v1/accounts/{account}/executions?limit=7")
    books = [row for (code, _), row in of_books(scenario).items() if code == account]
    assert sorted(row["ExecutionId"] for row in found) == sorted(row["execution_id"] for row in books)
    assert [row["Time"] for row in found] == sorted((row["Time"] for row in found), reverse=True)


def test_it_is_asked_before_the_gateways_midnight() -> None:
    zone, at = ZoneInfo("America/New_York"), datetime(2026, 3, 7, 12, tzinfo=UTC)
    found = []
    for _ in range(4):
        at = next_before_midnight(zone, at)
        found.append(f"{at:%d %H:%M:%S}")
    # On the day between the clocks are put forward.
    assert found == ["08 04:59:00", "08 04:59:50", "09 03:59:00", "09 03:59:50"]


@pytest.mark.parametrize(
    ("version", "hours", "days"),
    [("199", 100, 1), ("200", None, 7), ("200", 1, 1), ("200", 14, 2), ("200", 24, 2), ("200", 1000, 7), ("", 5, 1)],
)
def test_of_which_days_it_is_asked(version: str, hours: int | None, days: int) -> None:
    now = datetime(2026, 1, 6, 18, tzinfo=UTC)
    whole = None if hours is None else now - timedelta(hours=hours)
    assert days_to_ask(version, ZoneInfo("America/New_York"), whole, now) == days
