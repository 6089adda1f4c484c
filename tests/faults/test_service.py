"""The whole service, as users start it: killed, and without its Postgres; it answers, or says when to come back."""

import json
import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from ibconnect.database.embedded.directories import cluster_directory
from tests.faults.family import family
from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators, Store, assert_all, chance, rounds, row, surely_read
from tests.faults.processes import Server, running_server
from tests.paths import scratch
from tests.processes import STOPS_S, accounts, process
from tests.waiting import wait_for


def ask(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body; redirects are followed."""
    request = urllib.request.Request(url, headers={name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def assert_sensible(url: str, paths: list[str]) -> set[int]:
    """Each path is answered, or with 503 and the time to come back; which statuses there were."""
    found = set()
    with ThreadPoolExecutor() as at_once:
        answers = list(at_once.map(lambda path: ask(f"{url}{path}"), paths))
    for path, (status, headers, body) in zip(paths, answers, strict=True):
        found.add(status)
        assert status in (200, 503), (path, status, body)
        if status == 503 and path != "/readyz":
            assert int(headers["Retry-After"]) >= 1
            assert json.loads(body)["status"] == 503
    return found


def outages(server: Server, simulators: Simulators, directory: Path, times: int) -> None:
    random, line = chance("service without Postgres"), row("service without Postgres (killed -9)")
    settings = {"DB_URL": server.url, "IB_GW": simulators.addresses, "PORT": "0", "DATA_DIR": str(directory / "data")}
    with process(directory / "log", "serve", **settings) as service:
        url = service.url()
        latest = accounts(url, 2)
        reports = [f"/v1/accounts/{account}/{created}" for account, created in latest.items()]
        paths = ["/healthz", "/readyz", "/v1/accounts", "/v1/gateways", f"/v1/accounts/{next(iter(latest))}"]
        before = [ask(url + report)[2] for report in reports]
        for _ in range(times):
            server.kill()
            assert ask(f"{url}/healthz")[0] == 200
            assert 503 in assert_sensible(url, paths)
            assert [ask(url + report)[2] for report in reports] == before, "reports are answered from the cache"
            time.sleep(random.uniform(0.0, 1.0))
            server.start()
            began = time.monotonic()
            wait_for(lambda: assert_sensible(url, [*paths, *reports]) == {200}, "everything is answered again")
            assert [ask(url + report)[2] for report in reports] == before
            wait_for(lambda: refreshed(url), "a refresh is answered")
            latest = accounts(url, 2, after=latest)
            line.note(time.monotonic() - began)
        assert service.stop() < STOPS_S
        assert service.popen.returncode == 0


def refreshed(url: str) -> bool:
    return ask(f"{url}/v1/accounts", Cache_Control="max-age=0")[0] == 200


def test_a_service_that_starts_without_postgres_says_so_until_it_is_there(tmp_path: Path) -> None:
    with running_server() as server, Simulators(1) as simulators:
        server.stop()
        port = unused_port()
        url = f"http://localhost:{port}"
        settings = {"DB_URL": server.url, "IB_GW": simulators.addresses, "PORT": str(port), "DATA_DIR": str(tmp_path)}
        with process(tmp_path / "log", "serve", **settings) as service:
            wait_for(lambda: answers(url), "it answers")
            assert ask(f"{url}/healthz")[0] == 200
            with ThreadPoolExecutor() as at_once:
                ready = at_once.submit(ask, f"{url}/readyz")
                assert assert_sensible(url, ["/v1/accounts", "/v1/gateways"]) == {503}
            assert json.loads(ready.result()[2]) == {"Ready": False, "Reasons": ["the database cannot be reached"]}
            server.start()
            assert service.url() == url
            wait_for(lambda: refreshed(url), "a refresh is answered")
            assert ask(f"{url}/readyz")[0] == 200
            assert service.stop() < STOPS_S


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_service_started_again_without_postgres_records_to_the_spool(tmp_path: Path) -> None:
    line = row("service killed (-9) and started without Postgres")
    settings = {"PORT": "0", "DATA_DIR": str(tmp_path / "data")}
    with running_server() as server, Simulators(1, rate=200) as simulators:
        settings |= {"DB_URL": server.url, "IB_GW": simulators.addresses}
        store, judge = Store(server.url), Judge(server.url, simulators.gateways)
        with process(tmp_path / "first", "serve", **settings) as service:
            store.wait_for_sessions(0, 1)
            server.stop()
            simulators.go_on(100)
            sent = surely_read(simulators, family(service)["record"].suspend)
        with process(tmp_path / "second", "serve", **settings) as service:
            assert ask(f"{service.url()}/readyz")[0] == 503
            connections = simulators.gateways[0].connections
            wait_for(lambda: len(connections) > 1 and len(connections[-1].sent) > 1000, "it records")
            before = time.time()
            server.start()
            line.note(store.wait_for_marks(simulators), judge.lost(sent))
            wait_for(lambda: refreshed(service.url()), "a refresh is answered")
            assert service.stop() < STOPS_S
        assert_all(judge, store)
        first, second = sessions(server.url)
        assert (first.reason, second.reason) == ("orphaned", "stopped")
        assert line.lost == 0
        assert second.opened < (before - 2.0) * 1e6, "what came before Postgres was back is there, with its time"


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_it_ends_if_the_database_turns_out_to_be_newer(tmp_path: Path) -> None:
    settings = {"PORT": "0", "DATA_DIR": str(tmp_path / "data")}
    with running_server() as server, Simulators(1) as simulators:
        settings |= {"DB_URL": server.url, "IB_GW": simulators.addresses}
        with process(tmp_path / "first", "serve", **settings):
            Store(server.url).wait_for_sessions(0, 1)
        server.do("INSERT INTO public.schema_migration (number, name) VALUES (9999, '9999_of_a_newer_version')")
        server.stop()
        with process(tmp_path / "second", "serve", **settings) as service:
            service.url()
            server.start()
            assert service.popen.wait(30) != 0
            assert "9999" in (tmp_path / "second").read_text()


def answers(url: str) -> bool:
    with suppress(OSError):
        return ask(f"{url}/healthz")[0] == 200
    return False


def kills(server: Server, simulators: Simulators, directory: Path, times: int) -> None:
    """Kill the service now at work, now while it starts; the next start serves what there was and refreshes."""
    random, line = chance("service killed"), row("whole service killed (-9)")
    store, judge = Store(server.url), Judge(server.url, simulators.gateways)
    settings = {"DB_URL": server.url, "IB_GW": simulators.addresses, "PORT": "0", "DATA_DIR": str(directory / "data")}
    for number in range(times):
        position = store.position()
        with process(directory / f"log{number}", "serve", **settings) as service:
            if random.random() < 0.3:
                time.sleep(random.uniform(0.0, 1.5))
                line.note(0.0)
                continue
            line.note(store.wait_for_sessions(position, len(simulators.gateways)))
            wait_for(lambda service=service: refreshed(service.url()), "a refresh is answered")
            time.sleep(random.uniform(0.0, 0.3))
    position = store.position()
    with process(directory / "last", "serve", **settings) as service:
        store.wait_for_sessions(position, len(simulators.gateways))
        service.stop()
    assert_all(judge, store)
    assert {session.reason for session in sessions(server.url)} <= {"orphaned", "stopped"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_postgres_the_service_answers_what_it_can(tmp_path: Path) -> None:
    with running_server() as server, Simulators(1) as simulators:
        outages(server, simulators, tmp_path, rounds(10))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_many_kills_of_the_service(tmp_path: Path) -> None:
    with running_server() as server, Simulators(2, rate=100) as simulators:
        kills(server, simulators, tmp_path, rounds(12))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_refresh_asked_anywhere_is_done_by_the_leader_and_answered_everywhere(tmp_path: Path) -> None:
    with running_server() as server, Simulators(2) as simulators:
        settings = {"DB_URL": server.url, "IB_GW": simulators.addresses, "PORT": "0"}
        with (
            process(tmp_path / "one", "serve", DATA_DIR=str(tmp_path / "a"), INSTANCE="anna", **settings) as one,
            process(tmp_path / "two", "serve", DATA_DIR=str(tmp_path / "b"), INSTANCE="bert", **settings) as two,
        ):
            before = accounts(one.url(), 4)
            leaders = "SELECT count(DISTINCT instance) FROM coordination.gateway WHERE connected"
            wait_for(lambda: server.do(leaders)[0][0] == 2, "each records one gateway")
            assert refreshed(two.url())
            after = accounts(one.url(), 4, after=before)
            assert refreshed(one.url())
            assert accounts(two.url(), 4, after=after)
            assert accounts(one.url(), 4, after=after) == accounts(two.url(), 4, after=after)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_killed_embedded_postgres_is_started_again(tmp_path: Path) -> None:
    line = row("embedded Postgres killed (-9)")
    data = scratch("ibc-fault-")
    settings = {"PORT": "0", "DATA_DIR": str(data)}
    try:
        with (
            Simulators(1) as simulators,
            process(tmp_path / "log", "serve", IB_GW=simulators.addresses, **settings) as service,
        ):
            url = service.url()
            latest = accounts(url, 2)
            for _ in range(2):
                for postgres in processes_in(cluster_directory(data)):
                    os.kill(postgres, signal.SIGKILL)
                began = time.monotonic()
                service.said("started again")
                wait_for(lambda: refreshed(url), "a refresh is answered")
                latest = accounts(url, 2, after=latest)
                line.note(time.monotonic() - began)
            assert service.stop() < STOPS_S
    finally:
        shutil.rmtree(data, ignore_errors=True)


def processes_in(directory: Path) -> list[int]:
    """The processes whose working directory this is: those of a Postgres server."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cwd").readlink() == directory:
                found.append(int(entry.name))
    return found
