"""Statements fetched by schedule from the simulated Flex Web Service, into a real Postgres."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from ibconnect import troubles
from ibconnect.config import Config, load
from ibconnect.database.deadlines import ended
from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseError, FlexError
from ibconnect.flex_settings import FlexQuery
from ibconnect.observe import Trouble
from ibconnect.service.statements import recorder
from ibconnect.simulator.flex import BulkPlan, BulkSource, FlexService
from ibconnect.simulator.flex.service import _Refused
from ibconnect.statements.flex.asking import Asked, Given, Record, Times
from ibconnect.statements.flex.client import Patience
from ibconnect.statements.flex.days import FIFTY_YEARS, Span, last_day
from ibconnect.statements.flex.diary import Diary
from ibconnect.statements.flex.fetching import Fetching
from ibconnect.statements.flex.walking import Walk, walk
from tests.serving import logged, serving
from tests.waiting import until

DAY = timedelta(days=1)
LAST = last_day(datetime.now(UTC))
QUERY, OTHER = "910001", "910002"
TOKEN = "123456789012345678901234"
FAST = ((1000, 0.001),)
TIMES = Times(
    look=0.05,
    spans=FAST,
    patience=Patience(
        connect=5.0, silence=2.0, document=60.0, first_wait=0.01, longest_wait=0.02, paced_wait=0.05, tries=0.3
    ),
)
NOW = "clock_timestamp()"


def plan(days: int = 30, accounts: int = 2) -> BulkPlan:
    return BulkPlan(accounts=accounts, first=LAST - days * DAY, last=LAST, every_day=True)


@asynccontextmanager
async def service(days: int = 30, **options: Any) -> AsyncIterator[FlexService]:
    async with FlexService(BulkSource(plan(days)), **{"pacing": False, "stamp": "night", **options}) as made:
        yield made


def settings(database_url: str, flex: FlexService, **changed: str) -> Config:
    given = {"FLEX_TOKEN": TOKEN, "FLEX_QUERIES": f"daily={QUERY}", "FLEX_URL": flex.url, "DB_URL": database_url}
    return load({**given, **changed})


@asynccontextmanager
async def fetching(config: Config, record: Record | None = None, times: Times = TIMES) -> AsyncIterator[None]:
    task = asyncio.create_task(Fetching(config, config.db_url, record or recorder(config.db_url), times).run())
    try:
        yield
    finally:
        if task.done():
            task.result()
        await ended(task)


def rows(database_url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    with connect(database_url, name="test") as connection:
        return connection.execute(query, values).fetchall()  # type: ignore[call-overload, no-any-return]


def change(database_url: str, query: str, *values: object) -> None:
    with connect(database_url, name="test") as connection:
        connection.execute(query, values)  # type: ignore[call-overload]


def state(database_url: str, query: str = QUERY) -> dict[str, Any]:
    names = "up_to, failures, code, error, got, due, tried"
    found = rows(database_url, f"SELECT {names}, {NOW} FROM coordination.flex_query WHERE query = %s", query)
    return dict(zip([*names.split(", "), "now"], found[0], strict=True)) if found else {}


def spans(flex: FlexService) -> list[Span]:
    """The days that were asked for."""
    asked = [parse_qs(each.query) for each in flex.asked if each.path.endswith("SendRequest")]
    return [(_day(each["fd"][0]), _day(each["td"][0])) for each in asked]


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()


def documents(database_url: str) -> list[tuple[Any, ...]]:
    query = "SELECT source, name, from_day, to_day, statements FROM coordination.statement ORDER BY position"
    return rows(database_url, query)


async def test_the_first_time_a_year_is_fetched_and_then_nothing_until_it_is_due(database_url: str) -> None:
    async with service(days=400) as flex:
        config = settings(database_url, flex)
        async with fetching(config):
            await until(lambda: state(database_url).get("got"), "it is fetched")
        assert spans(flex) == [(LAST - 364 * DAY, LAST)]
        assert documents(database_url) == [("flex", QUERY, LAST - 364 * DAY, LAST, 365 * 2)]
        found = state(database_url)
        assert (found["up_to"], found["failures"], found["error"]) == (LAST, 0, None)
        assert found["due"] > found["now"]
        # Started again, by this instance or another one: nothing is asked.
        tried = found["tried"]
        async with fetching(config), fetching(config):
            seen = "SELECT seen FROM coordination.flex_query"
            before = rows(database_url, seen)
            await until(lambda: rows(database_url, seen) > before, "they have looked")
        assert len(flex.asked) == 2
        assert state(database_url)["tried"] == tried


async def test_after_a_week_of_downtime_its_days_are_asked_for_and_corrections_come_along(database_url: str) -> None:
    async with service() as flex:
        config = settings(database_url, flex)
        async with fetching(config):
            await until(lambda: state(database_url).get("got"), "it is fetched")
            change(
                database_url,
                f"UPDATE coordination.flex_query SET up_to = %s, due = {NOW}, got = {NOW} - interval '7 days'",
                LAST - 7 * DAY,
            )
            await until(lambda: state(database_url)["up_to"] == LAST, "it has caught up")
        assert spans(flex)[1:] == [(LAST - 13 * DAY, LAST)]
        assert len(documents(database_url)) == 2


async def test_after_years_of_downtime_it_catches_up_without_a_gap(database_url: str) -> None:
    async with service(days=900) as flex:
        config = settings(database_url, flex)
        change(
            database_url,
            "INSERT INTO coordination.flex_query (query, name, up_to, got) VALUES (%s, 'daily', %s, now())",
            QUERY,
            LAST - 800 * DAY,
        )
        async with fetching(config):
            await until(lambda: state(database_url)["up_to"] == LAST, "it has caught up")
        asked = spans(flex)
        assert asked[0][0] == LAST - 806 * DAY
        assert asked[-1][1] == LAST
        assert all(later[0] <= earlier[1] + DAY for earlier, later in itertools.pairwise(asked))
        assert all((last - first).days < 365 for first, last in asked)


async def test_the_same_document_once_more_is_known(database_url: str) -> None:
    async with service() as flex:
        config = settings(database_url, flex)
        change(
            database_url,
            "INSERT INTO coordination.flex_query (query, name, up_to) VALUES (%s, 'daily', %s)",
            QUERY,
            LAST,
        )
        async with fetching(config):
            first = await until(lambda: state(database_url)["got"], "it is fetched")
            change(database_url, f"UPDATE coordination.flex_query SET due = {NOW}")
            await until(lambda: state(database_url)["got"] > first, "and once more")
        assert spans(flex) == [(LAST - 6 * DAY, LAST)] * 2
        assert len(documents(database_url)) == 1


@pytest.mark.parametrize(("number", "says"), [("1012", "make a new one"), ("1001", "could not make"), ("4711", "4711")])
async def test_what_goes_wrong_is_kept_and_reported_and_over_when_it_is_over(
    database_url: str, number: str, says: str
) -> None:
    async with service() as flex:
        flex.inject("code", code=number, count=0)
        config = settings(database_url, flex)
        with logged() as log:
            async with fetching(config):
                await until(lambda: state(database_url).get("failures"), "it has failed")
                await until(lambda: troubles.lasts(Trouble.STATEMENTS_MISSING), "it is reported")
                found = state(database_url)
                assert (found["code"], found["got"]) == (number, None)
                assert says in found["error"]
                assert found["due"] > found["now"]
                flex.clear_faults()
                change(database_url, f"UPDATE coordination.flex_query SET due = {NOW}")
                await until(lambda: state(database_url)["got"], "it is fetched")
                await until(lambda: not troubles.lasts(Trouble.STATEMENTS_MISSING), "it is over")
        assert state(database_url)["error"] is None
        assert TOKEN not in log.text()
        assert {"statements_missing", "statements_complete", "statement_fetched"} <= {each["kind"] for each in log()}


async def test_whoever_starts_asks_again_for_what_was_refused(database_url: str) -> None:
    """The token is another one now."""
    async with service() as flex:
        wrong = settings(database_url, flex, FLEX_TOKEN="0123456789wrong")
        async with fetching(wrong):
            await until(lambda: state(database_url).get("code") == "1015", "it is refused")
        right = settings(database_url, flex)
        async with fetching(right):
            seen = "SELECT seen FROM coordination.flex_query"
            before = rows(database_url, seen)
            await until(lambda: rows(database_url, seen) > before, "it has looked")
        assert state(database_url)["got"] is None, "not within a minute: who dies at each start must not knock"
        change(database_url, f"UPDATE coordination.flex_query SET tried = {NOW} - interval '2 minutes'")
        async with fetching(right):
            await until(lambda: state(database_url)["got"], "it is fetched")


@pytest.mark.parametrize("number", ["1003", "1020"])
async def test_an_account_that_is_younger_than_a_year_is_fetched(database_url: str, number: str) -> None:
    """Whatever IBKR says of a year that begins before it did."""
    async with service() as flex:
        flex.inject("code", code=number, count=1, on="send")
        async with fetching(settings(database_url, flex)):
            await until(lambda: state(database_url).get("got"), "it is fetched")
        assert spans(flex) == [(LAST - 364 * DAY, LAST), (LAST - 6 * DAY, LAST)]


async def test_another_schedule_holds_from_the_start_on(database_url: str) -> None:
    async with service() as flex:
        seldom = f"0 0 1 {(LAST.month + 5) % 12 + 1} *"
        async with fetching(settings(database_url, flex, FLEX_REF=seldom)):
            await until(lambda: state(database_url).get("got"), "it is fetched")
        assert state(database_url)["due"] - state(database_url)["now"] > 2 * DAY
        async with fetching(settings(database_url, flex, FLEX_REF="@daily")):
            await until(lambda: state(database_url)["due"] - state(database_url)["now"] <= DAY, "it is due sooner")
        assert len(spans(flex)) == 1


async def test_a_new_token_in_the_file_needs_no_start(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with service() as flex:
        config = settings(database_url, flex, FLEX_TOKEN="", FLEX_TOKEN_FILE=str(file))
        async with fetching(config):
            await until(lambda: "cannot be read" in (state(database_url).get("error") or ""), "there is none")
            assert flex.asked == []
            file.write_text(TOKEN)
            change(database_url, f"UPDATE coordination.flex_query SET due = {NOW}")
            await until(lambda: state(database_url)["got"], "it is fetched")


async def test_who_cannot_record_it_says_so_and_does_not_die(database_url: str) -> None:
    async def refuses(_: Iterable[bytes], __: Asked) -> Given:
        raise DatabaseError("no right")

    async def breaks(_: Iterable[bytes], __: Asked) -> Given:
        raise KeyError(TOKEN)

    async with service() as flex:
        config = settings(database_url, flex)
        for record, says in ((refuses, "Postgres refuses it"), (breaks, "KeyError in breaks")):
            with logged() as log:
                async with fetching(config, record):
                    await until(lambda: says in (state(database_url).get("error") or ""), says)  # noqa: B023
            assert "statement_not_recorded" in {each["kind"] for each in log()}
            assert TOKEN not in log.text()
            change(database_url, f"UPDATE coordination.flex_query SET due = {NOW}")


async def test_who_loses_postgres_and_so_the_turn_asks_nothing_more_and_begins_again(database_url: str) -> None:
    ended = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ibconnect flex statements'"
    )
    async with service(slow_tries=1000) as flex:
        patient = Times(0.05, FAST, Patience(first_wait=0.01, longest_wait=0.02, tries=30.0))
        async with fetching(settings(database_url, flex), times=patient):
            await until(lambda: len(flex.asked) > 3, "it asks whether it is made")
            change(database_url, f"{ended} AND datname = current_database()")
            await until(lambda: len(spans(flex)) == 2, "it begins again")
            flex.options = replace(flex.options, slow_tries=0)
            await until(lambda: state(database_url)["got"], "it is fetched")
        assert state(database_url)["failures"] == 0
        assert len(documents(database_url)) == 1


@pytest.mark.parametrize("fault", ["broken-xml", "half-xml", "doctype", "other-xml", "html", "empty", "cut", "reset"])
async def test_nothing_of_a_broken_answer_is_recorded(database_url: str, fault: str) -> None:
    async with service() as flex:
        flex.inject(fault, count=0, on="get")
        async with fetching(settings(database_url, flex)):
            await until(lambda: state(database_url).get("error"), "it has failed")
        assert documents(database_url) == []
        assert state(database_url)["code"] is None


async def test_requests_of_a_process_before_count(database_url: str) -> None:
    change(
        database_url,
        "INSERT INTO coordination.flex_request SELECT now() - g * interval '1 s' FROM generate_series(1, 10) g",
    )
    async with Diary.opened(database_url) as diary:
        assert await diary.take_turn()
        ages = await diary.recent_requests()
        assert len(ages) == 10
        assert ages == sorted(ages, reverse=True)
        async with Diary.opened(database_url) as other:
            assert not await other.take_turn()
            with pytest.raises(DatabaseError):
                await other.note_request()
        await diary.note_request()
        assert len(await diary.recent_requests()) == 11


async def test_no_event_and_no_table_holds_the_token(database_url: str) -> None:
    async with service() as flex:
        flex.inject("code", code="1001", count=1)
        async with fetching(settings(database_url, flex)):
            await until(lambda: state(database_url).get("got"), "it is fetched")
    kept = rows(database_url, "SELECT convert_from(state, 'UTF8') FROM stored_events WHERE topic <> 'sp'")
    kept += rows(database_url, "SELECT s::text FROM coordination.statement AS s")
    kept += rows(database_url, "SELECT q::text FROM coordination.flex_query AS q")
    assert TOKEN not in str(kept)
    (began,) = rows(database_url, "SELECT convert_from(state, 'UTF8')::jsonb FROM stored_events WHERE topic = 'sb'")
    assert began[0]["source"] == "flex"
    assert re.fullmatch(r"\d+", began[0]["reference"])
    assert began[0]["to"] == LAST.isoformat()


async def test_the_api_shows_how_far_each_query_has_got(database_url: str) -> None:
    tokens = "a-full-token-0123456789@* a-limited-token-012345@DU1"
    async with service() as flex:
        async with fetching(settings(database_url, flex, FLEX_QUERIES=f"daily={QUERY},555")):
            await until(
                lambda: state(database_url).get("got") and state(database_url, "555").get("error"), "both tried"
            )
        async with serving(database_url, API_TOKENS=tokens) as served:
            full, limited = ({"Authorization": f"Bearer {each.partition('@')[0]}"} for each in tokens.split())
            async with served.get("/v1/statements/queries", headers=full) as response:
                unknown, daily = await response.json()
            async with served.get("/v1/statements/queries", headers=limited) as response:
                assert await response.json() == []
    assert (daily["Query"], daily["Name"], daily["UpTo"], daily["Failures"]) == (QUERY, "daily", str(LAST), 0)
    assert daily["LastSuccess"] < daily["NextDue"]
    assert (unknown["Query"], unknown["Code"], unknown["LastSuccess"], unknown["Failures"]) == ("555", "1014", None, 1)
    assert "compare FLEX_QUERIES" in unknown["Error"]


# Walking back.


async def walked(
    database_url: str, flex: FlexService, since: date | None = None, last: date = LAST, *, again: bool = False
) -> tuple[str, list[Span]]:
    config, shown = settings(database_url, flex), list[Span]()
    asked = Walk(FlexQuery(QUERY, "daily"), since, last, again)
    why = await walk(
        config, database_url, recorder(database_url), asked, lambda span, _: shown.append(span), times=TIMES
    )
    return why, shown


async def test_walking_back_goes_as_far_as_there_is_anything(database_url: str) -> None:
    async with service(days=800) as flex:
        why, shown = await walked(database_url, flex)
        assert [span[1] for span in shown] == [LAST, LAST - 365 * DAY, LAST - 730 * DAY]
        assert "no statement of these days (IBKR says 1003" in why
        days = {day for _, _, first, last, _ in documents(database_url) for day in (first, last)}
        assert (min(days), max(days)) == (LAST - 800 * DAY, LAST)
        # Once more: only further back is asked for.
        before = len(spans(flex))
        assert (await walked(database_url, flex))[1] == []
        assert {span[1] for span in spans(flex)[before:]} == {LAST - 1095 * DAY}
        assert len((await walked(database_url, flex, again=True))[1]) == 3


async def test_walking_back_goes_on_where_it_was_cut_off(database_url: str) -> None:
    async with service(days=800) as flex:
        flex.inject("code", code="1012", skip=1, count=1, on="send")
        with pytest.raises(FlexError, match="1012"):
            await walked(database_url, flex)
        _, shown = await walked(database_url, flex)
        assert [span[1] for span in shown] == [LAST - 365 * DAY, LAST - 730 * DAY]
        assert len({each[2:4] for each in documents(database_url)}) == len(documents(database_url)) == 3


@pytest.mark.parametrize("number", ["1020", "1014"])
async def test_whatever_ibkr_says_of_days_before_all_is_the_end(database_url: str, number: str) -> None:
    async with service(days=800) as flex:
        flex.inject("code", code=number, skip=1, count=0, on="send")
        why, shown = await walked(database_url, flex)
        assert len(shown) == 1
        assert f"IBKR says {number}" in why
        with pytest.raises(FlexError, match=number):
            change(database_url, "DELETE FROM coordination.flex_window")
            await walked(database_url, flex)


@pytest.mark.parametrize("number", [1003, 1020])
async def test_spans_that_begin_before_all_may_be_refused_as_a_whole(
    database_url: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then they are halved: all but the first days are had all the same."""
    asked_for = FlexService._asked_for

    def strict(self: FlexService, request: Any, query: Any, newest: date) -> Span:
        first, last = asked_for(self, request, query, newest)
        if first < LAST - 500 * DAY:
            raise _Refused(number)
        return first, last

    monkeypatch.setattr(FlexService, "_asked_for", strict)
    async with service(days=500) as flex:
        why, shown = await walked(database_url, flex)
        assert f"IBKR says {number}" in why
        assert all(later[1] == earlier[0] - DAY for earlier, later in itertools.pairwise(shown))
        assert shown[-1][0] - (LAST - 500 * DAY) < 14 * DAY
        assert len(spans(flex)) < 20


async def test_walking_back_keeps_within_its_days(database_url: str) -> None:
    async with service(days=800) as flex:
        why, shown = await walked(database_url, flex, LAST - 400 * DAY, LAST - 10 * DAY)
        assert shown == [(LAST - 374 * DAY, LAST - 10 * DAY), (LAST - 400 * DAY, LAST - 375 * DAY)]
        assert "have been fetched" in why
        assert FIFTY_YEARS > 800 * DAY


async def test_who_has_not_the_turn_is_told_so(database_url: str) -> None:
    async with service() as flex, Diary.opened(database_url) as other:
        assert await other.take_turn()
        with pytest.raises(FlexError, match="another process"):
            await walked(database_url, flex)
        assert flex.asked == []
