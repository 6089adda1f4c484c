"""Histories with steps and moments, over HTTP: random questions against a model that knows only times and numbers."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow
import pytest
from yarl import URL

from ibconnect.http.server.steps import Step
from ibconnect.times import EPOCH, format_rfc3339, parse_rfc3339, to_micros
from tests.calendar_walk import MICROSECOND, walk
from tests.projecting import Stream, project, record
from tests.serving import DU1, GATEWAY, Served, messages, serving
from tests.zones import ZONES

pytestmark = pytest.mark.with_tables

HISTORY = f"/v1/accounts/{DU1}/history"
POSITION = f"/v1/accounts/{DU1}/positions/265598/history"
NEW_YORK = ZoneInfo("America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Around closes, midnights, both changes of the clock, a leap day, the ends of months and years; to the microsecond.
EDGES = [
    *("2024-02-28T21:00", "2024-02-29T00:00", "2024-02-29T21:00", "2024-03-01T00:00", "2024-03-01T05:00"),
    *("2024-03-09T21:00", "2024-03-10T05:00", "2024-03-10T07:00", "2024-03-10T20:00", "2024-03-11T04:00"),
    *("2024-03-31T00:00", "2024-03-31T20:00", "2024-04-01T00:00", "2024-04-01T04:00"),
    *("2024-11-02T20:00", "2024-11-03T05:00", "2024-11-03T06:00", "2024-11-03T21:00", "2024-11-04T00:00"),
    *("2024-12-31T21:00", "2025-01-01T00:00", "2025-01-01T05:00", "2025-01-06T00:00"),
]


class Report(NamedTuple):
    at: datetime
    figure: str
    is_ready: bool


def make_reports() -> list[Report]:
    rng = Random(2024)
    times = {utc(edge) + offset * MICROSECOND for edge in EDGES for offset in (-1, 0, 1) if rng.random() < 0.6}
    times |= {utc("2024-02-01") + timedelta(microseconds=rng.randrange(340 * 86_400_000_000)) for _ in range(60)}
    return [Report(at, f"{100000 + n}.10", rng.random() < 0.8) for n, at in enumerate(sorted(times))]


REPORTS = make_reports()


@pytest.fixture
async def year(database_url: str) -> AsyncIterator[Served]:
    """An account with a year of odd reports."""
    stream = Stream(GATEWAY, at=to_micros(REPORTS[0].at) - 10_000_000)
    stream.message("15", "1", DU1, timed=True)
    for number, report in enumerate(REPORTS):
        # What a download takes must not overlap the next one's begin.
        stream.at = max(stream.at, to_micros(report.at))
        ready = "true" if report.is_ready else "false"
        stream.refresh({DU1: messages(DU1, number, ready=ready)}, created=to_micros(report.at))
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        yield served


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[Served]:
    """Nothing is recorded."""
    project(database_url)
    async with serving(database_url) as served:
        yield served


class Asked(NamedTuple):
    """A question; ``start`` and ``end`` as they were given, or None."""

    step: tuple[str, int] | None
    zone: ZoneInfo | None
    at: time | None
    start: datetime | None
    end: datetime | None
    is_any: bool

    def query(self, rng: Random) -> dict[str, str]:
        query = {"tag": "NetLiquidation"}
        for name, value in (("from", self.start), ("to", self.end)):
            if value is not None:
                query[name] = self.spelled(value, name, rng)
        if self.step is not None:
            query["step"] = f"{self.step[1]}{self.step[0]}"
        if self.zone is not None:
            query["tz"] = str(self.zone)
        if self.at is not None:
            query["at"] = f"{self.at:%H:%M}"
        return {**query, "ready": "any"} if self.is_any else query

    def spelled(self, value: datetime, name: str, rng: Random) -> str:
        """A time in some spelling; a date where it is the begin, or the end, of one."""
        local = value.astimezone(self.zone or UTC)
        edge = local if name == "from" else local + MICROSECOND
        if edge.time() == time() and edge.fold == 0:
            return f"{local:%Y-%m-%d}"
        return local.isoformat() if rng.random() < 0.3 else format_rfc3339(value)


def random_question(rng: Random) -> Asked:
    is_elapsed = rng.random() < 0.3
    units = (
        [("h", 7), ("m", 90), ("d", 1), ("d", 3)] if is_elapsed else [("d", 1), ("d", 2), ("w", 1), ("mo", 1), ("q", 1)]
    )
    step = rng.choice([*units, None])
    zone = None if is_elapsed else rng.choice([*ZONES, NEW_YORK, NEW_YORK, None])
    is_long = step is not None and step[0] not in "hm"
    at = rng.choice([None, time(16), time(2, 30), time()]) if is_long and not is_elapsed else None
    if zone is None and at is None and step is not None and step[0] == "d":
        is_elapsed = True
    first = rng.choice([report.at for report in REPORTS]) + rng.choice([-MICROSECOND, MICROSECOND, timedelta(0)])
    span = timedelta(seconds=rng.choice([0, 3600, 86_400 * 3, 86_400 * 40, 86_400 * 200]) + rng.randrange(90_000))
    start, end = first, first + span
    if rng.random() < 0.3:
        day = first.astimezone(zone or UTC).date()
        start = datetime.combine(day, time(), zone or UTC).astimezone(UTC)
        after = day + timedelta(days=rng.randrange(1, 90))
        end = datetime.combine(after, time(), zone or UTC).astimezone(UTC) - MICROSECOND
    return Asked(step, zone, at, None if rng.random() < 0.2 else start, end, rng.random() < 0.4)


def model(asked: Asked) -> list[dict[str, Any]]:
    """The points that there should be."""
    assert asked.end is not None
    reports = [report for report in REPORTS if asked.is_any or report.is_ready]
    if asked.step is None:
        start = asked.start or EPOCH
        return [point(asked, report.at, report) for report in reports if start <= report.at <= asked.end]
    found = []
    for begin, end, is_partial in grid(asked, asked.end):
        within = [report for report in reports if begin < report.at <= end]
        if is_partial and within:
            found.append({**point(asked, within[-1].at, within[-1]), "Partial": True})
        elif not is_partial:
            found.append(point(asked, end, within[-1] if within else None))
    return found


def grid(asked: Asked, last: datetime) -> list[Step]:
    assert asked.step is not None
    unit, count = asked.step
    seconds = {"h": 3600, "m": 60, "d": 86_400}.get(unit)
    start = asked.start or REPORTS[0].at
    if unit in ("w", "mo", "q") or asked.zone is not None or asked.at is not None or seconds is None:
        return walk((unit, count), asked.zone or ZoneInfo("UTC"), asked.at or time(), start, last)
    length = timedelta(seconds=seconds * count)
    close, found = start, list[Step]()
    if asked.start is None:
        close = EPOCH
        while close < start:
            close += (start - close) // length * length or length
    while close <= last + MICROSECOND:
        found.append(Step(close - length, close, False))
        close += length
    begin = max(close - length, start - MICROSECOND)
    return [*found, Step(begin, last, True)] if begin < last else found


def point(asked: Asked, at: datetime, report: Report | None) -> dict[str, Any]:
    figure = None if report is None else report.figure
    found: dict[str, Any] = {"Timestamp": format_rfc3339(at), "NetLiquidation": figure}
    if asked.is_any and report is not None:
        found["Ready"] = report.is_ready
    if asked.is_any and report is None:
        found["Why"] = {"NetLiquidation": "no-report"}
    return found


async def points(served: Served, query: dict[str, str], path: str = HISTORY) -> list[dict[str, Any]]:
    async with served.get(path, params=query) as response:
        assert response.status == 200, await response.text()
        found: list[dict[str, Any]] = (await response.json(loads=exact))["Points"]
        return found


def exact(text: str) -> Any:
    return json.loads(text, parse_float=str)


@pytest.mark.parametrize(("seed", "read", "counted"), [(0, 4400, 200), (1, 4400, 200), (2, 4400, 1), (3, 7, 1)])
async def test_histories_are_what_a_model_says(
    year: Served, monkeypatch: pytest.MonkeyPatch, seed: int, read: int, counted: int
) -> None:
    """By whatever pages they are read, with a look for each step or with one at all reports."""
    monkeypatch.setattr("ibconnect.http.resources.series_points.POINTS_READ", read)
    monkeypatch.setattr("ibconnect.http.resources.series_points.STEPS_COUNTED", counted)
    rng = Random(seed)
    partial = nulls = 0
    for _ in range(120):
        asked = random_question(rng)
        if asked.start is not None and asked.end is not None and asked.start > asked.end:
            continue
        query = asked.query(rng)
        found, wanted = await points(year, query), model(asked)
        assert found == wanted, (query, asked)
        partial += any("Partial" in each for each in found)
        nulls += any(each["NetLiquidation"] is None for each in found)
    assert partial > 10
    assert nulls > 10


async def test_csv_and_arrow_say_the_same(year: Served) -> None:
    query = {"tag": "NetLiquidation,AccountType", "step": "1w", "tz": "America/New_York", "at": "16:00", "ready": "any"}
    query |= {"from": "2024-02-01", "to": "2024-04-04"}
    found = await points(year, query)
    async with year.get(HISTORY, params={**query, "format": "csv"}) as response:
        assert response.headers["Content-Disposition"] == f'attachment; filename="{DU1}-history.csv"'
        rows = list(csv.DictReader(io.StringIO(await response.text())))
    assert list(rows[0]) == [
        *("Timestamp", "NetLiquidation", "AccountType", "Currency", "Ready", "Why", "Partial", "AccountCode")
    ]
    async with year.get(HISTORY, params={**query, "format": "arrow"}) as response:
        table = pyarrow.ipc.open_stream(await response.read()).read_all()
    cells = table.to_pylist()
    assert len(found) == len(rows) == len(cells) > 8
    assert {len(row["Timestamp"]) for row in rows} == {27}
    for point, row, cell in zip(found, rows, cells, strict=True):
        assert parse_rfc3339(row["Timestamp"]) == parse_rfc3339(point["Timestamp"]) == cell["Timestamp"]
        assert row["NetLiquidation"] == (point["NetLiquidation"] or "")
        figure = point["NetLiquidation"]
        assert cell["NetLiquidation"] == (None if figure is None else Decimal(figure))
        assert row["Partial"] == ("true" if "Partial" in point else "false") == str(cell["Partial"]).lower()
        assert (row["AccountCode"], row["Currency"]) == (cell["AccountCode"], cell["Currency"]) == (DU1, "USD")
        assert row["Why"] == ("NetLiquidation=no-report AccountType=no-report" if "Why" in point else "")
    assert [row["Partial"] for row in rows].count("true") == 1


async def test_a_null_says_why(year: Served) -> None:
    lonely = [each for each in REPORTS if sum(abs(each.at - other.at) < timedelta(seconds=2) for other in REPORTS) == 1]
    gone = next(report for report in lonely if not report.is_ready)
    window = {"from": format_rfc3339(gone.at), "to": format_rfc3339(gone.at), "step": "1s"}
    tags = "NetLiquidation,BuyingPower,IndianStockHaircut,CashBalance,AccountType"
    (unready,) = await points(year, {**window, "tag": "NetLiquidation", "why": "true"})
    assert unready["Why"] == {"NetLiquidation": "not-ready"}
    (plain,) = await points(year, {**window, "tag": "NetLiquidation"})
    assert "Why" not in plain
    (some,) = await points(year, {**window, "tag": tags, "ready": "any"})
    assert some["Why"] == {"BuyingPower": "unset-figure", "IndianStockHaircut": "not-sent"}
    (other,) = await points(
        year, {**window, "tag": "NetLiquidation,NetLiquidationByCurrency", "currency": "EUR", "ready": "any"}
    )
    assert other["Why"] == {"NetLiquidation": "other-currency", "NetLiquidationByCurrency": "not-sent"}
    (held,) = await points(year, {**window, "ready": "any"}, POSITION)
    assert "Why" not in held
    (nothing,) = await points(
        year, {**window, "from": "2024-01-01", "to": "2024-01-01T00:00:00Z", "ready": "any"}, POSITION
    )
    assert set(nothing["Why"].values()) == {"no-report"}
    assert len(nothing["Why"]) == 6


async def test_positions_have_the_same_steps(year: Served) -> None:
    query = {"step": "1mo", "tz": "America/New_York", "from": "2024-02-15", "to": "2024-12-10", "ready": "any"}
    figures = await points(year, {**query, "tag": "NetLiquidation"})
    found = await points(year, query, POSITION)
    assert [point["Timestamp"] for point in found] == [point["Timestamp"] for point in figures]
    assert [point.get("Partial") for point in found] == [point.get("Partial") for point in figures]
    assert found[-1]["Partial"] is True
    async with year.get(POSITION, params=query, headers={"Accept": "text/csv"}) as response:
        (*_, last) = csv.DictReader(io.StringIO(await response.text()))
    assert (last["Currency"], last["AccountCode"], last["IbContractId"], last["Partial"]) == (
        "USD",
        DU1,
        "265598",
        "true",
    )


async def test_pages_are_of_one_moment(year: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    query = {"tag": "NetLiquidation", "step": "1mo", "tz": "Europe/Zurich", "from": "-3y", "at": "18:00"}
    whole = await points(year, query)
    monkeypatch.setattr("ibconnect.http.resources.series_points.POINTS_MAX", 7)
    found, url = [], URL(year.url + HISTORY).with_query(query)
    pages = 0
    while True:
        async with year.client.get(url) as response:
            found += (await response.json(loads=exact))["Points"]
            link = response.links.get("next")
        pages += 1
        if link is None:
            break
        url = URL(str(link["url"]))
        assert parse_rfc3339(url.query["from"]) > parse_rfc3339("2021-01-01T00:00:00Z")
        assert parse_rfc3339(url.query["to"])
        assert (url.query["tz"], url.query["at"]) == ("Europe/Zurich", "18:00")
    assert pages > 3
    assert found == whole


@pytest.mark.parametrize(
    "path",
    [
        f"{HISTORY}?tag=NetLiquidation&",
        f"{HISTORY}?tag=NetLiquidation&step=1mo&",
        f"{POSITION}?",
        f"/v1/accounts/{DU1}/snapshots?",
        "/v1/events?",
    ],
)
async def test_from_after_to_is_refused(empty: Served, path: str) -> None:
    for span in ("from=2024-03-02&to=2024-03-01", "from=now&to=-1s", "from=-1d&to=-1mo"):
        async with empty.get(path + span) as response:
            problem = await response.json(content_type=None)
            assert (response.status, problem["type"]) == (400, "urn:ibconnect:problem:invalid-parameter")
            assert problem["detail"].startswith("from: ")


async def test_dates_are_whole_days_everywhere(year: Served) -> None:
    day = date(2024, 3, 10)
    within = [report for report in REPORTS if report.at.astimezone(NEW_YORK).date() == day]
    assert within
    query = {"from": "2024-03-10", "to": "2024-03-10", "tz": "America/New_York"}
    async with year.get(f"/v1/accounts/{DU1}/snapshots", params=query) as response:
        assert await response.json() == [format_rfc3339(report.at) for report in reversed(within)]
    found = await points(year, {**query, "tag": "NetLiquidation", "ready": "any"})
    assert [point["Timestamp"] for point in found] == [format_rfc3339(report.at) for report in within]
    path = f"/v1/accounts/{DU1}/as-of/2024-03-10?tz=America/New_York&ready=any"
    async with year.get(path) as response:
        # The last one was not complete before the day had ended.
        assert response.headers["Location"].endswith(format_rfc3339(within[-2].at))
    async with year.get(f"/v1/accounts/{DU1}/as-of/now?ready=any") as response:
        assert response.headers["Location"].endswith(format_rfc3339(REPORTS[-1].at))
    async with year.get(f"/v1/accounts/{DU1}/as-of/-99y") as response:
        assert response.status == 404
