"""Recorded sessions, served again: to our own recorder, which closes the circle, and to ib_async as it comes."""

import asyncio
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ib_async import IB

from ibconnect.cli import main as cli
from ibconnect.events.codec import is_inbound, payload_of
from ibconnect.events.reader import Reader, RecordedSession, Wanted
from ibconnect.events.types import FrameReceived, MessageReceived, SessionClosed
from ibconnect.simulator import Captures, Gateway, Scenario
from ibconnect.simulator.replay.server import Replay
from ibconnect.simulator.scenario.accounts import UPDATES
from tests.acceptance.clients.raw import RawClient
from tests.paths import CAPTURES
from tests.processes import Process
from tests.projecting import Stream
from tests.projecting import record as store
from tests.recording import ask_for_refresh, hurry, recording
from tests.waiting import DEADLINE_S, until

ALL_CAPTURES = sorted(CAPTURES.glob("*.jsonl"))
ODD_FRAMES = ("missing-field", "extra-field", "unknown-id", "foreign-account", "non-utf8", "random-bytes")


def sessions_of(url: str) -> list[RecordedSession]:
    with Reader(url) as reader:
        return sorted(reader.sessions(Wanted()), key=lambda session: session.first)


def sent(url: str, session: RecordedSession) -> list[tuple[str, bytes]]:
    """What the gateway sent in a session: topic and payload of each frame, in order."""
    with Reader(url) as reader:
        return [
            (stored.topic, payload_of(stored.topic, stored.state))
            for page in reader.stream(reader.session(session.id))
            for stored in page.events
            if is_inbound(stored.topic)
        ]


async def record(url: str, spool: Path, source: Any, *faults: str, **settings: str) -> RecordedSession:
    """Record a simulated gateway until its first refresh has ended; the session."""
    known = len(sessions_of(url))
    async with Gateway(source, speed=1e-6) as gateway:
        for fault in faults:
            name, _, skip = fault.partition(":")
            gateway.inject(name, **({"skip": int(skip)} if skip else {}))
        async with recording(url, spool, gateway.port, **settings) as seen:
            await seen.refreshes(known + 1)
    return sessions_of(url)[known]


async def record_again(url: str, spool: Path, session: RecordedSession, **settings: str) -> RecordedSession:
    """Record a replay of a session to its end; the session that came of it."""
    known = len(sessions_of(url))
    async with (
        Replay(url, [session], speed=math.inf, once=True) as replay,
        recording(url, spool, replay.port, **settings) as seen,
    ):
        await asyncio.wait_for(replay.done.wait(), DEADLINE_S)
        await until(lambda: len(seen.of(SessionClosed)) > known, "the replayed session is closed")
    return sessions_of(url)[known]


@pytest.mark.parametrize("capture", ALL_CAPTURES, ids=lambda path: path.stem)
async def test_a_recorded_replay_of_a_capture_is_the_same_session(
    database_url: str, tmp_path: Path, capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, capture)
    first = await record(database_url, tmp_path, Captures.load(capture))
    again = await record_again(database_url, tmp_path, first)
    assert sent(database_url, again) == sent(database_url, first)
    assert len(sent(database_url, first)) >= 4
    assert first.opened is not None
    assert again.opened is not None
    assert again.opened.server_version == first.opened.server_version
    assert again.opened.connection_time == first.opened.connection_time


async def test_the_circle_closes_for_an_advisor_with_odd_frames(database_url: str, tmp_path: Path) -> None:
    source = Scenario(seed=5, accounts=3, positions=12, advisor=True)
    faults = [f"{name}:{8 + 5 * number}" for number, name in enumerate(ODD_FRAMES)]
    first = await record(database_url, tmp_path, source, *faults)
    again = await record_again(database_url, tmp_path, first)
    frames = sent(database_url, first)
    assert sent(database_url, again) == frames
    topics = {topic for topic, _ in frames}
    assert {FrameReceived.TOPIC, MessageReceived.TOPIC} <= topics
    assert any(payload.endswith(b"\0what\0is\0this\0") for _, payload in frames)


