"""Which times nobody tells of: gateways' answers and statements' days, against a reckoning hour by hour."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
import pytest

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from tests.executions import History, fill, told
from tests.projecting import project_all
from tests.serving import DU1, build_world

NEW_YORK = ZoneInfo("America/New_York")
GAPS = queries("http/executions")["gaps"]
# With the beginning of summer time in New York in it.
FIRST, DAYS = date(2026, 2, 25), 20
NOW = datetime(2026, 4, 1, tzinfo=UTC)
TRADES, CONFIRMS, OTHER = 1 << 7, 1 << 8, 1 << 2


class Stated(NamedTuple):
    """Days of which a statement tells; ``late``: it was made when they were over."""

    first: date
    last: date
    sections: int
    mentioned: bool
    late: bool

    @property
    def tells(self) -> bool:
        return not self.mentioned and bool(self.sections & TRADES or (self.sections & CONFIRMS and self.late))

    @property
    def row(self) -> tuple[Any, ...]:
        made = datetime.combine(self.last + timedelta(days=self.late), time(12), NEW_YORK)
        return 1, self.sections, made, self.first, self.last, self.mentioned, DU1


def some(source: Random) -> list[Stated]:
    found = []
    for _ in range(source.randrange(9)):
        first = FIRST + timedelta(days=source.randrange(DAYS))
        last = first + timedelta(days=source.choice((0, 0, 0, 1, 2, 6)))
        sections = source.choice((TRADES, TRADES, CONFIRMS, TRADES | OTHER, OTHER))
        found.append(Stated(first, last, sections, source.random() < 0.1, source.random() < 0.7))
    return found


def nearest(day: date, step: int, days: set[date]) -> date:
    """A day, or the first before or after it, that is a weekday or that a statement is of."""
    return next(
        each for number in range(4) if (each := day + timedelta(days=number * step)).weekday() < 5 or each in days
    )


def is_told(moment: datetime, days: set[date]) -> bool:
    """Whether statements of these days have every trade of that moment, which at night may be the next weekday's."""
    local = moment.astimezone(NEW_YORK)
    day = local.date()
    if local.time() >= time(17) and nearest(day, 1, days) == day:
        return {day, nearest(day + timedelta(days=1), 1, days)} <= days
    # At the weekend, if that has no statement of its own: what lies between two days that are told of.
    return {nearest(day, -1, days), nearest(day, 1, days)} <= days


@pytest.fixture
def recorded(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    build_world(database_url, 1)
    history = History(now=datetime(2026, 3, 5, 20, tzinfo=UTC))
    history.answer(
        history.session(told="20260305 15:00:00 EST"), 1, [fill("a.1.01.01", DU1, time="20260305  09:31:00")]
    )
    told(database_url, history)
    project_all(database_url)
    with connect(database_url, name="test") as connection:
        yield connection


def test_every_hour_is_told_or_in_a_gap(recorded: psycopg.Connection[Any]) -> None:
    asked = {"account": DU1, "now": NOW, "from": datetime(1, 1, 1, tzinfo=UTC), "to": datetime(9999, 1, 1, tzinfo=UTC)}
    (known,) = recorded.execute("SELECT begins, asked_until FROM executions.coverage").fetchall()
    begin = datetime.combine(FIRST - timedelta(days=3), time(), NEW_YORK).astimezone(UTC)
    hours = [begin + timedelta(hours=number, minutes=30) for number in range((DAYS + 14) * 24)]
    source, shown = Random(20260305), 0
    for _ in range(150):
        stated = some(source)
        days = {
            each.first + timedelta(days=number)
            for each in stated
            if each.tells
            for number in range((each.last - each.first).days + 1)
        }
        with recorded.transaction(force_rollback=True):
            recorded.cursor().executemany(
                "INSERT INTO statements.covered (statement, sections, generated, from_day, to_day, mentioned, account)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [each.row for each in stated],
            )
            gaps = recorded.execute(GAPS, asked).fetchall()
        for one, other in pairwise(gaps):
            assert one[1] < other[0]
        wrong = [
            hour.isoformat()
            for hour in hours
            if (known[0] <= hour <= known[1] or is_told(hour, days))
            == any((since is None or since <= hour) and (until is None or hour < until) for since, until in gaps)
        ]
        assert wrong == [], (stated, gaps)
        shown += len(gaps)
    assert shown > 150
