"""The command as its users run it: processes, signals, exit codes, what the terminal shows."""

import json
import re
import signal
import stat
import tempfile
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from socket import socket

import pytest

from ibconnect.database.pools import connect
from tests.paths import CAPTURES
from tests.processes import STOPS_S, Process, accounts, get, process
from tests.waiting import DEADLINE_S, wait_for

CAPTURE = str(CAPTURES / "eur-cfd.jsonl")


def gateway_port(gateway: Process) -> str:
    return gateway.said(r"127\.0\.0\.1:(\d+)")[1]


def run(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run a verb to its end: exit code and output."""
    with tempfile.TemporaryDirectory() as folder, process(Path(folder) / "log", *arguments, **settings) as ran:
        return ran.popen.wait(DEADLINE_S), ran.output


def test_serve_records_serves_and_stops_in_time(open_place: Path, tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(open_place), "PORT": "0", "HOST": "127.0.0.1"}
    with process(tmp_path / "gateway", "simulate", "--port", "0", "--capture", CAPTURE) as gateway:
        settings["IB_GW"] = f"127.0.0.1:{gateway_port(gateway)}"
        latest: dict[str, str] = {}
        for number in (signal.SIGTERM, signal.SIGINT):
            with process(tmp_path / "serve", "serve", **settings) as serve:
                latest = accounts(serve.url(), 1, after=latest)
                assert serve.stop(number) < STOPS_S
                assert serve.popen.returncode == 0
                assert "Traceback" not in serve.output
                assert "DU0000001" not in serve.output
        assert gateway.stop(signal.SIGTERM) < STOPS_S
    assert not (open_place / "spool").exists() or list((open_place / "spool").iterdir()) == []


@pytest.mark.slow
def test_a_killed_serve_is_followed_by_one_that_closes_its_session(
    database_url: str, open_place: Path, tmp_path: Path
) -> None:
    settings = {"DB_URL": database_url, "DATA_DIR": str(open_place), "PORT": "0", "HOST": "127.0.0.1"}
    with process(tmp_path / "gateway", "simulate", "--port", "0", "--capture", CAPTURE) as gateway:
        settings["IB_GW"] = f"127.0.0.1:{gateway_port(gateway)}"
        with process(tmp_path / "first", "serve", **settings) as serve:
            first = accounts(serve.url(), 1)
            serve.stop(signal.SIGKILL)
        with process(tmp_path / "second", "serve", **settings) as serve:
            serve.said("a session left open by a killed instance was closed")
            assert accounts(serve.url(), 1, after=first)
            assert serve.stop() < STOPS_S
    with connect(database_url, name="test") as connection:
        query = """
            SELECT convert_from(state, 'UTF8')::jsonb ->> 'reason' FROM stored_events WHERE topic = 'sc' ORDER BY 1
        """
        assert [reason for (reason,) in connection.execute(query)] == ["orphaned", "stopped"]


@pytest.mark.slow
def test_two_instances_share_one_embedded_postgres(open_place: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        gateway = stack.enter_context(process(tmp_path / "gateway", "simulate", "--port", "0", "--capture", CAPTURE))
        settings = {
            "DATA_DIR": str(open_place),
            "PORT": "0",
            "HOST": "127.0.0.1",
            "IB_GW": f"127.0.0.1:{gateway_port(gateway)}",
        }
        both = [stack.enter_context(process(tmp_path / name, "serve", **settings)) for name in ("a", "b")]
        before = [accounts(each.url(), 1)["DU0000001"] for each in both]
        assert before[0] == before[1]
        for each in both:
            status, rows = get(f"{each.url()}/v1/accounts", Cache_Control="max-age=0")
            assert status == 200
            assert rows[0]["Latest"] > before[0]
        assert sum("this instance records the gateway" in each.output for each in both) == 1
        code, output = run("rebuild", DATA_DIR=str(open_place))
        assert (code, "rebuilt the snapshot tables" in output) == (0, True)
        assert all(accounts(each.url(), 1) for each in both)


def test_without_postgres_serve_waits_and_can_be_stopped(open_place: Path, tmp_path: Path) -> None:
    with process(
        tmp_path / "serve", "serve", DB_URL="postgresql://u:secret@127.0.0.1:1/x", DATA_DIR=str(open_place), PORT="0"
    ) as serve:
        serve.said("Postgres is away")
        assert serve.stop() < STOPS_S
        assert serve.popen.returncode == 0
        assert "secret" not in serve.output


def test_a_wrong_setting_ends_with_code_2_and_one_line() -> None:
    code, output = run("serve", IB_GW="nowhere")
    assert (code, output.count("\n")) == (2, 1)
    assert output.startswith("ibconnect: IB_GW='nowhere' is wrong: ")
    assert run("config", PORT="x")[0] == 2


def test_the_demo_is_refused_a_database_of_the_environment() -> None:
    for name in ("DB_URL", "DB_URL_FILE"):
        code, output = run("demo", **{name: "postgresql://127.0.0.1:1/real"})
        assert (code, output.count("\n")) == (2, 1)
        assert output.rstrip().endswith(f"unset {name}")


def test_a_variable_that_is_almost_a_setting_is_told(tmp_path: Path) -> None:
    code, output = run("config", DB_ULR="postgresql://u:secret@h/d")
    assert (code, "DB_ULR is set, and is no setting; DB_URL is one" in output) == (0, True)
    assert "secret" not in output
    url = "postgresql://127.0.0.1:1/x"
    with process(tmp_path / "log", "serve", IB_GWS="x", DB_URL=url, DATA_DIR=str(tmp_path / "d"), PORT="0") as serve:
        assert "IB_GWS" in serve.said("a variable is named almost like a setting.*")[0]
        serve.said("Postgres is away")
        serve.stop()


def test_the_first_line_of_serve_says_where_the_page_is(tmp_path: Path) -> None:
    with socket() as held:
        held.bind(("127.0.0.1", 0))
        port = str(held.getsockname()[1])
    for web, page in (("true", f"http://127.0.0.1:{port}/"), ("false", None)):
        log, data = tmp_path / f"serve-{web}", str(tmp_path / f"data-{web}")
        given = {"DB_URL": "postgresql://127.0.0.1:1/x", "DATA_DIR": data, "HOST": "127.0.0.1", "PORT": port}
        with process(log, "serve", LOG_FORMAT="json", WEB=web, **given) as serve:
            serve.said("service_starting")
            (line,) = serve.told("service_starting")
            assert json.loads(serve.output.splitlines()[0]) == line
            assert line.get("page") == page


def test_a_host_beyond_loopback_is_not_served_without_tokens(open_place: Path) -> None:
    for verb in ("config", "serve"):
        code, output = run(verb, HOST="0.0.0.0", DATA_DIR=str(open_place), DB_URL="postgresql://127.0.0.1:1/x")
        assert code == 2
        assert "API_TOKENS" in output


def test_a_token_without_its_rights_is_told_before_the_release_that_refuses_it(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("first-token-0123456789@DU1\nfull-token-01234567890;name=x # of the back office\n")
    code, output = run("config", API_TOKENS_FILE=str(file))
    assert code == 0
    assert "ibconnect: API_TOKENS, entry 2: an API token without @ has full rights; the next release" in output
    assert "entry 1" not in output
    given = {"DB_URL": "postgresql://127.0.0.1:1/x", "DATA_DIR": str(tmp_path / "d"), "PORT": "0"}
    with process(tmp_path / "log", "serve", API_TOKENS_FILE=str(file), **given) as serve:
        assert "entry=2" in serve.said("an API token without @ has full rights.*")[0]
        serve.said("Postgres is away")
        serve.stop()
    assert "full-token" not in output + (tmp_path / "log").read_text()


def test_help_and_config_tell_every_setting() -> None:
    code, text = run("--help")
    assert code == 0
    config_code, shown = run("config", DB_URL="postgresql://u:secret@h/d")
    assert config_code == 0
    assert "secret" not in shown
    for line in shown.splitlines():
        name = line.split("=", 1)[0]
        assert re.search(rf"^  {name}  +\S", text, re.MULTILINE), f"{name} stands apart from what it means"


def test_migrate_and_a_database_newer_than_the_code(database_url: str) -> None:
    assert run("migrate", DB_URL=database_url) == (0, "the database's schema is up to date\n")
    with connect(database_url, name="test") as connection:
        connection.execute("INSERT INTO schema_migration (number, name) VALUES (99, 'future')")
    code, output = run("migrate", DB_URL=database_url)
    assert code == 1
    assert "newer ibconnect" in output


def _days_of(url: str, codes: list[str]) -> list[date]:
    """The days of which every account has a value, if there are two years of them."""
    found: list[set[str]] = []
    for code in codes:
        status, rows = get(f"{url}/v1/accounts/{code}/nav?limit=1000")
        assert status == 200
        found.append({row["Day"] for row in rows})
    days = [date.fromisoformat(day) for day in set.intersection(*found)]
    return days if len(days) > 500 else []


@pytest.mark.slow
def test_the_demo_serves_an_advisors_accounts_and_stops_on_ctrl_c(open_place: Path, tmp_path: Path) -> None:
    real = open_place / "real"
    real.mkdir(mode=0o700)
    with process(tmp_path / "demo", "demo", DATA_DIR=str(real), PORT="0") as demo:
        url = demo.url()
        wait_for(lambda: "recorded: reports of every day" in demo.output, lambda: demo.output, 240)
        now = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        latest = accounts(url, 6, dict.fromkeys(accounts(url, 6), now))
        assert sum(code.startswith(("F", "DF")) for code in latest) == 1
        kinds: set[str] = set()
        sizes: set[bool] = set()
        currencies: set[str] = set()
        for code in latest:
            status, report = get(f"{url}/v1/accounts/{code}")
            assert status == 200
            kinds |= {row["SecurityType"] for row in report["Positions"]}
            sizes |= {row["Position"] % 1 != 0 for row in report["Positions"]}
            currencies.add(report["Balance"]["NetLiquidation"].split()[0])
        assert kinds >= {"STK", "OPT", "FUT", "CASH"}
        assert sizes == {True, False}
        assert len(currencies) > 1
        wait_for(lambda: "recorded: statements of every day" in demo.output, lambda: demo.output, 240)
        days = wait_for(lambda: _days_of(url, sorted(latest)), "two years of days before the demo began")
        assert datetime.now(UTC).date() - min(days) > timedelta(days=720)
        assert demo.stop(signal.SIGINT) < STOPS_S
        assert demo.popen.returncode == 0
        assert demo.output.rstrip().endswith("the recorded history stays where it is")
    kept = Path(re.search(r"history is kept in (\S+)", demo.output)[1])  # type: ignore[index]
    assert [path for path in real.iterdir() if path != kept] == [], "what a service has there is left alone"
    assert open_place in kept.parents
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
