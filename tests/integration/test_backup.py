"""``ibconnect backup`` and ``restore``: a file that is whole or not there, a database that is filled or untouched."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ibconnect.cli.backup import run_backup
from ibconnect.cli.restore import run_restore
from ibconnect.database import programs
from ibconnect.database.migrations import available, migrate
from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.projections.engine.lock import alone
from ibconnect.projections.upkeep import REPORTS, ensure, rebuild
from tests.conftest import create_database, drop_database
from tests.integration.test_roles import execute, record
from tests.paths import ROOT
from tests.serving import build_world, settings
from tests.waiting import wait_for

ENVIRON = {"PATH": os.environ["PATH"]}


def backup(url: str, file: Path) -> None:
    assert run_backup(settings(url), file, ENVIRON) == 0


def restore(url: str, file: Path) -> None:
    assert run_restore(settings(url), file, ENVIRON) == 0


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with connect(url, name="test") as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def filled(database_url: str) -> str:
    build_world(database_url)
    return database_url


def test_a_backup_restores_events_tables_views_rights_and_peoples_own(
    filled: str, empty_database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(filled, "CREATE VIEW public.mine AS SELECT symbol FROM v_contract")
    execute(filled, "CREATE ROLE backup_reader")
    try:
        execute(filled, "GRANT SELECT ON public.v_contract TO backup_reader")
        file = tmp_path / "dump"
        file.write_text("of yesterday")
        file.chmod(0o644)
        backup(filled, file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.iterdir()] == ["dump"]
        restore(empty_database_url, file)
        assert "restored the events and the snapshot tables" in capsys.readouterr().out
        for query in (
            "SELECT * FROM stored_events ORDER BY notification_id",
            "SELECT * FROM v_account_amount ORDER BY account_code, created",
            "SELECT * FROM mine ORDER BY 1",
            "SELECT last_value FROM stored_events_notification_id_seq",
            "SELECT has_table_privilege('backup_reader', 'v_contract', 'SELECT')",
            "SELECT obj_description('v_contract'::regclass)",
            "SELECT objsubid, description FROM pg_description WHERE objoid = 'v_contract'::regclass ORDER BY objsubid",
        ):
            assert rows(empty_database_url, query) == rows(filled, query), query
        migrate(empty_database_url)
        ensure(empty_database_url)
        record(empty_database_url)
        rebuild(empty_database_url)
        with pytest.raises(DatabaseError, match="not empty"):
            restore(empty_database_url, file)
    finally:
        for url in (filled, empty_database_url):
            execute(url, "DROP OWNED BY backup_reader CASCADE")
        execute(filled, "DROP ROLE backup_reader")


def test_who_was_signed_in_is_not_backed_up(filled: str, empty_database_url: str, tmp_path: Path) -> None:
    """A session that was ended since would live again."""
    execute(filled, "INSERT INTO coordination.web_session VALUES ('k', 't', 'n', now(), now(), 'infinity')")
    backup(filled, tmp_path / "dump")
    restore(empty_database_url, tmp_path / "dump")
    counted = "SELECT count(*) FROM coordination.web_session"
    assert (rows(filled, counted), rows(empty_database_url, counted)) == ([(1,)], [(0,)])


def test_a_backup_beside_a_rebuild_leaves_out_what_is_being_made_anew(
    filled: str, empty_database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of tables that are swapped while it runs, pg_dump would see no rows and say nothing."""
    file = tmp_path / "dump"
    with connect(filled, name="test") as rebuilding, alone(rebuilding, REPORTS):
        backup(filled, file)
    assert "without the rows of the snapshot tables" in capsys.readouterr().out
    restore(empty_database_url, file)
    assert rows(empty_database_url, "SELECT count(*) FROM accounts.account_snapshot") == [(0,)]
    rebuild(empty_database_url)
    query = "SELECT * FROM v_account_amount ORDER BY account_code, created"
    assert rows(empty_database_url, query) == rows(filled, query)


