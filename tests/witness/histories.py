"""Histories made by chance: a simulated login that trades, and all that may go wrong with what a gateway says of it.

In: a seed. Out: recorded and projected events. Odd repeats, base currencies that change, snapshots that cannot be
relied on, by other ways of asking, under models; two gateways with one account, pinned or not; accounts and positions
that are closed; sessions that end, clocks that are set back.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

from ibconnect.simulator.scenario.accounts import POSITIONS_MULTI, UPDATES, UPDATES_MULTI
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.tags import UNSET_TEXTS
from tests.projecting import START, Stream, project, record

HOUR = 3_600_000_000
FIRST, SECOND = "10.0.0.1:4001", "10.0.0.2:4002"
ODD = (
    "-0.00",
    "0",
    "1.0E7",
    "+5.50",
    ".5",
    "007",
    "1.5E-3",
    "12.",
    "-0.50",
    "100000000000000000000.01",
    "7421167.7441",
)
NO_FIGURES = (*sorted(UNSET_TEXTS), "", "NaN", "61,25", " 5.5", "n/a", "=1+1", r"Zo\u00eb")
CURRENCIES = ("USD", "EUR", "HKD", "JPY", "CHF")
Message = Sequence[str]


class History:
    """A login, and one or two gateways that show it, hour after hour."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.login = Scenario(
            seed=seed % 1000,
            accounts=self.chance.choice((2, 3)),
            positions=self.chance.choice((0, 3, 6)),
            advisor=self.chance.random() < 0.3,
            activity=60.0,
        )
        self.hour = 0.0
        self.events: list[Any] = []
        self.streams: dict[str, Stream] = {}
        self.pins = self._some_pins()

    def _some_pins(self) -> dict[str, list[str]] | None:
        """One gateway, two of which the first owns all, or two with an account that is pinned to both."""
        kind = self.chance.choice(("one", "two", "pinned"))
        if kind == "one":
            return None
        codes = list(self.login.codes())
        return {FIRST: codes, SECOND: codes[:1]} if kind == "pinned" else {FIRST: [], SECOND: []}

    def stream(self, gateway: str) -> Stream:
        """The session of a gateway that is open, or a new one."""
        if gateway not in self.streams:
            zone = self.chance.choice(("", "20231114 22:13:20 EST", "20231114 22:13:20 Hongkong"))
            self.streams[gateway] = Stream(gateway, at=START + int(self.hour * HOUR), connection_time=zone)
        return self.streams[gateway]

    def store(self, gateway: str) -> None:
        """What its session has told since the last time."""
        known = {id(event) for event in self.events}
        self.events += [event for event in self.streams[gateway].events if id(event) not in known]

    def live(self, hours: int) -> list[Any]:
        """So many refreshes; all events, in the order in which they are stored."""
        for _ in range(hours):
            self._pass_time()
            # Two minutes and more ahead now and then, so that the next one comes before it.
            created = START + int(self.hour * HOUR) + self.chance.choice((0, 0, 0, 5_000_000, 400_000_000))
            names = [FIRST, SECOND] if self.pins else [FIRST]
            self.chance.shuffle(names)
            for gateway in names:
                self._refresh(gateway, created)
                self.store(gateway)
                if self.chance.random() < 0.15:
                    self.streams[gateway].own("sc", reason="lost")
                    self.store(gateway)
                    del self.streams[gateway]
        return self.events

    def _pass_time(self) -> None:
        self.hour += self.chance.choice((0, 0.01, 1, 1, 1, 24))
        world = self.login.world
        for _ in range(20):
            self.login.advance()
        world.trade_something(self.chance.choice(world.clients()))
        if self.chance.random() < 0.2:
            world.account(self.chance.choice(list(world.accounts))).base = self.chance.choice(CURRENCIES)
        if self.chance.random() < 0.15 and len(world.clients()) > 1:
            world.close_account(self.chance.choice(world.clients()).code)
        if self.chance.random() < 0.15:
            world.open_account(1)
        if self.chance.random() < 0.4:
            self._rename_something()

    def _rename_something(self) -> None:
        """What an account holds gets another symbol, or its former one back; its contract keeps its id."""
        held = [each.instrument for account in self.login.world.clients() for each in account.positions.values()]
        if held:
            instrument = self.chance.choice(held)
            former = instrument.local_symbol.removesuffix(".NEW")
            renamed = former if instrument.local_symbol != former else f"{former}.NEW"
            object.__setattr__(instrument, "local_symbol", renamed)

    def _refresh(self, gateway: str, created: int) -> None:
        stream = self.stream(gateway)
        stream.at = max(stream.at, created)
        stream.message(*self.login.managed_accounts(), timed=True)
        codes = [code for code in self.login.codes() if self._is_asked(gateway, code)]
        told = {} if self.pins is None else {"gateways": self.pins, "others": [], "knows_others": True}
        stream.own("rs", created=created, trigger="test", accounts=codes, **told)
        for code in codes:
            self._download(stream, code)
        if self.chance.random() < 0.9:
            stream.own("re", created=created, outcome="complete")

    def _is_asked(self, gateway: str, code: str) -> bool:
        if self.pins is None or self.pins == {FIRST: [], SECOND: []}:
            return self.chance.random() < 0.9
        return code in self.pins[gateway]

    def _download(self, stream: Stream, code: str) -> None:
        """One of an account, in one of many ways."""
        kinds: dict[str, Callable[[list[Message], str], list[Message]]] = {
            "plain": lambda rows, _: rows,
            "odd": self._with_odd_repeats,
            "resetting": lambda rows, code: [*rows, ("6", "2", "AccountReady", "False", "", code)],
            "in-part": lambda rows, _: rows[: self.chance.randrange(len(rows))],
            "unpriced": self._without_prices,
            "unreadable": self._with_what_is_no_figure,
        }
        kind = self.chance.choices((*kinds, "multi", "refused", "interrupted"), (4, 4, 1, 1, 1, 1, 2, 0.5, 0.5))[0]
        if kind == "multi":
            self._download_multi(stream, code)
            return
        rows = list(self.login.answer(UPDATES, code).first())
        rows = kinds[kind](rows, code) if kind in kinds else rows
        stream.own("as", account=code, source="updates")
        began = len(stream.events)
        for number, fields in enumerate(rows):
            stream.message(*fields, timed=number % 11 == 0)
            if kind == "interrupted" and number == len(rows) // 2:
                stream.message("4", "2", "-1", self.chance.choice(("1100", "2110", "2100", "2104")), "A notice.", "")
        self._conclude(stream, code, "refused" if kind == "refused" else self._end())
        if self.chance.random() < 0.1:
            # What came late, of all that came.
            stream.own("as", account=code, source="updates", since=began)
            for fields in self._with_odd_repeats(rows[:3], code):
                stream.message(*fields)
            self._conclude(stream, code, "download-end")

    def _end(self) -> str:
        return self.chance.choices(("download-end", "quiet", "timeout", "interrupted"), (8, 2, 0.5, 0.5))[0]

    def _conclude(self, stream: Stream, code: str, ended: str) -> None:
        """As today's recorder does, or as one did that did not look into it."""
        if self.chance.random() < 0.2:
            stream.own("ac", account=code, ended=ended)
            return
        why = "no end" if ended == "timeout" else "something was missing" if self.chance.random() < 0.05 else ""
        check = self.chance.choices(("", "agrees", "differs"), (6, 6, 1))[0]
        found: dict[str, Any] = {name: text for name, text in {"why": why, "check": check}.items() if text}
        if self.chance.random() < 0.5:
            found["last"] = stream.at - 5
        stream.own("ac", class_version=2, account=code, ended=ended, detail="as it was", **found)

    def _with_odd_repeats(self, rows: list[Message], code: str) -> list[Message]:
        """The same keys again, in other spellings and with other texts."""
        values = [row for row in rows if row[0] == "6"]
        repeats = []
        for row in self.chance.choices(values, k=12) if values else []:
            key, currency = row[2], row[4]
            if self.chance.random() < 0.3 and not key.startswith("$LEDGER-"):
                key = f"$LEDGER-{key}"
            if self.chance.random() < 0.3:
                currency = self.chance.choice((*CURRENCIES, "BASE", ""))
            text = self.chance.choice(ODD) if self.chance.random() < 0.8 else self.chance.choice(NO_FIGURES)
            repeats.append(("6", "2", key, text, currency, code))
        new = (
            "6",
            "2",
            self.chance.choice(("NewFigureOfTomorrow", "NewFigure-S")),
            self.chance.choice(ODD),
            "USD",
            code,
        )
        return [*rows, *repeats, new]

    def _without_prices(self, rows: list[Message], _: str) -> list[Message]:
        """As a gateway that has just started: of some positions or of all."""
        share = self.chance.choice((0.5, 1))
        return [
            (*row[:14], *(("1.7976931348623157E308",) * 2), *row[16:])
            if row[0] == "7" and self.chance.random() < share
            else row
            for row in rows
        ]

    def _with_what_is_no_figure(self, rows: list[Message], _: str) -> list[Message]:
        """In a value, and in a position."""
        found = list(rows)
        for place in self.chance.sample(range(len(found)), min(3, len(found))):
            row = list(found[place])
            if row[0] == "6":
                row[3] = self.chance.choice(NO_FIGURES)
            elif row[0] == "7":
                row[self.chance.randrange(13, 19)] = self.chance.choice(NO_FIGURES[:-2])
            found[place] = row
        return found

    def _download_multi(self, stream: Stream, code: str) -> None:
        """By the requests that any number of programs may make, perhaps with models."""
        stream.own("as", account=code, source="multi", values_request=7, positions_request=8)
        for model in ("", "Growth") if self.chance.random() < 0.3 else ("",):
            for fields in self.login.answer(UPDATES_MULTI, 7, code, model, False).first()[:-1]:
                stream.message(*fields)
            for fields in self.login.answer(POSITIONS_MULTI, 8, code, model).first()[:-1]:
                stream.message(*fields)
        # Answers to others are nobody's here.
        stream.message("73", "1", "9", code, "", "NetLiquidation", "1.00", "USD")
        self._conclude(stream, code, "download-end")


def make(url: str, seed: int, hours: int = 6) -> None:
    """Record and project a history."""
    record(url, History(seed).live(hours))
    project(url)
