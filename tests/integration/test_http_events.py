"""Raw events: filtered, resumed without gap or repetition, streamed flat, sent live."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import aiohttp
import orjson
import pytest

from ibconnect.events.codec import payload_of
from ibconnect.http.app import SERVICES
from ibconnect.http.resources.tail import Tails
from ibconnect.times import format_rfc3339, parse_rfc3339, to_micros
from tests.projecting import Stream, project, record, value
from tests.serving import DU1, FIRST, GATEWAY, PROBLEM, Served, admin, build_world, logged, serving
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.with_tables

LIVE = {"Accept": "text/event-stream"}


async def events(served: Served, query: str = "") -> list[dict[str, object]]:
    """The events of a query."""
    async with served.get(f"/v1/events{query}") as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "application/x-ndjson"
        return [orjson.loads(line) for line in (await response.read()).splitlines()]


def stored(url: str) -> list[tuple[int, str, int, str, bytes]]:
    """All rows of the event store."""
    with admin(url) as connection:
        columns = "notification_id, originator_id::text, originator_version, topic, state"
        query = f"SELECT {columns} FROM stored_events ORDER BY notification_id"
        return connection.execute(query).fetchall()  # type: ignore[return-value]


async def test_every_event_is_there_as_it_was_stored(served: Served, world_url: str) -> None:
    found, rows = await events(served), stored(world_url)
    assert [(event["Position"], event["Session"], event["Version"]) for event in found] == [row[:3] for row in rows]
    for event, (*_, topic, state) in zip(found, rows, strict=True):
        if "Message" in event:
            fields = event["Message"]
            assert isinstance(fields, list)
            assert "".join(f"{field}\0" for field in fields).encode() == payload_of(topic, state)
        else:
            assert event["Facts"] == orjson.loads(state)
    assert {str(event["Type"]) for event in found} >= {"SessionOpened", "AccountValueUpdated", "RefreshEnded"}


async def test_unusual_messages_keep_their_bytes(database_url: str) -> None:
    stream = Stream()
    stream.message("6", "2", 'quote " and \\ and é', "1", "", "DU1")
    stream.message("99", "1", "unknown", "")
    stream.add("x", b'["/wA="]')
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        _, reported, unknown, frame = await events(served)
    assert reported["Message"] == ["6", "2", 'quote " and \\ and é', "1", "", "DU1"]
    assert unknown["Message"] == ["99", "1", "unknown", ""]
    assert (frame["Type"], frame["Payload"]) == ("FrameReceived", "/wA=")


async def test_each_event_has_the_time_at_which_it_arrived(served: Served) -> None:
    found = await events(served)
    times = [parse_rfc3339(str(event["Timestamp"])) for event in found]
    assert times == sorted(times)
    assert times[0] < FIRST < times[-1]
    late = await events(served, f"?after={found[40]['Position']}&limit=3")
    assert late == found[41:44], "the time is found also where the event before it says it"


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("type=RefreshEnded", {"RefreshEnded"}),
        ("type=RefreshEnded&type=RefreshStarted", {"RefreshEnded", "RefreshStarted"}),
        ("type=RefreshEnded,GatewayNotice", {"RefreshEnded", "GatewayNotice"}),
        (
            f"account={DU1}",
            {
                "AccountValueUpdated",
                "PortfolioUpdated",
                "AccountSubscribed",
                "AccountConcluded",
                "AccountsListed",
                "RefreshStarted",
            },
        ),
        (f"account={DU1}&type=PortfolioUpdated", {"PortfolioUpdated"}),
    ],
)
async def test_filters(served: Served, query: str, kinds: set[str]) -> None:
    found = await events(served, f"?{query}")
    assert {str(event["Type"]) for event in found} == kinds
    if "account" in query:
        assert all(DU1 in orjson.dumps(event).decode() for event in found)
    everything = await events(served)
    assert [event for event in everything if event in found] == found


async def test_messages_that_name_an_account_without_a_topic_of_their_own(database_url: str) -> None:
    stream = Stream()
    stream.message("73", "1", "7", "DU1", "", "Cushion", "1", "")
    stream.message("71", "1", "8", "DU2", "265598", timed=True)
    stream.message("61", "3", "DU1", "265598")
    stream.message("63", "1", "9", "DU1", "Cushion", "1", "", timed=True)
    stream.message("99", "DU1")
    stream.message("99", "DU11")
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        assert [event["Version"] for event in await events(served, "?account=DU1")] == [2, 4, 5, 6]


async def test_a_session(served: Served, database_url: str) -> None:
    streams = [Stream(at=to_micros(FIRST)) for _ in range(2)]
    for number in range(10):
        for stream in streams:
            stream.message("8", "1", f"10:{number:02}", timed=number % 3 == 0)
    pairs = zip(*(stream.events for stream in streams), strict=True)
    record(database_url, [event for pair in pairs for event in pair])
    project(database_url)
    async with serving(database_url) as mixed:
        found = await events(mixed, f"?session={streams[1].id}")
        assert [event["Version"] for event in found] == list(range(1, 12))
        assert {event["Session"] for event in found} == {str(streams[1].id)}
        assert await events(mixed, f"?session={streams[1].id}&after={found[4]['Position']}") == found[5:]
        assert await events(mixed, f"?session={uuid4()}") == []


def inside(found: list[dict[str, object]], low: str, high: str) -> list[dict[str, object]]:
    """Those that arrived between two times, both included."""
    begin, end = parse_rfc3339(low), parse_rfc3339(high)
    return [event for event in found if begin <= parse_rfc3339(str(event["Timestamp"])) <= end]


async def test_a_span_of_time_holds_what_arrived_in_it(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.resources.event_scan.EVENTS_PAGE", 7)
    everything = await events(served)
    times = [str(event["Timestamp"]) for event in everything]
    for low, high in ((times[20], times[-20]), (times[60], times[60]), ("2000-01-01T00:00:00Z", times[5])):
        wanted = inside(everything, low, high)
        assert wanted
        assert await events(served, f"?from={low}&to={high}") == wanted
    assert await events(served, "?from=-1d") == []
    assert await events(served, f"?from={times[30]}") == inside(everything, times[30], times[-1])


async def test_late_events_are_found_by_their_time(database_url: str) -> None:
    """Two gateways, and a spool that was drained after newer events: positions are not in order of time."""
    day = timedelta(days=1)
    base = datetime(2024, 3, 1, tzinfo=UTC)
    ordered = []
    for offset in (5, 1, 3):
        stream = Stream(f"gateway-{offset}", at=to_micros(base + offset * day))
        for number in range(50):
            stream.at += 1_000_000
            stream.message("8", "1", f"1{offset}:{number:02}", timed=number % 2 == 0)
        stream.own("sc", reason="stopped")
        ordered += stream.events
    record(database_url, ordered)
    project(database_url)
    async with serving(database_url) as served:
        everything = await events(served)
        for offset in (1, 3, 5):
            low, high = format_rfc3339(base + offset * day), format_rfc3339(base + offset * day + timedelta(seconds=30))
            wanted = inside(everything, low, high)
            assert len(wanted) > 20
            assert await events(served, f"?from={low}&to={high}") == wanted


async def test_reading_on_neither_misses_nor_repeats(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.resources.event_scan.EVENTS_PAGE", 100)
    stream = Stream()
    for number in range(1500):
        stream.message("8", "1", str(number), timed=number % 3 == 0)
    project(database_url)
    written = asyncio.create_task(asyncio.to_thread(_record_in_pieces, database_url, stream))
    found: list[dict[str, object]] = []
    async with serving(database_url) as served:

        async def are_all_read() -> bool:
            after = found[-1]["Position"] if found else 0
            found.extend(await events(served, f"?after={after}&limit=97"))
            return written.done() and len(found) >= 1501

        await until(are_all_read, lambda: f"all events, but {len(found)}")
    await written
    assert [event["Version"] for event in found] == list(range(1, 1502))


def _record_in_pieces(url: str, stream: Stream) -> None:
    for start in range(0, len(stream.events), 75):
        record(url, stream.events[start : start + 75])


class Tail:
    """A reader of the live stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def messages(self, count: int) -> list[dict[str, str]]:
        """The next so many events, as their fields."""
        found: list[dict[str, str]] = []
        while len(found) < count:
            block = await asyncio.wait_for(self._response.content.readuntil(b"\n\n"), DEADLINE_S)
            fields = dict(line.split(": ", 1) for line in block.decode().splitlines() if ": " in line)
            if "data" in fields:
                found.append(fields)
        return found

    async def comment(self) -> str:
        """The next heartbeat."""
        while True:
            block = await asyncio.wait_for(self._response.content.readuntil(b"\n\n"), DEADLINE_S)
            if block.startswith(b":"):
                return block.decode()


