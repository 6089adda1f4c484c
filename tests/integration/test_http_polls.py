"""Histories that are asked for again and again: 304 while nothing is new, never an answer that was true only before."""

from datetime import timedelta

import pytest
from aiohttp import ClientResponse

from ibconnect.times import to_micros
from tests.projecting import Stream, project, record
from tests.serving import DU1, DU2, FIRST, HOUR, Served, at, build_world, messages, serving

pytestmark = pytest.mark.with_tables

HISTORY = f"/v1/accounts/{DU1}/history"
POSITION = f"/v1/accounts/{DU1}/positions/265598/history"
QUERIES = [
    f"{HISTORY}?tag=NetLiquidation",
    f"{HISTORY}?tag=NetLiquidation&from=-30y&ready=any",
    f"{HISTORY}?tag=NetLiquidation&step=1mo&tz=America/New_York&at=16:00&from=2023-12-01",
    f"{HISTORY}?tag=NetLiquidation&step=1d&to={at(3)}",
    f"{POSITION}?from=2024-01-01&step=1y",
]


def add_report(url: str, stream: Stream, number: int) -> None:
    """One more report of both accounts."""
    recorded = len(stream.events)
    stream.at = to_micros(FIRST + number * HOUR) + 1000
    downloads = {account: messages(account, number) for account in (DU1, DU2)}
    stream.refresh(downloads, created=to_micros(FIRST + number * HOUR))
    record(url, stream.events[recorded:])
    project(url)


async def poll(served: Served, path: str, etag: str = "", **headers: str) -> tuple[int, str, str]:
    """Status, ETag, body."""
    asked = {**headers, "If-None-Match": etag} if etag else headers
    async with served.get(path, headers=asked) as response:
        assert response.headers["Cache-Control"] == "private, no-cache"
        return response.status, response.headers["ETag"], await response.text()


