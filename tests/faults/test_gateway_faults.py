"""Gateways that drop, hang, stammer, restart or refuse: recorded as far as they spoke, found again without help."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ibconnect.database.pools import connect
from ibconnect.simulator import Gateway, Scenario
from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators, Store, assert_all, chance, rounds, row
from tests.faults.processes import Spawner, running_server
from tests.projecting import project
from tests.recording import recording
from tests.waiting import wait_for

GATEWAYS = 10
QUICK = {
    "gateway.connection.ASK_AFTER_S": 0.5,
    "gateway.connection.GIVE_UP_AFTER_S": 2.5,
    "gateway.collectors.accounts.retries.FIRST_S": 0.5,
    "gateway.connectivity.SETTLE_S": 0.2,
    "gateway.connectivity.LONGEST_SETTLE_S": 0.5,
}
"""A silent gateway is given up after 2.5 seconds instead of 25, an account asked for again after half a second; and one
that loses IB again and again is believed to be back after half a second instead of a minute."""


def _message(random: Random) -> dict[str, Any]:
    return {"skip": random.randrange(30)}


def _state(random: Random) -> dict[str, Any]:
    return {"seconds": random.uniform(0.0, 0.5)}


# What is injected, in order: names of faults, with what chance makes of their parameters.
FAULTS: dict[str, Mapping[str, Any]] = {
    "connection dropped": {"drop": _message},
    "connection reset": {"reset": _message},
    "dropped in the middle of a message": {"drop-mid-message": _message},
    "reset in the middle of a message": {"reset-mid-message": _message},
    "half-open": {"silence": lambda random: {"seconds": random.uniform(2.6, 3.5)}},
    "one byte at a time": {"slow": lambda random: {"seconds": random.uniform(0.0, 0.5), "interval": 0.0005}},
    "length prefix too small": {"short-length": _message},
    "length prefix too large": {"long-length": _message},
    "bytes that are no UTF-8": {"non-utf8": _message},
    "random bytes": {"random-bytes": _message},
    "message of unknown id": {"unknown-id": _message},
    "field missing": {"missing-field": _message},
    "field too many": {"extra-field": _message},
    "unset number": {"unset": _message},
    "foreign account": {"foreign-account": _message},
    "account not ready": {"account-not-ready": None},
    "end of the download missing": {"no-end": None},
    "connectivity lost, data kept (1100, 1102)": {"connectivity": _state},
    "connectivity lost, data lost (1100, 1101)": {
        "connectivity": lambda random: {"seconds": random.uniform(0.0, 0.5), "data_lost": True}
    },
    "data farm lost and back": {"farm-flap": _state},
    "nightly restart": {"restart": _state},
    "connection refused": {"refuse": _state, "drop": None},
    "client id in use (326)": {"client-id-in-use": None, "drop": None},
    "competing login": {"competing-login": _state},
    "subscription held by another (2101)": {"subscription-held": lambda random: {"seconds": random.uniform(0.3, 0.8)}},
}


def inject(simulators: Simulators, fault: str, random: Random) -> None:
    """Do it to every gateway, with its own chance."""
    for number in range(len(simulators.gateways)):
        for name, parameters in FAULTS[fault].items():
            simulators.do(number, name, **(parameters(random) if parameters else {}))


def campaign(url: str, directory: Path, faults: list[str], times: int, gateways: int) -> None:
    with Simulators(gateways) as simulators, Spawner(directory) as spawner:
        store, judge = Store(url), Judge(url, simulators.gateways)
        position = store.position()
        recorder = spawner.start("one", QUICK, DB_URL=url, IB_GW=simulators.addresses, QUIET_TIME="1")
        store.wait_for_sessions(position, gateways, "re")
        for fault in faults:
            random, line = chance(fault), row(fault)
            while line.times < times:
                inject(simulators, fault, random)
                took = store.wait_for_refreshes(store.ask_for_refresh(), gateways)
                for _ in simulators.gateways:
                    line.note(took)
            store.wait_for_marks(simulators)
            judge.check()
        recorder.stop()
        assert recorder.told("keeper_failed") == recorder.told("writer_failed") == []
        assert_all(judge, store)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_server() as server:
        yield server.url


def test_each_fault_of_a_gateway_is_survived(database_url: str, tmp_path: Path) -> None:
    campaign(database_url, tmp_path, [fault for fault in FAULTS if fault != "half-open"], 1, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_faults_of_gateways(url: str, tmp_path: Path) -> None:
    campaign(url, tmp_path, list(FAULTS), rounds(100), GATEWAYS)


def test_a_frame_cut_short_is_all_that_is_invented(database_url: str, tmp_path: Path) -> None:
    """What is left of the message is the next one's length: of some megabytes, for which the recorder waits in vain."""
    with Simulators(1) as simulators, Spawner(tmp_path) as spawner:
        store, judge = Store(database_url), Judge(database_url, simulators.gateways)
        simulators.do(0, "short-length", only="55")
        recorder = spawner.start("one", QUICK, DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 1, "sc")
        store.wait_for_refreshes(store.ask_for_refresh(), 1)
        recorder.stop()
        assert_all(judge, store)
    cut, whole = sessions(database_url)
    assert (cut.reason, whole.reason) == ("silent", "stopped")
    assert cut.inbound[-1] == b"55\x001"


def test_one_gateways_faults_disturb_no_other_and_are_told_once(database_url: str, tmp_path: Path) -> None:
    with Simulators(2) as simulators, Spawner(tmp_path) as spawner:
        store = Store(database_url)
        recorder = spawner.start("one", QUICK, DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 2, "re")
        simulators.do(0, "refuse", seconds=3600.0)
        simulators.do(0, "drop")
        ill, well = simulators.addresses.split(",")
        wait_for(lambda: recorder.told("gateway_unavailable"), "the gateway is told to be away")
        simulators.listen(0)
        store.wait_for_refreshes(store.ask_for_refresh(), 2)
        recorder.stop()
        assert [entry["gateway"] for entry in recorder.told("gateway_unavailable")] == [ill]
        assert [entry["gateway"] for entry in recorder.told("gateway_lost")] == [ill]
        assert [session.reason for session in sessions(database_url) if session.gateway == well] == ["stopped"]


async def test_beside_another_program_a_refresh_completes_and_the_next_one_is_whole(
    database_url: str, tmp_path: Path
) -> None:
    source = Scenario(seed=3, accounts=2, positions=4)
    async with Gateway(source) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        await seen.refreshes()
        gateway.inject("subscription-held")
        Store(database_url).ask_for_refresh()
        await seen.refreshes(2)
        gateway.clear_faults()
        Store(database_url).ask_for_refresh()
        ended = await seen.refreshes(3)
        assert [event.outcome for event in ended] == ["complete"] * 3
        project(database_url)
        snapshots = read_snapshots(database_url)
        assert [source for source, _ in snapshots] == ["updates"] * 2 + ["multi"] * 2 + ["updates"] * 2
        assert all(prices == (0 if source == "multi" else 4) for source, prices in snapshots)


def read_snapshots(url: str) -> list[tuple[str, int]]:
    """The source of each snapshot, in order, and how many of its positions have a market price."""
    query = """
        SELECT snapshot.source, count(position.market_price)
        FROM account_snapshot AS snapshot
        LEFT JOIN account_position AS position ON position.account_snapshot_id = snapshot.id
        GROUP BY snapshot.id, snapshot.source
        ORDER BY snapshot.id
    """
    with connect(url, name="test") as connection:
        return connection.execute(query).fetchall()