@pytest.fixture
async def recorded(database_url: str) -> AsyncIterator[Stream]:
    """A session of which the first twenty events are stored."""
    stream = Stream()
    for number in range(19):
        stream.message("8", "1", str(number), timed=True)
    record(database_url, stream.events)
    project(database_url)
    yield stream


def go_on(url: str, stream: Stream, count: int, account: str = "DU1") -> None:
    """Store some more events of a session."""
    begun = len(stream.events)
    for number in range(count):
        stream.message(*value("NetLiquidation", str(number), "USD", account), timed=number % 2 == 0)
    record(url, stream.events[begun:])


async def test_a_tail_begins_now_and_goes_on(database_url: str, recorded: Stream) -> None:
    async with serving(database_url) as served, served.get("/v1/events", headers=LIVE) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "private, no-store"
        tail = Tail(response)
        for _ in range(2):
            go_on(database_url, recorded, 3)
            found = await tail.messages(3)
            assert [orjson.loads(event["data"])["Version"] for event in found] == [
                event.originator_version for event in recorded.events[-3:]
            ]
            assert {event["event"] for event in found} == {"AccountValueUpdated"}
            assert [event["id"] for event in found] == [str(orjson.loads(event["data"])["Position"]) for event in found]


@pytest.mark.parametrize(
    ("query", "headers"), [("?after=5", {}), ("", {"Last-Event-ID": "5"}), ("?after=1", {"Last-Event-ID": "5"})]
)
async def test_a_tail_resumes(database_url: str, recorded: Stream, query: str, headers: dict[str, str]) -> None:
    async with (
        serving(database_url) as served,
        served.get(f"/v1/events{query}", headers={**LIVE, **headers}) as response,
    ):
        tail = Tail(response)
        assert [event["id"] for event in await tail.messages(15)] == [str(n) for n in range(6, 21)]
        go_on(database_url, recorded, 2)
        assert [event["id"] for event in await tail.messages(2)] == ["21", "22"]


