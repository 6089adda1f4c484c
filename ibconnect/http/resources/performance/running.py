"""The day that is not over: what a set is worth by the newest reports, and the return so far where profit is known.

In: the series of the days that are over, what the recorder knows of the running one. Out: one more day, or none. Called
by the maker of returns. It is no part of any figure of the span: those are of days that are over.
"""

from collections.abc import Sequence
from datetime import date
from decimal import localcontext

from ibconnect.http.resources.performance.assembling import Assembled, Rated
from ibconnect.http.resources.performance.reading import Found
from ibconnect.http.resources.performance.recorder import Recorded
from ibconnect.returns.daily import Rule, day_returns
from ibconnect.returns.figures import EXACT, ZERO, DayReturn, Source, Valued


def running_of(
    made: Assembled, found: Found, known: Sequence[Recorded], running: Sequence[Recorded], *, rates: Rated, rule: Rule
) -> DayReturn | None:
    """The day so far; None: not every account that the last day is of has a report since, or no rate is known.

    :param known: what the recorder knows of days that are over
    :param running: the same of the running one; accounts that begin today are left out, as at the end of their first
        day they join
    """
    if not made.values or not running:
        return None
    last = made.values[-1]
    reports = {each.account: each for each in running}
    codes = _accounts_of(last.day, found, known)
    if not codes <= reports.keys():
        return None
    value, flow = ZERO, ZERO
    is_known = True
    with localcontext(EXACT):
        for each in (reports[code] for code in codes):
            worth = rates[each.currency].on(each.day, each.value)
            if worth is None:
                return None
            value += worth
            moved = None if each.flow is None else rates[each.currency].on(each.day, each.flow)
            is_known = is_known and moved is not None
            flow += moved or ZERO
        gain = value - last.value - last.carried - flow if is_known else None
    day = running[-1].day
    # A flow that reports tell is what is left of the change: no statement is of this day.
    series = day_returns([last, Valued(day, value, Source.RECORDER, gain)], {}, rule=rule)
    return series.days[0]


def _accounts_of(day: date, found: Found, known: Sequence[Recorded]) -> set[str]:
    """The accounts that have a value on a day."""
    codes = {account.code for account in found.of_statements if account.last == day}
    return codes | {each.account for each in known if each.day == day}