async def test_the_circle_closes_beside_another_program(database_url: str, tmp_path: Path) -> None:
    source = Scenario(seed=3, accounts=2, positions=4)
    first = await record(database_url, tmp_path, source, "subscription-held")
    again = await record_again(database_url, tmp_path, first)
    assert sent(database_url, again) == sent(database_url, first)
    assert any(payload.startswith(b"73\0") for _, payload in sent(database_url, first))


async def test_the_circle_closes_without_end_messages(database_url: str, tmp_path: Path) -> None:
    first = await record(database_url, tmp_path, Scenario(seed=3, accounts=2, positions=2), "no-end")
    again = await record_again(database_url, tmp_path, first)
    assert sent(database_url, again) == sent(database_url, first)


@pytest.mark.parametrize("fault", ["drop-mid-message", "long-length"])
async def test_a_session_ends_as_it_ended(database_url: str, tmp_path: Path, fault: str) -> None:
    async with Gateway(Captures.load(CAPTURES / "eur-cfd.jsonl")) as gateway:
        gateway.inject(fault, skip=40)
        async with recording(database_url, tmp_path, gateway.port) as seen:
            await seen.have(SessionClosed)
    first = sessions_of(database_url)[0]
    again = await record_again(database_url, tmp_path, first)
    assert sent(database_url, again) == sent(database_url, first)
    assert first.closed is not None
    assert again.closed is not None
    assert (again.closed.reason, again.closed.unfinished) == (first.closed.reason, first.closed.unfinished)
    assert first.closed.unfinished


async def test_a_second_refresh_is_played_whether_the_client_asks_or_not(database_url: str, tmp_path: Path) -> None:
    async with (
        Gateway(Scenario(seed=2, accounts=2, positions=3), speed=2000) as gateway,
        recording(database_url, tmp_path, gateway.port, ACCT_REF="@yearly") as seen,
    ):
        await seen.refreshes()
        ask_for_refresh(database_url)
        await seen.refreshes(2)
    first = sessions_of(database_url)[0]
    async with (
        Replay(database_url, [first], speed=math.inf, patience=1, once=True) as replay,
        recording(database_url, tmp_path, replay.port, ACCT_REF="@yearly") as seen,
    ):
        await asyncio.wait_for(replay.done.wait(), DEADLINE_S)
        await seen.have(SessionClosed, 2)
    again = sessions_of(database_url)[1]
    assert sent(database_url, again) == sent(database_url, first)


async def test_the_recorded_pace_is_kept_and_scaled(database_url: str) -> None:
    stream = Stream()
    stream.message("15", "1", "DU1", timed=True)
    stream.message("9", "1", "1")
    for number in range(4):
        stream.at += 10_000_000
        stream.message("8", "1", f"12:0{number}", timed=True)
    store(database_url, stream.events)
    loop = asyncio.get_running_loop()
    for speed in (50, 200):
        async with Replay(database_url, sessions_of(database_url), speed=speed) as replay:
            began = loop.time()
            async with RawClient(replay.port) as client:
                for number in range(4):
                    assert (await client.until("8"))[-1] == ["8", "1", f"12:0{number}"]
                    assert loop.time() - began >= (number + 1) * 10 / speed
            assert loop.time() - began < 40, "sooner than it was recorded"


async def connected(port: int, **options: Any) -> IB:
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, clientId=7, timeout=DEADLINE_S, **options)
    return ib


async def test_ib_async_sees_the_recorded_account(database_url: str, tmp_path: Path) -> None:
    source = Scenario(seed=4, accounts=1, positions=6)
    first = await record(database_url, tmp_path, source)
    (code,) = source.codes()
    async with Replay(database_url, [first], speed=math.inf) as replay:
        ib = await connected(replay.port, raiseSyncErrors=True)
        try:
            assert ib.managedAccounts() == [code]
            rows = source.answer(UPDATES, code).first()
            assert {(v.tag, v.currency, v.value) for v in ib.accountValues(code)} >= {
                (row[2], row[4], row[3]) for row in rows if row[0] == "6" and row[2] in ("NetLiquidation", "Cushion")
            }
            assert {item.contract.conId for item in ib.portfolio()} == {int(r[2]) for r in rows if r[0] == "7"}
        finally:
            ib.disconnect()


