"""What ``/metrics`` shows: every series from the start, of the configured gateways alone, and no figure that is old."""

import asyncio
import math
import platform
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import make_mocked_request, unused_port
from hypothesis import given
from hypothesis import strategies as st

from ibconnect import __version__
from ibconnect.database.migrations import available
from ibconnect.database.tables import report_of
from ibconnect.events.types import TYPES
from ibconnect.gateway.outcome import Outcome
from ibconnect.http.app import create_app, serve
from ibconnect.http.resources.metrics import _due, _patience
from ibconnect.observe import Trouble
from ibconnect.projections.upkeep import ensure
from ibconnect.roles import API
from tests.processes import Process, process
from tests.projecting import Stream, project_all, record
from tests.serving import DU1, GATEWAY, Served, admin, build_world, serving, settings
from tests.waiting import DEADLINE_S, until, wait_for

OTHER = "[::1]:4001"
Series = dict[str, float]


def parsed(text: str) -> Series:
    """Each series (name and labels) with its value."""
    rows = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in rows}


async def scraped(served: Served, **headers: str) -> Series:
    async with served.get("/metrics", headers=headers) as response:
        assert response.status == 200
        return parsed(await response.text())


def values(series: Series, name: str, label: str) -> dict[str, float]:
    """The values of one metric by one of its labels."""
    found = {}
    for each, value in series.items():
        if (match := re.fullmatch(rf'{name}\{{.*\b{label}="([^"]*)".*\}}', each)) is not None:
            found[match[1]] = value
    return found


def first_scrape(running: Process, port: int) -> Series:
    """What it answers as soon as it answers, whether it has a database or not."""

    def answer() -> str | None:
        assert running.popen.poll() is None, running.output
        try:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S) as response:
                return str(response.read().decode())
        except URLError:
            return None

    return parsed(wait_for(answer, "it answers"))


def test_every_series_is_there_before_anything_works(tmp_path: Path) -> None:
    """Neither Postgres nor a gateway can be reached: that is when alerts are needed most."""
    port = unused_port()
    nowhere = f"postgresql://nobody@127.0.0.1:{unused_port()}/x"
    settings = {"DB_URL": nowhere, "DATA_DIR": str(tmp_path / "data"), "PORT": str(port), "HOST": "127.0.0.1"}
    with process(tmp_path / "log", "serve", IB_GW=f"{GATEWAY},{OTHER}", SPOOL_MAX_BYTES="3MiB", **settings) as running:
        series = first_scrape(running, port)
    both = {GATEWAY: 0.0, OTHER: 0.0}
    for name in ("gateway_connected", "gateway_connects_total", "messages_lost_total"):
        assert values(series, f"ibconnect_{name}", "gateway") == both
    assert values(series, "ibconnect_last_complete_refresh_timestamp_seconds", "gateway") == both
    due = values(series, "ibconnect_refresh_due_timestamp_seconds", "gateway")
    assert set(due) == set(both)
    began = values(series, "process_start_time_seconds", "process")
    assert set(began) <= {"serve", "record", "project", "api"}, "each that answers yet"
    assert all(abs(at - began["api"]) < 60 for at in due.values())
    for gateway in both:
        of_gateway = {name: value for name, value in series.items() if f'gateway="{gateway}"' in name}
        recorded = values(of_gateway, "ibconnect_events_recorded_total", "kind")
        assert recorded == dict.fromkeys((kind.__name__ for kind in TYPES.values()), 0.0)
        assert set(values(of_gateway, "ibconnect_refresh_seconds_count", "outcome")) == set(Outcome)
        assert {"1100", "2110", "1101", "1102"} <= set(values(of_gateway, "ibconnect_gateway_notices_total", "code"))
    assert set(values(series, "ibconnect_trouble", "trouble")) == {trouble.name.lower() for trouble in Trouble}
    assert set(values(series, "ibconnect_spool_kept_bytes", "why")) == {"damaged", "unopened", "refused"}
    assert set(values(series, "ibconnect_http_crowded_out_total", "code")) == {
        "too-many-of-token",
        "too-many-tries",
        "too-many-scans",
        "too-many-streams",
    }
    parts = values(series, "ibconnect_part_failures_total", "part")
    assert f"the keeper of the gateway {OTHER}" in parts
    assert {f"the process {role}" for role in ("record", "project", "api")} <= set(parts)
    assert set(parts.values()) == {0.0}
    assert "/v1/accounts/{AccountCode}/{Timestamp}" in values(series, "ibconnect_http_failed_total", "route")
    assert series["ibconnect_spool_max_bytes"] == 3 << 20
    assert series["ibconnect_spool_bytes"] == 0
    assert series["ibconnect_database_up"] == 0
    assert math.isnan(series["ibconnect_projection_lag_seconds"]), "it is not known, so it is not none"
    (build,) = [name for name in series if name.startswith("ibconnect_build_info")]
    for label, value in (
        ("version", __version__),
        ("python", platform.python_version()),
        ("schema", available()[-1].number),
        ("tables", report_of("accounts").version),
    ):
        assert f'{label}="{value}"' in build
    assert series[build] == 1