async def test_a_filtered_tail_with_a_limit_ends(database_url: str, recorded: Stream) -> None:
    async with serving(database_url) as served:
        async with served.get("/v1/events?account=DU2&limit=3", headers=LIVE) as response:
            go_on(database_url, recorded, 4, "DU1")
            go_on(database_url, recorded, 4, "DU2")
            text = await asyncio.wait_for(response.text(), DEADLINE_S)
        assert text.count("data: ") == 3
        assert "DU1" not in text
        await until(lambda: served.app[SERVICES].part(Tails).open == 0, "the tail is closed")


async def test_a_silent_tail_has_a_heartbeat(
    database_url: str, recorded: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.http.resources.events.HEARTBEAT_SECONDS", 0.1)
    async with serving(database_url) as served, served.get("/v1/events", headers=LIVE) as response:
        assert (await Tail(response).comment()).startswith(":")


async def test_too_many_tails_are_refused(database_url: str, recorded: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.resources.tail.TAILS_MAX", 1)
    async with serving(database_url) as served:
        async with served.get("/v1/events", headers=LIVE) as first:
            assert first.status == 200
            async with served.get("/v1/events", headers=LIVE) as second:
                assert (second.status, second.content_type) == (503, PROBLEM)
                assert "Retry-After" in second.headers
        await until(lambda: served.app[SERVICES].part(Tails).open == 0, "the first tail is closed")
        async with served.get("/v1/events", headers=LIVE) as third:
            assert third.status == 200


async def test_a_slow_reader_is_cut_off_and_harms_nobody(
    database_url: str, recorded: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.http.server.connections.SEND_SECONDS", 0.5)
    for number in range(30_000):
        recorded.message("99", "x" * 300, str(number))
    record(database_url, recorded.events[20:])
    async with serving(database_url) as served:
        host, port = served.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(b"GET /v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await until(lambda: served.app[SERVICES].part(Tails).open == 1, "the slow reader's tail is open")
        async with served.get("/v1/events?after=30000", headers=LIVE) as response:
            assert len(await Tail(response).messages(20)) == 20
        await until(lambda: served.app[SERVICES].part(Tails).open == 0, "both are gone, the slow one cut off")
        writer.close()


async def test_a_client_that_leaves_before_its_answer_is_no_failure(database_url: str, recorded: Stream) -> None:
    """Of what is asked for a span of time nothing is sent before it is found."""
    assert recorded.events
    with logged() as lines, admin(database_url) as holding:
        async with serving(database_url, ACCESS_LOG="true", LOG_FORMAT="json") as served:
            assert len(await events(served, "?limit=1")) == 1
            holding.autocommit = False
            holding.execute("LOCK TABLE public.stored_events IN ACCESS EXCLUSIVE MODE")
            host, port = served.url.removeprefix("http://").split(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /v1/events?from=-30d HTTP/1.1\r\nHost: localhost\r\n\r\n")
            waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.stored_events'::regclass"
            await until(lambda: holding.execute(waiting).fetchall(), "it is looked for")
            writer.close()
            await until(lambda: any(line.get("status") == 499 for line in lines()), "that it left is in the access log")
            holding.rollback()
            assert len(await events(served, "?limit=1")) == 1
    assert [line for line in lines() if line["kind"] == "http_failed"] == []


async def test_a_shutdown_ends_the_tails_at_once(
    database_url: str, recorded: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.http.app._SHUTDOWN_SECONDS", 3600.0)
    # A client that stays: it is the server that ends the tail.
    async with asyncio.timeout(DEADLINE_S), aiohttp.ClientSession() as staying:
        async with serving(database_url) as served:
            response = await staying.get(f"{served.url}/v1/events", headers=LIVE)
        assert response.status == 200
        response.close()


async def test_what_is_wrong_is_refused(served: Served) -> None:
    for query in ("type=Nothing", "session=1", "after=-1", "after=x", f"after={2**63}", "limit=0", "account=a%00b"):
        async with served.get(f"/v1/events?{query}") as response:
            assert (response.status, response.content_type) == (400, PROBLEM), query
    async with served.get("/v1/events", headers={"Last-Event-ID": "x"}) as response:
        assert response.status == 400
    assert GATEWAY in str(await events(served, "?type=SessionOpened"))


@pytest.mark.slow
async def test_a_million_events_stream_with_flat_memory(database_url: str) -> None:
    build_world(database_url, 1)
    with admin(database_url) as connection:
        connection.execute(
            """
            INSERT INTO stored_events (originator_version, originator_id, topic, state)
            SELECT number, '018c0000-0000-7000-8000-000000000000', 'v',
                   convert_to('[' || 1704067200000000 + number || ',"NetLiquidation","100000.00","USD","DU1"]', 'UTF8')
            FROM generate_series(1, 1000000) AS number
            """
        )
    async with (
        serving(database_url) as served,
        served.get("/v1/events", timeout=aiohttp.ClientTimeout(total=None)) as response,
    ):
        lines, early = 0, 0
        async for chunk in response.content.iter_any():
            lines += chunk.count(b"\n")
            if lines < 200_000:
                early = _resident()
        assert lines > 1_000_000
        assert _resident() - early < 30 << 20


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
