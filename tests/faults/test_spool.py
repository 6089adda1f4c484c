"""The spool: full, on a full disk, damaged, left by a killed process, filled by an instance that stands in."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from ibconnect.database.pools import connect
from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators, Store, assert_all, chance, kill, row
from tests.faults.processes import Recorder, Server, Spawner, running_server
from tests.faults.proxy import Proxy
from tests.partitions import name_of, this_month
from tests.processes import accounts, process
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """A file system of its own; only root may make one."""
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


def interruptions(url: str) -> list[dict[str, int]]:
    with connect(url, name="test") as connection:
        found = connection.execute("SELECT state FROM public.stored_events WHERE topic = 'ri' ORDER BY notification_id")
        return [orjson.loads(state) for (state,) in found]


def test_a_full_spool_is_a_recorded_interval(database_url: str, tmp_path: Path) -> None:
    line = row("spool full (SPOOL_MAX_BYTES)")
    with Proxy(database_url) as proxy, Simulators(1, rate=8000) as simulators, Spawner(tmp_path) as spawner:
        store, judge = Store(database_url), Judge(database_url, simulators.gateways)
        recorder = spawner.start("one", DB_URL=proxy.url, IB_GW=simulators.addresses, SPOOL_MAX_BYTES="1MiB")
        store.wait_for_sessions(0, 1)
        position = store.position()
        proxy.cut(refuse=True)
        wait_for(lambda: recorder.told("spool_full"), "the spool is full")
        wait_for(lambda: not simulators.gateways[0].open_connections, "nothing is taken that cannot be kept")
        proxy.mend()
        line.note(store.wait_for_sessions(position, 1))
        store.wait_for_marks(simulators)
        recorder.stop()
        assert_all(judge, store)
        first, second = sessions(database_url)
        assert (first.reason, second.reason) == ("spool-full", "stopped")
        (told,) = interruptions(database_url)
        assert first.last <= told["since"] + 1 <= told["until"] <= second.last
        assert 0 < told["messages"] <= len(simulators.gateways[0].connections[0].sent) - len(first.inbound)
        assert told["bytes"] > 0
        assert len(recorder.told("spool_full")) == 1


def test_a_full_disk_under_the_spool_is_one_too(database_url: str, tmp_path: Path) -> None:
    line = row("disk of the spool full")
    with (
        small_disk(tmp_path / "one", "24m") as disk,
        Simulators(1, rate=500) as simulators,
        Spawner(tmp_path) as spawner,
    ):
        store, judge = Store(database_url), Judge(database_url, simulators.gateways)
        recorder = spawner.start("one", DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 1)
        position = store.position()
        filler = disk / "filler"
        fill(filler)
        wait_for(lambda: recorder.told("spool_full"), "the disk is full")
        wait_for(lambda: not simulators.gateways[0].open_connections, "nothing is taken that cannot be kept")
        filler.unlink()
        line.note(store.wait_for_sessions(position, 1))
        store.wait_for_marks(simulators)
        recorder.stop()
        assert_all(judge, store)
        assert [session.reason for session in sessions(database_url)] == ["spool-full", "stopped"]
        assert len(interruptions(database_url)) == 1


def fill(path: Path) -> None:
    """Write a file until the disk takes no more."""
    with path.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"\0" * 4096)


def started_without_room(spawner: Spawner, options: dict[str, str]) -> Recorder:
    """A recorder that knows of the interruption, and has no room to end it."""
    recorder = spawner.start("one", **options)
    wait_for(lambda: recorder.told("spool_full"), "it knows, and has no room")
    return recorder


@pytest.mark.parametrize("end", ["kill", pytest.param("stop", marks=pytest.mark.slow)])
def test_an_interruption_is_recorded_also_by_a_process_that_comes_later(
    database_url: str, tmp_path: Path, end: str
) -> None:
    line = row(f"spool full, {end}, started twice before there is room")
    options = {"SPOOL_MAX_BYTES": "1MiB"}
    with Proxy(database_url) as proxy, Simulators(1, rate=8000) as simulators, Spawner(tmp_path) as spawner:
        store, judge = Store(database_url), Judge(database_url, simulators.gateways)
        options |= {"DB_URL": proxy.url, "IB_GW": simulators.addresses}
        recorder = spawner.start("one", **options)
        store.wait_for_sessions(0, 1)
        position = store.position()
        proxy.cut(refuse=True)
        wait_for(lambda: recorder.told("spool_full"), "the spool is full")
        getattr(recorder, end)()
        (lost,) = recorder.told("spool_full")
        for _ in range(2):
            getattr(started_without_room(spawner, options), end)()
        last = started_without_room(spawner, options)
        assert len(simulators.gateways[0].connections) == 1, "a restart makes no room"
        proxy.mend()
        line.note(store.wait_for_sessions(position, 1))
        store.wait_for_marks(simulators)
        last.stop()
        assert last.told("spool_room")
        assert_all(judge, store)
        first, second = sessions(database_url)
        assert (first.reason, second.reason) == ("spool-full", "stopped")
        (told,) = interruptions(database_url)
        assert first.last == told["since"], "it is said when it ended, not when that was stored"
        assert told["since"] < told["until"] <= second.last
        assert told["messages"] == lost["messages"] > 0
    assert [path.name for path in (tmp_path / "one" / "spool").iterdir()] == []


@pytest.mark.slow
def test_an_interruption_by_a_full_disk_outlives_a_kill(database_url: str, tmp_path: Path) -> None:
    line = row("disk of the spool full, killed (-9), started before there is room")
    with (
        small_disk(tmp_path / "one", "24m") as disk,
        Simulators(1, rate=500) as simulators,
        Spawner(tmp_path) as spawner,
    ):
        store, judge = Store(database_url), Judge(database_url, simulators.gateways)
        recorder = spawner.start("one", DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 1)
        position = store.position()
        fill(disk / "filler")
        wait_for(lambda: recorder.told("spool_full"), "the disk is full")
        assert f"the disk of {disk / 'spool'} is full (ENOSPC)" in recorder.told("spool_full")[0]["error"]
        fill(disk / "more")
        recorder.kill()
        fill(disk / "yet more")
        again = spawner.start("one", DB_URL=database_url, IB_GW=simulators.addresses)
        wait_for(lambda: again.told("spool_full"), "it knows")
        assert len(simulators.gateways[0].connections) == 1
        for name in ("filler", "more", "yet more"):
            (disk / name).unlink()
        line.note(store.wait_for_sessions(position, 1))
        store.wait_for_marks(simulators)
        again.stop()
        assert_all(judge, store)
        assert [session.reason for session in sessions(database_url)] == ["spool-full", "stopped"]
        (told,) = interruptions(database_url)
        assert told["messages"] > 0
        assert "Traceback" not in recorder.log.read_text() + again.log.read_text()


def test_a_start_without_room_for_any_file_waits_for_it(database_url: str, tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "one", "24m,nr_inodes=3") as disk,
        Simulators(1) as simulators,
        process(
            tmp_path / "log",
            "serve",
            DATA_DIR=str(disk),
            DB_URL=database_url,
            IB_GW=simulators.addresses,
            PORT="0",
            LOG_FORMAT="json",
        ) as service,
    ):
        service.said(rf"the disk of {disk}/spool is full \(ENOSPC\)")
        subprocess.run(["mount", "-o", "remount,nr_inodes=1000", disk], check=True)
        accounts(service.url(), 2)
        assert service.popen.poll() is None
        assert "Traceback" not in service.output


def test_a_recorder_killed_during_an_outage_loses_nothing(server: Server, tmp_path: Path) -> None:
    line = row("Postgres and the recorder killed (-9)")
    with Simulators(2, rate=300) as simulators, Spawner(tmp_path) as spawner:
        store, judge = Store(server.url), Judge(server.url, simulators.gateways)
        recorder = spawner.start("one", DB_URL=server.url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 2)
        position = store.position()
        server.kill()
        wait_for(lambda: recorder.told("spool_started"), "events go to the spool")
        simulators.go_on(100)
        before, sent = time.time(), kill(recorder, simulators)
        again = spawner.start("one", DB_URL=server.url, IB_GW=simulators.addresses)
        wait_for(lambda: again.told("database_lost"), "the recorder waits for Postgres")
        server.start()
        line.note(store.wait_for_sessions(position, 2), judge.lost(sent))
        again.stop()
        assert_all(judge, store)
        assert line.lost == 0
        orphans = [session for session in sessions(server.url) if session.reason == "orphaned"]
        assert len(orphans) == 2
        assert all(session.last >= (before - 0.2) * 1e6 for session in orphans), (
            "the times of arrival are the original ones"
        )


@pytest.mark.slow
def test_damage_is_kept_aside_and_nothing_is_stored_past_it(database_url: str, tmp_path: Path) -> None:
    with Proxy(database_url) as proxy, Simulators(1, rate=300) as simulators, Spawner(tmp_path) as spawner:
        store, judge = Store(database_url), Judge(database_url, simulators.gateways)
        recorder = spawner.start("one", DB_URL=proxy.url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 1)
        position = store.position()
        proxy.cut(refuse=True)
        wait_for(lambda: recorder.told("spool_started"), "events go to the spool")
        (segment,) = (tmp_path / "one" / "spool").glob("*/*.segment")
        stored = segment.stat().st_size
        wait_for(lambda: segment.stat().st_size > stored + 10_000, "enough is in the spool alone")
        recorder.kill()
        with segment.open("r+b") as file:
            file.seek(-chance("damage").randrange(1000, 8000), os.SEEK_END)
            file.write(b"damage")
        again = spawner.start("one", DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(position, 1)
        wait_for(lambda: again.told("spool_damaged"), "the damage is told")
        again.stop()
        assert_all(judge, store)
        (kept,) = (tmp_path / "one" / "spool").glob("damaged-*/*.segment")
        assert kept.read_bytes().count(b"damage") == 1


@contextmanager
def two_instances(server: Server, directory: Path) -> Iterator[tuple[Simulators, list[Recorder]]]:
    """Anna and Bert, known to each other, one of them recording the one gateway; judged at the end.

    They serve no HTTP, so neither can be asked whether it has Postgres.
    """
    with Simulators(1, rate=200) as simulators, Spawner(directory) as spawner:
        store, judge = Store(server.url), Judge(server.url, simulators.gateways)
        position = store.position()
        two = {
            instance: spawner.start(instance, DB_URL=server.url, IB_GW=simulators.addresses, INSTANCE=instance)
            for instance in (f"anna-{position}", f"bert-{position}")
        }
        store.wait_for_sessions(position, 1)
        recent = "SELECT count(*), now() FROM coordination.instance WHERE heartbeat > {}"
        wait_for(lambda: server.do(recent.format("now() - interval '3 seconds'"))[0][0] == 2, "both are known")
        ((_, now),) = server.do(recent.format("now()"))
        wait_for(lambda: server.do(recent.format(f"'{now}'"))[0][0] == 2, "both have beaten since, so they know")
        yield simulators, list(two.values())
        # The leader last: the other one would take over from it.
        ((leader,),) = server.do(f"SELECT instance FROM coordination.gateway WHERE name = '{simulators.addresses}'")
        for instance in sorted(two, key=leader.__eq__):
            two[instance].stop()
        assert_all(judge, store)


def reasons(server: Server, simulators: Simulators) -> list[str]:
    """Why the sessions of the gateway ended, but for those that it refused."""
    found = [session for session in sessions(server.url) if session.gateway == simulators.addresses]
    return [session.reason for session in found if session.reason != "refused"]


@pytest.mark.slow
def test_while_postgres_hangs_one_of_several_instances_stands_in(server: Server, tmp_path: Path) -> None:
    line = row("Postgres hangs for long, 2 instances")
    with two_instances(server, tmp_path) as (simulators, two):
        server.send(signal.SIGSTOP)
        try:
            wait_for(lambda: len(simulators.gateways[0].connections) > 1, "somebody stands in")
            wait_for(lambda: any(len(each.sent) > 500 for each in simulators.gateways[0].connections[1:]), "a spool")
            assert sum(bool(each.told("leader_stands_in")) for each in two) == 1
        finally:
            server.send(signal.SIGCONT)
        line.note(Store(server.url).wait_for_marks(simulators))
    assert reasons(server, simulators) == ["deposed", "stopped"]


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stopped", "crashed"])
def test_a_leader_that_saw_postgres_go_down_goes_on(server: Server, tmp_path: Path, end: str) -> None:
    line = row(f"Postgres {end}, 2 instances")
    with two_instances(server, tmp_path) as (simulators, two):
        if end == "stopped":
            server.stop()
        else:
            server.crash()
        wait_for(lambda: any(each.told("leader_stands_in") for each in two), "the leader stands in")
        simulators.go_on(1600)
        (connection,) = simulators.gateways[0].connections
        sent = len(connection.sent)
        server.start()
        line.note(Store(server.url).wait_for_marks(simulators))
        assert sent > 1000
        assert sum(bool(each.told("leader_stands_in")) for each in two) == 1
        assert all(each.told("leader_deposed") == [] for each in two if each.told("leader_stands_in"))
    assert reasons(server, simulators) == ["stopped"]


@pytest.mark.slow
def test_postgres_on_a_full_disk_takes_everything_later(server: Server, tmp_path: Path, open_place: Path) -> None:
    line = row("disk of Postgres full")
    with (
        small_disk(open_place / "disk", "16m") as disk,
        Simulators(1, rate=500) as simulators,
        Spawner(tmp_path) as spawner,
    ):
        space = disk / "space"
        space.mkdir()
        shutil.chown(space, server.cluster.account.uid, server.cluster.account.gid)
        server.do(f"CREATE TABLESPACE small LOCATION '{space}'")
        present = f"public.{name_of(this_month())}"
        server.do(f"ALTER TABLE {present} SET TABLESPACE small")
        try:
            store, judge = Store(server.url), Judge(server.url, simulators.gateways)
            position = store.position()
            recorder = spawner.start("one", DB_URL=server.url, IB_GW=simulators.addresses)
            store.wait_for_sessions(position, 1)
            fill(disk / "filler")
            wait_for(lambda: recorder.told("spool_started"), "events go to the spool")
            assert "No space left" in recorder.told("spool_started")[0]["error"]
            (disk / "filler").unlink()
            line.note(store.wait_for_marks(simulators))
            recorder.stop()
            assert_all(judge, store)
            assert [session.reason for session in sessions(server.url)][-1:] == ["stopped"]
        finally:
            server.do(f"ALTER TABLE {present} SET TABLESPACE pg_default")
            server.do("DROP TABLESPACE small")
