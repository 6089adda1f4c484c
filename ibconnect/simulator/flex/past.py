"""Takes the steps of accounts day by day, and notes what happened.

In: accounts with nothing in them, steps, prices. Out: the accounts as they are at each day's end, and the happenings of
the day. Called by ``history``.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ibconnect.simulator.flex import steps
from ibconnect.simulator.flex.happenings import (
    IN,
    INTERNAL,
    OUT,
    Cash,
    Deal,
    DividendChange,
    Happening,
    OptionEvent,
    Split,
    SystemTransfer,
    Transfer,
)
from ibconnect.simulator.flex.story import Setting, fee_of
from ibconnect.simulator.scenario.book import CENT, MONEY, ZERO, Account, Position, trade
from ibconnect.simulator.scenario.instruments import Instrument

_OPENING, _SECONDS = time(9, 30), 23_000
_FX_IDS = 970_000_000
_TAX = Decimal("0.15")
_BROKER = "Sample Brokerage LLC"
_LEAST_SWEEP = 1
# What follows from what was planned for a day, and needs a moment too.
_UNEXPECTED = 12


@dataclass(slots=True)
class Books:
    """One account on its way, and what happened to it today."""

    account: Account
    chance: random.Random
    kept: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    """What has to be left in each currency when the others are swept."""
    happened: list[Happening] = field(default_factory=list)
    dividends: dict[int, list[tuple[DividendChange, int]]] = field(default_factory=dict)
    """By the day on which they are paid."""


class Leg(NamedTuple):
    """What is traded: so many at a price, with a fee, and what it earned if it closed something."""

    instrument: Instrument
    quantity: Decimal
    price: Decimal
    fee: Decimal
    realized: Decimal | None


class Past:
    """See the module. ``serial`` makes ids differ from world to world."""

    def __init__(self, setting: Setting, zone: ZoneInfo, serial: int) -> None:
        self._setting = setting
        self._zone = zone
        self._serial = serial
        self._number = 0
        self._slots = (0, 1)
        self.books: dict[str, Books] = {}
        self.later: dict[int, list[tuple[str, steps.Trade]]] = {}
        """What follows from what was done: by day, what accounts are to trade."""

    def open(self, code: str, base: str) -> Books:
        """An account, with nothing in it yet."""
        books = self.books[code] = Books(Account(code, base), random.Random(f"past {self._serial} {code}"))
        return books

    def begin(self, day: int, expected: int = 0) -> None:
        """A new day: nothing has happened, and what was closed is gone.

        :param expected: about so many things happen on it, and are spread over its hours
        """
        self._slots = (0, expected + _UNEXPECTED)
        for books in self.books.values():
            books.happened = []
            account = books.account
            account.positions = {key: held for key, held in account.positions.items() if held.quantity}
            for held in account.positions.values():
                held.realized = ZERO
        for books in self.books.values():
            for accrued, pays in books.dividends.pop(day, ()):
                self._pay_dividend(books, accrued, pays)

    def take(self, books: Books, step: steps.Step) -> None:
        """Take a step of today."""
        takers: Mapping[type, Callable[[Books, Any], None]] = {
            steps.Trade: self._trade,
            steps.Pay: self._pay_step,
            steps.Dividend: self._accrue_dividend,
            steps.Owe: self._owe,
            steps.Accrue: self._accrue,
            steps.Give: self._give,
            steps.HandOver: self._hand_over,
            steps.Bring: self._bring,
            steps.Take: self._remove,
            steps.SplitUp: self._split,
            steps.Expire: self._expire,
            steps.Segment: self._segment,
            steps.Sweep: self._sweep,
        }
        takers[type(step)](books, step)

    # Trades.

    def _trade(self, books: Books, step: steps.Trade) -> None:
        held = self._held(books, step.instrument)
        quantity = step.quantity or -held
        if not quantity:
            return
        price = step.price if step.price is not None else self._near(books, step.instrument, step.day)
        fee = step.fee if step.fee is not None else fee_of(step.instrument, quantity)
        before = dict(books.account.cash)
        realized = trade(books.account, step.instrument, quantity, price, fee)
        if step.is_kept:
            for currency, amount in books.account.cash.items():
                books.kept[currency] += amount - before.get(currency, ZERO)
        self._deal(books, step.day, Leg(step.instrument, quantity, price, fee, realized))

    def _near(self, books: Books, instrument: Instrument, day: int) -> Decimal:
        """A price of the day, not far from the one at its end."""
        price = self._setting.paths.price(instrument, day)
        return max(price + instrument.tick * books.chance.randint(-8, 8), instrument.tick)

    def _deal(self, books: Books, day: int, leg: Leg, kind: str = "ExchTrade", notes: str = "") -> None:
        number = self._next()
        identity = f"{0xE0D5 + self._serial % 4096:08x}.{0x6400_0000 + number:08x}.01.01"
        order_id = 1_000_000_000 + self._serial % 100 * 1_000_000 + number
        at = self._at(day)
        books.happened.append(Deal(at, number, *leg[:4], identity, order_id, leg[4], kind, notes))

    def _sweep(self, books: Books, step: steps.Sweep) -> None:
        account = books.account
        for place, currency in enumerate(sorted(account.cash)):
            excess = account.cash[currency] - books.kept[currency]
            if currency == account.base or not excess or (abs(excess) < _LEAST_SWEEP and not step.is_last):
                continue
            rate = self._setting.paths.rate(currency, account.base, step.day)
            name = f"{currency}.{account.base}"
            pair = Instrument(
                _FX_IDS + place,
                currency,
                "CASH",
                "IDEALPRO",
                account.base,
                rate,
                Decimal("0.0000001"),
                local_symbol=name,
                trading_class=name,
            )
            fee = min(Decimal(2), (abs(excess) * rate / 1000)).quantize(CENT)
            account.add_cash(currency, -excess)
            account.add_cash(account.base, (excess * rate).quantize(MONEY) - fee)
            self._deal(books, step.day, Leg(pair, -excess, rate, fee, None))

    # Payments.

    def _pay_step(self, books: Books, step: steps.Pay) -> None:
        books.account.add_cash(step.currency, step.amount)
        row = Cash(self._at(step.day), self._next(), *step[1:])
        books.happened.append(row)

    def _accrue(self, books: Books, step: steps.Accrue) -> None:
        books.account.accrued[step.currency] = step.total

    def _segment(self, books: Books, step: steps.Segment) -> None:
        for amount in (-step.amount, step.amount):
            books.happened.append(SystemTransfer(self._at(step.day), self._next(), "C", step.currency, amount))

    def _accrue_dividend(self, books: Books, step: steps.Dividend) -> None:
        held = self._held(books, step.instrument)
        if held > 0 and step.pay < len(self._setting.days):
            gross = (held * step.rate).quantize(CENT)
            accrued = self._accrued(step.day, step.instrument, held, gross, (gross * _TAX).quantize(CENT))
            accrued = self._until(accrued, self._setting.days[step.pay] - accrued.ex_day)
            self._add_accrual(books, accrued)
            books.dividends.setdefault(step.pay, []).append((accrued, step.pay))

    def _owe(self, books: Books, step: steps.Owe) -> None:
        gross = (step.net / (1 - _TAX)).quantize(CENT)
        accrued = self._accrued(step.day, step.instrument, Decimal(100), gross, gross - step.net)
        self._add_accrual(books, self._until(accrued, timedelta(days=21)))

    def _accrued(
        self, day: int, instrument: Instrument, quantity: Decimal, gross: Decimal, tax: Decimal
    ) -> DividendChange:
        on = self._setting.days[day]
        return DividendChange(on, self._next(), "Po", instrument, on, on, quantity, gross, tax)

    @staticmethod
    def _until(accrued: DividendChange, wait: timedelta) -> DividendChange:
        return replace(accrued, pay_day=accrued.ex_day + wait)

    def _add_accrual(self, books: Books, change: DividendChange) -> None:
        currency = change.instrument.currency
        books.account.dividends[currency] = books.account.dividends.get(currency, ZERO) + change.net
        books.happened.append(change)

    def _pay_dividend(self, books: Books, accrued: DividendChange, day: int) -> None:
        """What was accrued is taken back, and paid, less the tax that is withheld."""
        back = replace(
            accrued,
            on=self._setting.days[day],
            number=self._next(),
            code="Re",
            gross=-accrued.gross,
            tax=-accrued.tax,
        )
        self._add_accrual(books, back)
        instrument, rate = accrued.instrument, accrued.gross / accrued.quantity
        text = f"{instrument.symbol} CASH DIVIDEND {instrument.currency} {rate:.4f} PER SHARE"
        paid = steps.Pay(
            day, "Dividends", instrument.currency, accrued.gross, f"{text} (Ordinary Dividend)", instrument
        )
        self._pay_step(books, paid)
        if accrued.tax:
            held_back = paid._replace(kind="Withholding Tax", amount=-accrued.tax, text=f"{text} - US TAX")
            self._pay_step(books, held_back)

    # Transfers.

    def _give(self, books: Books, step: steps.Give) -> None:
        other = self.books[step.target]
        at, number = self._at(step.day), self._next()
        for mine, theirs, amount, direction in ((books, other, -step.amount, OUT), (other, books, step.amount, IN)):
            mine.account.add_cash(step.currency, amount)
            code = theirs.account.code
            mine.happened.append(Transfer(at, number, INTERNAL, direction, code, step.currency, amount))

    def _hand_over(self, books: Books, step: steps.HandOver) -> None:
        other, instrument = self.books[step.target], step.instrument
        half = Decimal(int(self._held(books, instrument) / 2))
        sale = step.day + 1 + books.chance.randrange(1, 20)
        is_kept = instrument.con_id in self._setting.kept[step.target]
        if half <= 0 or is_kept or self._held(other, instrument) or sale >= len(self._setting.days) - 1:
            return
        cost = books.account.positions[instrument.con_id].average_cost
        at, number = self._at(step.day), self._next()
        for mine, theirs, quantity, direction in ((books, other, -half, OUT), (other, books, half, IN)):
            self._move(mine, instrument, quantity, cost)
            about = (instrument.currency, ZERO, instrument, quantity, self._setting.paths.price(instrument, step.day))
            mine.happened.append(Transfer(at, number, INTERNAL, direction, theirs.account.code, *about))
        self.later.setdefault(sale, []).append((step.target, steps.Trade(sale, instrument, ZERO)))

    def _bring(self, books: Books, step: steps.Bring) -> None:
        if self._held(books, step.instrument):
            return
        self._move(books, step.instrument, step.quantity, step.cost)
        self._transfer_out_of_house(books, step.day, step.instrument, step.quantity, IN)

    def _remove(self, books: Books, step: steps.Take) -> None:
        held = self._held(books, step.instrument)
        if held:
            self._move(books, step.instrument, -held, books.account.positions[step.instrument.con_id].average_cost)
            self._transfer_out_of_house(books, step.day, step.instrument, -held, OUT)

    def _transfer_out_of_house(
        self, books: Books, day: int, instrument: Instrument, quantity: Decimal, direction: str
    ) -> None:
        kind = books.chance.choice(("FOP", "ACATS", "ATON"))
        about = (instrument.currency, ZERO, instrument, quantity, self._setting.paths.price(instrument, day))
        books.happened.append(Transfer(self._at(day), self._next(), kind, direction, _BROKER, *about))

    @staticmethod
    def _move(books: Books, instrument: Instrument, quantity: Decimal, cost: Decimal) -> None:
        position = books.account.positions.setdefault(instrument.con_id, Position(instrument))
        position.quantity += quantity
        position.average_cost = cost if position.quantity else ZERO

    # Corporate actions and options.

    def _split(self, books: Books, step: steps.SplitUp) -> None:
        held = self._held(books, step.instrument)
        if held:
            position = books.account.positions[step.instrument.con_id]
            position.quantity *= step.ratio
            position.average_cost /= step.ratio
            text = f"{step.instrument.symbol} SPLIT {step.ratio} FOR 1"
            more = held * (step.ratio - 1)
            books.happened.append(Split(self._at(step.day), self._next(), step.instrument, more, text))

    def _expire(self, books: Books, step: steps.Expire) -> None:
        option, held = step.instrument, self._held(books, step.instrument)
        if not held:
            return
        strike, price = Decimal(option.strike), self._setting.paths.price(step.underlying, step.day)
        is_worth = price < strike if option.right == "P" else price > strike
        kind = "Expiration" if not is_worth else "Exercise" if held > 0 else "Assignment"
        notes = {"Expiration": "Ep", "Exercise": "Ex", "Assignment": "A"}[kind]
        realized = trade(books.account, option, -held, ZERO, ZERO) or ZERO
        event = OptionEvent(self._at(step.day), self._next(), kind, option, -held, realized)
        books.happened.append(event)
        self._deal(books, step.day, Leg(option, -held, ZERO, ZERO, realized), "BookTrade", notes)
        if is_worth:
            units = held * option.factor * (1 if option.right == "C" else -1)
            profit = trade(books.account, step.underlying, units, strike, ZERO)
            self._deal(books, step.day, Leg(step.underlying, units, strike, ZERO, profit), "BookTrade", notes)

    # What all of them need.

    @staticmethod
    def _held(books: Books, instrument: Instrument) -> Decimal:
        position = books.account.positions.get(instrument.con_id)
        return position.quantity if position else ZERO

    def _next(self) -> int:
        self._number += 1
        return 3_000_000_000 + self._serial % 1000 * 10_000_000 + self._number

    def next_at(self, day: int) -> datetime:
        """The moment of the trading day at which the next thing happens: none before an earlier one."""
        opening = datetime.combine(self._setting.days[day], _OPENING, self._zone)
        taken, slots = self._slots
        length = _SECONDS // slots
        second = min(taken, slots - 1) * length + (taken * 7919 % length if taken < slots else length - 1)
        return opening + timedelta(seconds=second)

    def _at(self, day: int) -> datetime:
        at = self.next_at(day)
        self._slots = (self._slots[0] + 1, self._slots[1])
        return at
