"""Transfers between accounts of a set: no flows of the set, and while they are under way a part of its value.

In: both sides of transfers, as statements book them. Out: what is left as flows, and what is under way from when until
when. Called by whoever puts a set together.

A side that has left one account finds the nearest side that reached the other: of the same contract, or of the same
amount and currency. One that finds none is a flow: the other side is not recorded.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

LONGEST_DAYS = 10
"""Sides that are further apart are two transfers."""


class Side(NamedTuple):
    """One side of a transfer: positive into ``account``. ``what``: tells what is moved, the same on both sides."""

    day: date
    account: str
    counterparty: str
    what: str
    amount: Decimal


class Transit(NamedTuple):
    """From the end of ``first`` to before ``last`` this is the set's and in no account, or (negative) in two."""

    first: date
    last: date
    amount: Decimal


class Matched(NamedTuple):
    """What is left as flows, and what is under way."""

    flows: Sequence[Side]
    transits: Sequence[Transit]


def matched(sides: Sequence[Side]) -> Matched:
    """Find the sides of each transfer."""
    waiting = defaultdict[tuple[str, str, str, bool], list[Side]](list)
    transits, left = list[Transit](), dict[int, Side]()
    for number, side in enumerate(sorted(sides)):
        is_in = side.amount > 0
        others = waiting[side.counterparty, side.account, side.what, not is_in]
        # Of several the oldest that is not too old: what left first arrives first.
        while others and (side.day - others[0].day).days > LONGEST_DAYS:
            others.pop(0)
        if not others:
            waiting[side.account, side.counterparty, side.what, is_in].append(side)
            left[number] = side
            continue
        first = others.pop(0)
        del left[next(key for key, each in left.items() if each is first)]
        if first.day < side.day:
            transits.append(Transit(first.day, side.day, -first.amount))
    return Matched(list(left.values()), transits)
