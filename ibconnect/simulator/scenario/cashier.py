"""Who pays dividends, interest and fees in a seeded world, and moves cash and positions between accounts.

In: a world and its beats. Out: payments and transfers, by chance of its own, so that what ``world`` decides does not
depend on it. Called by ``world``, if its plan wants payments.
"""

import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from ibconnect.simulator.scenario import payments
from ibconnect.simulator.scenario.book import CENT, ZERO, Account, Market, Position
from ibconnect.simulator.scenario.payments import Payment
from ibconnect.simulator.scenario.plan import Plan

_AN_HOUR = 4
_TAX = Decimal("0.15")
_YIELD = Decimal("0.004")


class World(payments.World, Protocol):
    """What the cashier needs of the world."""

    @property
    def plan(self) -> Plan: ...

    @property
    def market(self) -> Market: ...

    @property
    def accounts(self) -> Mapping[str, Account]: ...

    def clients(self) -> list[Account]: ...


class Cashier:
    """See the module."""

    def __init__(self, world: World) -> None:
        self.random = random.Random(f"cashier {world.plan.seed}")
        self._world = world

    def beat(self) -> None:
        """One simulated second: at most one thing happens."""
        if self.random.random() * 3600 >= _AN_HOUR * self._world.plan.payments:
            return
        account = self.random.choice(self._world.clients())
        match self.random.randrange(5):
            case 0:
                self._pay(account, "Other Fees", "USD", Decimal(-10), "P7007:NASDAQ (UTP TAPE C) LEVEL 1")
            case 1:
                self._pay_interest(account)
            case 2:
                self._give(account)
            case _:
                self._pay_dividend(account)

    def _pay(self, account: Account, kind: str, currency: str, amount: Decimal, text: str) -> None:
        payments.pay(self._world, Payment(self._world.now, account.code, kind, currency, amount, text))

    def _pay_interest(self, account: Account) -> None:
        """What has accrued in the base currency is paid."""
        due = account.accrued.get(account.base, ZERO)
        if due:
            account.accrued[account.base] = ZERO
            kind = "Broker Interest Received" if due > 0 else "Broker Interest Paid"
            self._pay(account, kind, account.base, due, f"{account.base} INTEREST")

    def _pay_dividend(self, account: Account) -> None:
        held = self._stocks(account)
        if not held:
            return
        position = self.random.choice(held)
        instrument = position.instrument
        gross = (self._world.market.value(position) * _YIELD).quantize(CENT)
        if gross:
            text = f"{instrument.symbol} CASH DIVIDEND (Ordinary Dividend)"
            for kind, amount in (("Dividends", gross), ("Withholding Tax", -(gross * _TAX).quantize(CENT))):
                paid = Payment(self._world.now, account.code, kind, instrument.currency, amount, text, instrument)
                payments.pay(self._world, paid)

    def _give(self, account: Account) -> None:
        """Cash, or half of a position that the other account has none of, goes to another account."""
        others = [other for other in self._world.clients() if other is not account]
        if not others:
            return
        other = self.random.choice(others)
        movable = [p for p in self._stocks(account) if p.quantity >= 2 and not other.holds(p.instrument)]
        if movable and self.random.randrange(2):
            position = self.random.choice(movable)
            half = Decimal(int(position.quantity / 2))
            payments.hand_over(self._world, account.code, other.code, position.instrument.con_id, half)
        else:
            amount = Decimal(self.random.randrange(10_000, 1_000_000)) / 100
            payments.give(self._world, account.code, other.code, amount, account.base)

    @staticmethod
    def _stocks(account: Account) -> list[Position]:
        return [p for p in account.positions.values() if p.instrument.sec_type == "STK" and p.quantity > 0]
