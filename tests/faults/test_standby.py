"""A real primary and a hot standby: failing over loses nothing, reads from a lagging standby are fresh if asked."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators, Store, assert_all, chance, rounds, row
from tests.faults.processes import Server, Spawner, prepared_server, running_server
from tests.processes import accounts, get, process
from tests.waiting import wait_for

REPLICATES = {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on", "wal_keep_size": "256MB"}


def clone(primary: Server, standby: Server) -> None:
    """Make a standby out of a base backup, as an operator would, and start it."""
    account = standby.cluster.account
    account.run("rm", "-rf", standby.cluster.directory)
    backup = standby.cluster.binaries / "pg_basebackup"
    options = ("-R", "-X", "stream", "-c", "fast", "-d", primary.cluster.url("postgres"))
    made = account.run(backup, "-D", standby.cluster.directory, *options, timeout=60)
    assert made.returncode == 0, made.stderr.decode()
    standby.launch()


def promote(standby: Server) -> None:
    cluster = standby.cluster
    command = (cluster.binaries / "pg_ctl", "promote", f"--pgdata={cluster.directory}", "--wait", "--timeout=30")
    assert cluster.account.run(*command).returncode == 0


def both(one: Server, other: Server) -> str:
    """A URL that finds whichever of two servers takes writes."""
    hosts = ",".join(quote(str(server.cluster.sockets), safe="") for server in (one, other))
    return f"postgresql://ibconnect@/ibconnect?host={hosts}&port=5432,5432&target_session_attrs=read-write"


def is_streaming(primary: Server) -> bool:
    return primary.do("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == [(1,)]


@contextmanager
def pair(delay: str = "0") -> Iterator[tuple[Server, Server]]:
    lagging = {**REPLICATES, "recovery_min_apply_delay": delay}
    with running_server(REPLICATES) as primary, prepared_server(lagging) as other:
        clone(primary, other)
        wait_for(lambda: is_streaming(primary), "the standby follows")
        yield primary, other


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_failing_over_to_a_standby_that_lacks_the_last_commits(tmp_path: Path) -> None:
    random, line = chance("failover"), row("primary killed (-9), lagging standby promoted")
    with pair() as servers, Simulators(2, rate=300) as simulators, Spawner(tmp_path) as spawner:
        primary, standby = servers
        url = both(primary, standby)
        store, judge = Store(url), Judge(url, simulators.gateways)
        recorder = spawner.start("one", DB_URL=url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 2)
        for _ in range(rounds(4)):
            time.sleep(random.uniform(0.2, 0.8))
            standby.do("ALTER SYSTEM SET primary_conninfo = ''")
            standby.do("SELECT pg_reload_conf()")
            wait_for(lambda primary=primary: not is_streaming(primary), "the standby does not follow any more")
            time.sleep(random.uniform(0.1, 0.6))
            committed = Store(primary.url).position()
            primary.kill()
            assert Store(standby.url).position() < committed, "the standby lacks commits"
            promote(standby)
            line.note(store.wait_for_marks(simulators))
            primary, standby = standby, primary
            clone(primary, standby)
            wait_for(lambda primary=primary: is_streaming(primary), "the former primary follows")
        recorder.stop()
        assert_all(judge, store)
        assert [session.reason for session in sessions(url)] == ["stopped", "stopped"], "no session was interrupted"
        assert recorder.told("events_refused") == []


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_forced_refresh_is_seen_through_a_standby_that_lags(tmp_path: Path) -> None:
    with pair(delay="1500ms") as (primary, standby), Simulators(1) as simulators:
        settings = {
            "DB_URL": primary.url,
            "DB_READ_URL": standby.url,
            "IB_GW": simulators.addresses,
            "PORT": "0",
            "DATA_DIR": str(tmp_path / "data"),
        }
        with process(tmp_path / "log", "serve", **settings) as service:
            url = service.url()
            first = accounts(url, 2)
            asked = time.time()
            status, rows = get(f"{url}/v1/accounts", Cache_Control="max-age=0")
            took = time.time() - asked
            assert status == 200
            assert {row["AccountCode"]: row["Latest"] > first[row["AccountCode"]] for row in rows} == dict.fromkeys(
                first, True
            )
            assert took >= 1.0, "the answer waited for the standby"
            for row in rows:
                status, report = get(f"{url}/v1/accounts/{row['AccountCode']}/{row['Latest']}")
                assert (status, report["Timestamp"]) == (200, row["Latest"])
