"""Who adds events has a turn: beside who takes care of the table, and beside a version that locked the table itself."""

import os
import re
import statistics
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from ibconnect.database.migrations import available, migrate
from ibconnect.database.pools import connect
from ibconnect.database.rights import give_rights
from tests import releases
from tests.faults.lab import Simulators
from tests.faults.pacing import Follower, gateway, p99, recording
from tests.faults.processes import Server, Spawner, past, running_server
from tests.own_postgres import ROLES, run_file
from tests.partitions import name_of, this_month
from tests.processes import process
from tests.roles import as_role
from tests.waiting import DEADLINE_S, wait_for

RATE = 5_000
PAST = 400_000
"""Events that are there already, so that what takes care of the table is at it for a while."""
TOO_LONG_MS = 100
QUIET_S = 5.0

# Not FULL, which makes the table anew and locks it for that. An index without a lock is made month by month.
MONTH = f"public.{name_of(this_month())}"
CARE = (
    "VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) public.stored_events",
    f"CREATE INDEX CONCURRENTLY by_topic ON {MONTH} (topic, originator_version)",
    "VACUUM public.stored_events",
    f"REINDEX INDEX CONCURRENTLY {MONTH}_notification_id_idx",
    "REINDEX INDEX CONCURRENTLY public.stored_events_pkey",
    "VACUUM (FREEZE)",
    "DROP INDEX CONCURRENTLY public.by_topic",
    "ANALYZE public.stored_events",
)


TURNS = 11
"""The migration that took the place of the lock of the table."""


def positions(server: Server) -> int:
    ((found,),) = server.do("SELECT max(notification_id) FROM public.stored_events")
    return int(found)


def waits(server: Server, pid: int) -> list[str]:
    """What the server has logged of locks that this process waited for longer than the time that is too long."""
    ((log,),) = server.do("SELECT pg_read_file(pg_current_logfile())")
    return re.findall(rf"process {pid} (?:still waiting|acquired) .*", log)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(120)
def test_what_takes_care_of_the_events_delays_no_append(tmp_path: Path) -> None:
    """At 5,000 messages a second. The server itself tells each lock that somebody waited for."""
    limits = {"deadlock_timeout": f"{TOO_LONG_MS}ms", "log_lock_waits": "on", "autovacuum": "off"}
    with running_server(limits) as server, gateway(RATE) as port:
        server.do(
            "INSERT INTO public.stored_events (originator_version, originator_id, topic, state)"
            " SELECT n, '01900000-0000-7000-8000-000000000000', 't', '[\"12:34\"]'"
            f" FROM generate_series(1, {PAST}) AS n"
        )
        settings = {"DB_URL": server.url, "DATA_DIR": str(tmp_path / "data"), "IB_GW": f"127.0.0.1:{port}", "PORT": "0"}
        with process(tmp_path / "log", "record", **settings) as service, Follower(server.url) as follower:
            recording(server.url)
            query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'ibconnect recorder'"
            ((pid,),) = server.do(query)
            quiet, before = follower.measure(QUIET_S), positions(server)
            caring = threading.Thread(target=lambda: [server.do(statement) for statement in CARE], daemon=True)
            beside: list[float] = []
            caring.start()
            wait_for(lambda: beside.extend(follower.measure(0.5)) or not caring.is_alive(), "all is taken care of")
            stored = positions(server) - before
            assert waits(server, pid) == []
            assert server.do(query) == [(pid,)], "its connection was never lost"
            with psycopg.connect(server.url) as locking:
                locking.execute("LOCK TABLE public.stored_events IN SHARE MODE")
                wait_for(lambda: waits(server, pid), "a wait is logged, if there is one")
            service.stop()
    print(
        f"\np99 until it is seen: {p99(quiet):.1f} ms in quiet, {p99(beside):.1f} ms beside; longest {max(quiet):.1f}"
        f" and {max(beside):.1f} ms; median {statistics.median(quiet):.1f} and {statistics.median(beside):.1f} ms;"
        f" {stored} events meanwhile, no lock was waited for longer than {TOO_LONG_MS} ms"
    )
    assert stored > 0


class Reader(threading.Thread):
    """Follows the positions, as whoever reads events does: what it is past it never looks at again."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.seen: list[int] = []
        self._url = url
        self._over = threading.Event()

    def run(self) -> None:
        query = "SELECT notification_id FROM public.stored_events WHERE notification_id > %s ORDER BY 1"
        with connect(self._url, name="test") as connection:

            def is_over() -> bool:
                last = self.seen[-1] if self.seen else 0
                self.seen.extend(position for (position,) in connection.execute(query, (last,)))
                return self._over.is_set()

            wait_for(is_over, "it is stopped", seconds=2 * DEADLINE_S, pause=0.0)

    def stop(self) -> None:
        self._over.set()
        self.join(DEADLINE_S)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_version_before_and_this_one_add_events_in_the_order_of_positions(
    empty_database_url: str, tmp_path: Path
) -> None:
    """With roles: the version before locks the table, for which it keeps its right until it is gone."""
    url, version_before = empty_database_url, tmp_path / "before"
    version_before.mkdir()
    try:
        releases.version_with(version_before, TURNS - 1)
    except LookupError as exc:
        pytest.skip(str(exc))
    owner, recorder = as_role(url, "owner"), as_role(url, "recorder")
    run_file(url, ROLES)
    settings = {**os.environ, "DB_URL": owner, "DATA_DIR": str(tmp_path / "owner")}
    command = [sys.executable, "-m", "ibconnect", "migrate"]
    subprocess.run(command, cwd=version_before, env=settings, check=True, timeout=DEADLINE_S, capture_output=True)
    with Simulators(2, rate=800) as simulators, Spawner(tmp_path) as present, ExitStack() as stack:
        first, second = simulators.addresses.split(",")
        old = stack.enter_context(past(version_before, tmp_path, DB_URL=recorder, IB_GW=first))
        wait_for(lambda: old.told("gateway_connected"), "the version before records")
        reader = Reader(url)
        reader.start()
        assert [each.number for each in migrate(owner)] == list(range(TURNS, available()[-1].number + 1))
        assert give_rights(owner)
        new = present.start("new", INSTANCE="new", DB_URL=recorder, IB_GW=second)
        wait_for(lambda: new.told("gateway_connected"), "the new version records")
        simulators.go_on(8_000)
        assert may_lock(recorder)
        old.stop()
        assert old.told("events_wait") == old.told("writer_failed") == []
        assert give_rights(owner)
        assert not may_lock(recorder)
        new.stop()
        wait_for(lambda: reader.seen and reader.seen[-1] == newest(url), "the reader has come to the end")
        reader.stop()
    with connect(url, name="test") as connection:
        query = "SELECT notification_id FROM public.stored_events ORDER BY 1"
        assert [position for (position,) in connection.execute(query)] == reader.seen
        query = "SELECT count(DISTINCT originator_id) FROM public.stored_events WHERE topic = 'so'"
        assert connection.execute(query).fetchone() == (2,)


def newest(url: str) -> int:
    with connect(url, name="test") as connection:
        row = connection.execute("SELECT max(notification_id) FROM public.stored_events").fetchone()
    assert row is not None
    return int(row[0])


def may_lock(url: str) -> bool:
    """Whether the role may lock the events as the version before does."""
    with connect(url, name="test") as connection:
        try:
            with connection.transaction():
                connection.execute("LOCK TABLE public.stored_events IN EXCLUSIVE MODE")
        except psycopg.errors.InsufficientPrivilege:
            return False
    return True
