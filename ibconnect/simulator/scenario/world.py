"""A seeded world: accounts that trade, prices that move, day after day.

In: a seed and sizes. Out: books that depend on nothing but these and the number of beats (simulated seconds)
passed. Called by ``scenario.source``, which shows them as a gateway does, and by the control port, which may act
too.
"""

import random
from datetime import datetime, timedelta
from decimal import Decimal

from ibconnect.errors import SimulatorError
from ibconnect.simulator.scenario.blotter import Fill, Order, Profit
from ibconnect.simulator.scenario.book import CENT, COST, MONEY, ZERO, Account, Market, Position, begin_day, trade
from ibconnect.simulator.scenario.cashier import Cashier
from ibconnect.simulator.scenario.days import Days
from ibconnect.simulator.scenario.figures import equity
from ibconnect.simulator.scenario.firm import Firm, Group
from ibconnect.simulator.scenario.instruments import KINDS, Instrument, make_pools
from ibconnect.simulator.scenario.payments import DEPOSIT, Payment, Watcher, pay
from ibconnect.simulator.scenario.plan import Plan
from ibconnect.simulator.scenario.profits import profits
from ibconnect.simulator.scenario.traders import Traders
from ibconnect.simulator.scenario.trading import Trading

_DOLLARS = {
    "USD": "1",
    "EUR": "1.0842153",
    "GBP": "1.2711047",
    "HKD": "0.1286419",
    "JPY": "0.0066041",
    "CHF": "1.1348166",
    "CAD": "0.7323860",
}
# Positions of an account take these kinds in turn; FRACTION is a stock in a fractional size.
_TURN = ("STK", "OPT", "FRACTION", "FUT", "CASH", "STK", "BOND", "FOP", "CRYPTO", "STK")
_PRICE_GROUPS = 20
_TRADES_AN_HOUR = 60
_FLOWS_AN_HOUR = 6
# The number of accounts stays between half and twice of what was asked for.
_OPENINGS_AN_HOUR = 0.02
_CLOSINGS_AN_HOUR = 0.02
# How long a gateway remembers orders and executions.
_KEPT = timedelta(days=8)


