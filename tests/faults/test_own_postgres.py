"""A Postgres of one's own, of each version that is here: as README.md says, by an administrator who is no superuser;
backup and restore between roles, versions and servers; what the version before has left.
"""

import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from ibconnect.cli.main import main
from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import available, migrate
from ibconnect.projections.upkeep import ensure
from tests.faults.test_backup import events
from tests.own_postgres import (
    ADMINISTRATOR,
    GRANTS,
    GRANTS_TEXT,
    ROLES,
    OwnServer,
    installations,
    own_server,
    prepared_server,
    psql,
    run_file,
)
from tests.paths import CAPTURES, ROOT, scratch
from tests.processes import Process, accounts, get, process
from tests.projecting import read_tables
from tests.serving import logged
from tests.waiting import DEADLINE_S, wait_for

pytestmark = pytest.mark.slow

SINGLE = "single"
TARGETS = ("roles", SINGLE)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, OwnServer]]:
    with ExitStack() as stack:
        yield {version: stack.enter_context(own_server(version)) for version in installations()}


@pytest.fixture(scope="module", params=sorted(installations()))
def server(request: pytest.FixtureRequest, servers: dict[str, OwnServer]) -> OwnServer:
    return servers[request.param]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator["Lab"]:
    with ExitStack() as stack:
        yield Lab(tmp_path, stack)


class Lab:
    """A gateway, and verbs of the command in processes of their own."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._stack = stack
        self._gateway = ""

    def gateway(self) -> str:
        if not self._gateway:
            capture = str(CAPTURES / "eur-cfd.jsonl")
            running = self._stack.enter_context(
                process(self.directory / "gateway", "simulate", "--port", "0", "--capture", capture)
            )
            self._gateway = running.said(r"(127\.0\.0\.1:\d+)")[1]
        return self._gateway

    def serve(self, url: str, name: str = "serve", **settings: str) -> Process:
        given = {"DB_URL": url, "DATA_DIR": str(self.directory / name), "PORT": "0", "HOST": "127.0.0.1", **settings}
        given = {key: value for key, value in given.items() if value}
        return self._stack.enter_context(
            process(self.directory / f"{name}.log", "serve", IB_GW=self.gateway(), **given)
        )

    def run(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Run a verb to its end: in this process, which takes a tenth of the time, unless it may end the process."""
        out = io.StringIO()
        given = {"PATH": os.environ["PATH"], "DATA_DIR": str(self.directory / "verbs"), **settings}
        if arguments[0] == "serve":
            with process(self.directory / "refused.log", *arguments, **given) as refused:
                return refused.popen.wait(DEADLINE_S), refused.output
        with pytest.MonkeyPatch.context() as patch, logged(), redirect_stdout(out), redirect_stderr(out):
            patch.setattr(os, "environ", given)
            code = main(arguments)
        assert "Traceback" not in out.getvalue()
        return code, out.getvalue()

    def must(self, *arguments: str, **settings: str) -> str:
        code, output = self.run(*arguments, **settings)
        assert code == 0, output
        return output

    def install(self, server: OwnServer) -> str:
        """A database set up as README.md says."""
        name = server.new_with_roles()
        said = self.must("migrate", DB_URL=server.url("ibconnect_owner", name))
        assert said.endswith("the roles have their rights on it\n")
        return name

    def record(self, url: str, **settings: str) -> None:
        """Serve until all accounts have been recorded, and have a report."""
        serve = self.serve(url, **settings)
        serve.said("refresh ended")
        accounts(serve.url(), 1)
        serve.stop()
        assert (serve.popen.returncode, "Traceback" in serve.output) == (0, False), serve.output


