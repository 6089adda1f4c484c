"""Whether the tables of a report are this program's, asked of a Postgres that is slow, or away, or has none."""

import asyncio
import gc
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from ibconnect.http.server.problems import Problem
from ibconnect.http.server.tables import WANTED, Tables
from tests.waiting import until

NAME = "accounts"
PATIENCE_S = 0.01


class Postgres:
    """Answers what it is set to, once it may."""

    def __init__(self) -> None:
        self.answer: tuple[int, bool] | Exception = (WANTED[NAME].version, False)
        self.may, self.may_say_how_far = asyncio.Event(), asyncio.Event()
        self.may.set()
        self.says_how_far = False

    async def row(self, *_: Any) -> tuple[int, bool]:
        await self.may.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def rows(self, *_: Any) -> list[tuple[int, int]]:
        self.says_how_far = True
        await self.may_say_how_far.wait()
        return [(1, 2)]


@pytest.fixture
async def postgres(monkeypatch: pytest.MonkeyPatch) -> Postgres:
    made = Postgres()
    monkeypatch.setattr("ibconnect.http.server.tables.db.row", made.row)
    monkeypatch.setattr("ibconnect.http.server.tables.db.rows", made.rows)
    monkeypatch.setattr("ibconnect.http.server.tables._PATIENCE_S", PATIENCE_S)
    return made


async def found(postgres: Postgres) -> Tables:
    """Tables that were this program's a while ago."""
    tables = Tables(None)  # type: ignore[arg-type]
    await tables.ensure_current((NAME,))
    tables._known[NAME].current_until = 0.0
    return tables


async def test_a_look_that_fails_when_nobody_waits_for_it_any_more_is_no_line_of_the_log(postgres: Postgres) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    tables = await found(postgres)
    postgres.answer = PoolTimeout("away")
    postgres.may.clear()
    await tables.ensure_current((NAME,))
    postgres.may.set()
    known = tables._known[NAME]
    await until(lambda: known.looking is not None and known.looking.done(), "the look has failed")
    known.looking = None
    gc.collect()
    assert reported == []


async def test_tables_that_are_gone_are_not_taken_for_current(postgres: Postgres) -> None:
    """Unlike those that Postgres says nothing of."""
    tables = await found(postgres)
    postgres.answer = psycopg.errors.UndefinedTable("gone")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await tables.ensure_current((NAME,))
    assert f"the {WANTED[NAME].title} are not there yet" in await tables.reasons()


async def test_how_far_a_rebuild_is_may_take_longer_than_it_takes_to_see_that_there_is_one(postgres: Postgres) -> None:
    tables = await found(postgres)
    postgres.answer = (WANTED[NAME].version - 1, True)
    clock = asyncio.get_running_loop().time
    over = clock() + 10 * PATIENCE_S
    asking = asyncio.create_task(tables.ensure_current((NAME,)))
    await until(lambda: postgres.says_how_far and clock() > over, "it is asked how far, and the patience is over")
    assert not asking.done(), "nobody is answered before that is known"
    postgres.may_say_how_far.set()
    with pytest.raises(Problem, match="has done 1 of 2 events"):
        await asking


async def test_a_look_that_had_no_turn_refuses_nobody(postgres: Postgres) -> None:
    tables = await found(postgres)
    postgres.answer = TimeoutError()
    await tables.ensure_current((NAME,))
