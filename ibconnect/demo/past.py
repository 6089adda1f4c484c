"""Two years of sessions as the recorder would have written them, had it run: into the events, with their times.

In: a database that is prepared, when the demo began, and the gateway's address. Out: events of one session a week, a
report of every account at the close of each day, and every hour of the last month. Called by the verb ``demo``, as a
process of its own (``python -m ibconnect.demo.past``): the events are encoded and appended by the recorder's own code;
only the clock is the history's. What is stored already, since an earlier start was cut off, is not stored again.
"""

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

from ibconnect.demo.figures import Hours
from ibconnect.demo.sessions import Sessions, Shelf
from ibconnect.demo.world import make
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.simulator.flex.books import TWO_YEARS
from ibconnect.simulator.flex.past import Books

_CHUNK_BYTES = 4 << 20
_HOURLY_DAYS = 22
_EACH_DAY = (17,)
_EACH_HOUR = (10, 11, 12, 13, 14, 15, 16, 17)


class Chronicle:
    """Sees a history pass, and has its reports recorded when their hours come."""

    def __init__(self, sessions: Sessions, hours: Hours, days: Sequence[date], shelf: Shelf) -> None:
        self._sessions = sessions
        self._hours = hours
        self._days = days
        self._shelf = shelf
        self._due: list[datetime] = []
        self._day = -1

    def passing(self, day: int, at: datetime, books: Mapping[str, Books]) -> None:
        self._begin(day)
        while self._due and self._due[0] < at:
            self._report(day, self._due.pop(0), books)

    def ended(self, day: int, books: Mapping[str, Books]) -> None:
        self._begin(day)
        while self._due:
            self._report(day, self._due.pop(0), books)
        self._sessions.end_day({code: each.happened for code, each in books.items()})
        self._hours.end_day(day, books)
        self._shelf.put_down()

    def _begin(self, day: int) -> None:
        if day == self._day:
            return
        self._day = day
        is_recent = day >= len(self._days) - _HOURLY_DAYS
        self._due = self._hours.moments(day, _EACH_HOUR if is_recent else _EACH_DAY)
        self._sessions.begin_day(day)

    def _report(self, day: int, at: datetime, books: Mapping[str, Books]) -> None:
        market = self._hours.market(day, at, books)
        self._sessions.report(at, {code: each.account for code, each in books.items()}, market)


def has_events(url: str) -> bool:
    """Whether anything is recorded.

    :raises DatabaseUnavailable: Postgres cannot be reached
    """
    with Datastore(url) as datastore:
        return bool(EventRecorder(datastore).max_notification_id())


def record(url: str, start: datetime, gateway: str, is_doubtful: bool = False, history: int = TWO_YEARS) -> int:
    """Record the days before ``start``, two years of them if not said otherwise; the number of events.

    :param is_doubtful: an earlier start may have stored a part of it
    :raises DatabaseUnavailable: Postgres cannot be reached
    """
    scenario, statements = make(start, history)
    with Datastore(url) as datastore, ThreadPoolExecutor(1) as thread:
        recorder = EventRecorder(datastore)
        pending: list[Future[Any]] = []

        def store(data: bytes) -> None:
            # One piece is made while the one before it is stored.
            if pending:
                pending.pop().result()
            pending.append(thread.submit(recorder.append, data, is_doubtful=is_doubtful))

        shelf = Shelf(store, _CHUNK_BYTES)
        days = statements.past_days
        zone = scenario.world.days.zone
        sessions = Sessions(shelf, scenario, gateway, days)
        statements.witnessed(lambda paths: Chronicle(sessions, Hours(paths, days, zone), days, shelf))
        sessions.close()
        shelf.put_down(is_last=True)
        for each in pending:
            each.result()
        recorder.release()
    return shelf.rows


def main(arguments: Sequence[str]) -> int:
    """``start gateway is_doubtful``; the URL, which may hold a password, comes as the first line of standard input."""
    start, gateway, is_doubtful = arguments
    url = sys.stdin.readline().strip()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    record(url, datetime.fromisoformat(start).astimezone(UTC), gateway, is_doubtful == "True")
    return 0


def _end_with_parent() -> None:
    """Whoever started it and is gone does not want it any more."""
    while sys.stdin.read(1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
