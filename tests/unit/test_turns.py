"""Turns at what is scarce: never more than there are, each holder's by rotation, and nobody waits for ever."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.http.server.floods import Floods
from ibconnect.http.server.holders import HOLDER, OURS, Company
from ibconnect.http.server.problems import Problem
from ibconnect.http.server.turns import Gate, Turns
from ibconnect.observe import Kind
from tests.serving import logged
from tests.waiting import DEADLINE_S, until

HOLDERS = st.sampled_from(["one", "other", "third", OURS])


def on_behalf(holder: str, work: "asyncio._CoroutineLike[str]") -> "asyncio.Task[str]":
    """A task that does a holder's work."""
    before = HOLDER.set(holder)
    try:
        return asyncio.get_running_loop().create_task(work)
    finally:
        HOLDER.reset(before)


async def some_turns() -> None:
    """Let everything that can go on do so: each of few steps takes a turn of the event loop."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_holder_leaves_a_turn_for_others_and_waits_for_himself() -> None:
    turns = Turns(3, 2, Company())
    mine = [on_behalf("one", turns.take()) for _ in range(5)]
    await some_turns()
    assert [task.done() for task in mine] == [True, True, False, False, False]
    theirs = on_behalf("other", turns.take())
    await some_turns()
    assert theirs.done(), "one was left"
    turns.give("one")
    await some_turns()
    assert not mine[2].done(), "in company one at a time"
    turns.give("one")
    await some_turns()
    assert [task.done() for task in mine] == [True, True, True, False, False]
    for task in mine:
        task.cancel()


async def test_holders_have_their_turns_by_rotation_and_ours_is_not_bounded() -> None:
    turns = Turns(1, 1, Company())
    assert await turns.take() == OURS
    tasks = [(holder, on_behalf(holder, turns.take())) for holder in ("one", "one", "one", "other", "third", "other")]
    came: list[str] = []
    current = OURS
    while len(came) < len(tasks):
        await some_turns()
        turns.give(current)
        await until(lambda: sum(task.done() for _, task in tasks) == len(came) + 1, "the next one has his turn")
        (current,) = (Counter(holder for holder, task in tasks if task.done()) - Counter(came)).elements()
        came.append(current)
    assert came == ["one", "other", "third", "one", "other", "one"]


async def test_a_turn_that_does_not_come_is_a_refusal_and_failures_reach_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ibconnect.http.server.turns.TURN_SECONDS", 0.05)
    turns = Turns(1, 1, Company())
    await turns.take()
    with pytest.raises(Problem, match="takes too long"):
        await on_behalf("one", turns.take())
    with pytest.raises(TimeoutError):
        await turns.take()
    waiting = [on_behalf(holder, turns.take()) for holder in ("one", "other")]
    await some_turns()
    turns.fail(OSError("gone"))
    assert [str(found) for found in await asyncio.gather(*waiting, return_exceptions=True)] == ["gone", "gone"]
    turns.give(OURS)
    assert await asyncio.wait_for(on_behalf("one", turns.take()), DEADLINE_S) == "one"


STEPS = st.lists(st.tuples(st.sampled_from(["take", "give", "leave"]), HOLDERS), max_size=60)


@settings(max_examples=150)
@given(STEPS, st.integers(1, 4), st.integers(1, 3))
def test_whatever_is_done_there_are_never_too_many_and_nobody_is_forgotten(
    steps: list[tuple[str, str]], most: int, most_each: int
) -> None:
    async def run() -> None:
        turns = Turns(most, most_each, Company())
        tasks: list[tuple[str, asyncio.Task[str]]] = []
        given_back: Counter[str] = Counter()

        def taken() -> Counter[str]:
            done = [holder for holder, task in tasks if task.done() and not task.cancelled()]
            return Counter(done) - given_back

        def give(holder: str) -> None:
            turns.give(holder)
            given_back[holder] += 1

        for step, holder in steps:
            waiting = [task for whose, task in tasks if whose == holder and not task.done()]
            if step == "take":
                tasks.append((holder, on_behalf(holder, turns.take())))
            elif step == "give" and taken()[holder]:
                give(holder)
            elif step == "leave" and waiting:
                waiting[-1].cancel()
            await some_turns()
            assert taken().total() <= most
            assert all(count <= most_each for whose, count in taken().items() if whose != OURS)
            is_full = taken().total() == most
            idle = [whose for whose, task in tasks if not task.done() and not taken()[whose]]
            assert is_full or not idle, "who has none waits only if there is none"
        while held := list(taken().elements()):
            give(held[0])
            await some_turns()
        assert all(task.done() for _, task in tasks)

    asyncio.run(run())


async def test_between_two_pieces_the_event_loop_does_what_else_is_due() -> None:
    gate, said = Gate(Company()), []

    async def compute(name: str) -> str:
        async with gate.piece():
            said.append(name)
        return name

    tasks = [on_behalf("one", compute(f"one {number}")) for number in range(3)]
    tasks.append(on_behalf("other", compute("other")))

    async def others() -> None:
        for _ in range(20):
            said.append("-")
            await asyncio.sleep(0)

    await asyncio.gather(*tasks, others())
    pieces = "".join("-" if each == "-" else "*" for each in said)
    assert "**" not in pieces.lstrip("*"), said
    assert said.index("other") < said.index("one 2"), "by rotation"


async def test_in_company_who_computes_for_long_pauses_for_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("ibconnect.http.server.turns.monotonic", lambda: now)
    company = Company()
    gate = Gate(company)
    HOLDER.set("one")
    async with gate.piece():
        now += 0.1
    async with asyncio.timeout(DEADLINE_S), gate.piece():
        now += 0.1  # alone, at once
    company.note("other")
    waiting = asyncio.create_task(gate.piece().__aenter__())
    theirs = on_behalf("other", gate.piece().__aenter__())  # type: ignore[arg-type]
    await until(theirs.done, "the other may compute")
    assert not waiting.done()
    now += 0.11
    await until(waiting.done, "the pause is over")


def test_company_is_who_was_at_work_a_moment_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("ibconnect.http.server.holders.monotonic", lambda: now)
    company = Company()
    company.note("one")
    company.note(OURS)
    assert (company.has_other_than("one"), company.has_other_than("other")) == (False, True)
    company.note("other")
    company.note("other")
    assert company.has_other_than("one")
    assert company.has_other_than("other")
    now += 1
    company.note("one")
    assert not company.has_other_than("one")


async def test_a_flood_is_logged_at_once_and_then_how_large_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.server.floods.FLOOD_LOG_SECONDS", 0.2)
    monkeypatch.setattr("ibconnect.http.server.floods.FLOODS_MAX", 2)
    with logged() as lines:
        floods = Floods(Kind.HTTP_CROWDED)
        for number in range(100):
            floods.note("one", code=number)
        for who in ("other", "third", "fourth", "third"):
            floods.note(who, code=0)
        assert [(line["who"], line["times"]) for line in lines()] == [("one", 1), ("other", 1), ("others", 1)]
        await until(lambda: len(lines()) == 5, "the rest is told")
        assert [(line["who"], line["times"], line["code"]) for line in lines()[3:]] == [
            ("one", 99, 99),
            ("others", 2, 0),
        ]
        await until(lambda: floods._timer is None, "nothing happens any more")
        floods.note("one", code=0)
        floods.note("one", code=0)
        floods.close()
        assert [line["times"] for line in lines()[5:]] == [1, 1]


def test_who_leaves_in_the_moment_of_his_turn_gives_it_back() -> None:
    async def run() -> None:
        turns = Turns(1, 1, Company())
        await turns.take()
        leaving = on_behalf("one", turns.take())
        await some_turns()
        turns.give(OURS)
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
        assert await asyncio.wait_for(on_behalf("other", turns.take()), DEADLINE_S) == "other"

    asyncio.run(run())
