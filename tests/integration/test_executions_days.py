"""Random days of a simulated market, told as gateways tell them: the tables say what the market's own books do."""

import random
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibconnect.simulator import Scenario
from ibconnect.simulator.scenario.executions import EXECUTIONS, Filter
from tests.conftest import create_database, drop_database
from tests.execution_books import of_books, of_tables
from tests.executions import History, Report, report

ALL = Filter(0, "", "", "", "", "", "", 0, ())
GATEWAYS = ("127.0.0.1:4002", "127.0.0.1:4003")


@pytest.fixture(scope="module")
def tables(server_url: str, template: str) -> Iterator[Report]:
    url = create_database(server_url, "executions_days", template)
    with report(url) as found:
        yield found
    drop_database(server_url, "executions_days")


class Day:
    """A market, and two gateways that are asked about it now and then, and whose connections break."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        is_advised = self.random.random() < 0.5
        self.scenario = Scenario(seed=seed, accounts=3, positions=6, advisor=is_advised, activity=150.0)
        self.history = History(now=self.scenario.world.now)
        self.sessions: dict[str, tuple[UUID, int]] = {}
        self.number = 0

    def pass_by(self, seconds: int, questions: int) -> None:
        """Let time pass, ask so often, and at the end once more in whole."""
        for _ in range(questions):
            for _ in range(seconds // questions):
                self.scenario.advance()
            self.ask(self.random.choice(GATEWAYS), is_whole=False)
        self.ask(GATEWAYS[0], is_whole=True)

    def ask(self, gateway: str, *, is_whole: bool) -> None:
        session, version = self._session(gateway)
        self.number += 1
        rows = self.scenario.answer(EXECUTIONS, self.number, ALL, version)
        if not is_whole:
            rows = self._spoiled(rows)
        self.history.own(session, "qa", report="executions", request=self.number, days=1)
        for fields in rows:
            self.history.message(session, fields)
        if len(rows) == 0 or rows[-1][0] != "55":
            self.history.own(session, "sc", reason="lost")
            del self.sessions[gateway]

    def _session(self, gateway: str) -> tuple[UUID, int]:
        if gateway not in self.sessions:
            version = self.random.choice([157, 176, 178, 197, 198, 200])
            session = self.history.session(gateway, self.scenario.connection_time())
            self.sessions[gateway] = session, version
        return self.sessions[gateway]

    def _spoiled(self, rows: list[list[str]]) -> list[list[str]]:
        """Cut off somewhere; or with commissions before their executions, after the end, or twice."""
        *told, end = rows
        match self.random.randrange(4):
            case 0:
                return told[: self.random.randrange(len(told) + 1)]
            case 1:
                self.random.shuffle(told)
                return [*told, end]
            case 2:
                late = [fields for fields in told if fields[0] == "59"]
                return [*(fields for fields in told if fields[0] != "59"), end, *late, end]
            case _:
                return [*told, *told, end]


def compare(tables: Report, seed: int, seconds: int, questions: int, sizes: list[int]) -> int:
    day = Day(seed)
    day.pass_by(seconds, questions)
    tables.clear()
    assert tables.project(day.history.events, sizes) == []
    wanted = of_books(day.scenario)
    # What was told of an account stays when that is closed; the books do without it.
    open_accounts = day.scenario.world.accounts
    found = {key: row for key, row in of_tables(tables).items() if key[0] in open_accounts}
    assert found.keys() == wanted.keys()
    for key, row in wanted.items():
        assert found[key] == row
    return len(wanted)


_CHECKS = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
DAYS = given(
    st.integers(0, 2**32 - 1), st.integers(20, 200), st.integers(1, 8), st.lists(st.integers(1, 400), max_size=5)
)


@settings(suppress_health_check=_CHECKS, max_examples=6)
@DAYS
def test_the_tables_say_what_the_books_say(
    tables: Report, seed: int, seconds: int, questions: int, sizes: list[int]
) -> None:
    compare(tables, seed, seconds, questions, sizes)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(suppress_health_check=_CHECKS, max_examples=1000)
@DAYS
def test_so_they_do_on_a_thousand_days(
    tables: Report, seed: int, seconds: int, questions: int, sizes: list[int]
) -> None:
    compare(tables, seed, seconds, questions, sizes)


def test_such_a_day_has_everything_in_it(tables: Report) -> None:
    assert compare(tables, 11, 300, 6, []) > 100
    rows = of_tables(tables).values()
    assert {"BAG", "STK", "OPT"} <= {row["security_type"] for row in rows}
    for name in ("corrects", "is_leg", "realized_pnl", "order_ref"):
        assert any(row[name] for row in rows), name
    assert any(row["client_id"] == 0 for row in rows), "of TWS"
    assert any(row["shares"] % 1 for row in rows), "a part of a share"
