"""What compose.yaml's Postgres runs at its set-up, deploy/postgres/init/roles.sh, on each server that is here: a new
volume, one of an earlier version in which the superuser owns everything, and what must not be seen meanwhile.
"""

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ibconnect.cli.main import main
from ibconnect.database.migrations import available, migrate
from ibconnect.database.programs import fitting
from ibconnect.database.rights import give_rights
from ibconnect.database.tables import reports
from ibconnect.projections.upkeep import ensure, rebuild
from tests.own_postgres import PASSWORD, ROLES, OwnServer, installations, prepared_server
from tests.paths import ROOT
from tests.projecting import Stream, project, record, value

SUPERUSER = "ibconnect"
_numbers = itertools.count(1)
PSQL = '#!/bin/sh\nprintf "%s\\n" "$@" >>"$ARGUMENTS"\nenv >>"$ARGUMENTS"\nexec {program} "$@"\n'


@pytest.fixture(scope="module", params=sorted(installations()))
def server(request: pytest.FixtureRequest) -> Iterator[OwnServer]:
    with prepared_server(request.param) as made:
        made.create(SUPERUSER)
        made.start()
        try:
            yield made
        finally:
            made.stop()


class Volume:
    """A database of the server as one of compose.yaml's; its secrets, and psql as the container has it."""

    def __init__(self, server: OwnServer, directory: Path, name: str) -> None:
        self.server, self.name = server, name
        self.secrets, self.arguments = directory / "secrets", directory / "arguments"
        server.do(f"CREATE DATABASE {name}", role=SUPERUSER)
        subprocess.run(["sh", ROOT / "deploy" / "make-secrets.sh", self.secrets], check=True, capture_output=True)
        psql = directory / "bin" / "psql"
        psql.parent.mkdir()
        psql.write_text(PSQL.format(program=fitting("psql", 0, newest=True).path))
        psql.chmod(0o755)
        self._path = psql.parent

    def password(self, role: str) -> str:
        return (self.secrets / f"{role}_password").read_text()

    def url(self, role: str) -> str:
        return self.server.url(f"ibconnect_{role}", self.name, self.password(role))

    @property
    def old_url(self) -> str:
        """As services of earlier versions are connected."""
        return self.server.url(SUPERUSER, self.name)

    def ask(self, query: str, role: str = "") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(role) if role else self.old_url, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def set_up(self) -> "subprocess.CompletedProcess[str]":
        """Run the script as the container does, on the server's socket."""
        environment = {
            "PATH": f"{self._path}:{os.environ['PATH']}",
            "PGHOST": str(self.server.directory),
            "PGPASSWORD": PASSWORD,
            "POSTGRES_USER": SUPERUSER,
            "POSTGRES_DB": self.name,
            "IBCONNECT_SQL": str(ROLES.parent),
            "IBCONNECT_SECRETS": str(self.secrets),
            "ARGUMENTS": str(self.arguments),
        }
        script = ROLES.parent / "init" / "roles.sh"
        return subprocess.run([script], env=environment, capture_output=True, text=True, check=False, timeout=60)

    def must_set_up(self) -> None:
        done = self.set_up()
        assert (done.returncode, done.stderr) == (0, "")

    def owners(self) -> dict[str, set[str]]:
        """Who owns what: by schema, views of ``public`` apart."""
        query = """
            SELECT
                CASE WHEN (nspname, relkind) = ('public', 'v') THEN 'views' ELSE nspname END,
                pg_get_userbyid(relowner)
            FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
            UNION
            SELECT nspname || ' functions', pg_get_userbyid(proowner)
            FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
            UNION
            SELECT nspname || ' itself', pg_get_userbyid(nspowner)
            FROM pg_namespace
            WHERE nspname <> 'public' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        """
        found: dict[str, set[str]] = {}
        for what, owner in self.ask(query):
            found.setdefault(str(what), set()).add(str(owner))
        return found


@pytest.fixture
def volume(server: OwnServer, tmp_path: Path) -> Volume:
    return Volume(server, tmp_path, f"volume{next(_numbers)}")


OURS = {
    "public": {"ibconnect_owner"},
    "public functions": {"ibconnect_owner"},
    "coordination": {"ibconnect_owner"},
    "coordination functions": {"ibconnect_owner"},
    "coordination itself": {"ibconnect_owner"},
    **{report.name: {"ibconnect_recorder"} for report in reports()},
    **{f"{report.name} itself": {"ibconnect_recorder"} for report in reports()},
    "views": {"ibconnect_recorder"},
}


def refreshed() -> Stream:
    stream = Stream()
    stream.refresh({"DU1": [value("AccountCode", "DU1"), value("NetLiquidation", "1.00", "USD")]})
    return stream


