"""From a simulated gateway's socket to the event store: the law of the recorder, and every way a refresh can go."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibconnect.database.pools import connect
from ibconnect.events.layouts import with_version
from ibconnect.events.types import (
    AccountConcluded,
    AccountSubscribed,
    DecodeFailed,
    FrameReceived,
    GatewayNotice,
    MessageReceived,
    PositionsRequested,
    RefreshEnded,
    RefreshStarted,
    SessionClosed,
    SessionOpened,
)
from ibconnect.simulator import Captures, Gateway, Scenario
from ibconnect.simulator.scenario.accounts import POSITIONS
from ibconnect.simulator.source import Refusal
from tests.paths import CAPTURES
from tests.recording import ask_for_refresh, hurry, recording
from tests.waiting import until

ALL_CAPTURES = sorted(CAPTURES.glob("*.jsonl"))


def login(*names: str) -> Captures:
    return Captures.load(*(CAPTURES / f"{name}.jsonl" for name in names))


@pytest.mark.parametrize("capture", ALL_CAPTURES, ids=lambda path: path.stem)
async def test_what_is_recorded_equals_what_was_sent(
    database_url: str, tmp_path: Path, capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, capture)
    async with Gateway(Captures.load(capture)) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        await seen.refreshes()
        await seen.writer.flushed()
        assert seen.inbound() == gateway.sent
        assert [event.originator_version for event in seen.events()] == list(range(1, len(seen.events()) + 1))
        arrivals = [event.arrived for event in seen.events() if event.arrived is not None]
        assert arrivals == sorted(arrivals)
    last = seen.of(SessionClosed)
    assert [(event.reason, event.originator_version) for event in last] == [("stopped", len(seen.events()))]


async def test_an_advisors_accounts_are_walked_one_at_a_time(database_url: str, tmp_path: Path) -> None:
    async with Gateway(Scenario.demo()) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        (ended,) = await seen.refreshes()
        (started,) = seen.of(RefreshStarted)
        assert len(started.accounts) == 6
        assert started.accounts[0].startswith(("F", "DF"))
        assert [event.account for event in seen.of(AccountSubscribed)] == started.accounts
        assert seen.endings() == [(account, "download-end") for account in started.accounts]
        assert (ended.outcome, ended.missing) == ("complete", {})
        assert seen.inbound() == gateway.sent


async def test_silence_ends_a_download_that_ib_does_not_end(database_url: str, tmp_path: Path) -> None:
    async with Gateway(login("usd-demo-universal")) as gateway:
        gateway.inject("no-end", every=True, count=100)
        async with recording(database_url, tmp_path, gateway.port) as seen:
            (ended,) = await seen.refreshes()
            assert (seen.endings(), ended.outcome) == ([("DU0000001", "quiet")], "complete")


async def test_a_download_that_does_not_end_is_tried_again_and_then_asked_for_otherwise(
    database_url: str, tmp_path: Path
) -> None:
    async with Gateway(Scenario(seed=3, accounts=2, positions=2)) as gateway:
        gateway.inject("no-end", every=True, count=100)
        async with recording(database_url, tmp_path, gateway.port, QUIET_TIME="5", DOWNLOAD_TIMEOUT="0.5") as seen:
            (ended,) = await seen.refreshes()
            ends = ["timeout", "timeout", "download-end"]
            assert seen.endings() == [(account, how) for how in ends for account in gateway.source.codes()]
            then = ["updates", "updates", "multi", "multi", "", ""]
            assert [event.then for event in seen.of(AccountConcluded)] == then
            assert (ended.outcome, ended.missing) == ("complete", {})


async def test_a_gateway_that_is_back_without_a_word_is_found_out_by_asking_ib(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.connectivity._PROBE_S", 0.1)
    monkeypatch.setattr("ibconnect.gateway.connectivity.SETTLE_S", 0.2)
    async with Gateway(login("eur-cfd")) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        await seen.refreshes()
        gateway.inject("connectivity", seconds=2.0, told=False)
        await until(lambda: state_of(database_url)[0] == "stale", "the gateway is reported stale")
        await until(lambda: state_of(database_url)[0] == "connected", "the gateway is reported fresh")
        _, again = await seen.refreshes(2)
        assert (again.outcome, [event.trigger for event in seen.of(RefreshStarted)]) == (
            "complete",
            ["start", "restored"],
        )
        assert any(event.fields[0] == "79" for event in seen.of(MessageReceived))


async def test_above_fifty_accounts_positions_are_asked_for_one_by_one(database_url: str, tmp_path: Path) -> None:
    """reqPositions would be refused there; reqPositionsMulti tells whether an account without positions has any."""
    async with Gateway(Scenario(seed=3, accounts=52, positions=0)) as gateway:
        async with recording(database_url, tmp_path, gateway.port) as seen:
            (ended,) = await seen.refreshes()
            assert (ended.outcome, ended.missing) == ("complete", {})
            asked = seen.of(PositionsRequested)
            accounts = [event.account for event in seen.of(AccountConcluded)]
            assert [event.account for event in asked] == accounts
            assert {event.check for event in seen.of(AccountConcluded)} == {"agrees"}
        numbers = [fields[0] for fields in gateway.connections[0].requests]
        assert (numbers.count("61"), numbers.count("74")) == (0, len(accounts))


async def test_where_all_positions_are_refused_those_of_one_account_are_asked_for(
    database_url: str, tmp_path: Path
) -> None:
    source = login("usd-demo-universal", "eur-cfd")

    answer = source.answer

    def refusing(question: Any, *asked: Any) -> Any:
        if question is POSITIONS:
            raise Refusal(321, "Error validating request.-'bp' : cause - Requests for all positions are not allowed.")
        return answer(question, *asked)

    source.answer = refusing  # type: ignore[method-assign]
    async with Gateway(source) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        (ended,) = await seen.refreshes()
        assert (ended.outcome, {event.check for event in seen.of(AccountConcluded)}) == ("complete", {"agrees"})
        numbers = [fields[0] for fields in gateway.connections[0].requests]
        assert (numbers.count("61"), numbers.count("74")) == (1, 2)


async def test_one_account_is_asked_for_alone(database_url: str, tmp_path: Path) -> None:
    async with (
        Gateway(Scenario(seed=3, accounts=3, positions=1)) as gateway,
        recording(database_url, tmp_path, gateway.port) as seen,
    ):
        await seen.refreshes()
        account = gateway.source.codes()[1]
        request = ask_for_refresh(database_url, [account])
        ask_for_refresh(database_url, ["NOBODY"])
        await seen.refreshes(2)
        started = seen.of(RefreshStarted)[1]
        assert (started.accounts, started.scope, started.trigger) == ([account], "some", "request")
        assert [event.request for event in seen.of(AccountConcluded)][-1] >= request
        ask_for_refresh(database_url, None, ["another:4001"])
        ask_for_refresh(database_url)
        await seen.refreshes(3)
        assert [event.trigger for event in seen.of(RefreshStarted)] == ["start", "request", "request"]


async def test_a_refresh_of_all_ends_although_somebody_waits_for_one_account(database_url: str, tmp_path: Path) -> None:
    """It is taken next, once; and of many that one has asked for only one comes before another's."""
    async with (
        Gateway(Scenario(seed=3, accounts=6, positions=1)) as gateway,
        recording(database_url, tmp_path, gateway.port) as seen,
    ):
        await seen.refreshes()
        codes = gateway.source.codes()
        gateway.inject("no-end", count=1000)  # each takes as long as the silence that ends it
        ask_for_refresh(database_url)
        await seen.have(AccountSubscribed, len(codes) + 1)
        for account in codes[2:]:
            ask_for_refresh(database_url, [account], holder="one")
        ask_for_refresh(database_url, [codes[5]], holder="one")
        ask_for_refresh(database_url, [codes[0]], holder="other")
        await seen.refreshes(2)
        second = [event.account for event in seen.of(AccountSubscribed) if event.since is None][len(codes) :]
        assert second.index(codes[0], 1) <= 3, second
        assert set(second) == set(codes)


