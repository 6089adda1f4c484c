"""``ibconnect check``: each thing that may be wrong is a line that says so, and what to do; nothing is disturbed."""

import asyncio
import json
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from ibconnect.checking import run
from ibconnect.checking.checks import findings
from ibconnect.checking.findings import Finding, Level
from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import migrate
from ibconnect.database.rights import give_rights
from ibconnect.projections.upkeep import ensure
from ibconnect.simulator import Gateway, Scenario
from tests.faults.proxy import Proxy
from tests.integration.test_prepared import set_read_only
from tests.integration.test_roles import as_role, execute
from tests.own_postgres import GRANTS, ROLES, run_file
from tests.paths import scratch
from tests.processes import accounts, process
from tests.waiting import wait_for

as_a_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


@pytest.fixture(autouse=True)
def logging_goes_on() -> Iterator[None]:
    """The command is a process of its own, which logs nothing more."""
    yield
    logging.disable(logging.NOTSET)


def by_subject(**environ: str) -> dict[str, Finding]:
    found = list(findings(environ))
    assert len({finding.subject for finding in found}) == len(found)
    return {finding.subject: finding for finding in found}


def look(url: str, directory: Path, **environ: str) -> dict[str, Finding]:
    given = {"DB_URL": url, "DATA_DIR": str(directory), "IB_GW": f"127.0.0.1:{unused_port()}", **environ}
    return by_subject(**given)


def failing(found: dict[str, Finding]) -> set[str]:
    return {subject for subject, finding in found.items() if finding.level is Level.FAIL}


def test_tokens_without_their_rights_are_worth_a_look(database_url: str, tmp_path: Path) -> None:
    token = "full-token-0123456789"
    found = look(database_url, tmp_path, API_TOKENS=f"limited-token-012345@DU1 {token} {token[::-1]}")["API tokens"]
    assert (found.level, token in str(found)) == (Level.WARN, False)
    assert "entry 2, 3" in found.detail
    assert "@*" in found.advice
    assert "API tokens" not in look(database_url, tmp_path, API_TOKENS=f"{token}@*")


def test_everything_well_beside_a_running_recorder(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with process(tmp_path / "gateway", "simulate", "--port", "0") as gateway:
        address = gateway.said(r"(127\.0\.0\.1:\d+)")[1]
        given = {"DB_URL": database_url, "DATA_DIR": str(tmp_path / "data"), "IB_GW": address}
        with process(tmp_path / "serve", "serve", PORT="0", HOST="127.0.0.1", **given) as serve:
            latest = accounts(serve.url(), 3)
            before = serve.output.count("gateway connected")
            assert run(given, as_json=False) == 0
            lines = capsys.readouterr().out.splitlines()
            assert [line[:4].strip() for line in lines] == ["ok"] * len(lines)
            assert [line.split(":")[0][6:] for line in lines[:8]] == [
                "settings",
                "Postgres",
                "schema",
                "rights",
                "clock",
                "data directory",
                "disk",
                "spool",
            ]
            assert "server version 200, 3 accounts: DU" in lines[-1]
            assert accounts(serve.url(), 3, after=dict.fromkeys(latest, "")) == latest
            assert (before, serve.output.count("gateway connected"), "gateway lost" in serve.output) == (1, 1, False)
            assert run(given, as_json=True) == 0
            document = json.loads(capsys.readouterr().out)
            assert {row["Level"] for row in document} == {"ok"}
            assert set(document[0]) == {"Level", "Subject", "Detail", "Advice"}


async def test_what_a_read_only_gateway_refuses_is_worth_a_look(database_url: str, tmp_path: Path) -> None:
    async with Gateway(Scenario(frozen=True), read_only=True) as gateway:
        address = f"127.0.0.1:{gateway.port}"
        for collect, level, said in (
            ("all", Level.WARN, "it refuses what COLLECT asks of orders (321: "),
            ("-orders", Level.OK, "server version 200"),
        ):
            given = {"IB_GW": address, "COLLECT": collect}
            found = await asyncio.to_thread(look, database_url, tmp_path, **given)
            assert (found[f"gateway {address}"].level, said in found[f"gateway {address}"].detail) == (level, True)
    assert [[fields[0] for fields in each.requests] for each in gateway.connections] == [["71", "16"], ["71"]]


def test_wrong_settings_are_the_only_thing_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"IB_GW": "nowhere"}, as_json=False) == 1
    said = capsys.readouterr().out
    assert said.startswith("FAIL  settings: IB_GW='nowhere' is wrong: ")
    assert said.count("\n") == 1
    assert run({"HOST": "0.0.0.0"}, as_json=True) == 1


def test_postgres_that_is_away_and_gateways_that_are_none(database_url: str, tmp_path: Path) -> None:
    away = f"postgresql://u:s3cret@127.0.0.1:{unused_port()}/x"
    with Proxy(database_url) as proxy:
        proxy.cut(refuse=True)
        found = look(away, tmp_path / "data", DB_READ_URL=proxy.url)
    assert failing(found) >= {"Postgres", "Postgres for reads"}
    assert "s3cret" not in str(found)
    (gateway,) = [finding for subject, finding in found.items() if subject.startswith("gateway")]
    assert (gateway.level, "nothing listens" in gateway.detail) == (Level.FAIL, True)