def test_readmes_order_by_an_administrator_who_is_no_superuser(server: OwnServer, lab: Lab) -> None:
    name = lab.install(server)
    lab.record(server.url("ibconnect_recorder", name))
    assert server.has_owners(name) == {
        "public": {"ibconnect_owner"},
        "coordination": {"ibconnect_owner"},
        "accounts": {"ibconnect_recorder"},
        "views": {"ibconnect_recorder"},
    }
    lab.must("rebuild", DB_URL=server.url("ibconnect_recorder", name))
    for role in ("ibconnect_reader", "ibconnect_backup"):
        assert server.do("SELECT count(*) > 0 FROM v_account_amount", database=name, role=role) == [(True,)]
    memberships = "SELECT pg_has_role('administrator', 'ibconnect_recorder', 'USAGE')"
    assert server.do(memberships, database=name) == [(False,)], "the administrator is no member of the recorder"


def test_the_files_run_again_in_another_database_and_stop_at_the_first_error(server: OwnServer, tmp_path: Path) -> None:
    first, second = server.new_with_roles(), server.new_with_roles()
    assert first != second
    owner = server.url("ibconnect_owner", second)
    code, said = psql(owner, GRANTS)
    assert (code, said.count("ERROR")) == (3, 1)
    migrate(owner)
    half, text = (tmp_path / path.relative_to(ROOT) for path in (GRANTS, GRANTS_TEXT))
    for path in (half, text):
        path.parent.mkdir(parents=True)
        path.write_text((ROOT / path.relative_to(tmp_path)).read_text())
    text.write_text(text.read_text().replace("GRANT USAGE ON SCHEMA coordination", "GRANT NOTHING ON coordination", 1))
    code, said = psql(owner, half)
    assert (code, said.count("ERROR")) == (3, 1)
    rights = "SELECT has_any_column_privilege('ibconnect_recorder', 'stored_events', 'INSERT')"
    assert server.do(rights, database=second) == [(False,)]
    run_file(owner, GRANTS)
    assert server.do(rights, database=second) == [(True,)]


@pytest.mark.parametrize("role", ["ibconnect_recorder", "ibconnect_reader", ADMINISTRATOR, "chief"])
def test_nobody_but_the_owner_takes_the_database(server: OwnServer, lab: Lab, role: str) -> None:
    name = server.new_with_roles()
    for verb in ("serve", "migrate", "rebuild"):
        code, output = lab.run(verb, DB_URL=server.url(role, name), PORT="0", IB_GW="127.0.0.1:1")
        assert (code, "The order is: `ibconnect migrate` with the DB_URL of ibconnect_owner" in output) == (1, True)
    assert server.has_owners(name) == {}


def test_the_owner_does_not_take_the_snapshot_tables(server: OwnServer, lab: Lab) -> None:
    name = lab.install(server)
    code, output = lab.run("serve", DB_URL=server.url("ibconnect_owner", name), PORT="0", IB_GW="127.0.0.1:1")
    assert (code, "use the DB_URL of ibconnect_recorder" in output) == (1, True)
    assert "accounts" not in server.has_owners(name)
    ensure(server.url("ibconnect_recorder", name))
    code, output = lab.run("rebuild", DB_URL=server.url("ibconnect_owner", name))
    assert (code, "use the DB_URL of ibconnect_recorder" in output) == (1, True)


def test_one_owner_of_everything_goes_on_as_ever(server: OwnServer, lab: Lab) -> None:
    name = single(server)
    url = server.url(SINGLE, name)
    lab.record(url)
    lab.must("rebuild", DB_URL=url)
    assert set.union(*map(set, server.has_owners(name).values())) == {SINGLE}


def single(server: OwnServer) -> str:
    """A database of a role that owns all."""
    if not server.do(f"SELECT 1 FROM pg_roles WHERE rolname = '{SINGLE}'"):
        server.do(f"CREATE ROLE {SINGLE} LOGIN")
        server.set_password(SINGLE, role="chief")
    return server.new_database(SINGLE)


