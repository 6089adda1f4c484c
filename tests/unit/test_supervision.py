"""Parts of the service: started again with growing waits, given up when that does not help, and told either way."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest
from prometheus_client import REGISTRY

from ibconnect import troubles
from ibconnect.errors import DatabaseUnavailable, PartFailed, SchemaError
from ibconnect.service import supervision
from ibconnect.service.supervision import MOST_DEATHS, Parts, in_thread
from tests.recording import until
from tests.serving import logged


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a few milliseconds between two lives of a part."""
    monkeypatch.setattr(supervision, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(supervision, "_LONGEST_WAIT_S", 0.01)


@pytest.fixture
def loop_alone() -> Iterator[None]:
    yield
    assert troubles.lasting() == []


def dying(lives: list[Exception | None], then: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """What dies of each in turn (None: ends), and then goes on with ``then``."""

    async def run() -> None:
        if lives:
            exc = lives.pop(0)
            if exc is not None:
                raise exc
            return
        await then()

    return run


async def for_ever() -> None:
    await asyncio.Event().wait()


async def cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_part_that_dies_now_and_then_is_started_again_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "STEADY_S", 0.05)
    parts, lives = Parts(), [KeyError("odd"), None, ExceptionGroup("of one", [OSError(24, "Too many open files")])]
    before = REGISTRY.get_sample_value("ibconnect_part_failures_total", {"part": "the test"}) or 0.0
    with logged() as lines:
        task = parts.keep("the test", dying(lives, for_ever))
        await until(lambda: lives == [] and troubles.lasting(), "it has died three times")
        assert troubles.lasting()[0].endswith("the test: OSError (Too many open files)")
        await until(lambda: troubles.lasting() == [], "it runs steadily")
        told = [(line["kind"], line.get("reason")) for line in lines()]
        await cancelled(task)
    assert told == [
        ("part_restarted", "the test: KeyError"),
        ("part_restarted", "the test: RuntimeError"),
        ("part_restarted", "the test: OSError (Too many open files)"),
        ("part_steady", None),
    ]
    assert REGISTRY.get_sample_value("ibconnect_part_failures_total", {"part": "the test"}) == before + 3
    parts.check()


async def test_a_part_that_dies_too_often_ends_the_service_once_with_the_first_reason() -> None:
    parts = Parts()
    lives: list[Exception | None] = [ValueError(f"life {number}") for number in range(1, 10)]
    with logged() as lines:
        task = parts.keep("the first", dying(lives, for_ever))
        await asyncio.wait_for(parts.failed.wait(), 20)
        parts.died("the second", ValueError("later"))
        await asyncio.sleep(0)
        with pytest.raises(PartFailed) as caught:
            parts.check()
    assert str(caught.value) == f"the first has died for good: ValueError: life {MOST_DEATHS}"
    assert len(lives) == 9 - MOST_DEATHS
    assert [line["part"] for line in lines() if line["kind"] == "part_failed"] == ["the first"]
    assert task.done()
    assert troubles.lasting() == []


async def test_deaths_long_ago_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "WITHIN_S", 0.0)
    lives: list[Exception | None] = [ValueError("now and then") for _ in range(3 * MOST_DEATHS)]
    parts = Parts()
    task = parts.keep("the test", dying(lives, for_ever))
    await until(lambda: lives == [], "it was started each time")
    await asyncio.sleep(0)
    parts.check()
    await cancelled(task)


@pytest.mark.parametrize(
    "exc",
    [
        DatabaseUnavailable("away"),
        SchemaError("newer tables"),
        psycopg.OperationalError("closed"),
        psycopg.errors.InsufficientPrivilege("no"),
        psycopg.errors.UndefinedTable("gone"),
        ExceptionGroup("of one", [DatabaseUnavailable("away")]),
    ],
    ids=lambda exc: type(exc).__name__,
)
async def test_nobody_gives_up_because_of_what_postgres_says(exc: Exception) -> None:
    lives: list[Exception | None] = [exc] * (3 * MOST_DEATHS)
    parts = Parts()
    task = parts.keep("the test", dying(lives, for_ever))
    await until(lambda: lives == [], "it was started each time")
    parts.check()
    await cancelled(task)


async def test_a_watched_task_may_be_cancelled_but_neither_end_nor_die() -> None:
    async def end() -> None:
        pass

    for may_end, work, fails in ((False, end, True), (True, end, False), (False, for_ever, False)):
        parts = Parts()
        task = asyncio.create_task(work())
        parts.watch("the test", task, may_end=may_end)
        await asyncio.sleep(0)
        if work is for_ever:
            await cancelled(task)
        await task if not task.cancelled() else None
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert parts.failed.is_set() == fails


async def test_tasks_of_others_are_watched_by_their_names_and_must_be_running() -> None:
    parts, go = Parts(), asyncio.Event()

    async def die() -> None:
        await go.wait()
        raise KeyError("odd")

    task = asyncio.create_task(die(), name="their task")
    await asyncio.sleep(0)
    parts.watch_named({"their task": "their part"})
    await asyncio.sleep(0)
    parts.check()
    go.set()
    await asyncio.wait_for(parts.failed.wait(), 20)
    with pytest.raises(PartFailed, match="their part has died for good: KeyError: 'odd'"):
        parts.check()
    assert task.done()
    other = Parts()
    other.watch_named({"their task": "their part"})
    await asyncio.wait_for(other.failed.wait(), 20)
    with pytest.raises(PartFailed, match="their part has died for good: RuntimeError: it did not even begin"):
        other.check()


async def test_any_thread_may_say_that_it_dies() -> None:
    parts = Parts()
    thread = threading.Thread(target=parts.died, args=("the thread", SystemExit(3)))
    thread.start()
    await asyncio.wait_for(parts.failed.wait(), 20)
    thread.join()
    with pytest.raises(PartFailed, match="the thread has died for good: SystemExit: 3"):
        parts.check()


def test_after_the_end_nobody_is_told_and_nothing_fails() -> None:
    async def make() -> Parts:
        return Parts()

    parts = asyncio.run(make())
    parts.died("the thread", ValueError("late"))
    parts.check()


async def test_work_in_a_thread_gives_what_it_returns_or_raises() -> None:
    assert await in_thread(lambda: 7) == 7

    def fail() -> None:
        raise KeyError("odd")

    with pytest.raises(KeyError, match="odd"):
        await in_thread(fail)


async def test_work_in_a_thread_that_nobody_waits_for_any_more_keeps_nobody_from_ending() -> None:
    begun, over = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert over.wait(60)

    task = asyncio.create_task(in_thread(work))
    await until(begun.is_set, "it has begun")
    await cancelled(task)
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "work"] == [True]
    over.set()
    await until(lambda: all(thread.name != "work" for thread in threading.enumerate()), "it has ended")
