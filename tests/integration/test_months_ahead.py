"""What records has the months made, and reports one that it needs and is missing; so does `ibconnect check`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from ibconnect import troubles
from ibconnect.checking.postgres import check_postgres
from ibconnect.config import load
from ibconnect.database.deadlines import ended
from ibconnect.database.pools import connect
from ibconnect.observe import Trouble
from ibconnect.service.months import months_ahead, urgent_of
from tests.partitions import AHEAD, in_month, missing, name_of, record, take_away, this_month
from tests.waiting import until


@asynccontextmanager
async def kept(url: str) -> AsyncIterator[None]:
    task = asyncio.create_task(months_ahead(url))
    try:
        yield
    finally:
        await ended(task)


async def test_what_records_makes_the_months_at_its_start(database_url: str) -> None:
    take_away(database_url, *AHEAD[1:])
    async with kept(database_url):
        await until(lambda: missing(database_url) == [], "they are made")
    assert not troubles.lasts(Trouble.MONTHS_MISSING)


async def test_a_month_that_is_needed_soon_and_cannot_be_made_is_reported(database_url: str) -> None:
    take_away(database_url, AHEAD[1])
    with connect(database_url, name="test") as connection:
        connection.execute(SQL("CREATE TABLE public.{} (n integer)").format(Identifier(name_of(AHEAD[1]))))
    async with kept(database_url):
        await until(lambda: troubles.lasts(Trouble.MONTHS_MISSING), "it is reported")
        assert f"{AHEAD[1]:%Y-%m}" in str(troubles.lasting())
    assert not troubles.lasts(Trouble.MONTHS_MISSING)


@pytest.mark.parametrize(
    ("today", "urgent"),
    [
        (date(2026, 11, 1), ["2026-10", "2026-11", "2026-12"]),
        (date(2026, 11, 30), ["2026-10", "2026-11", "2026-12"]),
        (date(2026, 12, 31), ["2026-10", "2026-11", "2026-12", "2027-01"]),
        (date(2027, 1, 31), ["2026-10", "2026-11", "2026-12", "2027-01", "2027-02"]),
    ],
)
def test_only_what_is_needed_now_or_next_is_a_trouble(today: date, urgent: list[str]) -> None:
    months = [date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)]
    why = psycopg.errors.LockNotAvailable()
    assert [f"{month:%Y-%m}" for month in urgent_of(dict.fromkeys(months, why), today)] == urgent


def test_check_names_the_months_and_the_sessions_that_none_takes(database_url: str, tmp_path: Path) -> None:
    def said() -> str:
        config = load({"DB_URL": database_url, "DATA_DIR": str(tmp_path)})
        return "\n".join(str(each) for each in check_postgres(config) if each.subject == "partitions")

    assert said() == ""
    take_away(database_url, AHEAD[1], AHEAD[2])
    record(database_url, in_month(this_month(900)), in_month(this_month(901)))
    assert f"{AHEAD[1]:%Y-%m}, {AHEAD[2]:%Y-%m} have none" in said()
    assert "clock that was far ahead: 2 →" in said()