@pytest.mark.parametrize("page", [10_000, 2])
async def test_a_poll_of_an_unchanged_history_is_a_304(
    database_url: str, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """What is made at once, and what is streamed."""
    monkeypatch.setattr("ibconnect.http.resources.series_points.POINTS_PAGE", page)
    stream = build_world(database_url, 5)
    async with serving(database_url) as served:
        before = {}
        for path in QUERIES:
            for accept in ("application/json", "text/csv"):
                status, etag, body = await poll(served, path, Accept=accept)
                assert (status, bool(body)) == (200, True)
                for encoding in ("identity", "gzip"):
                    assert (await poll(served, path, etag, Accept=accept, **{"Accept-Encoding": encoding}))[0] == 304
                before[path, accept] = etag, body
        assert len({etag for etag, _ in before.values()}) == len(before)
        add_report(database_url, stream, 5)
        for (path, accept), (etag, body) in before.items():
            status, other, now = await poll(served, path, etag, Accept=accept)
            if f"to={at(3)}" in path:
                assert (status, other) == (304, etag)
            else:
                assert (status, now != body) == (200, True), path
                assert other != etag


@pytest.mark.parametrize(
    "path",
    [
        "/v1/accounts",
        f"/v1/accounts/{DU1}/snapshots?from=-30y",
        f"/v1/accounts/{DU1}/snapshots?from=2024-01-01&to=2024-01-02&tz=Asia/Tokyo&format=csv",
        f"/v1/accounts/{DU1}/tags",
        "/v1/gateways",
    ],
)
async def test_a_poll_of_an_unchanged_list_is_a_304(database_url: str, path: str) -> None:
    stream = build_world(database_url, 3)
    async with serving(database_url) as served:
        async with served.get(path) as response:
            etag = response.headers["ETag"]
        for _ in range(2):
            async with served.get(path, headers={"If-None-Match": etag}) as response:
                assert (response.status, response.headers["ETag"]) == (304, etag)
        add_report(database_url, stream, 3)
        async with served.get(path, headers={"If-None-Match": etag}) as response:
            assert response.status == (304 if path.endswith("/tags") else 200)


async def test_pages_of_a_list_are_of_one_moment(database_url: str) -> None:
    build_world(database_url, 5)
    async with serving(database_url) as served:
        path, found = f"/v1/accounts/{DU1}/snapshots?from=-30y&to=2024-01-01&tz=Asia/Tokyo&limit=2", []
        while path:
            async with served.get(path) as response:
                found += await response.json()
                link = response.links.get("next")
            path = str(link["url"]).removeprefix(served.url) if link else ""
            assert "-30y" not in path
            assert not path or "to=2024-01-01T14:59:59.999999Z" in path
        assert found == [at(number) for number in (4, 3, 2, 1, 0)]


async def test_another_accounts_report_changes_nothing(database_url: str) -> None:
    stream = build_world(database_url, 3)
    async with serving(database_url) as served:
        known = {path: await poll(served, path) for path in QUERIES}
        recorded = len(stream.events)
        stream.refresh({DU2: messages(DU2, 9)}, created=to_micros(FIRST + 9 * HOUR))
        record(database_url, stream.events[recorded:])
        project(database_url)
        for path, (_, etag, _) in known.items():
            assert (await poll(served, path, etag))[:2] == (304, etag)


async def test_a_step_that_is_over_is_no_longer_partial(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is recorded meanwhile: what was kept is true until the step has ended, and not a microsecond longer."""
    build_world(database_url, 3)
    now = FIRST
    monkeypatch.setattr("ibconnect.http.server.pipeline.utc_now", lambda: now)
    path = f"{HISTORY}?tag=NetLiquidation&step=1d&tz=UTC"
    async with serving(database_url) as served:
        wanted = {"Timestamp": at(2), "NetLiquidation": 100002.1, "Partial": True}
        for hours in (20, 21, 23.999):
            now = FIRST + timedelta(hours=hours)
            async with served.get(path) as response:
                assert (await response.json())["Points"][1:] == [wanted]
        for micros in (-1, 0, 1):
            now = FIRST + timedelta(hours=24, microseconds=micros)
            async with served.get(path) as response:
                assert (await response.json())["Points"][1:] == [{"Timestamp": at(24), "NetLiquidation": 100002.1}]


async def test_a_report_of_the_future_makes_a_point_when_its_time_has_come(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_world(database_url, 4)
    now = FIRST
    monkeypatch.setattr("ibconnect.http.server.pipeline.utc_now", lambda: now)
    async with serving(database_url) as served:
        found = []
        for hours in (2.5, 2.5, 2.999, 3, 3.5):
            now = FIRST + hours * HOUR
            async with served.get(f"{HISTORY}?tag=NetLiquidation") as response:
                found.append(len((await response.json())["Points"]))
    assert found == [3, 3, 3, 4, 4]


async def test_what_is_kept_is_for_the_same_question_alone(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.resources.series_points.POINTS_MAX", 2)
    build_world(database_url, 5)
    path = f"{HISTORY}?tag=NetLiquidation"

    def link_of(response: ClientResponse) -> str:
        return response.headers["Link"]

    tokens = "full-token-0123456789 limited-token-0123456789@" + DU2
    async with serving(database_url, API_TOKENS=tokens) as served:
        full = {"Authorization": "Bearer full-token-0123456789"}
        limited = {"Authorization": "Bearer limited-token-0123456789"}
        for host in ("one.example", "two.example:3000", "one.example"):
            async with served.get(path, headers={**full, "Host": host}) as response:
                assert response.status == 200
                assert link_of(response).startswith(f"<http://{host}{HISTORY}?")
        async with served.get(path, headers=limited) as response:
            assert response.status == 404
        async with served.get(path.replace(DU1, DU2), headers=limited) as response:
            assert (await response.json())["AccountCode"] == DU2
        async with served.get(f"{path}&tag=Cushion", headers=full) as response:
            assert "Cushion" in (await response.json())["Points"][0]


async def test_what_was_kept_is_answered_without_reading_it_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_world(database_url, 3)

    async def not_again(*_: object) -> object:
        raise AssertionError("read again")

    async with serving(database_url) as served:
        for path in (QUERIES[0], QUERIES[2], QUERIES[3]):
            status, etag, body = await poll(served, path)
            with monkeypatch.context() as patched:
                patched.setattr("ibconnect.http.resources.history.span_of", not_again)
                assert await poll(served, path) == (status, etag, body)
                assert (await poll(served, path, etag))[0] == 304


async def test_head_names_the_same(database_url: str) -> None:
    build_world(database_url, 3)
    async with serving(database_url) as served:
        _, etag, _ = await poll(served, QUERIES[0])
        async with served.client.head(served.url + QUERIES[0]) as response:
            assert (response.headers["ETag"], await response.read()) == (etag, b"")
