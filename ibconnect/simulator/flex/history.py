"""The years before a scenario begins: every account's days, which end with the books that it begins with.

In: a world in which no time has passed yet. Out: :class:`Day` rows for each account. The same world gives the same
days. Called by ``books``, in a thread: nothing of the world is read later than when a :class:`Opening` is made.
"""

import copy
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from ibconnect.errors import SimulatorError
from ibconnect.simulator.flex import scare, specials, steps
from ibconnect.simulator.flex.closes import Close, close_of, nothing
from ibconnect.simulator.flex.days import Day
from ibconnect.simulator.flex.drama import NO_DRAMA, Drama
from ibconnect.simulator.flex.happenings import DEPOSIT
from ibconnect.simulator.flex.past import Books, Past
from ibconnect.simulator.flex.paths import Paths
from ibconnect.simulator.flex.story import Setting, Story
from ibconnect.simulator.scenario.book import ZERO, Account, Market
from ibconnect.simulator.scenario.instruments import Instrument
from ibconnect.simulator.scenario.world import World

_LEAST_SHARE = Decimal("0.3")
"""How much of what an account is worth in the end it is opened with at least; more goes out again where it must."""

Timetable = Mapping[int, Sequence[tuple[str, steps.Step]]]
"""Day → the steps of all accounts."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a world begins with, out of the reach of what happens in it."""

    seed: int
    zone: ZoneInfo
    accounts: Mapping[str, Account]
    aliases: Mapping[str, str]
    dollars: Mapping[str, Decimal]
    stocks: Sequence[Instrument]
    master: str

    @classmethod
    def of(cls, world: World) -> "Opening":
        """Raises :class:`SimulatorError` for a world in which time has passed."""
        if world.beats:
            raise SimulatorError("flex: history leads to a scenario's beginning, and this one has begun")
        accounts = copy.deepcopy(world.accounts)
        aliases = {code: world.firm.alias(code) if world.master and code != world.master else "" for code in accounts}
        dollars, stocks = dict(world.market.dollars), tuple(world.pools["STK"][:40])
        return cls(world.plan.seed, world.days.zone, accounts, aliases, dollars, stocks, world.master)

    def market(self) -> Market:
        """The market as the scenario begins: contracts cost what they cost first."""
        return Market(dict(self.dollars))


class Witness(Protocol):
    """Who sees the accounts while their history passes, as they are at that moment; nothing of them is to be kept."""

    def passing(self, day: int, at: datetime, books: Mapping[str, Books]) -> None:
        """All that happened before this moment of the day is in the books."""
        ...

    def ended(self, day: int, books: Mapping[str, Books]) -> None:
        """The day is over."""
        ...


