"""Questions of many requests, asked as batches: each gets its own answer, none waits for others, failures reach all."""

import asyncio

import pytest

from ibconnect.http.server.data_loader import DataLoader
from ibconnect.http.server.limits import LOADER_BATCH_MAX, LOADER_BATCHES_AT_ONCE
from tests.waiting import DEADLINE_S, until


class Oracle:
    """Answers each number with its square, but not 13; slowly, or wrongly, as it is set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.answering = asyncio.Event()
        self.failure: Exception | None = None

    async def ask(self, numbers: list[int]) -> dict[int, int]:
        self.batches.append(numbers)
        await self.open.wait()
        self.answering.set()
        if self.failure is not None:
            raise self.failure
        return {number: number**2 for number in reversed(numbers) if number != 13}


async def asked_alone(loader: DataLoader[int, int], oracle: Oracle) -> list[asyncio.Task[int | None]]:
    """As many questions as are under way at once, each in a batch of its own."""
    asking = []
    for number in range(LOADER_BATCHES_AT_ONCE):
        asking.append(asyncio.create_task(loader.answer(number)))
        await until(lambda number=number: len(oracle.batches) == number + 1, "the question is asked")
    return asking


async def test_a_single_question_is_asked_at_once() -> None:
    oracle = Oracle()
    loader = DataLoader(oracle.ask)
    assert await loader.answer(7) == 49
    assert await loader.answer(13) is None
    assert await loader.answer(7) == 49
    assert oracle.batches == [[7], [13], [7]]


async def test_what_comes_meanwhile_is_asked_as_one_batch_and_once() -> None:
    oracle = Oracle()
    loader = DataLoader(oracle.ask)
    oracle.open.clear()
    first = await asked_alone(loader, oracle)
    later = [asyncio.create_task(loader.answer(number % 20 + 100)) for number in range(40)]
    await asyncio.sleep(0)  # each of them has its turn,
    await asyncio.sleep(0)  # and so has whatever they might have begun
    assert oracle.batches == [[number] for number in range(LOADER_BATCHES_AT_ONCE)]
    oracle.open.set()
    assert await asyncio.gather(*first) == [number**2 for number in range(LOADER_BATCHES_AT_ONCE)]
    assert await asyncio.gather(*later) == [(number % 20 + 100) ** 2 for number in range(40)]
    batches = oracle.batches[LOADER_BATCHES_AT_ONCE:]
    assert sorted(number for batch in batches for number in batch) == list(range(100, 120))
    assert max(map(len, batches)) == LOADER_BATCH_MAX


async def test_a_failure_reaches_all_who_asked_and_to_nobody_else() -> None:
    oracle = Oracle()
    loader = DataLoader(oracle.ask)
    oracle.failure = OSError("gone")
    asked = [asyncio.create_task(loader.answer(number)) for number in (1, 2, 2)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert outcomes == [oracle.failure] * 3
    oracle.failure = None
    assert await loader.answer(2) == 4


async def test_who_leaves_takes_no_other_along() -> None:
    oracle = Oracle()
    loader = DataLoader(oracle.ask)
    oracle.open.clear()
    leaving, staying = (asyncio.create_task(loader.answer(3)) for _ in range(2))
    await until(lambda: oracle.batches == [[3]], "the question is asked")
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    oracle.open.set()
    assert await staying == 9


async def test_who_asks_while_the_last_batches_end_is_answered() -> None:
    oracle = Oracle()
    loader = DataLoader(oracle.ask)
    oracle.open.clear()

    async def ask_when_answering() -> int | None:
        await oracle.answering.wait()
        return await loader.answer(20)

    late = asyncio.create_task(ask_when_answering())
    asking = await asked_alone(loader, oracle)
    oracle.open.set()
    async with asyncio.timeout(DEADLINE_S):
        assert await late == 400
        assert await asyncio.gather(*asking) == [number**2 for number in range(LOADER_BATCHES_AT_ONCE)]
