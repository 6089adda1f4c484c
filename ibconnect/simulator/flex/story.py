"""The history of an account before a scenario begins: steps that end with what it holds then.

In: an account as the scenario begins with it, the days, the prices of these days, chance. Out: steps, in no order; what
is paid in first is found by ``history``, which takes them. Called by ``history``.
"""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ibconnect.simulator.flex.happenings import DEPOSIT, SALES_TAX, TRANSACTION_TAX
from ibconnect.simulator.flex.paths import Paths
from ibconnect.simulator.flex.steps import (
    Accrue,
    Bring,
    Dividend,
    Give,
    HandOver,
    Owe,
    Pay,
    Segment,
    Step,
    Sweep,
    Take,
    Trade,
)
from ibconnect.simulator.scenario.book import CENT, ZERO, Account, Position
from ibconnect.simulator.scenario.instruments import Instrument

_SHORT_LIVED = ("OPT", "FOP", "FUT")
_DAYS_OF_SHORT_LIVED = 60
_QUARTER = 63
_LEAST_FEE, _UNIT_FEE = Decimal(1), Decimal("0.005")
_DUTY = Decimal("-0.001")


@dataclass(frozen=True, slots=True)
class Setting:
    """What all accounts of a history share."""

    days: Sequence[date]
    paths: Paths
    stocks: Sequence[Instrument]
    clients: Sequence[str]
    kept: Mapping[str, frozenset[int]]
    """What each account holds as the scenario begins: nothing of that is ever given away or sold."""
    is_advised: bool


def fee_of(instrument: Instrument, quantity: Decimal) -> Decimal:
    """Half a cent a unit, at least 1."""
    units = ZERO if instrument.sec_type == "CASH" else abs(quantity)
    return max(_LEAST_FEE, units * _UNIT_FEE).quantize(CENT)


