"""What an earlier version of ibconnect, or an earlier PostgreSQL, has left in a Postgres of one's own."""

import shutil

import pytest

from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import available, migrate
from tests.faults.own_lab import Lab
from tests.faults.test_backup import events
from tests.own_postgres import ROLES, installations, own_server, prepared_server, run_file
from tests.partitions import BEFORE, OTHER, in_month, missing, this_month, where
from tests.paths import scratch
from tests.projecting import read_tables

pytestmark = pytest.mark.slow

ROLES_BEFORE = """
CREATE ROLE ibconnect_owner LOGIN;
CREATE ROLE ibconnect_recorder LOGIN;
CREATE ROLE ibconnect_reader LOGIN;
GRANT CREATE ON DATABASE {name} TO ibconnect_owner, ibconnect_recorder;
GRANT USAGE, CREATE ON SCHEMA public TO ibconnect_owner, ibconnect_recorder;
GRANT USAGE ON SCHEMA public TO ibconnect_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE ibconnect_recorder GRANT USAGE ON SCHEMAS TO ibconnect_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE ibconnect_recorder GRANT SELECT ON TABLES TO ibconnect_reader;
"""
"""As the first version made them, by a superuser."""


@pytest.mark.parametrize("version", sorted(installations()))
def test_an_installation_of_the_first_version_is_upgraded_as_readme_says(
    version: str, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_server(version) as server:
        name = server.new_database()
        statements = ROLES_BEFORE.format(name=name).strip().split(";\n")
        server.do(*(each.rstrip(";") for each in statements), database=name)
        for role in ("owner", "recorder", "reader"):
            server.set_password(f"ibconnect_{role}", role="chief")
        owner, recorder = (server.url(f"ibconnect_{role}", name) for role in ("owner", "recorder"))
        monkeypatch.setattr("ibconnect.database.migrations.available", lambda: available()[:1])
        migrate(owner)
        monkeypatch.undo()
        old, present, far = in_month(this_month(-30)), in_month(this_month()), in_month(this_month(900))
        for stream in (old, far, present):
            columns, values = "originator_version, originator_id, topic, state", f"n, '{stream}', 't', '[\"12:34\"]'"
            server.do(
                f"INSERT INTO stored_events ({columns}) SELECT {values} FROM generate_series(1, 1000) AS n",
                database=name,
                role="ibconnect_owner",
            )
        before = events(owner)
        code, output = lab.run("serve", DB_URL=recorder, PORT="0", IB_GW="127.0.0.1:1")
        assert (code, "ibconnect migrate" in output) == (1, True)
        lab.must("migrate", DB_URL=owner)
        assert events(owner) == before
        assert where(owner) == {old: {BEFORE}, present: {BEFORE}, far: {OTHER}}
        assert missing(owner) == []
        lab.record(recorder)
        file = str(lab.directory / "dump")
        lab.must("backup", file, DB_URL=recorder)
        run_file(server.url("chief", name), ROLES)
        assert "the roles have their rights on it" in lab.must("migrate", DB_URL=owner)
        server.set_password("ibconnect_backup", role="chief")
        lab.must("backup", file, DB_URL=server.url("ibconnect_backup", name))


OLDER = sorted(version for version in installations() if version != "embedded" and int(version) < 18)


@pytest.mark.skipif(not OLDER, reason="no PostgreSQL of an earlier major version is installed")
def test_an_embedded_database_of_another_major_version_is_carried_over_as_the_message_says(lab: Lab) -> None:
    """The data directory is made by other programs, as by those of an ibconnect with an older wheel."""
    with prepared_server(OLDER[-1]) as server:
        server.create("ibconnect", "trust", f"pg{OLDER[-1]}")
        server.start(f"pg{OLDER[-1]}")
        try:
            server.do("CREATE DATABASE ibconnect", role="ibconnect")
            url = server.url("ibconnect", "ibconnect", None)
            lab.record(url)
            before, tables = events(url), read_tables(url)
            file = str(lab.directory / "dump")
            lab.must("backup", file, DB_URL=url)
        finally:
            server.stop(f"pg{OLDER[-1]}")
        for verb in (["serve"], ["migrate"], ["rebuild"], ["events"], ["backup", file + "2"], ["restore", file]):
            code, output = lab.run(*verb, DATA_DIR=str(server.directory), PORT="0", IB_GW="127.0.0.1:1")
            said = [line for line in output.splitlines() if "kind=service_starting" not in line]
            assert (code, len(said)) == (1, 1)
            assert f"another Postgres (pg{OLDER[-1]})" in output
            assert "1. With the ibconnect that made it: `ibconnect backup FILE`" in output
        code, output = lab.run("check", DATA_DIR=str(server.directory), IB_GW=lab.gateway())
        assert (code, "FAIL  Postgres: DATA_DIR=" in output) == (1, True)
    data_dir = scratch("ibc-major-")
    try:
        lab.must("restore", file, DATA_DIR=str(data_dir))
        with EmbeddedPostgres(data_dir) as embedded:
            assert (events(embedded.url), read_tables(embedded.url)) == (before, tables)
            lab.record("", DATA_DIR=str(data_dir))
            assert len(events(embedded.url)) > len(before)
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
