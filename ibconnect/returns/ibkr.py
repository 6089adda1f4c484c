"""The return that IBKR prints in a statement: ``twr`` of ChangeInNAV, in percent with nine decimals, net of fees.

In: values by day and flows of a statement's period. Out: the digits. Called by whoever compares the two.

What is known of IBKR's way: without flows it is the change of the value, fees and taxes included. When in its day
IBKR takes a flow to happen is published nowhere: :func:`conventions` says which one gives the digits that are printed.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from ibconnect.returns.daily import START, Rule, day_returns
from ibconnect.returns.figures import EXACT, ONE, Flows, Valued
from ibconnect.returns.linking import linked

_PERCENT = Decimal(100)


def twr(values: Sequence[Valued], flows: Mapping[date, Decimal], rule: Rule = START) -> Decimal | None:
    """The linked return of these days, as a statement prints it; None where a day has none.

    :param values: from the day before the period on
    """
    factor = linked(day_returns(values, flows, rule=rule).days)
    return None if factor is None else printed(factor)


def printed(factor: Decimal, digits: int = 9) -> Decimal:
    """A factor as percent with so many decimals."""
    percent = EXACT.multiply(EXACT.subtract(factor, ONE), _PERCENT)
    return percent.quantize(Decimal((0, (1,), -digits)), ROUND_HALF_EVEN, EXACT)


def conventions(values: Sequence[Valued], flows: Mapping[date, Decimal], told: Decimal) -> tuple[Flows, ...]:
    """By which conventions the return is the one that a statement tells, to all of its digits."""
    digits = -int(told.as_tuple().exponent)
    factors = {each: linked(day_returns(values, flows, rule=Rule(each)).days) for each in Flows}
    return tuple(each for each, factor in factors.items() if factor is not None and printed(factor, digits) == told)
