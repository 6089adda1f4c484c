"""Executions against a model: any messages, in any order, repeated, cut off and begun anew, by two gateways at once.

The model looks at all that was told at the end; the report moves on event by event, in batches of any size.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import create_database, drop_database
from tests.executions import UNSET, History, Report, commission, fill, report

ZONES = {
    "ny:4002": (ZoneInfo("America/New_York"), "EST"),
    "hk:4002": (ZoneInfo("Asia/Hong_Kong"), "HKT"),
    "odd:4002": (None, ""),
}
KEYS, ACCOUNTS = ("a.b.01", "a.b.02", "c"), ("DU1", "DU2")
BEGIN = datetime(2026, 1, 5, 3, tzinfo=UTC)

Id = tuple[str, str]


@pytest.fixture(scope="module")
def tables(server_url: str, template: str) -> Iterator[Report]:
    url = create_database(server_url, "executions_model", template)
    with report(url) as found:
        yield found
    drop_database(server_url, "executions_model")


@dataclass
class Model:
    """All that was told, and the events of it."""

    history: History = field(default_factory=lambda: History(now=BEGIN))
    sessions: dict[str, UUID] = field(default_factory=dict)
    asked: dict[str, tuple[int, datetime, int]] = field(default_factory=dict)
    """Of each gateway the request that is not answered: its number, when, of how many days."""
    fills: dict[Id, list[tuple[str, str, bool]]] = field(default_factory=lambda: defaultdict(list))
    """Of each execution: who told of it, at which price, and whether it is known when it was."""
    reports: dict[str, list[tuple[str, str | None]]] = field(default_factory=lambda: defaultdict(list))
    covered: dict[tuple[str, Any], datetime] = field(default_factory=dict)
    count: int = 0

    def session(self, gateway: str) -> UUID:
        if gateway not in self.sessions:
            zone, name = ZONES[gateway]
            told = "" if zone is None else f"{self.history.now.astimezone(zone):%Y%m%d %H:%M:%S} {name}"
            self.sessions[gateway] = self.history.session(gateway, told)
        return self.sessions[gateway]

    def close(self, gateway: str) -> None:
        if gateway in self.sessions:
            self.history.own(self.sessions.pop(gateway), "sc", reason="lost")
            self.asked.pop(gateway, None)

    def fill(self, gateway: str, which: tuple[str, int], account: str, price: str, is_zoned: bool) -> None:
        session, key, execution = self.session(gateway), which[0], f"{which[0]}.{which[1]:02}"
        zone = ZONES[gateway][0]
        at = executed(key, account)
        named = f"{at.astimezone(ZoneInfo('Europe/Zurich')):%Y%m%d %H:%M:%S} Europe/Zurich"
        local = f"{at.astimezone(zone or UTC):%Y%m%d  %H:%M:%S}"
        self.history.message(session, fill(execution, account, time=named if is_zoned else local, price=price))
        self.fills[account, execution].append((gateway, price, is_zoned or zone is not None))

    def commission(self, gateway: str, key: str, number: int, amount: str, realized: str) -> None:
        execution = f"{key}.{number:02}"
        self.history.message(self.session(gateway), commission(execution, amount, "USD", realized))
        self.reports[execution].append((amount, None if realized == UNSET else realized))

    def ask(self, gateway: str, days: int) -> None:
        session = self.session(gateway)
        self.count += 1
        self.history.own(session, "qa", report="executions", request=self.count, days=days)
        self.asked[gateway] = (self.count, self.history.now, days)

    def end(self, gateway: str) -> None:
        """The answer ends: of the request that is open, or of one that nobody knows of."""
        session, zone = self.session(gateway), ZONES[gateway][0]
        number, when, days = self.asked.pop(gateway, (0, None, 1))
        self.history.message(session, ("55", "1", str(number)))
        when = when or self.history.now
        if zone is None:
            return
        last, today = when.astimezone(zone).date(), self.history.now.astimezone(zone).date()
        for before in range(days):
            day = today - timedelta(days=before)
            if day <= last:
                ends = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
                until = min(when, ends)
                self.covered[gateway, day] = max(self.covered.get((gateway, day), until), until)

    def wait(self, hours: int) -> None:
        self.history.now += timedelta(hours=hours)


def executed(key: str, account: str) -> datetime:
    return BEGIN + timedelta(minutes=7 * KEYS.index(key) + ACCOUNTS.index(account))


GATEWAYS, NUMBERS = st.sampled_from(list(ZONES)), st.integers(1, 3)
STEPS = st.one_of(
    st.tuples(
        st.just("fill"),
        GATEWAYS,
        st.tuples(st.sampled_from(KEYS), NUMBERS),
        st.sampled_from(ACCOUNTS),
        st.sampled_from(["1.5", "1.50", "-0.00", "1.0E7", "wrong"]),
        st.booleans(),
    ),
    st.tuples(
        st.just("commission"),
        GATEWAYS,
        st.sampled_from(KEYS),
        NUMBERS,
        st.sampled_from(["1.00", "2", "-0.25"]),
        st.sampled_from([UNSET, "-5.5", "0.00"]),
    ),
    st.tuples(st.just("ask"), GATEWAYS, st.sampled_from([1, 1, 2, 7])),
    st.tuples(st.just("end"), GATEWAYS),
    st.tuples(st.just("close"), GATEWAYS),
    st.tuples(st.just("wait"), st.integers(1, 30)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(st.lists(STEPS, max_size=40), st.lists(st.integers(1, 9), max_size=6))
def test_the_tables_say_what_was_told(tables: Report, steps: list[Any], sizes: list[int]) -> None:
    model = Model()
    for name, *given_ in steps:
        getattr(model, name)(*given_)
    tables.clear()
    assert tables.project(model.history.events, sizes) == []
    made = tables.tables()
    assert versions(tables) == wanted_versions(model)
    assert commissions(tables) == wanted_commissions(model)
    query = "SELECT gateway, day, asked_until FROM v_execution_day"
    assert {(gateway, day): until for gateway, day, until in tables.rows(query)} == model.covered
    tables.clear()
    tables.project(model.history.events)
    assert tables.tables() == made, "a batch makes what its events make one by one"


def versions(tables: Report) -> dict[Id, Any]:
    query = "SELECT account_code, execution_id, gateway, price, executed, texts, remarks, corrected_by FROM {}"
    found = {row[:2]: row[2:] for row in tables.rows(query.format("v_execution_version"))}
    corrects = {row[:2]: row[2] for row in tables.rows("SELECT account_code, execution_id, corrects FROM v_execution")}
    assert corrects.keys() == {each for each, row in found.items() if row[-1] is None}
    for (account, current), former in corrects.items():
        assert sorted(former or []) == sorted(
            execution for (whose, execution), row in found.items() if whose == account and row[-1] == current
        )
    return found


def wanted_versions(model: Model) -> dict[Id, Any]:
    numbers: dict[Id, int] = defaultdict(int)
    for account, execution in model.fills:
        key, _, number = execution.rpartition(".")
        numbers[account, key] = max(numbers[account, key], int(number))
    found = {}
    for (account, execution), told in model.fills.items():
        gateway = told[0][0]
        price = [price for teller, price, _ in told if teller == gateway][-1]
        key, _, number = execution.rpartition(".")
        at = executed(key, account) if any(is_known for _, _, is_known in told) else None
        newest = numbers[account, key]
        by = None if newest == int(number) else f"{key}.{newest:02}"
        is_odd = price in ("-0.00", "1.0E7", "wrong")
        # It is the price, and the average price of the order.
        texts = {"price": price, "avg_price": price} if is_odd else None
        remarks = ["unknown-time"] * (at is None) + ["unreadable-figure"] * (price == "wrong")
        amount = None if price == "wrong" else Decimal(price)
        found[account, execution] = (gateway, amount, at, texts, remarks, by)
    return found


def commissions(tables: Report) -> dict[Id, Any]:
    query = "SELECT account_code, execution_id, commission, realized_pnl FROM v_execution_version"
    return {row[:2]: row[2:] for row in tables.rows(query)}


def wanted_commissions(model: Model) -> dict[Id, Any]:
    found: dict[Id, Any] = {}
    for account, execution in model.fills:
        key, _, number = execution.rpartition(".")
        told = [model.reports.get(f"{key}.{before:02}") for before in range(int(number), 0, -1)]
        amount, realized = next((each[-1] for each in told if each), (None, None))
        found[account, execution] = tuple(each and Decimal(each) for each in (amount, realized))
    return found