async def test_gateways_that_are_not_configured_have_no_series(world_url: str) -> None:
    """The world's own has a history; here another one is configured."""
    async with serving(world_url, IB_GW=OTHER) as served:
        await scraped(served)
        assert values(await scraped(served), "ibconnect_last_complete_refresh_timestamp_seconds", "gateway") == {
            OTHER: 0.0
        }
    async with serving(world_url, IB_GW=GATEWAY) as served:
        found = await scraped(served)
        (ended,) = values(found, "ibconnect_last_complete_refresh_timestamp_seconds", "gateway").values()
        (due,) = values(found, "ibconnect_refresh_due_timestamp_seconds", "gateway").values()
        assert 0 < due - ended <= 3600
        assert due % 3600 == 0


async def test_who_records_nothing_says_nothing_of_gateways(world_url: str) -> None:
    """Though it has the settings of those that do: it would say that a gateway has no conflicts, unasked."""
    config = settings(world_url, IB_GW=GATEWAY)
    app = create_app(config, roles=frozenset({API}))
    async with serve(app, config.host, config.port) as site, ClientSession() as client:
        series = await scraped(Served(site.urls[0], client, app))
    for name in ("last_complete_refresh_timestamp_seconds", "refresh_due_timestamp_seconds", "account_conflicts"):
        assert values(series, f"ibconnect_{name}", "gateway") == {}, name


async def test_a_refresh_is_complete_when_the_last_account_is(database_url: str) -> None:
    """In one refresh of all; or in a later one, of those that had been missed. One of others completes nothing."""
    build_world(database_url, 2)
    name = "ibconnect_last_complete_refresh_timestamp_seconds"
    with admin(database_url) as connection:

        async def complete() -> float:
            async with serving(database_url, IB_GW=GATEWAY) as served:
                return values(await scraped(served), name, "gateway")[GATEWAY]

        def rows(statement: str) -> None:
            connection.execute(f"SET search_path = accounts, public; {statement}".encode())

        of_all = await complete()
        rows(f"""
            INSERT INTO refresh (
                id, session_id, gateway_id, created, trigger, started, scope, total, ended, outcome, request
            )
            SELECT
                id + 1, session_id, gateway_id, created, 'request', started, 'some', 1, ended + INTERVAL '1 hour',
                'complete', 1
            FROM refresh ORDER BY id DESC LIMIT 1;
            UPDATE gateway_account
            SET concluded = to_timestamp({of_all}) + INTERVAL '1 hour', is_whole = (code = '{DU1}'), is_listed = true
            FROM account WHERE account.id = account_id
        """)
        assert await complete() == of_all
        rows("UPDATE gateway_account SET is_whole = true, concluded = concluded + INTERVAL '1 hour' WHERE NOT is_whole")
        assert await complete() == of_all + 3600
        rows("UPDATE gateway_account SET is_whole = NULL WHERE is_whole")
        assert await complete() == of_all