def test_a_new_volume_has_the_roles_and_nothing_of_the_superusers(volume: Volume) -> None:
    for _ in range(2):
        volume.must_set_up()
    assert migrate(volume.url("owner")) == available()
    assert give_rights(volume.url("owner"))
    ensure(volume.url("recorder"))
    record(volume.url("recorder"), refreshed().events)
    assert volume.owners() == OURS
    flags = "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
    found = [row for row in volume.ask(flags) if str(row[0]).startswith("ibconnect_")]
    assert len(found) == 4
    assert all(row[1:] == (False,) * 5 for row in found)
    kept = dict(volume.ask("SELECT rolname, left(rolpassword, 14) FROM pg_authid WHERE rolname ~ '^ibconnect_'"))
    assert kept == {
        "ibconnect_owner": "SCRAM-SHA-256$",
        "ibconnect_recorder": "SCRAM-SHA-256$",
        "ibconnect_reader": None,
        "ibconnect_backup": None,
    }


def test_what_the_superuser_owned_goes_to_whom_it_is_to_belong(volume: Volume, tmp_path: Path) -> None:
    """Also what people have built upon it; and all of it goes on working, for whom it did."""
    migrate(volume.old_url)
    ensure(volume.old_url)
    stream = refreshed()
    record(volume.old_url, stream.events)
    project(volume.old_url)
    with psycopg.connect(volume.old_url, autocommit=True) as connection:
        for statement in (
            "CREATE TABLE notes (code text, note text)",
            "INSERT INTO notes VALUES ('DU1', 'theirs')",
            "CREATE VIEW noted AS SELECT note FROM v_account_snapshot_latest AS ours JOIN notes ON code = account_code",
            "CREATE SCHEMA reports",
            "CREATE VIEW reports.many AS SELECT count(*) FROM noted",
            "CREATE MATERIALIZED VIEW reports.events AS SELECT count(*) FROM v_event",
            "CREATE TABLE reports.kept (n bigserial)",
        ):
            connection.execute(statement.encode())
    for _ in range(2):
        volume.must_set_up()
    assert migrate(volume.url("owner")) == []
    assert give_rights(volume.url("owner"))
    recorder = volume.url("recorder")
    assert volume.owners() == {
        **OURS,
        "public": {"ibconnect_owner", SUPERUSER},
        "reports": {"ibconnect_recorder", SUPERUSER},
        "reports itself": {SUPERUSER},
    }
    theirs = "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = 'ibconnect' AND relkind IN ('r', 'v', 'm')"
    tables = f"{theirs} AND relnamespace::regnamespace::text IN ('public', 'reports')"
    assert set(volume.ask(tables)) == {("notes",), ("kept",)}
    ensure(recorder)
    more = refreshed()
    record(recorder, more.events)
    rebuild(recorder)
    for role in ("", "recorder"):
        assert volume.ask("SELECT note FROM noted", role) == [("theirs",)]
        assert volume.ask("SELECT count FROM reports.many", role) == [(1,)]
    assert volume.ask("SELECT has_table_privilege('ibconnect_reader', 'v_account_amount', 'SELECT')") == [(True,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        volume.ask("DELETE FROM stored_events RETURNING 1", "recorder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", {"PATH": os.environ["PATH"], "DB_URL": recorder, "DATA_DIR": str(tmp_path / "d")})
        assert main(["backup", str(tmp_path / "dump")]) == 0


def test_no_password_is_an_argument_or_in_the_servers_log(volume: Volume, server: OwnServer) -> None:
    """The log of a server that logs everything, and of one where giving the passwords fails, included."""
    for setting in ("log_statement = 'all'", "log_min_duration_statement = 0", "lock_timeout = '200ms'"):
        server.do(f"ALTER DATABASE {volume.name} SET {setting}", role=SUPERUSER)
    volume.must_set_up()
    with psycopg.connect(volume.old_url) as holder:
        holder.execute("LOCK TABLE pg_catalog.pg_authid IN EXCLUSIVE MODE")
        failed = volume.set_up()
    assert failed.returncode != 0
    assert "lock timeout" in failed.stderr
    log = (server.directory / "log").read_text(errors="replace")
    assert "CREATE ROLE" in log, "it logs everything"
    seen = {"arguments": volume.arguments.read_text(), "log": log, "what it says": failed.stderr + failed.stdout}
    for where, text in seen.items():
        for role in ("owner", "recorder", "postgres"):
            assert volume.password(role) not in text, f"{role}: {where}"


@pytest.mark.parametrize("how", ["missing", "empty"])
def test_without_secrets_it_says_what_to_do_and_changes_nothing(volume: Volume, how: str) -> None:
    secret = volume.secrets / "recorder_password"
    secret.unlink()
    if how == "empty":
        secret.touch()
    done = volume.set_up()
    assert done.returncode == 1
    assert "run deploy/make-secrets.sh" in done.stderr
    assert not volume.arguments.exists(), "psql was not even started"


def test_a_changed_password_is_given_by_running_it_again(volume: Volume) -> None:
    volume.must_set_up()
    former = volume.url("recorder")
    secret = volume.secrets / "recorder_password"
    secret.unlink()
    secret.write_text("another\n")
    volume.must_set_up()
    url = volume.server.url("ibconnect_recorder", volume.name, "another")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(former)