async def test_a_client_may_walk_in_another_order_and_again(database_url: str, tmp_path: Path) -> None:
    source = Scenario(seed=4, accounts=3, positions=5)
    first = await record(database_url, tmp_path, source)
    codes = list(source.codes())
    async with Replay(database_url, [first], speed=math.inf, patience=0.3) as replay:
        ib = await connected(replay.port)
        try:
            for code in [*reversed(codes), *codes]:
                await asyncio.wait_for(ib.reqAccountUpdatesAsync(code), DEADLINE_S)
                await until(lambda code=code: ib.portfolio(code), f"the positions of {code}")
                held = {int(row[2]) for row in source.answer(UPDATES, code).first() if row[0] == "7"}
                assert {item.contract.conId for item in ib.portfolio(code)} <= held
        finally:
            ib.disconnect()


async def test_what_was_not_recorded_is_refused_not_ignored(database_url: str, tmp_path: Path) -> None:
    source = Scenario(seed=4, accounts=2, positions=2)
    first = await record(database_url, tmp_path, source)
    async with Replay(database_url, [first], speed=math.inf) as replay:
        ib = await connected(replay.port)
        try:
            errors: list[tuple[int, str]] = []
            ib.errorEvent += lambda _, code, text, *rest: errors.append((code, text))
            ib.client.reqAccountUpdates(True, "DU7654321")
            ib.client.reqAccountSummary(99, "All", "NetLiquidation")
            ib.client.send(6543, 1)
            await until(lambda: len(errors) == 3, "three errors")
            assert [code for code, _ in errors] == [321, 322, 320]
            assert "DU7654321" in errors[0][1]
            assert "reqAccountSummary" in errors[1][1]
            now = await asyncio.wait_for(ib.reqCurrentTimeAsync(), DEADLINE_S)
            assert first.began // 1_000_000 <= now.timestamp() <= first.ended // 1_000_000
        finally:
            ib.disconnect()


async def test_sessions_follow_one_another_as_the_client_reconnects(database_url: str, tmp_path: Path) -> None:
    for name in ("eur-cfd", "portfolio-stk-opt-fx"):
        await record(database_url, tmp_path, Captures.load(CAPTURES / f"{name}.jsonl"))
    recorded = sessions_of(database_url)
    async with (
        Replay(database_url, recorded, speed=math.inf, once=True) as replay,
        recording(database_url, tmp_path, replay.port) as seen,
    ):
        await asyncio.wait_for(replay.done.wait(), DEADLINE_S)
        await seen.have(SessionClosed, 4)
    again = sessions_of(database_url)[2:]
    assert [sent(database_url, each) for each in again] == [sent(database_url, each) for each in recorded]


async def test_after_the_last_message_the_connection_stays_and_answers(database_url: str, tmp_path: Path) -> None:
    first = await record(database_url, tmp_path, Captures.load(CAPTURES / "eur-cfd.jsonl"))
    async with Replay(database_url, [first], speed=math.inf) as replay, RawClient(replay.port) as client:
        await client.until("9")
        client.send("6", "2", "1", "")
        download = await client.until("54")
        assert len([fields for fields in download if fields[0] == "6"]) == 92
        client.send("49", "1")
        assert first.began // 1_000_000 <= int((await client.until("49"))[-1][2]) <= first.ended / 1e6
        client.send("6", "2", "1", "DU0000001")
        assert [fields for fields in await client.until("54") if fields[0] == "6"] == [
            fields for fields in download if fields[0] == "6"
        ]
        client.send("8", "1", "1")
        assert (await client.until("9"))[-1] == ["9", "1", "1"]


async def test_a_client_id_is_used_once_at_a_time(database_url: str, tmp_path: Path) -> None:
    first = await record(database_url, tmp_path, Captures.load(CAPTURES / "eur-cfd.jsonl"))
    async with Replay(database_url, [first]) as replay, RawClient(replay.port, client_id=3) as client:
        await client.until("9")
        async with RawClient(replay.port, client_id=3) as second:
            assert (await second.until("4"))[-1][3] == "326"
            await second.ended()
        async with RawClient(replay.port, client_id=4) as third:
            await third.until("9")