class World:
    """The state of one seeded world; :meth:`beat` lets a simulated second pass."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.market = Market({currency: Decimal(text) for currency, text in _DOLLARS.items()})
        self.pools = make_pools(plan.start.date(), plan.positions)
        self.accounts: dict[str, Account] = {}
        self.watchers: list[Watcher] = []
        """Who is told of what happens besides trades."""
        self.beats = 0
        self.traded: set[str] = set()
        self.listed = False
        self.days = Days(plan.zone, plan.pnl_reset)
        self.day_began = plan.start
        self._day_ends = self.days.next_reset(plan.start)
        self.firm = Firm()
        self.trading = Trading(plan.seed)
        self.traders = Traders(self)
        self.cashier = Cashier(self)
        self.instruments = {i.con_id: i for pool in self.pools.values() for i in pool}
        """Every contract that can be traded, by its id."""
        self.long_names: dict[int, str] = {}
        """Contracts that are called otherwise by now."""
        self._numbers = iter(range(plan.seed % 1000 * 1000 + 1, 10_000_000))
        self._traded_instruments: dict[int, Instrument] = {}
        if plan.advisor:
            self._open_master()
        for _ in range(plan.accounts):
            self.open_account(plan.positions)
        self.traded.clear()
        self.listed = False

    @property
    def now(self) -> datetime:
        """Simulated time, UTC."""
        return self.plan.start + timedelta(seconds=self.beats)

    @property
    def master(self) -> str:
        """The advisor's own account, or an empty string."""
        return next(iter(self.accounts)) if self.plan.advisor else ""

    @property
    def orders(self) -> list[Order]:
        """Every order of the last days, as it stands now, in order of placing."""
        return list(self.trading.orders.values())

    @property
    def fills(self) -> list[Fill]:
        """Every fill of the last days, as it stands now, in order of coming."""
        return list(self.trading.fills.values())

    @property
    def profits(self) -> list[Profit]:
        """What reqPnL and reqPnLSingle say now of every account and position."""
        return [row for account in self.accounts.values() for row in profits(account, self.market)]

    def groups(self) -> dict[str, Group]:
        """The advisor's account groups, by name."""
        return self.firm.groups([account.code for account in self.clients()]) if self.master else {}

    def clients(self) -> list[Account]:
        """The accounts without the advisor's own."""
        return [account for code, account in self.accounts.items() if code != self.master]

    def _open_master(self) -> None:
        code = f"F{next(self._numbers):07d}"
        self.accounts[code] = Account(code, "USD", "ADVISOR", {"USD": Decimal("18250.4275")})

    def open_account(self, positions: int = 0, base: str = "") -> Account:
        """Open an account with cash and, by trading, so many positions."""
        prefix = "U" if self.plan.advisor else "DU"
        code = f"{prefix}{next(self._numbers):07d}"
        count = len(self.clients())
        account = Account(code, base or self.plan.bases[count % len(self.plan.bases)], "INDIVIDUAL")
        wealth = Decimal(self.random.randrange(2_000_000, 20_000_000)) / 10
        account.cash[account.base] = (wealth / self.market.dollars[account.base]).quantize(MONEY)
        account.accrued[account.base] = Decimal(self.random.randrange(-900, 9000)) / 100
        account.dividends[account.base] = Decimal(self.random.randrange(0, 3000)) / 100
        self.accounts[code] = account
        for number in range(positions):
            self._open_position(account, _TURN[(number + count) % len(_TURN)], long_ago=True)
        begin_day(account, self.market)
        account.previous_equity = equity(account, self.market)
        self.listed = True
        self.traded.add(code)
        for watcher in self.watchers:
            watcher.opened(account)
        return account

    def close_account(self, code: str) -> None:
        """Take an account off the list, as when a client leaves. Raises :class:`SimulatorError`."""
        if code not in self.accounts or code == self.master or len(self.clients()) == 1:
            raise SimulatorError(f"account {code!r} cannot be closed")
        self.traders.leave(code)
        for watcher in self.watchers:
            watcher.closing(self.accounts[code])
        del self.accounts[code]
        self.listed = True

    def deposit(self, code: str, amount: Decimal, currency: str) -> None:
        """Pay in (or out, below 0). Raises :class:`SimulatorError` for what is not known."""
        pay(self, Payment(self.now, code, DEPOSIT, currency, amount.quantize(MONEY)))

    def check_currency(self, currency: str) -> None:
        """Raises :class:`SimulatorError` for one that has no rate."""
        if currency not in self.market.dollars:
            raise SimulatorError(f"currency {currency!r}: one of {', '.join(self.market.dollars)}")

    def account(self, code: str) -> Account:
        """An account by code. Raises :class:`SimulatorError`."""
        if code not in self.accounts:
            raise SimulatorError(f"account {code!r} is not one of {', '.join(self.accounts)}")
        return self.accounts[code]

    def close_position(self, code: str, con_id: int) -> None:
        """Sell (or buy back) all of a position at its price. Raises :class:`SimulatorError`."""
        position = self.account(code).positions.get(con_id)
        if position is None or not position.quantity:
            raise SimulatorError(f"account {code} holds nothing of {con_id}")
        self._trade(self.accounts[code], position.instrument, -position.quantity)

    def skip(self, seconds: int) -> None:
        """Let time pass in which nothing happens but what is due at its end: a new day, late reports."""
        self.beats += max(0, seconds - 1)
        self.beat()

    def beat(self) -> None:
        """One simulated second."""
        self.beats += 1
        self.traded.clear()
        self.listed = False
        for watcher in self.watchers:
            watcher.passing(self.now)
        if self.plan.frozen or (self.plan.hush and self.days.is_near_midnight(self.now, self.plan.hush)):
            return
        self._move_prices()
        if self.now >= self._day_ends:
            self._new_day()
        if self.plan.activity:
            self._act()
        if self.plan.payments:
            self.cashier.beat()
        self.traders.beat()

    def _act(self) -> None:
        """At most one thing in a second, the rarest first; each as often as its rate and the activity say."""
        clients, asked = self.clients(), self.plan.accounts
        hour = 3600 / self.plan.activity
        if self.random.random() * hour < _OPENINGS_AN_HOUR and len(clients) < 2 * asked:
            self.open_account(self.plan.positions)
        elif self.random.random() * hour < _CLOSINGS_AN_HOUR and len(clients) > (asked + 1) // 2:
            self.close_account(self.random.choice(clients).code)
        elif self.random.random() * hour < _FLOWS_AN_HOUR:
            account = self.random.choice(clients)
            amount = Decimal(self.random.randrange(-500_000, 1_500_000)) / 100
            self.deposit(account.code, amount, account.base)
        elif self.random.random() * hour < _TRADES_AN_HOUR:
            self.trade_something(self.random.choice(clients))

    def trade_something(self, account: Account) -> None:
        """Close a position (one time in three), change one, or open one."""
        held = [p for p in account.positions.values() if p.quantity]
        choice = self.random.randrange(3)
        if held and choice == 0:
            position = self.random.choice(held)
            self._trade(account, position.instrument, -position.quantity)
        elif held and choice == 1:
            position = self.random.choice(held)
            self._trade(account, position.instrument, self._half(position))
        else:
            self._open_position(account, self.random.choice(_TURN))

    def _half(self, position: Position) -> Decimal:
        step = Decimal(1) if position.quantity == position.quantity.to_integral_value() else MONEY
        half = (position.quantity / 2).quantize(step)
        return half if half and self.random.random() < 0.5 else -half or position.quantity

    def _open_position(self, account: Account, kind: str, long_ago: bool = False) -> None:
        """Buy (or sell) a contract that the account does not hold; ``long_ago`` at a price of its own."""
        instrument = self._something_new(account, self.pools["STK" if kind == "FRACTION" else kind])
        if instrument is None:
            return
        if not long_ago:
            self._trade(account, instrument, self._size(account, instrument, kind))
            return
        past = self.market.price(instrument) * self.random.randrange(85, 110) / 100
        price = max(past // instrument.tick, Decimal(1)) * instrument.tick
        quantity = self._size(account, instrument, kind)
        units = ZERO if instrument.sec_type == "CASH" else abs(quantity)
        fee = max(Decimal(1), units * Decimal("0.005")).quantize(CENT)
        self.book(account, instrument, quantity, price, fee)

    def _something_new(self, account: Account, pool: list[Instrument]) -> Instrument | None:
        """A contract that the account does not hold, of this pool if it has one left."""
        for _ in range(8):
            instrument = self.random.choice(pool)
            if not account.holds(instrument):
                return instrument
        every = [*pool, *(i for kind in KINDS for i in self.pools[kind])]
        return next((i for i in every if not account.holds(i)), None)

    def _size(self, account: Account, instrument: Instrument, kind: str) -> Decimal:
        """About a tenth of the account's cash, in units that fit; one position in six is short."""
        if kind == "FUT":
            return Decimal(self.random.choice((1, 1, 2, -1)))
        rate = self.market.rate(account.base, instrument.currency)
        budget = max(account.cash.get(account.base, ZERO), Decimal(10_000)) * rate / 10
        price = self.market.price(instrument) * instrument.factor
        size = budget / price * Decimal(self.random.randrange(20, 100)) / 100
        if kind == "CRYPTO":
            return max(size.quantize(COST), COST)
        if kind == "FRACTION":
            return max(size.quantize(MONEY), MONEY)
        whole = max(size.quantize(Decimal(1)), Decimal(1))
        return -whole if kind in ("STK", "OPT") and self.random.randrange(6) == 0 else whole

    def _trade(self, account: Account, instrument: Instrument, quantity: Decimal) -> None:
        """Trade at the market's price."""
        self.traders.at_market(account, instrument, quantity)

    def book(
        self, account: Account, instrument: Instrument, quantity: Decimal, price: Decimal, fee: Decimal
    ) -> Decimal | None:
        """Bring a trade into an account's books; the profit of what it closed, if any."""
        self._traded_instruments[instrument.con_id] = instrument
        self.traded.add(account.code)
        return trade(account, instrument, quantity, price, fee)

    def _move_prices(self) -> None:
        """Every contract moves once in so many beats, each by a few hundredths of a percent."""
        group = self.beats % _PRICE_GROUPS
        for number, instrument in enumerate(self._traded_instruments.values()):
            if number % _PRICE_GROUPS == group:
                price = self.market.price(instrument)
                step = max((price * Decimal("0.0004") // instrument.tick) * instrument.tick, instrument.tick)
                moved = price + step * self.random.randint(-3, 3)
                self.market.prices[instrument.con_id] = max(moved, instrument.tick)
        if group == 0:
            for currency, dollars in self.market.dollars.items():
                if currency != "USD":
                    drift = Decimal(self.random.randint(-40, 40)) / 1_000_000
                    self.market.dollars[currency] = (dollars * (1 + drift)).quantize(Decimal("1e-7"))

    def _new_day(self) -> None:
        self.day_began, self._day_ends = self.now, self.days.next_reset(self.now)
        self.traders.end_day()
        self.trading.forget(self.now - _KEPT)
        for account in self.accounts.values():
            begin_day(account, self.market)
            account.previous_equity = equity(account, self.market)
            interest = account.cash.get(account.base, ZERO) / 10_000
            account.accrued[account.base] = account.accrued.get(account.base, ZERO) + interest.quantize(CENT)
            self.traded.add(account.code)