class History:
    """The days of every account up to the beginning; ``days`` are the dates that have a statement.

    ``drama``: what happens to the market and to one account besides.
    """

    def __init__(self, opening: Opening, days: Sequence[date], drama: Drama = NO_DRAMA) -> None:
        self._opening = opening
        self._days = days
        self._drama = drama
        self._paths = Paths(opening.seed, len(days), opening.dollars, drama.tide(len(days)))
        clients = [code for code in opening.accounts if code != opening.master]
        kept = {code: frozenset(account.positions) for code, account in opening.accounts.items()}
        self._setting = Setting(days, self._paths, opening.stocks, clients, kept, bool(opening.master))

    def make(self, witness: Witness | None = None) -> dict[str, list[Day]]:
        """Every account's days, oldest first; ``witness`` sees them pass."""
        if not self._days:
            return {}
        return self._closed(self._scared(self._funded(self._timetable())), witness)

    @property
    def paths(self) -> Paths:
        """What everything cost."""
        return self._paths

    def _timetable(self) -> Timetable:
        table: dict[int, list[tuple[str, steps.Step]]] = defaultdict(list)
        market = self._opening.market()
        for code, account in self._opening.accounts.items():
            chance = random.Random(f"story {self._opening.seed} {code}")
            wealth = close_of(account, market).total
            told = list(Story(account, self._setting, chance, wealth).steps())
            if code in self._setting.clients:
                told += specials.steps_of(self._setting, chance, wealth * self._paths.rate(account.base, "USD", 0))
            for step in told:
                table[step.day].append((code, step))
        for day in table.values():
            # What is swept is what the rest of the day has left.
            day.sort(key=lambda entry: isinstance(entry[1], steps.Sweep))
        return table

    def _funded(self, timetable: Timetable) -> Timetable:
        """With what is paid in first: what is missing in the end if everything else is done."""
        past = self._past()
        for day in range(len(self._days)):
            self._pass(past, timetable, day)
        table = {day: list(entries) for day, entries in timetable.items()}
        market = self._opening.market()
        for code, account in self._opening.accounts.items():
            base = account.base
            missing = account.cash.get(base, ZERO) - past.books[code].account.cash.get(base, ZERO)
            least = (close_of(account, market).total * _LEAST_SHARE).quantize(Decimal("0.01"))
            first = max(missing, least)
            deposit = steps.Pay(0, DEPOSIT, base, first, "CASH RECEIPTS / ELECTRONIC FUND TRANSFERS")
            table[0] = [(code, deposit), *table.get(0, ())]
            if first != missing:
                day = len(self._days) // 2
                back = steps.Pay(day, DEPOSIT, base, missing - first, "DISBURSEMENT INITIATED BY CLIENT")
                table[day] = [(code, back), *table.get(day, ())]
        return table

    def _scared(self, timetable: Timetable) -> Timetable:
        """With what the account that borrows too much does."""
        code, days = self._drama.scared, scare.days_of(len(self._days))
        if not code or days is None:
            return timetable
        past = self._past()
        for day in range(days.worst + 1):
            self._pass(past, timetable, day)
        account = past.books[code].account
        market = self._market(days.worst, past)
        table = {day: list(entries) for day, entries in timetable.items()}
        for step in scare.steps_of(account, market, self._paths, days):
            entries = table.setdefault(step.day, [])
            entries.append((code, step))
            entries.sort(key=lambda entry: isinstance(entry[1], steps.Sweep))
        return table

    def _market(self, day: int, past: Past) -> Market:
        """What everything that is held costs at a day's end."""
        held = {k: p.instrument for books in past.books.values() for k, p in books.account.positions.items()}
        return self._paths.market(day, held)

    def _past(self) -> Past:
        past = Past(self._setting, self._opening.zone, self._opening.seed)
        for code, account in self._opening.accounts.items():
            past.open(code, account.base)
        return past

    @staticmethod
    def _pass(past: Past, timetable: Timetable, day: int, witness: Witness | None = None) -> None:
        entries = [*past.later.pop(day, ()), *timetable.get(day, ())]
        # Interest accrues when the day is over: no moment of it has a part of it.
        entries.sort(key=lambda entry: isinstance(entry[1], steps.Accrue))
        past.begin(day, len(entries))
        for code, step in entries:
            if witness is not None:
                witness.passing(day, past.next_at(day), past.books)
            past.take(past.books[code], step)
        if witness is not None:
            witness.ended(day, past.books)

    def _closed(self, timetable: Timetable, witness: Witness | None) -> dict[str, list[Day]]:
        past = self._past()
        closes: dict[str, Close] = {}
        found: dict[str, list[Day]] = {code: [] for code in past.books}
        for number, day in enumerate(self._days):
            self._pass(past, timetable, number, witness)
            market = self._market(number, past)
            for code, books in past.books.items():
                close = close_of(books.account, market)
                before = closes.get(code) or nothing(close.rates)
                happened = sorted(books.happened, key=_when)
                alias = self._opening.aliases[code]
                former = self._days[number - 1] if number else None
                found[code].append(Day(code, books.account.base, day, before, close, happened, alias, former))
                closes[code] = close
        for code, books in past.books.items():
            self._check(code, books)
        return found

    def _check(self, code: str, books: Books) -> None:
        """The history must end with the books that the scenario begins with."""
        wanted, made = self._opening.accounts[code], books.account
        for name in ("cash", "accrued", "dividends"):
            ours, theirs = getattr(made, name), getattr(wanted, name)
            if any(ours.get(key, ZERO) != theirs.get(key, ZERO) for key in {*ours, *theirs}):
                raise SimulatorError(f"flex: the history of {code} ends with {name} {ours}, not {theirs}")
        ours, theirs = _held(made), _held(wanted)
        if ours != theirs:
            raise SimulatorError(f"flex: the history of {code} ends with {ours}, not {theirs}")


def _held(account: Account) -> dict[int, tuple[Decimal, Decimal]]:
    return {k: (held.quantity, held.average_cost) for k, held in account.positions.items() if held.quantity}


def _when(happening: object) -> tuple[date, int]:
    moment = getattr(happening, "at", None)
    number: int = getattr(happening, "number", 0)
    return (moment.date() if moment is not None else date.min, number)
