"""Backup and restore between roles, versions and servers: what is restored, and whose it is then."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.own_lab import SINGLE, TARGETS, Lab, roles_of, single
from tests.faults.test_backup import events
from tests.own_postgres import OwnServer, installations
from tests.processes import accounts
from tests.projecting import project, read_tables

pytestmark = pytest.mark.slow


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
    project(recorder)  # a dump may be of tables that were behind their events
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
