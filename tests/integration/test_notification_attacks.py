"""Notifications that any role can send: a full queue fails no commit, a flood keeps nothing from its work."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg
import pytest

from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import migrate
from ibconnect.database.sql import queries
from ibconnect.events.recovery.streams import close_streams
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.runner import Projector
from ibconnect.projections.upkeep import ensure, rebuild
from tests.paths import scratch
from tests.projecting import Stream, read_tables, record, value
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server whose queue of notifications is small: half a megabyte instead of eight gigabytes."""
    directory = scratch("ibc-notify-")
    try:
        with EmbeddedPostgres(directory, {"fsync": "off", "max_notify_queue_pages": "64"}) as server:
            migrate(server.superuser_url)
            ensure(server.superuser_url)
            yield server.superuser_url
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def full_queue(url: str) -> Iterator[None]:
    """Fill the queue of notifications; a session that listens and ends no transaction keeps it so."""
    with (
        psycopg.connect(url, autocommit=True) as sleeper,
        psycopg.connect(url, autocommit=True) as flooder,
    ):
        sleeper.execute("LISTEN attack")
        with sleeper.transaction():
            sleeper.execute("SELECT 1")
            with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="too many notifications"):
                while True:
                    flooder.execute("SELECT pg_notify('attack', repeat('x', 7900) || n) FROM generate_series(1, 10) n")
            with pytest.raises(psycopg.errors.ProgramLimitExceeded):
                flooder.execute(f"NOTIFY attack, '{'x' * 7900}'".encode())
            yield


def test_a_full_queue_fails_no_commit(url: str) -> None:
    stream, other = Stream(), Stream()
    stream.refresh({"DU1": [value("AccountCode", "DU1"), value("NetLiquidation", "1.00", "USD")]})
    projector = Projector(url, ACCOUNTS)
    with full_queue(url):
        record(url, [*stream.events, *other.events])
        assert close_streams(url, [other.id]) == [other.id]
        projector.start()
        try:
            wait_for(lambda: len(read_tables(url)["account_snapshot"]) == 1, "the events are applied")
        finally:
            assert projector.stop()
        rebuild(url)
        with psycopg.connect(url, autocommit=True) as connection:
            asked = {"instance": "one", "accounts": None, "gateways": None, "holder": None}
            assert connection.execute(queries("http/refresh")["ask"], asked).fetchone() is not None


def test_a_flood_keeps_nothing_from_its_work(url: str) -> None:
    """On every channel; whoever listens is woken for nothing, thousands of times a second."""
    over = threading.Event()

    def flood() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not over.is_set():
                for channel in ("stored_events", "projected", "refresh_requested"):
                    # No number, no request, no position: what it says must not matter.
                    with suppress(psycopg.errors.ProgramLimitExceeded):
                        connection.execute("SELECT pg_notify(%s, n || ' ?') FROM generate_series(1, 100) n", (channel,))

    flooding = threading.Thread(target=flood)
    projector = Projector(url, ACCOUNTS)
    with ExitStack() as stack:
        stack.callback(flooding.join)
        stack.callback(over.set)
        flooding.start()
        projector.start()
        stack.callback(projector.stop)
        before = len(read_tables(url)["account_snapshot"])
        stream, done = Stream(at=1_800_000_000_000_000), 0
        for number in range(5):
            stream.refresh({"DU2": [value("AccountCode", "DU2"), value("NetLiquidation", f"{number}.00", "USD")]})
            record(url, stream.events[done:])
            done = len(stream.events)
            wait_for(lambda wanted=before + number + 1: len(read_tables(url)["account_snapshot"]) == wanted, "applied")
