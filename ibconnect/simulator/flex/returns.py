"""The return of a day and of several, as IBKR prints it: percent with nine decimals, from exact fractions.

In: values and external flows of days, any exact numbers. Out: text of ChangeInNAV's ``twr``. Called by what writes
statements; nothing of the code that is to be tested by it is used here.
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

Exact = Decimal | Fraction | int

PLACES = 9
START_OF_DAY, MIDDLE_OF_DAY, END_OF_DAY = Fraction(1), Fraction(1, 2), Fraction(0)
"""How much of its day a flow is there for."""


def of_day(starting: Exact, ending: Exact, flows: Exact, weight: Fraction = START_OF_DAY) -> Fraction | None:
    """The day's return, net of fees; None where there was nothing that could have earned it.

    ``flows`` is what came in from outside, less what went out; ``weight`` is the share of the day that it was there.
    Where that leaves nothing to earn, or nothing is left of the account, the money was there at the other end of the
    day.
    """
    begin, came, end = Fraction(starting), Fraction(flows), Fraction(ending)
    capital = begin + came * weight
    if capital <= 0 or (not end and begin > 0):
        capital = max(begin, begin + came)
    gain = end - begin - came
    return None if capital <= 0 or capital + gain < 0 else gain / capital


def linked(returns: Iterable[Fraction | None]) -> Fraction | None:
    """The return over several days; a day without one counts as none earned. None if no day has one."""
    numerator = denominator = 1
    is_known = False
    for each in returns:
        if each is not None:
            is_known = True
            numerator *= each.denominator + each.numerator
            denominator *= each.denominator
    return Fraction(numerator, denominator) - 1 if is_known else None


def percent(share: Fraction | None) -> str:
    """As printed: rounded half to even, zeros at the end left out; ``0`` where there is no return."""
    if share is None:
        return "0"
    scaled = round(share * 100 * 10**PLACES)
    return number(Decimal(scaled).scaleb(-PLACES))


def number(amount: Decimal) -> str:
    """A number as statements print it: no exponent, no zeros at the end, no negative zero."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
