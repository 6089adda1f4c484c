"""The executions of a login: those of all clients and of TWS, with their commissions, since the gateway's midnight.

A Gateway answers of its own day alone, so what nobody asked for before that is over is gone; therefore it is also asked
just before. From server version 200 on it answers of some days: then it is asked for all since the last whole answer.
Answers are repeated again and again, and projections know what they have; what was asked for when is recorded, since
it says of which times nothing is missing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType

from ibconnect.clocks import day_of
from ibconnect.gateway.collectors.collector import Home
from ibconnect.gateway.collectors.due import At, BySetting
from ibconnect.gateway.collectors.question import About, Answer, Ended, Question
from ibconnect.gateway.collectors.scheduled import Scheduled
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.requests import DAYS_SINCE, request_executions
from ibconnect.gateway.transport import Transport
from ibconnect.times import utc_now

EXECUTION, EXECUTIONS_END = 11, 55

MOST_DAYS = 7
"""How many a gateway may still know."""

# Before the gateway's midnight: once to have nearly all for sure, once to have what came after.
_BEFORE_MIDNIGHT = (timedelta(seconds=60), timedelta(seconds=10))
# Sleeping in slices, it follows a clock that was set.
_SLICE_S = 5.0


class Executions(Scheduled):
    """Asked at connection, with each refresh, by ``EXEC_REF``, and just before the gateway's day is over."""

    name = "executions"
    due = (At.CONNECTION, At.REFRESH, BySetting("exec_ref"))
    messages = MappingProxyType({EXECUTION: 1, EXECUTIONS_END: 3})

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self._whole: datetime | None = None
        """When it was asked to what there was a whole answer last."""

    def questions(self, connection: Connection) -> Iterable[Question]:
        """Those of today, or of all days since there was a whole answer."""
        now = utc_now()
        days = days_to_ask(connection.server_version, connection.zone, self._whole, now)

        def ask(transport: Transport, number: int) -> None:
            request_executions(transport, number, days if days > 1 else None)

        def hear(answer: Answer) -> None:
            if answer.ended is Ended.WHOLE:
                self._whole = now

        yield Question(
            ask, end=EXECUTIONS_END, number_at=2, part=EXECUTION, about=About(self.name, days=days), hear=hear
        )

    def moments(self, connection: Connection) -> Iterable[AsyncIterator[object]]:
        """Just before the gateway's day is over, if it is known when that is."""
        return () if connection.zone is None else (before_midnights(connection.zone),)


def days_to_ask(server_version: str, zone: tzinfo | None, whole: datetime | None, now: datetime) -> int:
    """Of how many days of the gateway's to ask, today being one of them.

    :param whole: when it was asked to what there was a whole answer; None: it is not known
    """
    if not (server_version.isdecimal() and int(server_version) >= DAYS_SINCE):
        return 1
    if zone is None or whole is None:
        return MOST_DAYS
    between = day_of(zone, now).date - day_of(zone, whole).date
    return max(1, min(between.days + 1, MOST_DAYS))


async def before_midnights(zone: tzinfo, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[datetime]:
    """Yield each moment just before midnight in a zone, when it has come."""
    due = next_before_midnight(zone, clock())
    while True:
        remaining = (due - clock()).total_seconds()
        if remaining > 0:
            await asyncio.sleep(min(remaining, _SLICE_S))
            continue
        yield due
        due = next_before_midnight(zone, max(due, clock()))


def next_before_midnight(zone: tzinfo, after: datetime) -> datetime:
    """The next of these moments after another."""
    days = (day_of(zone, after), day_of(zone, day_of(zone, after).ends))
    return min(due for day in days for before in _BEFORE_MIDNIGHT if (due := day.ends - before) > after)
