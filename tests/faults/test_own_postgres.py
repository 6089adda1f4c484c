"""A Postgres of one's own, of each version that is here: as README.md says, by an administrator who is no superuser;
what is refused is named.
"""

import json
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from ibconnect.database.migrations import migrate
from ibconnect.projections.upkeep import ensure
from tests.faults.own_lab import SINGLE, Lab, single
from tests.own_postgres import ADMINISTRATOR, GRANTS, GRANTS_TEXT, OwnServer, psql, run_file
from tests.paths import ROOT
from tests.processes import accounts, get
from tests.waiting import wait_for

pytestmark = pytest.mark.slow


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
