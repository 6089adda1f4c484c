"""Profit and loss over many days of a simulated market: tables and daily series are what its own books say."""

import csv
import io
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from ibconnect.simulator.scenario.blotter import Profit
from ibconnect.simulator.scenario.encoding import plain
from ibconnect.simulator.scenario.figures import cents
from ibconnect.simulator.scenario.plan import Plan
from ibconnect.simulator.scenario.pnl import pnl_row, pnl_single_row
from ibconnect.simulator.scenario.world import World
from ibconnect.times import to_micros
from tests import profits
from tests.conftest import create_database, drop_database
from tests.profits import Row
from tests.projecting import Stream, project, record
from tests.serving import GATEWAY, serving

ZONE, RESET = "America/New_York", "09:30"


class History(NamedTuple):
    """A market that was sampled about twice a day, over connections that break now and then."""

    days: int
    url: str
    rows: list[Row]
    """What the table has to hold."""
    closes: dict[tuple[str, int], dict[datetime, str]]
    """By account and contract: the daily profit by the end of each day, as the books had it at the last sample."""


def shown(profit: Profit, at: datetime) -> Row:
    """A row of the books as a row of the table."""
    figures = [cents(each) for each in (profit.daily, profit.unrealized, profit.realized)]
    if profit.con_id is None:
        return Row(profit.account, 0, to_micros(at), GATEWAY, *figures, None, None)
    assert profit.position is not None
    assert profit.value is not None
    held = plain(profit.position), cents(profit.value)
    return Row(profit.account, profit.con_id, to_micros(at), GATEWAY, *figures, *held)


def lived(seed: int, days: int) -> tuple[list[Stream], list[Row], dict[tuple[str, int], dict[datetime, str]]]:
    """The events of these days, and what the books said at each sample."""
    sizes = {"accounts": 2, "positions": 2, "activity": 60.0, "orders": 0.0}
    # What lies ahead of the clock is in no step.
    world = World(Plan(seed, **sizes, start=datetime(2022, 1, 3, 15, tzinfo=UTC), zone=ZONE, pnl_reset=RESET))
    chance, end = random.Random(seed), world.now + timedelta(days=days)
    rows: list[Row] = []
    closes: dict[tuple[str, int], dict[datetime, str]] = {}
    streams: list[Stream] = []
    number = 0
    while world.now < end:
        if not streams or chance.random() < 0.01:
            # Numbers begin anew with each connection.
            streams.append(Stream(GATEWAY, at=to_micros(world.now) - 10_000))
            number = 0
        world.skip(chance.randrange(60, 86_400))
        world.beat()
        if not streams[-1].events[1:]:
            streams[-1].message("15", "1", ",".join(world.accounts), timed=True)
        for profit in world.profits:
            number += 1
            streams[-1].at = max(streams[-1].at, to_micros(world.now) - 1_010)
            asked_and_answered(streams[-1], number, world, profit, chance)
            at = datetime.fromtimestamp(0, world.now.tzinfo) + timedelta(microseconds=streams[-1].at)
            row = shown(profit, at)
            rows.append(row)
            assert row.daily is not None
            closes.setdefault(row[:2], {})[world.days.next_reset(at)] = row.daily
    return streams, rows, closes


def asked_and_answered(stream: Stream, number: int, world: World, profit: Profit, chance: random.Random) -> None:
    """A request, and its answer as the gateway prints it, which may come again with what holds a second later."""
    account = world.accounts[profit.account]
    profits.ask(stream, number, profit.account, profit.con_id or 0)
    if profit.con_id is None:
        fields = pnl_row(number, account, world.market)
    else:
        fields = pnl_single_row(number, account.positions[profit.con_id], world.market)
    if chance.random() < 0.2:
        stream.message(*fields[:2], *[profits.UNSET] * (len(fields) - 2), timed=True)
    stream.message(*fields, timed=True)
    answered = stream.at
    if chance.random() < 0.2:
        stream.message(*fields[:2], *["9.99"] * (len(fields) - 2), timed=True)
    stream.at = answered


@pytest.fixture(scope="module", params=[60, pytest.param(1_000, marks=pytest.mark.slow)])
def history(server_url: str, template: str, request: pytest.FixtureRequest) -> Iterator[History]:
    """So many days, recorded and projected."""
    days: int = request.param
    streams, rows, closes = lived(17, days)
    url = create_database(server_url, name := f"pnl_books_{os.getpid()}", template)
    record(url, [event for stream in streams for event in stream.events])
    project(url)
    profits.project(url, limit=1_000)
    yield History(days, url, rows, closes)
    drop_database(server_url, name)


def test_every_sample_is_what_the_books_said(history: History) -> None:
    assert profits.refused(history.url) == []
    assert profits.rows(history.url) == history.rows
    assert len(history.rows) > 2 * history.days


async def test_the_daily_series_is_the_last_of_each_day(history: History) -> None:
    """Days end at the reset, summer and winter."""
    found: dict[tuple[str, int], dict[datetime, str]] = {}
    async with serving(history.url, PNL_RESET=f"{RESET} {ZONE}") as served:
        for account in sorted({account for account, _ in history.closes}):
            for row in await table(served, f"/v1/accounts/{account}/pnl?step=1d&positions=true&limit=10000"):
                key = account, int(row["IbContractId"] or 0)
                found.setdefault(key, {})[datetime.fromisoformat(row["Timestamp"])] = row["DailyPnL"]
    assert sum(map(len, found.values())) > history.days
    assert found == history.closes


async def table(served: Any, path: str) -> list[dict[str, str]]:
    """All pages."""
    rows: list[dict[str, str]] = []
    while path:
        async with served.get(path, headers={"Accept": "text/csv"}) as response:
            assert response.status == 200, await response.text()
            rows += csv.DictReader(io.StringIO(await response.text()))
            link = response.links.get("next")
            path = str(link["url"]).removeprefix(served.url) if link else ""
    return rows