@pytest.mark.parametrize("missing", ["nothing", "schema", "grants", "one grant"])
def test_what_roles_lack_is_named(empty_database_url: str, tmp_path: Path, missing: str) -> None:
    run_file(empty_database_url, ROLES)
    owner, recorder = as_role(empty_database_url, "owner"), as_role(empty_database_url, "recorder")
    if missing != "schema":
        migrate(owner)
    if missing in ("nothing", "one grant"):
        run_file(owner, GRANTS)
        ensure(recorder)
    if missing == "one grant":
        execute(owner, "REVOKE DELETE ON coordination.instance FROM ibconnect_recorder")
    found = look(recorder, tmp_path / "data", DB_READ_URL=as_role(empty_database_url, "reader"))
    if missing == "nothing":
        assert {found[each].level for each in ("schema", "rights", "Postgres for reads")} == {Level.OK}
        assert look(owner, tmp_path / "data")["rights"].level is Level.WARN
    elif missing == "schema":
        assert "schema" in failing(found)
        assert "ibconnect migrate` as ibconnect_owner" in found["schema"].advice
    else:
        lack = "INSERT on public.stored_events" if missing == "grants" else "DELETE on coordination.instance"
        assert lack in found["rights"].detail
        assert "`ibconnect migrate` as ibconnect_owner" in found["rights"].advice
        assert give_rights(owner)
        assert look(recorder, tmp_path / "data")["rights"].level is Level.OK, "as advised"


def test_schemas_of_other_versions_and_none(database_url: str, empty_database_url: str, tmp_path: Path) -> None:
    assert look(empty_database_url, tmp_path)["schema"].level is Level.OK
    execute(database_url, "DELETE FROM schema_migration WHERE number = (SELECT max(number) FROM schema_migration)")
    assert look(database_url, tmp_path)["schema"].level is Level.WARN
    execute(database_url, "INSERT INTO schema_migration (number, name) VALUES (9999, 'of the future')")
    found = look(database_url, tmp_path)["schema"]
    assert (found.level, found.advice) == (Level.FAIL, "upgrade this one")


def test_a_database_that_only_reads(server_url: str, database_url: str, tmp_path: Path) -> None:
    set_read_only(server_url, database_url, "on")
    found = look(database_url, tmp_path)["Postgres"]
    assert (found.level, "can only be read" in found.detail) == (Level.FAIL, True)


def test_what_lies_in_the_spool_and_how_much_room_there_is(database_url: str, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    tmp_path.chmod(0o700)
    assert look(database_url, tmp_path)["spool"].detail == "empty"
    (spool / ("0" * 32)).mkdir()
    (spool / ("0" * 32) / "00000001.segment").write_bytes(bytes(2048))
    found = look(database_url, tmp_path)
    assert (found["spool"].level, "1 journals, 2.0 KiB" in found["spool"].detail) == (Level.OK, True)
    (spool / "refused-x.rows").write_bytes(bytes(10))
    found = look(database_url, tmp_path, SPOOL_MAX_BYTES="900T")
    assert (found["spool"].level, "refused-x.rows" in found["spool"].detail) == (Level.WARN, True)
    assert found["disk"].level is Level.WARN
    tmp_path.chmod(0o755)
    assert "chmod 700" in look(database_url, tmp_path)["data directory"].advice


def test_data_directories_that_will_not_do(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert "settings" in failing(look(database_url, file)), "no start would get further"
    assert "data directory" in failing(look(database_url, Path("/proc/1/ibconnect")))
    found = look(database_url, tmp_path / "new" / "one")
    assert found["data directory"].level is Level.OK
    assert not (tmp_path / "new").exists()


@as_a_user
def test_a_directory_that_cannot_be_written(database_url: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "data directory" in failing(look(database_url, tmp_path))
    assert "data directory" in failing(look(database_url, tmp_path / "new"))


async def _answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As a web server answers what it does not understand."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def test_a_gateway_that_has_no_account_or_is_something_else(database_url: str, tmp_path: Path) -> None:
    async with Gateway(Scenario.demo()) as gateway:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        given = f"127.0.0.1:{gateway.port},127.0.0.1:{port}"
        found = await asyncio.to_thread(look, database_url, tmp_path, IB_GW=given)
        server.close()
    assert found[f"gateway 127.0.0.1:{gateway.port}"].level is Level.OK
    assert "no IB Gateway: check the port" in found[f"gateway 127.0.0.1:{port}"].detail


def test_the_embedded_postgres_is_not_made_by_a_look_but_looked_at_if_it_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    directory = scratch("ibc-check-")
    try:
        found = by_subject(DATA_DIR=str(directory), IB_GW=f"127.0.0.1:{unused_port()}")
        assert "serve` makes one" in found["Postgres"].detail
        assert list(directory.iterdir()) == []
        with EmbeddedPostgres(directory) as server:
            migrate(server.url)
        found = by_subject(DATA_DIR=str(directory), IB_GW=f"127.0.0.1:{unused_port()}")
        assert (found["schema"].level, found["rights"].level) == (Level.OK, Level.OK)
        wait_for(lambda: not list(directory.glob("pg*/postmaster.pid")), "the server is stopped again")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_a_check_that_breaks_or_hangs_is_a_finding_and_the_others_go_on(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def hangs(_: object) -> Iterator[Finding]:
        over.wait()
        return iter(())

    def breaks(_: object) -> Iterator[Finding]:
        raise RuntimeError("unheard of")

    monkeypatch.setattr("ibconnect.checking.checks._LONGEST_S", 0.1)
    monkeypatch.setattr("ibconnect.checking.checks.check_postgres", hangs)
    monkeypatch.setattr("ibconnect.checking.checks.check_disk", breaks)
    found = look(database_url, tmp_path)
    over.set()
    assert "no answer within" in found["Postgres"].detail
    assert "RuntimeError: unheard of" in found["data directory"].detail
