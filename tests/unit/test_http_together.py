"""Questions of many requests, asked together: each gets its own answer, nobody waits for company, failures are told."""

import asyncio

import pytest

from ibconnect.http.server.data_loader import Together
from ibconnect.http.server.limits import TOGETHER_AT_ONCE, TOGETHER_MAX
from tests.waiting import DEADLINE_S, until


class Oracle:
    """Answers each number with its square, but not 13; slowly, or wrongly, as told."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.answering = asyncio.Event()
        self.failure: Exception | None = None

    async def ask(self, numbers: list[int]) -> dict[int, int]:
        self.groups.append(numbers)
        await self.open.wait()
        self.answering.set()
        if self.failure is not None:
            raise self.failure
        return {number: number**2 for number in reversed(numbers) if number != 13}


async def asked_alone(together: Together[int, int], oracle: Oracle) -> list[asyncio.Task[int | None]]:
    """As many questions as are under way at once, each in a group of its own."""
    asking = []
    for number in range(TOGETHER_AT_ONCE):
        asking.append(asyncio.create_task(together.answer(number)))
        await until(lambda number=number: len(oracle.groups) == number + 1, "the question is asked")
    return asking


async def test_a_single_question_is_asked_at_once() -> None:
    oracle = Oracle()
    together = Together(oracle.ask)
    assert await together.answer(7) == 49
    assert await together.answer(13) is None
    assert await together.answer(7) == 49
    assert oracle.groups == [[7], [13], [7]]


async def test_what_comes_meanwhile_is_asked_together_and_once() -> None:
    oracle = Oracle()
    together = Together(oracle.ask)
    oracle.open.clear()
    first = await asked_alone(together, oracle)
    later = [asyncio.create_task(together.answer(number % 20 + 100)) for number in range(40)]
    await asyncio.sleep(0)  # each of them has its turn,
    await asyncio.sleep(0)  # and so has whatever they might have begun
    assert oracle.groups == [[number] for number in range(TOGETHER_AT_ONCE)]
    oracle.open.set()
    assert await asyncio.gather(*first) == [number**2 for number in range(TOGETHER_AT_ONCE)]
    assert await asyncio.gather(*later) == [(number % 20 + 100) ** 2 for number in range(40)]
    groups = oracle.groups[TOGETHER_AT_ONCE:]
    assert sorted(number for group in groups for number in group) == list(range(100, 120))
    assert max(map(len, groups)) == TOGETHER_MAX


async def test_a_failure_is_told_to_all_who_asked_and_to_nobody_else() -> None:
    oracle = Oracle()
    together = Together(oracle.ask)
    oracle.failure = OSError("gone")
    asked = [asyncio.create_task(together.answer(number)) for number in (1, 2, 2)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert outcomes == [oracle.failure] * 3
    oracle.failure = None
    assert await together.answer(2) == 4


async def test_who_leaves_takes_no_other_along() -> None:
    oracle = Oracle()
    together = Together(oracle.ask)
    oracle.open.clear()
    leaving, staying = (asyncio.create_task(together.answer(3)) for _ in range(2))
    await until(lambda: oracle.groups == [[3]], "the question is asked")
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    oracle.open.set()
    assert await staying == 9


async def test_who_asks_while_the_last_groups_end_is_answered() -> None:
    oracle = Oracle()
    together = Together(oracle.ask)
    oracle.open.clear()

    async def ask_when_told() -> int | None:
        await oracle.answering.wait()
        return await together.answer(20)

    late = asyncio.create_task(ask_when_told())
    asking = await asked_alone(together, oracle)
    oracle.open.set()
    async with asyncio.timeout(DEADLINE_S):
        assert await late == 400
        assert await asyncio.gather(*asking) == [number**2 for number in range(TOGETHER_AT_ONCE)]
