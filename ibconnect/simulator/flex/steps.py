"""What an account is going to do in its history, step by step.

In: nothing. Out: the kinds of steps; ``day`` counts the history's days from 0. Made by ``story``, taken by ``history``.
"""

from decimal import Decimal
from typing import NamedTuple

from ibconnect.simulator.scenario.instruments import Instrument


class Trade(NamedTuple):
    """Buy so many (below 0: sell), at a price of its own or the day's; all that is held if ``quantity`` is 0.

    ``is_kept``: the position is still there when the scenario begins, and so is what was paid in its currency.
    """

    day: int
    instrument: Instrument
    quantity: Decimal
    price: Decimal | None = None
    fee: Decimal | None = None
    is_kept: bool = False


class Pay(NamedTuple):
    """Pay into the account, or out of it (below 0)."""

    day: int
    kind: str
    currency: str
    amount: Decimal
    text: str
    instrument: Instrument | None = None


class Dividend(NamedTuple):
    """A dividend of so much a share is accrued, and paid some days later, for as many as are held on the first day."""

    day: int
    instrument: Instrument
    rate: Decimal
    pay: int


class Owe(NamedTuple):
    """A dividend of so much in all, after tax, is accrued, and paid after the scenario has begun."""

    day: int
    instrument: Instrument
    net: Decimal


class Accrue(NamedTuple):
    """So much interest in all is accrued by the end of this day."""

    day: int
    currency: str
    total: Decimal


class Give(NamedTuple):
    """Cash goes to another account of the same login."""

    day: int
    target: str
    currency: str
    amount: Decimal


class HandOver(NamedTuple):
    """Half of a position goes to another account of the same login."""

    day: int
    target: str
    instrument: Instrument


class Bring(NamedTuple):
    """A position comes from another broker, at a cost of so much each."""

    day: int
    instrument: Instrument
    quantity: Decimal
    cost: Decimal


class Take(NamedTuple):
    """All that is held of a contract goes to another broker."""

    day: int
    instrument: Instrument


class SplitUp(NamedTuple):
    """One of a contract becomes so many."""

    day: int
    instrument: Instrument
    ratio: int


class Expire(NamedTuple):
    """An option ends: it is exercised or assigned if it is worth anything, and leaves nothing otherwise."""

    day: int
    instrument: Instrument
    underlying: Instrument


class Segment(NamedTuple):
    """Cash goes to a segment of the same account, and back."""

    day: int
    currency: str
    amount: Decimal


class Sweep(NamedTuple):
    """What is left in other currencies is changed into the base currency."""

    day: int
    is_last: bool


Step = Trade | Pay | Dividend | Owe | Accrue | Give | HandOver | Bring | Take | SplitUp | Expire | Segment | Sweep