def test_a_refused_login_is_told_as_what_it_is_and_recording_goes_on_when_it_is_mended(
    server: OwnServer, lab: Lab
) -> None:
    name = lab.install(server)
    url = server.url("ibconnect_recorder", name)
    port = str(unused_port())
    serve = lab.serve(server.url("ibconnect_recorder", name, "wrong"), LOG_FORMAT="json", PORT=port)
    serve.said("Postgres is there and refuses us")
    address = f"http://127.0.0.1:{port}"
    assert "the password is wrong" in reasons(address)
    server.set_password("ibconnect_recorder", "wrong")
    try:
        accounts(address, 1)
        wait_for(lambda: reasons(address) == "", lambda: reasons(address))
        server.set_password("ibconnect_recorder")
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ibconnect_recorder'"
        server.do(cut)
        wait_for(lambda: "the password is wrong" in reasons(address), lambda: reasons(address))
        server.set_password("ibconnect_recorder", "wrong")
        wait_for(lambda: reasons(address) == "", lambda: reasons(address))
        server.do("REVOKE ALL ON coordination.instance FROM ibconnect_recorder", cut, database=name)
        wait_for(lambda: "a right is missing" in reasons(address), lambda: reasons(address))
        lab.must("migrate", DB_URL=server.url("ibconnect_owner", name))
        wait_for(lambda: reasons(address) == "", lambda: reasons(address))
    finally:
        server.set_password("ibconnect_recorder")
    serve.stop()
    lines = [json.loads(line) for line in serve.output.splitlines() if line.startswith("{")]
    refused = [line for line in lines if line["kind"] == "database_refuses"]
    assert {line["reason"] for line in refused} >= {
        "the password is wrong, or there is no such role",
        "a right is missing",
    }
    assert all(line["advice"] for line in refused)
    assert "wrong@" not in serve.output
    assert url not in serve.output


def reasons(address: str) -> str:
    _, ready = get(f"{address}/readyz")
    return "; ".join(ready["Reasons"])


@pytest.mark.parametrize("verb", ["migrate", "rebuild", "retry-poison", "set-aside", "events", "backup", "restore"])
def test_every_verb_says_what_is_refused(servers: dict[str, OwnServer], lab: Lab, verb: str) -> None:
    server = servers["embedded"]
    name = server.new_with_roles()
    arguments = {"backup": [verb, str(lab.directory / "x")], "restore": [verb, __file__]}.get(verb, [verb])
    dump = lab.directory / "dump"
    if verb == "restore":
        other = lab.install(server)
        lab.must("backup", str(dump), DB_URL=server.url("ibconnect_backup", other))
        arguments = [verb, str(dump)]
    cases = {
        server.url("ibconnect_recorder", name, "wrong"): "the password is wrong",
        server.url("ibconnect_recorder", name, None): "the password is wrong",
        server.url("ibconnect_recorder", "nowhere"): "there is no such database",
        f"{server.url('ibconnect_recorder', name)}&sslmode=require": "ibconnect: ",
    }
    for url, reason in cases.items():
        code, output = lab.run(*arguments, DB_URL=url)
        assert (code, reason in output) == (1, True), output


# What a restore leaves, by what was dumped and where it goes.


@pytest.fixture(scope="module")
def dumps(servers: dict[str, OwnServer], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], "Dump"]:
    """Dumps of each server and kind of owner, taken while it is recorded into."""
    found = {}
    for version, server in servers.items():
        for kind in TARGETS:
            directory = tmp_path_factory.mktemp("dump")
            with ExitStack() as stack:
                lab = Lab(directory, stack)
                name = lab.install(server) if kind == "roles" else single(server)
                recorder, backup = roles_of(kind)
                serve = lab.serve(server.url(recorder, name))
                accounts(serve.url(), 1)
                file = directory / "dump"
                lab.must("backup", str(file), DB_URL=server.url(backup, name))
                serve.stop()
                found[version, kind] = Dump(file, events(server.url(recorder, name)))
    return found


class Dump:
    def __init__(self, file: Path, all_events: list[tuple[object, ...]]) -> None:
        self.file = file
        self.events = all_events