async def test_an_older_client_gets_messages_of_its_version(database_url: str, tmp_path: Path) -> None:
    first = await record(database_url, tmp_path, Scenario(seed=1, accounts=1, positions=1))
    async with Replay(database_url, [first]) as replay, RawClient(replay.port, versions="v157..160") as client:
        assert client.version == 160
        assert len((await client.until("4"))[-1]) == 5
        async with RawClient(replay.port, client_id=None, versions="v201..225") as newer:
            assert "The TWS is out of date and must be upgraded." in await newer.read()


async def test_the_command_serves_and_ends(database_url: str, tmp_path: Path) -> None:
    first = await record(database_url, tmp_path, Captures.load(CAPTURES / "eur-margin.jsonl"))
    arguments = ("replay", "--session", str(first.id), "--port", "0", "--speed", "max", "--once")
    process = Process(tmp_path / "replay.log", *arguments, DB_URL=database_url)
    try:
        said = await asyncio.to_thread(process.said, r"listens on 127.0.0.1:(\d+): session (\S+) with (\S+),")
        assert said[2] == str(first.id)
        async with recording(database_url, tmp_path, int(said[1])) as seen:
            await seen.have(SessionClosed, 2)
        assert await asyncio.to_thread(process.popen.wait, DEADLINE_S) == 0
    finally:
        process.popen.kill()
        process.popen.wait()
    assert sent(database_url, sessions_of(database_url)[1]) == sent(database_url, first)


@pytest.mark.parametrize(
    "wrong",
    [
        ((), "replay what? Name --session ID, or --gateway HOST:PORT"),
        (("--session", "01a20559-db26-7663-ac7d-388a6ea073af"), "--session: no session 01a20559"),
        (("--gateway", "127.0.0.1:1"), "--gateway '127.0.0.1:1' is not recorded; recorded are: none"),
        (("--session", "01a20559-db26-7663-ac7d-388a6ea073af", "--speed", "0"), "'0' is wrong: use 1, 10, max"),
        (("--session", "01a20559-db26-7663-ac7d-388a6ea073af", "--port", "99999"), "is not a port from 0 to 65535"),
    ],
)
def test_what_cannot_be_replayed_is_said(
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: tuple[tuple[str, ...], str],
) -> None:
    arguments, said = wrong
    monkeypatch.setenv("DB_URL", database_url)
    try:
        assert cli.main(["replay", *arguments]) in (1, 2)
    except SystemExit as exc:
        assert exc.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


def numberless(url: str, session: RecordedSession) -> set[tuple[str, ...]]:
    """What was said in a session, without the numbers of the requests that are answered."""
    places = {"11": 1, "55": 2, "94": 1, "95": 1}
    found = (payload.decode().split("\0") for _, payload in sent(url, session))
    return {tuple(field for at, field in enumerate(fields) if at != places.get(fields[0])) for fields in found}


async def test_the_circle_closes_with_everything_that_is_asked(database_url: str, tmp_path: Path) -> None:
    """What is asked beside the accounts is asked again of the replay, and answered where it was."""
    source = Scenario(seed=5, accounts=1, positions=3, activity=60.0)
    for _ in range(120):
        source.advance()
    held = sum(len(source.held(code)) for code in source.codes())
    everything = {"COLLECT": "executions,orders,pnl", "PNL_POSITIONS": "true"}
    wanted = {"53": 2, "102": 2, "55": 2, "94": len(source.codes()), "95": held}
    async with (
        Gateway(source, speed=1e-6) as gateway,
        recording(database_url, tmp_path, gateway.port, **everything) as seen,
    ):

        def has_come() -> bool:
            came = Counter(fields[0] for session in seen.inbound() for fields in session)
            return all(came[number] >= count for number, count in wanted.items())

        await until(has_come, "everything that is asked is answered")
    (first,) = sessions_of(database_url)
    again = await record_again(database_url, tmp_path, first, **everything)
    # A recorder that is still busy when it is to ask again asks once for both, and gets one answer: to another number.
    assert numberless(database_url, again) == numberless(database_url, first)