async def test_beside_another_program_the_multi_requests_serve(database_url: str, tmp_path: Path) -> None:
    async with Gateway(Scenario(seed=3, accounts=2, positions=4)) as gateway:
        gateway.inject("subscription-held")
        async with recording(database_url, tmp_path, gateway.port) as seen:
            (ended,) = await seen.refreshes()
            assert ended.outcome == "complete"
            assert [event.source for event in seen.of(AccountSubscribed)] == ["updates", "multi"] * 2
            assert [how for _, how in seen.endings()] == ["rejected", "download-end"] * 2
            assert "2101" in {with_version(list(event.fields))[3] for event in seen.of(GatewayNotice)}


async def test_an_unknown_account_is_rejected_not_waited_for(database_url: str, tmp_path: Path) -> None:
    source = login("eur-cfd")
    async with Gateway(source) as gateway:
        source.managed_accounts = lambda: ("15", "1", "DU0000001,DU7777777")  # type: ignore[method-assign]
        async with recording(database_url, tmp_path, gateway.port, DOWNLOAD_TIMEOUT="15") as seen:
            (ended,) = await seen.refreshes()
            assert seen.endings() == [("DU0000001", "download-end"), ("DU7777777", "rejected")]
            assert ended.outcome == "partial"
            assert "321" in ended.missing["DU7777777"]