def roles_of(kind: str) -> tuple[str, str]:
    return ("ibconnect_recorder", "ibconnect_backup") if kind == "roles" else (SINGLE, SINGLE)


# (server, kind of owner) that is dumped, and into which it is restored: all kinds within a version, and all versions.
WAYS = [((version, a), (version, b)) for version in sorted(installations()) for a in TARGETS for b in TARGETS]
WAYS += [((a, "roles"), (b, "roles")) for a in sorted(installations()) for b in sorted(installations()) if a != b]


@pytest.mark.parametrize(("source", "target"), WAYS, ids="-".join)
def test_a_restore_gives_everything_to_whom_it_belongs(
    servers: dict[str, OwnServer],
    lab: Lab,
    dumps: dict[tuple[str, str], Dump],
    source: tuple[str, str],
    target: tuple[str, str],
) -> None:
    server, kind = servers[target[0]], target[1]
    dump = dumps[source]
    assert dump.file.stat().st_mode & 0o777 == 0o600
    name = server.new_with_roles() if kind == "roles" else single(server)
    owner = server.url("ibconnect_owner" if kind == "roles" else SINGLE, name)
    lab.must("restore", str(dump.file), DB_URL=owner)
    code, output = lab.run("restore", str(dump.file), DB_URL=owner)
    assert (code, "is not empty" in output) == (1, True)
    if kind == "roles":
        lab.must("migrate", DB_URL=owner)
    recorder = server.url(roles_of(kind)[0], name)
    found = events(recorder)
    assert 0 < len(found) <= len(dump.events)
    assert found == dump.events[: len(found)]
    owners = server.has_owners(name)
    if kind == "roles":
        assert owners["public"] == owners["coordination"] == {"ibconnect_owner"}
        assert owners["accounts"] == owners["views"] == {"ibconnect_recorder"}
        readable = server.do("SELECT count(*) FROM v_account_amount", database=name, role="ibconnect_reader")
        assert readable[0][0] != 0
    else:
        assert set.union(*map(set, owners.values())) == {SINGLE}
    before = read_tables(recorder)
    lab.must("rebuild", DB_URL=recorder)
    assert read_tables(recorder) == before
    with pytest.raises(Exception, match="immutable"):
        server.do("DELETE FROM stored_events", database=name)
    lab.record(recorder)
    assert len(events(recorder)) > len(found)
    again = lab.directory / "again"
    lab.must("backup", str(again), DB_URL=server.url(roles_of(kind)[1], name))


def test_a_dump_by_hand_restores_by_hand(server: OwnServer, lab: Lab) -> None:
    """docs/backup.md, without the verbs."""
    name = lab.install(server)
    lab.record(server.url("ibconnect_recorder", name))
    server.do("CREATE SCHEMA accounts_next", database=name, role="ibconnect_recorder")
    file = str(lab.directory / "hand")
    options = ("--format=custom", "--exclude-schema=accounts_(next|old)", f"--file={file}")
    server.by_hand("pg_dump", *options, role="ibconnect_backup", database=name)
    other = server.new_with_roles()
    options = ("--exit-on-error", "--single-transaction", file)
    server.by_hand("pg_restore", *options, role="chief", database=other)
    assert server.has_owners(other) == server.has_owners(name)
    assert server.do("SELECT to_regnamespace('accounts_next')", database=other) == [(None,)], "of a rebuild"
    recorder = server.url("ibconnect_recorder", other)
    assert events(recorder) == events(server.url("ibconnect_recorder", name))
    lab.must("rebuild", DB_URL=recorder)
    third = server.new_with_roles()
    lab.must("restore", file, DB_URL=server.url("ibconnect_owner", third))
    assert server.has_owners(third) == server.has_owners(name)


# What an earlier version, or an earlier PostgreSQL, has left.

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
        code, output = lab.run("serve", DB_URL=recorder, PORT="0", IB_GW="127.0.0.1:1")
        assert (code, "ibconnect migrate" in output) == (1, True)
        lab.must("migrate", DB_URL=owner)
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
