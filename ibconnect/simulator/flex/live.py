"""The days of a world that is alive: what its accounts are at each midnight, and what happened since the last one.

In: a world, second by second, of which it is a :class:`~ibconnect.simulator.scenario.payments.Watcher`. Out:
:class:`Day` rows that do not change any more. Called by ``books``.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from ibconnect.simulator.flex.closes import Close, close_of, nothing
from ibconnect.simulator.flex.days import Day
from ibconnect.simulator.flex.happenings import IN, INTERNAL, OUT, Cash, Deal, Happening, Transfer
from ibconnect.simulator.scenario.blotter import Commission, Fill
from ibconnect.simulator.scenario.book import ZERO, Account
from ibconnect.simulator.scenario.payments import Handover, Payment
from ibconnect.simulator.scenario.world import World

_BROKER = "Sample Brokerage LLC"
_FIRST_NUMBER = 6_000_000_000
_WEEK = timedelta(days=9)


class Live:
    """See the module. Days are those of the gateway's zone; without ``every_day``, Monday to Friday."""

    def __init__(self, world: World, every_day: bool, former: date | None = None) -> None:
        self._world = world
        self._every_day = every_day
        self._zone = world.days.zone
        self.days: dict[str, list[Day]] = {}
        """Of every account that ever was, oldest first."""
        self._closes = {code: close_of(account, world.market) for code, account in world.accounts.items()}
        self._formers = dict.fromkeys(world.accounts, former)
        self._moves: dict[str, list[Happening]] = defaultdict(list)
        self._stated: dict[str, Fill] = {}
        self._number = _FIRST_NUMBER + world.plan.seed % 1000 * 10_000_000
        self._today = world.days.local(world.now).date()
        self._midnight = self._end_of_today()
        world.watchers.append(self)

    def __deepcopy__(self, memo: Mapping[int, Any]) -> "_Deaf":
        """A world that is copied to see what it would do is not what statements are about."""
        return _Deaf()

    @property
    def today(self) -> date:
        """The day that has not ended yet."""
        return self._today

    # What the world tells.

    def passing(self, now: datetime) -> None:
        while now >= self._midnight:
            if self._has_statement(self._today):
                for code, account in self._world.accounts.items():
                    self._end(code, self._running(account))
                self._forget(now)
            self._today += timedelta(days=1)
            self._midnight = self._end_of_today()

    def moved(self, what: Payment | Handover) -> None:
        at = self._world.days.local(what.at)
        direction = IN if _is_coming(what, self._world.accounts[what.account]) else OUT
        row: Happening
        if isinstance(what, Handover):
            about = (what.other, what.instrument.currency, ZERO, what.instrument, what.quantity)
            row = Transfer(at, self._next(), INTERNAL, direction, *about)
        elif what.other:
            row = Transfer(at, self._next(), INTERNAL, direction, what.other, what.currency, what.amount)
        else:
            text = what.text or what.kind.upper()
            row = Cash(at, self._next(), what.kind, what.currency, what.amount, text, what.instrument)
        self._moves[what.account].append(row)

    def opened(self, account: Account) -> None:
        """All that a new account has comes from elsewhere."""
        close = close_of(account, self._world.market)
        self._closes[account.code] = nothing(close.rates)
        self._moves[account.code] += self._whole(close, 1)

    def closing(self, account: Account) -> None:
        """All that a closed account has goes elsewhere, at once."""
        day = self._running(account)
        leaving = tuple(self._whole(day.after, -1))
        last = replace(day, after=nothing(day.after.rates), happenings=(*day.happenings, *leaving))
        self._end(account.code, self._priced(last))
        del self._closes[account.code]

    # Days.

    def running(self) -> dict[str, Day]:
        """The day that has not ended, of every account, as it stands; none on a day that will have no statement."""
        if not self._has_statement(self._today):
            return {}
        return {code: self._running(account) for code, account in self._world.accounts.items()}

    def _running(self, account: Account) -> Day:
        code = account.code
        after = close_of(account, self._world.market)
        before = self._closes.get(code) or nothing(after.rates)
        happened = sorted((*self._moves[code], *self._deals(code)), key=lambda each: each.at)  # type: ignore[union-attr]
        alias = self._world.firm.alias(code) if self._world.master and code != self._world.master else ""
        date_ = self._statement_day()
        former = self._formers.get(code)
        return self._priced(Day(code, account.base, date_, before, after, tuple(happened), alias, former))

    def _priced(self, day: Day) -> Day:
        """With what transferred positions are worth as the day ends."""
        return replace(day, happenings=tuple(self._with_price(each) for each in day.happenings))

    def _with_price(self, each: Happening) -> Happening:
        if isinstance(each, Transfer) and each.instrument is not None:
            return replace(each, price=self._world.market.price(each.instrument))
        return each

    def _end(self, code: str, day: Day) -> None:
        self.days.setdefault(code, []).append(day)
        self._closes[code] = day.after
        self._formers[code] = day.on
        self._moves[code] = []
        for key, fill in self._world.trading.fills.items():
            if fill.account == code:
                self._stated[key] = fill

    def _has_statement(self, day: date) -> bool:
        return self._every_day or day.weekday() < 5

    def _statement_day(self) -> date:
        """The day whose statement has what happens now: Monday's has the weekend's."""
        day = self._today
        while not self._has_statement(day):
            day += timedelta(days=1)
        return day

    def _end_of_today(self) -> datetime:
        return datetime.combine(self._today + timedelta(days=1), time(), self._zone).astimezone(UTC)

    def _forget(self, now: datetime) -> None:
        """What the world has forgotten cannot be corrected any more."""
        self._stated = {key: fill for key, fill in self._stated.items() if fill.at > now - _WEEK}

    # What happened.

    def _whole(self, close: Close, sign: int) -> Iterator[Transfer]:
        """All cash and positions of an account as transfers, in (1) or out (-1)."""
        at, direction = self._world.days.local(self._world.now), IN if sign > 0 else OUT
        for currency, amount in close.cash.items():
            if amount:
                yield Transfer(at, self._next(), "ACATS", direction, _BROKER, currency, amount * sign)
        for held in close.holdings.values():
            if held.instrument.sec_type != "CASH":
                about = (held.instrument.currency, ZERO, held.instrument, held.quantity * sign, held.price)
                yield Transfer(at, self._next(), "ACATS", direction, _BROKER, *about)

    def _deals(self, code: str) -> Iterator[Happening]:
        """The fills since the last statement, and what has become of those that it had."""
        for key, fill in self._world.trading.fills.items():
            if fill.account != code or fill.instrument.sec_type == "BAG":
                continue
            told = self._stated.get(key)
            if told is None:
                yield self._deal(fill)
            elif told.exec_id != fill.exec_id:
                first = self._deal(told)
                yield replace(first, quantity=-first.quantity, fee=-first.fee, kind="TradeCancel", notes="Ca")
                yield replace(self._deal(fill), kind="TradeCorrect", notes="Co")
            elif (more := self._fee(fill) - self._fee(told)) != 0:
                at, text = self._world.days.local(self._world.now), f"COMMISSION ADJUSTMENT {fill.exec_id}"
                currency = fill.instrument.currency
                yield Cash(at, self._next(), "Commission Adjustments", currency, -more, text, fill.instrument)

    def _commission(self, fill: Fill) -> Commission | None:
        return fill.commission or self._world.traders.unreported(fill.key)

    def _fee(self, fill: Fill) -> Decimal:
        """What was charged, told or not."""
        commission = self._commission(fill)
        return commission.amount if commission else self._world.trading.fee(fill)

    def _deal(self, fill: Fill) -> Deal:
        commission = self._commission(fill)
        order = self._world.trading.orders.get(fill.perm_id)
        quantity = fill.shares if fill.side == "BOT" else -fill.shares
        return Deal(
            self._world.days.local(fill.at),
            self._next(),
            fill.instrument,
            quantity,
            fill.price,
            self._fee(fill),
            fill.exec_id,
            fill.perm_id,
            commission.realized if commission else None,
            order_type=order.order_type if order else "",
        )

    def _next(self) -> int:
        self._number += 1
        return self._number


class _Deaf:
    """A watcher that takes no notice."""

    def passing(self, now: datetime) -> None: ...

    def moved(self, what: Payment | Handover) -> None: ...

    def opened(self, account: Account) -> None: ...

    def closing(self, account: Account) -> None: ...


def _is_coming(what: Payment | Handover, account: Account) -> bool:
    """Whether it comes in; a short position that comes is a quantity below 0."""
    if isinstance(what, Payment):
        return what.amount > 0
    held = account.positions[what.instrument.con_id].quantity
    # Who gives has none left, or some of the same sign; who takes has what he was given.
    return held == what.quantity