class Story:
    """The steps of one account; ``wealth`` is about what it is worth, in its base currency."""

    def __init__(self, account: Account, setting: Setting, chance: random.Random, wealth: Decimal) -> None:
        self._account = account
        self._setting = setting
        self._chance = chance
        self._wealth = max(wealth, Decimal(10_000))
        self._count = len(setting.days)

    def steps(self) -> Iterator[Step]:
        """All but the first payment."""
        yield from self._interest()
        yield from self._what_is_owed()
        for position in self._account.positions.values():
            yield from self._purchase(position)
        yield from self._months()
        if self._account.code in self._setting.clients:
            yield from self._flows()
            yield from self._trips()

    @property
    def others(self) -> list[str]:
        return [code for code in self._setting.clients if code != self._account.code]

    def _in(self, currency: str, amount: Decimal, day: int) -> Decimal:
        """An amount of the base currency in another one."""
        return amount * self._setting.paths.rate(self._account.base, currency, day)

    # What the scenario begins with.

    def _purchase(self, position: Position) -> Iterator[Step]:
        """One trade, on a day on which the contract cost about so much."""
        instrument, quantity = position.instrument, position.quantity
        fee = fee_of(instrument, quantity)
        exact = (quantity * position.average_cost - fee) / (quantity * instrument.factor)
        price = (exact / instrument.tick).quantize(Decimal(1)) * instrument.tick
        first = max(1, self._count - _DAYS_OF_SHORT_LIVED) if instrument.sec_type in _SHORT_LIVED else 1
        first = min(first, self._count - 1)
        day = self._day_of(instrument, price, first)
        yield Trade(day, instrument, quantity, price, fee, is_kept=True)
        if instrument.sec_type == "STK" and quantity > 0:
            yield from self._dividends(instrument, day + 1, self._count)

    def _day_of(self, instrument: Instrument, price: Decimal, first: int) -> int:
        paths = self._setting.paths
        if instrument.sec_type != "CASH":
            return paths.nearest(instrument, price, first)
        pair = (instrument.symbol, instrument.currency)
        return min(range(first, self._count), key=lambda day: abs(paths.rate(*pair, day) - price))

    def _dividends(self, instrument: Instrument, first: int, end: int) -> Iterator[Step]:
        """One each quarter, as long as the contract is held until it is paid."""
        for day in range(first + self._chance.randrange(20, _QUARTER), end - 16, _QUARTER):
            rate = (self._setting.paths.price(instrument, day) / 200).quantize(CENT)
            if rate:
                yield Dividend(day, instrument, rate, day + 15)

    def _what_is_owed(self) -> Iterator[Step]:
        for currency, net in self._account.dividends.items():
            paying = [stock for stock in self._setting.stocks if stock.currency == currency]
            if net and paying:
                yield Owe(max(0, self._count - 4), self._chance.choice(paying), net)

    def _interest(self) -> Iterator[Step]:
        """Accrues day by day, and is paid when the next month begins."""
        base = self._account.base
        months = [list(days) for _, days in itertools.groupby(range(self._count), key=self._month)]
        for number, days in enumerate(months):
            is_last = number == len(months) - 1
            total = self._account.accrued.get(base, ZERO) if is_last else self._monthly()
            for place, day in enumerate(days, 1):
                yield Accrue(day, base, (total * place / len(days)).quantize(CENT))
            if not is_last and total:
                kind = "Broker Interest Received" if total > 0 else "Broker Interest Paid"
                text = (
                    f"{base} {'CREDIT' if total > 0 else 'DEBIT'} INT FOR {self._setting.days[days[0]]:%b-%Y}".upper()
                )
                yield Pay(days[-1] + 1, kind, base, total, text)

    def _monthly(self) -> Decimal:
        return Decimal(self._chance.randrange(-900, 9000)) / 100

    def _month(self, day: int) -> tuple[int, int]:
        moment = self._setting.days[day]
        return moment.year, moment.month

    # What comes and goes.

    def _months(self) -> Iterator[Step]:
        """At the first day of a month fees are paid, at its last one other currencies are swept."""
        for number, (_, grouped) in enumerate(itertools.groupby(range(self._count), key=self._month)):
            days = list(grouped)
            yield Sweep(days[-1], is_last=days[-1] == self._count - 1)
            if days[0] == 0:
                continue
            yield Pay(days[0], "Other Fees", "USD", Decimal(-10), "P7007:NASDAQ (UTP TAPE C) LEVEL 1")
            yield Pay(days[0], SALES_TAX, "USD", Decimal(-2), "VAT on NASDAQ (UTP Tape C) Level 1")
            if self._setting.is_advised and self._account.code in self._setting.clients and number % 3 == 0:
                fee = -(self._wealth / 800).quantize(CENT)
                yield Pay(days[0], "Advisor Fees", self._account.base, fee, "ADVISOR FEE FOR THE QUARTER")

    def _flows(self) -> Iterator[Step]:
        """Every other month something is paid in or out; at times cash or a position moves between accounts."""
        base = self._account.base
        for start in range(10, self._count - 2, 42):
            day = min(start + self._chance.randrange(30), self._count - 2)
            amount = (self._wealth * self._chance.randrange(-30, 60) / 1000).quantize(CENT)
            if self._chance.randrange(4) == 0 and base != "USD":
                dollars = abs(self._in("USD", amount, day)).quantize(CENT)
                yield Pay(day, DEPOSIT, "USD", dollars, "CASH RECEIPTS / ELECTRONIC FUND TRANSFERS")
            elif amount:
                text = "CASH RECEIPTS / ELECTRONIC FUND TRANSFERS" if amount > 0 else "DISBURSEMENT INITIATED BY CLIENT"
                yield Pay(day, DEPOSIT, base, amount, text)
            if self.others and self._chance.randrange(3) == 0:
                yield Give(day, self._chance.choice(self.others), base, abs(amount / 2).quantize(CENT) + 1)
            if self._chance.randrange(6) == 0:
                yield Segment(day, base, abs(amount / 3).quantize(CENT) + 1)

    def _trips(self) -> Iterator[Step]:
        """Stocks that are bought (one in five: sold short) and sold again before the scenario begins."""
        held = self._account.positions
        for instrument in self._setting.stocks:
            if instrument.con_id in held:
                continue
            day = 2 + self._chance.randrange(60)
            while (end := day + self._chance.randrange(8, 90)) < self._count - 1:
                yield from self._trip(instrument, day, end)
                day = end + self._chance.randrange(20, 200)

    def _trip(self, instrument: Instrument, day: int, end: int) -> Iterator[Step]:
        price = self._setting.paths.price(instrument, day)
        budget = self._in(instrument.currency, self._wealth, day) * self._chance.randrange(5, 50) / 1000
        size = max(Decimal(int(budget / price)), Decimal(2))
        is_short = self._chance.randrange(5) == 0
        choice = self._chance.randrange(12)
        quantity = -size if is_short else size
        if choice == 0:
            cost = (price * self._chance.randrange(80, 120) / 100).quantize(CENT)
            yield Bring(day, instrument, quantity, cost)
        else:
            yield Trade(day, instrument, quantity)
        if instrument.currency == "HKD":
            duty = (size * price * _DUTY).quantize(CENT)
            yield Pay(day, TRANSACTION_TAX, "HKD", duty, f"{instrument.symbol} STAMP DUTY", instrument)
        if not is_short:
            yield from self._dividends(instrument, day + 1, end)
        if choice == 1 and not is_short and self.others and end - day > 4:
            yield HandOver(day + 3, self._chance.choice(self.others), instrument)
        yield Take(end, instrument) if choice == 2 else Trade(end, instrument, ZERO)