def test_a_failed_backup_leaves_what_was_there(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "dump"
    file.write_text("of yesterday")
    execute(filled, "CREATE ROLE backup_nobody LOGIN")
    try:
        with pytest.raises(DatabaseError, match=r"permission denied|lack SELECT"):
            backup(filled.replace("ibconnect@", "backup_nobody@", 1), file)
    finally:
        execute(filled, "DROP ROLE backup_nobody")
    with pytest.raises(DatabaseUnavailable):
        backup("postgresql://127.0.0.1:1/x", file)
    assert (file.read_text(), [path.name for path in tmp_path.iterdir()]) == ("of yesterday", ["dump"])
    for wrong in (tmp_path, tmp_path / "missing" / "dump"):
        with pytest.raises(DatabaseError, match=r"is a directory|cannot be written: No such file"):
            backup(filled, wrong)


def test_a_dump_of_the_version_before_is_restored_and_migrated(
    server_url: str, empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = create_database(server_url, f"old_{os.getpid()}", "template0")
    try:
        monkeypatch.setattr("ibconnect.database.migrations.available", lambda: available()[:-1])
        migrate(old)
        record(old)
        monkeypatch.undo()
        backup(with_password(old), tmp_path / "dump")
    finally:
        drop_database(server_url, f"old_{os.getpid()}")
    restore(with_password(empty_database_url), tmp_path / "dump")
    assert migrate(empty_database_url) == available()[-1:]
    ensure(empty_database_url)
    record(empty_database_url)
    rebuild(empty_database_url)
    assert rows(empty_database_url, "SELECT notification_id FROM stored_events ORDER BY 1") == [(1,), (2,)]


def test_a_database_without_events_is_not_backed_up(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="nothing to back up"):
        backup(empty_database_url, tmp_path / "dump")
    assert list(tmp_path.iterdir()) == []


WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'ibconnect backup' AND wait_event_type = 'Lock' AND datname = current_database()
"""


def with_password(url: str) -> str:
    """The server asks for none, and takes any; over several hosts of which one is there."""
    return url.replace("ibconnect@", "ibconnect:s3cret@", 1).replace("host=", "host=%2Fnonexistent,", 1)


def command_lines() -> list[bytes]:
    """What anybody on this machine can see of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes())
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_backup_that_is_stopped_leaves_nothing(filled: str, tmp_path: Path, number: int) -> None:
    """Held up by a lock on a table, it is in the middle for as long as the test wants."""
    file = tmp_path / "dump"
    with connect(filled, name="test") as connection, connection.transaction():
        connection.execute("LOCK TABLE stored_events IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen(
            [sys.executable, "-m", "ibconnect", "backup", str(file)],
            cwd=ROOT,
            env={**ENVIRON, "DB_URL": with_password(filled), "DATA_DIR": str(tmp_path / "data")},
            stderr=subprocess.PIPE,
        ) as process:
            try:
                wait_for(
                    lambda: rows(filled, WAITING) == [(1,)] or process.poll() is not None, "pg_dump waits for the lock"
                )
                assert (tmp_path / "dump.partial").exists()
                assert [line for line in command_lines() if b"dump.partial" in line]
                assert [line for line in command_lines() if b"s3cret" in line] == []
                with pytest.raises(DatabaseError, match="another backup"):
                    backup(filled, file)
                process.send_signal(number)
                _, said = process.communicate(timeout=60)
            finally:
                process.kill()
        assert (process.returncode, b"Traceback" in said) in ((143, False), (130, False))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_a_damaged_dump_restores_nothing(filled: str, empty_database_url: str, tmp_path: Path, part: float) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    backup(filled, whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(DatabaseError, match=r"no whole dump|nothing is restored"):
        restore(empty_database_url, cut)
    restore(empty_database_url, whole)


def test_what_is_no_dump_is_refused(filled: str, empty_database_url: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    execute(empty_database_url, "CREATE TABLE something (n integer)")
    program = programs.fitting("pg_dump", 0, newest=True)
    access = programs.login(empty_database_url, ENVIRON, name="test")
    subprocess.run([program.path, "--format=custom", f"--file={other}", access.argument], check=True, timeout=60)
    execute(empty_database_url, "DROP TABLE something")
    for file, why in (
        (other, "holds no events"),
        (Path(__file__), "no whole dump"),
        (tmp_path / "missing", "is no file"),
        (tmp_path, "is no file"),
    ):
        with pytest.raises(DatabaseError, match=why):
            restore(empty_database_url, file)


def test_no_password_is_on_a_command_line() -> None:
    url = "postgresql://joe:s3cret%40x@a,b:5433/d?sslmode=require&target_session_attrs=read-write"
    access = programs.login(url, {"PGPASSWORD": "of somebody else", "HOME": "/x"}, name="test")
    assert "s3cret" not in access.argument
    assert access.environment == {"PGPASSWORD": "s3cret@x", "HOME": "/x"}
    assert "host=a,b" in access.argument
    assert "target_session_attrs=read-write" in access.argument
    without = programs.login("postgresql://joe@a/d", {"PGPASSWORD": "mine"}, name="test")
    assert without.environment == {"PGPASSWORD": "mine"}
    assert "s3cret" not in repr(access)
    for secret in ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key", "sslkeylogfile"):
        with pytest.raises(DatabaseError, match=secret) as caught:
            programs.login(f"postgresql://a/d?{secret}=s3cret", {}, name="test")
        assert "s3cret" not in str(caught.value)
    given = "options=-c%20app.x%3Ds3cret&passfile=/s3cret&service=s3cret&dbname=postgresql://u:s3cret@h/d&user=u:s3cret"
    access = programs.login(f"postgresql://a?{given}&application_name=s3cret", {}, name="test")
    assert access.argument == "host=a"
    assert access.environment == {
        "PGOPTIONS": "-c app.x=s3cret",
        "PGPASSFILE": "/s3cret",
        "PGSERVICE": "s3cret",
        "PGDATABASE": "postgresql://u:s3cret@h/d",
        "PGUSER": "u:s3cret",
        "PGAPPNAME": "s3cret",
    }


def test_a_missing_program_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatabaseError, match=r"pg_dump of PostgreSQL 99 or later .*postgresql-client-99"):
        programs.fitting("pg_dump", 99)
    monkeypatch.setattr(programs, "installed", lambda name: [])
    with pytest.raises(DatabaseError, match="none at all"):
        programs.fitting("pg_dump", 14)


def test_programs_of_the_servers_own_version_are_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump can be read by programs of its own version or later only."""
    found = [programs.Program(major, Path(f"/{major}/pg_dump")) for major in (14, 16, 18)]
    monkeypatch.setattr(programs, "installed", lambda name: found)
    assert [programs.fitting("pg_dump", least).major for least in (14, 15, 16, 17)] == [14, 16, 16, 18]
    assert programs.fitting("pg_dump", 14, newest=True).major == 18