async def test_a_client_id_in_use_is_recorded_and_tried_again(database_url: str, tmp_path: Path) -> None:
    async with Gateway(login("eur-cfd")) as gateway:
        gateway.inject("client-id-in-use", count=2)
        async with recording(database_url, tmp_path, gateway.port) as seen:
            await seen.refreshes()
            closed = seen.of(SessionClosed)
            assert [event.reason for event in closed] == ["refused", "refused"]
            assert all("326" in event.detail for event in closed)
            assert len(seen.of(SessionOpened)) == 3


@pytest.mark.parametrize("data_lost", [True, False], ids=["1101", "1102"])
async def test_values_are_stale_without_ib_and_fresh_after(database_url: str, tmp_path: Path, data_lost: bool) -> None:
    async with Gateway(login("eur-cfd")) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        await seen.refreshes()
        gateway.inject("connectivity", seconds=3600, data_lost=data_lost)
        await until(lambda: state_of(database_url)[0] == "stale", "the gateway is reported stale")
        ask_for_refresh(database_url)
        await seen.refreshes(2)
        gateway.inject("connectivity", seconds=0.01, data_lost=data_lost)
        first, failed, again = await seen.refreshes(3)
        assert (first.outcome, failed.outcome, again.outcome) == ("complete", "failed", "complete")
        assert "1100" in failed.missing["DU0000001"]
        assert [event.trigger for event in seen.of(RefreshStarted)] == ["start", "request", "restored"]
        assert len(seen.of(SessionOpened)) == 1


def state_of(url: str) -> tuple[str, bool]:
    with connect(url, name="test") as connection:
        row = connection.execute("SELECT state, connected FROM coordination.gateway").fetchone()
        return (row[0], row[1]) if row else ("", False)


async def test_a_request_is_served_and_named(database_url: str, tmp_path: Path) -> None:
    async with Gateway(login("eur-cfd")) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        await seen.refreshes()
        request = ask_for_refresh(database_url)
        _, ended = await seen.refreshes(2)
        assert ended.request == request
        assert seen.of(RefreshStarted)[1].trigger == "request"


async def test_all_gateways_share_the_time_of_a_requested_refresh(database_url: str, tmp_path: Path) -> None:
    async with (
        Gateway(login("eur-cfd")) as one,
        Gateway(login("eur-margin")) as two,
        recording(database_url, tmp_path, one.port, two.port) as seen,
    ):
        await seen.refreshes(2)
        ask_for_refresh(database_url)
        ended = await seen.refreshes(4)
        assert len({event.created for event in ended[2:]}) == 1


