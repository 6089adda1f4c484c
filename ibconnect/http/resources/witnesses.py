"""Whether two witnesses say the same of a figure, although they write it with more or fewer digits.

In: figures as texts, or decimals. Out: whether they agree, and within what. Called by the resources that compare what
statements say with what gateways told.

A gateway rounds money to cents, a statement does not: 57.51 and 57.505297533 are the same cash. So two figures agree
that differ by at most half a unit of the last decimal of the one with fewer; but nobody's figure is taken to have fewer
decimals than ``least``, since zeros at the end are often left out. Sizes agree only if they are equal.
"""

from decimal import Context, Decimal

MONEY, PRICE = 2, 4
"""Decimals that a figure of money, and a price, have at least."""

_EXACT = Context(prec=200)


def tolerance(one: Decimal, other: Decimal, least: int | None) -> Decimal:
    """By how much two figures may differ and agree.

    :param least: how many decimals each has at least; None: they have to be equal
    """
    if least is None:
        return Decimal(0)
    places = [max(-int(each.as_tuple().exponent), least) for each in (one, other)]
    return Decimal(0) if places[0] == places[1] else Decimal((0, (5,), -min(places) - 1))


def difference(one: Decimal, other: Decimal) -> Decimal:
    """The first less the second, with all digits."""
    return _EXACT.subtract(one, other)


def agree(one: str | None, other: str | None, least: int | None) -> bool:
    """Whether two figures are the same; one that is not told contradicts nothing."""
    if one is None or other is None or one == other:
        return True
    first, second = Decimal(one), Decimal(other)
    return abs(difference(first, second)) <= tolerance(first, second, least)
