"""Imports of statements that are killed, that meet each other, or lose Postgres: nothing is lost, nothing doubled."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

import psycopg
import pytest

from tests.faults.lab import chance, rounds
from tests.faults.processes import Server, running_server
from tests.paths import ROOT
from tests.statements import assert_recorded_once, document_of, statement_of, stored_documents, trades
from tests.waiting import DEADLINE_S, wait_for

_FILES = 40


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


class Files:
    """Statements as files: many small ones, and one of several parts."""

    def __init__(self, directory: Path, random: Random) -> None:
        self.directory = directory
        self.contents: set[bytes] = set()
        self._random = random
        directory.mkdir()

    def add(self, many: int) -> None:
        """So many more."""
        for number in range(many):
            count = 3000 if number == many // 2 else self._random.randrange(1, 40)
            name = f"{len(self.contents)}-{self._random.random()}"
            data = document_of(statement_of(f"U{number % 7}", body=trades(count)), query=name)
            (self.directory / f"{name}.xml").write_bytes(data)
            self.contents.add(data)


@contextmanager
def importing(url: str, files: Files) -> Iterator[subprocess.Popen[str]]:
    """An import in a process of its own, which is gone when the context ends."""
    command = [sys.executable, "-m", "ibconnect", "statements", "import", str(files.directory), "--quiet"]
    environment = {**os.environ, "DB_URL": url, "DATA_DIR": str(files.directory.parent / "data")}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> str:
    """What it has said when it has ended well."""
    said, _ = process.communicate(timeout=4 * DEADLINE_S)
    assert process.returncode == 0, said
    return said


def assert_whole(url: str, files: Files) -> int:
    """What is recorded is whole, of these files, each once; how many are."""
    found = list(stored_documents(url).values())
    assert len(set(found)) == len(found)
    assert set(found) <= files.contents
    return len(found)


def has_begun(url: str, files: Files, known: int, process: subprocess.Popen[str]) -> bool:
    """Whether an import has recorded anything, or is over."""
    return process.poll() is not None or assert_whole(url, files) > known


def kills(url: str, directory: Path, number: int) -> None:
    """Kill imports at random moments; each finds what those before it have left."""
    random = chance("statements killed")
    files = Files(directory / "files", random)
    known = 0
    for _ in range(number):
        files.add(_FILES)
        with importing(url, files) as process:
            # Now while it starts, now while it is at work, now when it has just ended.
            if random.random() < 0.8:
                wait_for(partial(has_begun, url, files, known, process), "it has begun")
            time.sleep(random.uniform(0.0, 0.05))
        now = assert_whole(url, files)
        assert now >= known
        known = now
    with importing(url, files) as process:
        ended(process)
    assert_recorded_once(url, files.contents)


def test_an_import_that_is_killed_loses_and_doubles_nothing(database_url: str, tmp_path: Path) -> None:
    kills(database_url, tmp_path, 3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_kills_of_an_import(database_url: str, tmp_path: Path) -> None:
    kills(database_url, tmp_path, rounds(60))


def test_two_imports_of_the_same_files_record_each_once(database_url: str, tmp_path: Path) -> None:
    files = Files(tmp_path / "files", chance("two imports"))
    files.add(4 * _FILES)
    with importing(database_url, files) as one, importing(database_url, files) as other:
        said = [ended(one), ended(other)]
    new = [int(line.split(" files: ")[1].split(" new")[0]) for line in said]
    assert sum(new) == len(files.contents), said
    assert_recorded_once(database_url, files.contents)


def cut(url: str, random: Random) -> None:
    """Cut the connections of imports, again and again."""
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'ibconnect statements' AND datname = current_database()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(20):
            time.sleep(random.uniform(0.0, 0.1))
            connection.execute(query)


@pytest.mark.slow
def test_connections_that_are_cut_are_made_again(database_url: str, tmp_path: Path) -> None:
    random = chance("statements cut")
    files = Files(tmp_path / "files", random)
    files.add(4 * _FILES)
    with importing(database_url, files) as process:
        wait_for(partial(has_begun, database_url, files, 0, process), "it has begun")
        cut(database_url, random)
        ended(process)
    assert_recorded_once(database_url, files.contents)


@pytest.mark.slow
def test_postgres_that_crashes_in_the_middle_is_waited_for(server: Server, tmp_path: Path) -> None:
    random = chance("statements and crashes")
    files = Files(tmp_path / "files", random)
    known = 0
    for _ in range(rounds(5)):
        files.add(4 * _FILES)
        with importing(server.url, files) as process:
            wait_for(partial(has_begun, server.url, files, known, process), "it has begun")
            server.crash()
            time.sleep(random.uniform(0.0, 2.0))
            server.start()
            ended(process)
        known = assert_whole(server.url, files)
        assert known == len(files.contents)
    assert_recorded_once(server.url, files.contents)