async def test_the_schedule_refreshes(database_url: str, tmp_path: Path) -> None:
    async with (
        Gateway(login("eur-cfd")) as gateway,
        recording(database_url, tmp_path, gateway.port, ACCT_REF="* * * * * *") as seen,
    ):

        def scheduled() -> list[RefreshStarted]:
            return [event for event in seen.of(RefreshStarted) if event.trigger == "schedule"]

        await until(scheduled, "a scheduled refresh")
        assert all(event.created % 1_000_000 == 0 for event in scheduled())


async def test_a_lost_gateway_is_found_again(database_url: str, tmp_path: Path) -> None:
    async with Gateway(login("eur-cfd")) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        await seen.refreshes()
        gateway.inject("restart", seconds=3600)
        await until(lambda: not state_of(database_url)[1], "the gateway is reported away")
        await gateway.listen()
        await seen.refreshes(2)
        assert [event.reason for event in seen.of(SessionClosed)] == ["lost"]
        assert seen.inbound() == gateway.sent
        await until(lambda: state_of(database_url) == ("connected", True), "the gateway is reported connected")


@pytest.mark.parametrize(
    "fault", ["missing-field", "extra-field", "unknown-id", "foreign-account", "non-utf8", "random-bytes"]
)
async def test_what_cannot_be_understood_is_recorded_and_disturbs_nothing(
    database_url: str, tmp_path: Path, fault: str
) -> None:
    async with Gateway(login("eur-cfd")) as gateway:
        gateway.inject(fault, **({"skip": 8} if fault not in ("non-utf8", "missing-field", "extra-field") else {}))
        async with recording(database_url, tmp_path, gateway.port) as seen:
            (ended,) = await seen.refreshes()
            assert ended.outcome == "complete"
            assert len(seen.of(SessionOpened)) == 1
            frames = seen.of(FrameReceived)
            if fault in ("non-utf8", "random-bytes"):
                assert len(frames) == 1
            else:
                assert seen.inbound() == gateway.sent
            expected = {"missing-field", "non-utf8", "random-bytes"}
            assert bool(seen.of(DecodeFailed)) == (fault in expected)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("drop-mid-message", "lost"),
        ("reset-mid-message", "lost"),
        ("long-length", "broken-frame"),
        ("short-length", "broken-frame"),
    ],
)
async def test_a_broken_stream_ends_the_session_and_another_begins(
    database_url: str, tmp_path: Path, fault: str, reason: str
) -> None:
    async with Gateway(login("eur-cfd")) as gateway:
        gateway.inject(fault, skip=40)
        async with recording(database_url, tmp_path, gateway.port) as seen:
            await until(lambda: "complete" in [event.outcome for event in seen.of(RefreshEnded)], "a whole refresh")
            broken, whole = seen.of(SessionOpened)
            (closed,), (ended,) = seen.of(SessionClosed), seen.of(RefreshEnded)
            assert (closed.originator_id, closed.reason) == (broken.originator_id, reason)
            assert (ended.originator_id, ended.outcome) == (whole.originator_id, "complete")
            first, second = seen.inbound()
            # A reset throws away what has arrived and was not read yet.
            intact = min(len(first), 40) if fault == "reset-mid-message" else 40
            assert first[:intact] == gateway.sent[0][:intact]
            assert second == gateway.sent[1]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
            min_size=1,
            max_size=8,
        ),
        max_size=30,
    )
)
def test_generated_messages_survive_the_whole_way(server_url: str, template: str, messages: list[list[str]]) -> None:
    import asyncio
    import tempfile

    from tests.conftest import create_database, drop_database

    name = f"law_{abs(hash(str(messages)))}"
    url = create_database(server_url, name, template)

    async def run() -> None:
        source = login("eur-cfd")
        source.notices = lambda: [tuple(fields) for fields in messages]  # type: ignore[method-assign]
        with tempfile.TemporaryDirectory() as spool:
            async with Gateway(source) as gateway, recording(url, Path(spool), gateway.port) as seen:
                await seen.refreshes()
                sent = [["".join(f"{field}\0" for field in fields).encode() for fields in gateway.sent[0]]]
                assert seen.payloads() == sent
                assert len(seen.of(MessageReceived)) <= len(messages) + 2

    try:
        asyncio.run(run())
    finally:
        drop_database(server_url, name)
