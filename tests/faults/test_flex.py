"""Real processes that fetch Flex statements: killed in the middle, two at once; nothing is lost, doubled, or told."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from ibconnect.database.pools import connect
from ibconnect.simulator.flex import BulkPlan, BulkSource, FlexService
from ibconnect.statements.flex.days import last_day
from tests.faults.lab import chance, rounds
from tests.integration.test_secrets import has_pieces
from tests.processes import Process, get, process
from tests.statements import stored_documents
from tests.waiting import wait_for

# No piece of it may come by chance, as one of digits does among the figures of /metrics.
TOKEN = "kXq7ZwV9jPz4QhY2vGx8TbJ"
API_TOKEN = "an-api-token-0123456789"
QUERIES = ("910001", "910002")
SERIES = ('ibconnect_statements_fetched_total{new="true",', "ibconnect_statements_due_timestamp_seconds{")
LAST = last_day(datetime.now(UTC))


class Flex:
    """The simulated service, in a thread of its own."""

    def __init__(self, service: FlexService, loop: asyncio.AbstractEventLoop) -> None:
        self.service = service
        self._loop = loop

    def count(self, path: str = "") -> int:
        """How many requests came."""
        return sum(each.path.endswith(path) for each in list(self.service.asked))

    def codes(self) -> set[int]:
        """What they were told."""
        return {each.code for each in list(self.service.asked)}


@contextmanager
def listening(days: int, **options: Any) -> Iterator[Flex]:
    ready, made = threading.Event(), list[Flex]()
    overs: list[asyncio.Event] = []
    source = BulkSource(BulkPlan(accounts=2, first=LAST - timedelta(days=days), last=LAST, every_day=True))

    async def serve() -> None:
        overs.append(asyncio.Event())
        async with FlexService(source, token=TOKEN, stamp="night", **options) as service:
            made.append(Flex(service, asyncio.get_running_loop()))
            ready.set()
            await overs[0].wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield made[0]
    finally:
        made[0]._loop.call_soon_threadsafe(overs[0].set)
        thread.join()


def settings(database_url: str, flex: Flex, directory: Path, **more: str) -> dict[str, str]:
    return {
        "DB_URL": database_url,
        "DATA_DIR": str(directory / "data"),
        "IB_GW": "127.0.0.1:1",
        "PORT": "0",
        "HOST": "127.0.0.1",
        "FLEX_URL": flex.service.url,
        "FLEX_TOKEN": TOKEN,
        "FLEX_QUERIES": ",".join(QUERIES),
        "LOG_LEVEL": "debug",
        **more,
    }


def got(database_url: str) -> int:
    """How many queries have been answered."""
    with connect(database_url, name="test") as connection:
        row = connection.execute("SELECT count(got) FROM coordination.flex_query").fetchone()
    return int(row[0]) if row else 0


def make_due(database_url: str) -> None:
    """Have the same days asked for again, at once."""
    with connect(database_url, name="test") as connection:
        connection.execute("UPDATE coordination.flex_query SET due = now(), got = NULL, up_to = NULL")
        connection.execute("DELETE FROM coordination.flex_request")


def are_gone(database_url: str) -> bool:
    """Whether Postgres has ended what killed processes had under way."""
    query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'ibconnect %'"
    with connect(database_url, name="test") as connection:
        return not connection.execute(f"{query} AND pid <> pg_backend_pid()").fetchall()


def whole(database_url: str) -> list[bytes]:
    """The documents that are recorded, each once."""
    found = list(stored_documents(database_url).values())
    with connect(database_url, name="test") as connection:
        listed = {bytes(row[0]) for row in connection.execute("SELECT digest FROM coordination.statement")}
    assert listed == {sha256(each).digest() for each in found}
    assert len(listed) == len(found)
    return found


def body(url: str, path: str) -> str:
    """What it answers, ready or not."""
    asked = Request(url + path, headers={"Authorization": f"Bearer {API_TOKEN}"})
    try:
        with urlopen(asked) as response:
            return str(response.read().decode())
    except HTTPError as exc:
        with exc:
            return str(exc.read().decode())


def test_a_service_fetches_and_tells_the_token_to_nobody(database_url: str, tmp_path: Path) -> None:
    with listening(40, pacing=True) as flex:
        given = settings(database_url, flex, tmp_path, API_TOKENS=f"{API_TOKEN}@*")
        with process(tmp_path / "log", "serve", **given) as serve:
            url = serve.url()
            wait_for(lambda: got(database_url) == 2, lambda: f"both are fetched:\n{serve.output}")
            said = [repr(get(f"{url}/v1/statements/queries", Authorization=f"Bearer {API_TOKEN}"))]
            assert "LastSuccess" in said[0]
            # What records has fetched; what serves hears of it a moment later.
            wait_for(lambda: all(each in body(url, "/metrics") for each in SERIES), "the series are there")
            said += [body(url, path) for path in ("/readyz", "/metrics", "/v1/openapi.json")]
            ours = psutil.Process(serve.popen.pid)
            said += [" ".join(each.cmdline()) for each in (ours, *ours.children(recursive=True))]
            serve.stop()
        said.append(serve.output)
        for verb in ("config", "check"):
            with process(tmp_path / verb, verb, **given) as ran:
                ran.popen.wait(60)
            said.append(ran.output)
        assert "Flex query 910001" in said[-1]
        assert "a Flex statement was fetched" in serve.output
        assert [has_pieces(each, TOKEN) for each in said] == [[]] * len(said)
        assert flex.codes() == {0}, "at the pace that IBKR allows"
        assert len(whole(database_url)) == 2


def killed(database_url: str, directory: Path, kills: int) -> None:
    random = chance("flex kills")
    with listening(400, pacing=False, slow_tries=1) as flex:
        given = settings(database_url, flex, directory)
        for number in range(kills):
            before = flex.count()
            with process(directory / f"log{number}", "record", **given) as recorder:
                wanted = before + random.randint(1, 6)
                wait_for(lambda: flex.count() >= wanted or got(database_url) == 2, recorder_said(recorder))  # noqa: B023
                # From the last request on it is received, checked, stored, noted.
                threading.Event().wait(random.uniform(0.0, 0.4))
                recorder.popen.kill()
            wait_for(lambda: are_gone(database_url), "Postgres has seen its end")
            whole(database_url)
            make_due(database_url)
        with process(directory / "last", "record", **given) as recorder:
            wait_for(lambda: got(database_url) == 2, recorder_said(recorder))
            recorder.stop()
    assert len(whole(database_url)) == 2


def recorder_said(recorder: Process) -> Any:
    return lambda: f"it goes on:\n{recorder.output}"


@pytest.mark.slow
def test_a_recorder_that_is_killed_while_it_fetches_loses_and_doubles_nothing(
    database_url: str, tmp_path: Path
) -> None:
    killed(database_url, tmp_path, 2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_kills_while_statements_are_fetched(database_url: str, tmp_path: Path) -> None:
    killed(database_url, tmp_path, rounds(25))


def test_two_instances_fetch_each_query_once(database_url: str, tmp_path: Path) -> None:
    with listening(40, pacing=False, slow_tries=2) as flex:
        names = ("one", "two")
        given = {name: settings(database_url, flex, tmp_path / name, INSTANCE=name) for name in names}
        for name in names:
            (tmp_path / name).mkdir()
        with (
            process(tmp_path / "log1", "record", **given["one"]) as one,
            process(tmp_path / "log2", "record", **given["two"]),
        ):
            wait_for(lambda: got(database_url) == 2, recorder_said(one))
            assert flex.count("SendRequest") == 2
        wait_for(lambda: are_gone(database_url), "Postgres has seen their end")
        assert len(whole(database_url)) == 2


@pytest.mark.slow
def test_another_instance_takes_over_from_one_that_dies_while_it_fetches(database_url: str, tmp_path: Path) -> None:
    with listening(40, pacing=False) as flex:
        flex.service.inject("silence", seconds=3600, count=1, on="get")
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        with process(tmp_path / "log1", "record", **settings(database_url, flex, tmp_path / "one")) as one:
            wait_for(lambda: flex.count("GetStatement"), recorder_said(one))
            with process(tmp_path / "log2", "record", **settings(database_url, flex, tmp_path / "two")) as two:
                two.said("started")
                assert got(database_url) == 0
                one.popen.kill()
                wait_for(lambda: got(database_url) == 2, recorder_said(two))
        wait_for(lambda: are_gone(database_url), "Postgres has seen their end")
        assert len(whole(database_url)) == 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_requests_keep_ibkrs_pace_over_processes(database_url: str, tmp_path: Path) -> None:
    """Twelve requests of two processes, one after the other, each told 1018 if it came too soon."""
    with listening(40, pacing=True, slow_tries=1) as flex:
        given = settings(database_url, flex, tmp_path)
        for number in range(2):
            with process(tmp_path / f"log{number}", "record", **given) as recorder:
                wait_for(lambda: flex.count() >= 6 * (number + 1), recorder_said(recorder), seconds=200)  # noqa: B023
                wait_for(lambda: got(database_url) == 2, recorder_said(recorder), seconds=200)
                recorder.stop()
            with connect(database_url, name="test") as connection:
                connection.execute("UPDATE coordination.flex_query SET due = now(), got = NULL")
        assert 1018 not in flex.codes()
