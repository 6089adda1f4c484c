"""Real Postgres for every test that asks for one: a server per run, a template, a database per test."""

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import migrate
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.projections.upkeep import ensure
from tests.paths import scratch

# What helpers of the tests assert says what it compared, as in the tests themselves.
pytest.register_assert_rewrite("tests.faults", "tests.integration", "tests.acceptance")

_numbers = itertools.count(1)

# How long an example takes says how busy the machine is, nothing else.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# A shell starts what it puts into the background with SIGINT ignored, and the processes that tests interrupt would
# ignore it as well.
signal.signal(signal.SIGINT, signal.default_int_handler)


class _NamesFailures:
    """Says at once what has failed: a run that is ended because it took too long says nothing at its end."""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = f": {' '.join(crash.message.split())[:400]}" if crash else ""
            print(f"\nfailed: {report.nodeid} ({report.when}){why}", file=sys.__stdout__, flush=True)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_NamesFailures())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the slow tests, files that may take longest go first: one that begins last keeps a core idle for all of it."""
    if config.option.markexpr.startswith("slow"):
        longest: dict[Path, float] = {}
        for item in items:
            marker = item.get_closest_marker("timeout")
            if item.get_closest_marker("slow") and marker is not None:
                longest[item.path] = max(longest.get(item.path, 0.0), float(marker.args[0]))
        items.sort(key=lambda item: -longest.get(item.path, 0.0))


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """An embedded Postgres of this test process alone: no fsync, since nothing here outlives the run."""
    directory = scratch("ibc-test-")
    try:
        parameters = {
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "100",
            "shared_buffers": "64MB",
            "max_wal_size": "128MB",
        }
        with EmbeddedPostgres(directory, parameters) as server:
            yield server.superuser_url
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that the database's own user can enter: pytest closes its own whenever it starts."""
    directory = scratch("ibc-open-")
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def url_of(server_url: str, database: str) -> str:
    """The server's URL with another database name."""
    head, _, tail = server_url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{database}?{tail}"


def create_database(server_url: str, name: str, template: str) -> str:
    """Create a database from a template and return its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return url_of(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Drop a database, cutting off whoever is still connected."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """The name of a migrated database that others are cloned from."""
    name = f"template_{os.getpid()}"
    migrate(create_database(server_url, name, "template0"))
    return name


@pytest.fixture(scope="session")
def template_with_tables(server_url: str, template: str) -> str:
    """The name of one that has the tables of all reports too: to make them takes ten times as long as to clone them."""
    name = f"template_with_tables_{os.getpid()}"
    ensure(create_database(server_url, name, template))
    return name


@pytest.fixture
def database_url(request: pytest.FixtureRequest, server_url: str, template: str) -> Iterator[str]:
    """A fresh, migrated database of this test's own; with the reports' tables if it is marked ``with_tables``."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    if request.node.get_closest_marker("with_tables"):
        template = request.getfixturevalue("template_with_tables")
    yield create_database(server_url, name, template)
    drop_database(server_url, name)


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A fresh database without our schema."""
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    yield create_database(server_url, name, "template0")
    drop_database(server_url, name)


@pytest.fixture
def recorder(database_url: str) -> Iterator[EventRecorder]:
    """What stores events in that database."""
    with Datastore(database_url) as datastore:
        recorder = EventRecorder(datastore)
        yield recorder
        recorder.release()
