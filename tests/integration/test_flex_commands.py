"""``ibconnect statements fetch`` and what ``ibconnect check`` says of Flex statements, as processes would be called."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ibconnect.checking.checks import findings
from ibconnect.checking.findings import Finding, Level
from ibconnect.cli import main as cli
from ibconnect.cli import statements_fetch
from ibconnect.simulator.flex import FlexService
from tests.integration.test_flex_fetching import (
    DAY,
    LAST,
    OTHER,
    QUERY,
    TIMES,
    TOKEN,
    change,
    documents,
    fetching,
    service,
    settings,
    state,
)
from tests.waiting import until


@pytest.fixture(autouse=True)
def logging_goes_on() -> Iterator[None]:
    """The command is a process of its own, which logs nothing more."""
    yield
    logging.disable(logging.NOTSET)


@contextmanager
def listening(days: int = 800) -> Iterator[FlexService]:
    """The simulated service in a thread: the command has an event loop of its own."""
    ready, over = threading.Event(), asyncio.Event()
    made: list[FlexService] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with service(days=days) as flex:
            made.append(flex)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield made[0]
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> None:
    """The pace of a test, and the settings of a user."""
    walk = statements_fetch.walk

    def hurried(*arguments: object, times: object) -> object:
        return walk(*arguments, times=TIMES)  # type: ignore[arg-type]

    monkeypatch.setattr(statements_fetch, "walk", hurried)
    for name, value in {"DB_URL": database_url, "DATA_DIR": str(tmp_path), "FLEX_TOKEN": TOKEN}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("quick")
def test_the_command_says_what_came_of_each_span_and_why_it_ended(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening() as flex:
        monkeypatch.setenv("FLEX_URL", flex.url)
        monkeypatch.setenv("FLEX_QUERIES", f"daily={QUERY}")
        assert cli.main(["statements", "fetch"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line[:32] for line in lines[:-1]] == [
            f"new     {first} to {last}"
            for first, last in (
                (LAST - 364 * DAY, LAST),
                (LAST - 729 * DAY, LAST - 365 * DAY),
                (LAST - 1094 * DAY, LAST - 730 * DAY),
            )
        ]
        assert "730 statements of 2 accounts" in lines[0]
        assert lines[-1].startswith(f"daily={QUERY}: IBKR gives nothing of ")
        assert len(documents(database_url)) == 3
        again = ["statements", "fetch", "--again", "--query", "daily", "--from", str(LAST - 364 * DAY)]
        assert cli.main(again) == 0
        assert capsys.readouterr().out.startswith("known  ")
        assert cli.main(["statements", "fetch", "--query", OTHER, "--from", str(LAST), "--to", str(LAST)]) == 0
        assert "have been fetched" in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "no query is named"),
        (["--query", "x y"], 2, "is neither in FLEX_QUERIES"),
        (["--query", QUERY, "--from", "2026-02-01", "--to", "2026-01-01"], 2, "later than --to"),
        (["--query", QUERY, "--from", "yesterday"], 2, "is not a day such as"),
        (["--query", QUERY], 1, "1012"),
    ],
)
def test_what_cannot_be_fetched_is_said_and_fails(
    arguments: list[str], status: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening(days=10) as flex:
        flex.inject("code", code="1012", count=0)
        monkeypatch.setenv("FLEX_URL", flex.url)
        try:
            code = cli.main(["statements", "fetch", *arguments])
        except SystemExit as exc:
            code = int(str(exc.code))
        said = capsys.readouterr()
    assert code == status
    assert says in said.err
    assert TOKEN not in said.err + said.out


async def test_check_says_how_far_each_query_has_got_and_asks_nothing(database_url: str, tmp_path: Path) -> None:
    async with service() as flex:
        given = {
            "DB_URL": database_url,
            "DATA_DIR": str(tmp_path),
            "IB_GW": "127.0.0.1:1",
            "FLEX_URL": flex.url,
            "FLEX_TOKEN": TOKEN,
            "FLEX_QUERIES": f"daily={QUERY},555",
        }

        async def found(**changed: str) -> dict[str, Finding]:
            said = await asyncio.to_thread(lambda: list(findings({**given, **changed})))
            assert TOKEN not in str(said)
            return {each.subject: each for each in said if each.subject.startswith("Flex")}

        before = await found()
        assert {each.level for each in before.values()} == {Level.OK}
        assert "not fetched yet" in before[f"Flex query daily={QUERY}"].detail
        async with fetching(settings(database_url, flex, FLEX_QUERIES=given["FLEX_QUERIES"])):
            await until(
                lambda: state(database_url).get("got") and state(database_url, "555").get("error"), "both tried"
            )
        asked = len(flex.asked)
        after = await found()
        assert f"up to {LAST}; next" in after[f"Flex query daily={QUERY}"].detail
        assert after["Flex query 555"].level is Level.WARN
        assert "1014" in after["Flex query 555"].detail
        missing = await found(FLEX_TOKEN="", FLEX_TOKEN_FILE=str(tmp_path / "none"))
        assert missing["Flex token"].level is Level.FAIL
        assert await found(FLEX_TOKEN="", FLEX_QUERIES="") == {}
        assert (await found(FLEX_QUERIES=""))["Flex queries"].level is Level.WARN
        assert len(flex.asked) == asked


async def test_check_lives_without_the_table(database_url: str, tmp_path: Path) -> None:
    """Of a version before."""
    change(database_url, "DROP TABLE coordination.flex_query")
    given = {"DB_URL": database_url, "DATA_DIR": str(tmp_path), "FLEX_TOKEN": TOKEN, "FLEX_QUERIES": QUERY}
    said = await asyncio.to_thread(lambda: [each for each in findings(given) if each.subject.startswith("Flex")])
    assert {each.level for each in said} == {Level.OK}
