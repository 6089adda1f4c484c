"""Statements of a scenario: its history, the days since it began, and the day that runs.

In: a world in which no time has passed, how many days of history. Out: a :class:`service.Source`. Called by the command
line, the demo and tests.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from ibconnect.simulator.flex import documents
from ibconnect.simulator.flex.days import Day
from ibconnect.simulator.flex.drama import NO_DRAMA, Drama
from ibconnect.simulator.flex.happenings import Deal
from ibconnect.simulator.flex.history import History, Opening, Witness
from ibconnect.simulator.flex.live import Live
from ibconnect.simulator.flex.paths import Paths
from ibconnect.simulator.flex.queries import Query, calendar
from ibconnect.simulator.flex.statements import statement
from ibconnect.simulator.scenario.instruments import Instrument
from ibconnect.simulator.scenario.world import World

TWO_YEARS = 730
_NIGHT = time(4, 30)


class ScenarioBooks:
    """See the module.

    ``history``: so many calendar days before the scenario's first. ``every_day``: weekends have statements too, so that
    tests do not depend on the day of the week. ``today``: the running day has a statement, as it stands when asked for.
    ``drama``: what happened to the market and to one account in the history, besides the usual.
    """

    def __init__(
        self,
        world: World,
        history: int = TWO_YEARS,
        *,
        every_day: bool = False,
        today: bool = False,
        drama: Drama = NO_DRAMA,
    ) -> None:
        self._world = world
        self._opening = Opening.of(world)
        first = world.days.local(world.now).date()
        self._past_days = calendar(first - timedelta(days=history), first - timedelta(days=1), every_day)
        self._live = Live(world, every_day, self._past_days[-1] if self._past_days else None)
        self._with_today = today
        self._drama = drama
        self._past: dict[str, list[Day]] | None = None
        self._making = threading.Lock()
        self._running: dict[str, Day] = {}
        self._moment = self.now()
        self._mistakes: dict[tuple[str, date], Decimal] = {}
        self._corrected = 0

    def now(self) -> datetime:
        """The gateway's clock."""
        return self._world.days.local(self._world.now)

    def span(self, query: Query) -> tuple[date, date] | None:
        dates = [*self._past_days[:1], *self._past_days[-1:]]
        dates += [day.on for days in self._live.days.values() for day in (days[0], days[-1])]
        if self._with_today:
            dates += [day.on for day in self._live.running().values()]
        return (min(dates), max(dates)) if dates else None

    def prepare(self) -> None:
        """Take the running day as it stands."""
        self._running = self._live.running() if self._with_today else {}
        self._moment = self.now() + timedelta(seconds=self._corrected)

    def accounts(self) -> list[str]:
        """Every account that has or will have a statement."""
        return list(dict.fromkeys((*self._opening.accounts, *self._live.days, *self._running)))

    def days(self, account: str) -> list[Day]:
        """All days of an account so far, oldest first."""
        running = self._running.get(account)
        past = self._history().get(account, [])
        return [*past, *self._live.days.get(account, ()), *((running,) if running else ())]

    def statements(self, first: date, last: date, query: Query, is_nightly: bool) -> Sequence[str]:
        return list(self._statements(first, last, query, is_nightly))

    def mistake(self, account: str, day: date, by: Decimal) -> None:
        """Let the statement of a day say so much too much of accrued dividends, until :meth:`correct`."""
        self._mistakes[account, day] = by

    def correct(self, account: str, day: date) -> None:
        """From now on the statement of a day says what is right, and is generated later than any before."""
        self._mistakes.pop((account, day), None)
        self._corrected += 1

    def _history(self) -> dict[str, list[Day]]:
        with self._making:
            if self._past is None:
                self._past = History(self._opening, self._past_days, self._drama).make()
            return self._past

    @property
    def past_days(self) -> Sequence[date]:
        """The days of the history that have a statement."""
        return self._past_days

    def traded(self) -> Sequence[Instrument]:
        """Every contract that was traded in the history."""
        happenings = (each for days in self._history().values() for day in days for each in day.happenings)
        return list({each.instrument.con_id: each.instrument for each in happenings if isinstance(each, Deal)}.values())

    def witnessed(self, of: Callable[[Paths], Witness]) -> None:
        """Let the history pass before somebody, who is told what everything costs; it is the same each time."""
        history = History(self._opening, self._past_days, self._drama)
        history.make(of(history.paths))

    def _statements(self, first: date, last: date, query: Query, is_nightly: bool) -> Iterator[str]:
        for account in self.accounts():
            if query.accounts and account not in query.accounts:
                continue
            days = [self._as_told(day) for day in self.days(account) if first <= day.on <= last]
            cuts = [[day] for day in days] if query.breakout else [days] if days else []
            for cut in cuts:
                yield documents.statement(statement(cut, self._generated(cut[-1], is_nightly)), query)

    def _generated(self, last: Day, is_nightly: bool) -> datetime:
        if not is_nightly:
            return self._moment
        night = datetime.combine(last.on + timedelta(days=1), _NIGHT, self._world.days.zone)
        return night + timedelta(seconds=self._corrected)

    def _as_told(self, day: Day) -> Day:
        by = self._mistakes.get((day.account, day.on))
        if by is None:
            return day
        after, base = day.after, day.base
        column = {"dividendAccruals": after.parts["dividendAccruals"] + by}
        wrong = replace(
            after,
            total=after.total + by,
            parts={**after.parts, **column},
            dividends={**after.dividends, base: after.dividends.get(base, Decimal(0)) + by},
            worth={**after.worth, base: after.worth.get(base, Decimal(0)) + by},
        )
        return replace(day, after=wrong)