async def test_a_database_that_hangs_holds_no_scrape_up(database_url: str) -> None:
    """A scraper that gives up sees a service that is down, and hides what is really amiss."""
    ensure(database_url)
    async with serving(database_url) as served:
        with admin(database_url) as connection, connection.transaction():
            connection.execute("LOCK TABLE accounts.projection IN ACCESS EXCLUSIVE MODE")
            loop = asyncio.get_running_loop()
            began = loop.time()
            found = await scraped(served, **{"X-Prometheus-Scrape-Timeout-Seconds": "0.4"})
            assert loop.time() - began >= 0.2
            assert found["ibconnect_database_up"] == 0
            assert math.isnan(found["ibconnect_projection_lag_events"])
            assert "http metrics" not in values(found, "ibconnect_pool_waiting", "pool"), "no request waits there"

        async def is_up() -> bool:
            return (await scraped(served))["ibconnect_database_up"] == 1

        await until(is_up, "it is up again")
        assert (await scraped(served))["ibconnect_projection_lag_events"] == 0


async def test_a_database_without_tables_is_up_and_says_nothing(empty_database_url: str) -> None:
    async with serving(empty_database_url) as served:
        found = await scraped(served)
    assert found["ibconnect_database_up"] == 1
    assert math.isnan(found["ibconnect_projection_lag_seconds"])


async def test_tables_that_are_behind_say_by_how_many_events_and_seconds(database_url: str) -> None:
    stream = Stream()
    stream.refresh({DU1: []})
    record(database_url, stream.events)
    ensure(database_url)
    async with serving(database_url) as served:
        found = await scraped(served)
        assert found["ibconnect_projection_position"] == 0
        assert found["ibconnect_projection_lag_events"] == len(stream.events)
        assert found["ibconnect_projection_lag_seconds"] > 1000
        project_all(database_url)
        found = await scraped(served)
    assert found["ibconnect_projection_position"] == len(stream.events)
    assert found["ibconnect_projection_lag_events"] == found["ibconnect_projection_lag_seconds"] == 0


async def test_answers_of_500_are_counted_by_route(database_url: str) -> None:
    ensure(database_url)
    route = "/v1/gateways"
    async with serving(database_url) as served:
        before = values(await scraped(served), "ibconnect_http_failed_total", "route").get(route, 0.0)
        with admin(database_url) as connection:
            connection.execute("ALTER TABLE coordination.gateway RENAME COLUMN detail TO gone")
        async with served.get(route) as response:
            assert response.status == 500
        after = values(await scraped(served), "ibconnect_http_failed_total", "route")[route]
    assert after == before + 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(None, 3.0), ("", 3.0), ("x", 3.0), ("10", 3.0), ("inf", 3.0), ("1", 0.5), ("0", 0.0), ("-1", 0.0), ("nan", 0.0)],
)
def test_a_scrape_waits_for_less_than_its_scraper(said: str | None, seconds: float) -> None:
    headers = {} if said is None else {"X-Prometheus-Scrape-Timeout-Seconds": said}
    assert _patience(make_mocked_request("GET", "/metrics", headers=headers)) == seconds


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.sampled_from(["@hourly", "*/5 * * * *", "30 16 * * 1-5", "0 */10 * * * *", "@monthly"]), MOMENTS)
def test_a_refresh_is_due_at_the_first_tick_after_the_last_one(schedule: str, ended: datetime) -> None:
    due = _due(schedule, ended)
    assert due > ended.timestamp() - 1e-3
    assert due == _due(schedule, ended.astimezone(UTC) + timedelta(seconds=(due - ended.timestamp()) / 2))


def test_without_any_refresh_the_start_counts() -> None:
    assert abs(_due("@yearly", None) - datetime.now(UTC).timestamp()) < 24 * 3600
