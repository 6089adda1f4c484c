"""Returns of days as a curve: what 1 has become by the end of each day, and how far that is below its highest before.

In: returns by day. Out: a level and a drawdown for each. Called by whoever shows a series by days.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal, localcontext
from typing import NamedTuple

from ibconnect.returns.figures import EXACT, ONE, DayReturn


class Point(NamedTuple):
    """The linked return as a factor, and as a share its fall from the highest before (0 or less); None: not known."""

    level: Decimal | None
    drawdown: Decimal | None


NOTHING = Point(None, None)
_BEGIN = Point(ONE, ONE - ONE)


def curve(days: Iterable[DayReturn]) -> Iterator[Point]:
    """One point before the first day, and one of each day.

    The level is 1 before the first day that has a return: nothing is linked before it. From the first day without a
    return after it on there is no level any more, as a span with such a day has no return.
    """
    every = list(days)
    begin = next((number for number, each in enumerate(every) if each.factor is not None), len(every))
    yield from [NOTHING] * begin
    yield _BEGIN
    level = peak = ONE
    for place in range(begin, len(every)):
        factor = every[place].factor
        if factor is None:
            yield from [NOTHING] * (len(every) - place)
            return
        # Not around a yield: who reads goes on in his own context.
        with localcontext(EXACT):
            level *= factor
            peak = max(level, peak)
            fall = level / peak - ONE
        yield Point(level, fall)
