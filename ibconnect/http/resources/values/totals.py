"""What accounts are worth together at the end of each step, in one currency.

In: values of accounts, rates. Out: exact sums. Called by the handler. An account counts with its last value for as long
as that is not too old; where one of those that count has no rate, there is no total: nothing is left out in silence.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

from ibconnect.http.resources.performance.conversion import Rates
from ibconnect.http.resources.values.reading import Valued
from ibconnect.http.resources.values.spans import LATE, Span
from ibconnect.returns.figures import EXACT, ZERO

Sums = list[dict[str, Decimal]]


class Totals(NamedTuple):
    """By step; ``accounts``: how many count. None: no total."""

    values: Sequence[Decimal | None]
    accounts: Sequence[int]


def sums_of(found: Sequence[Valued], spans: Sequence[Span], first: date) -> tuple[Sums, list[int]]:
    """By step the sums in each currency, and how many accounts count."""
    days = [first, *(span.day for span in spans)]
    sums: list[defaultdict[str, Decimal]] = [defaultdict(Decimal) for _ in spans]
    counts = [0] * len(spans)
    with localcontext(EXACT):
        for account in found:
            value, currency, since = ZERO, "", None
            for place, text in enumerate(account.values):
                if text:
                    value, currency, since = Decimal(text), account.currencies[place] or account.base, days[place]
                if place and since is not None and days[place] - since <= LATE:
                    sums[place - 1][currency] += value
                    counts[place - 1] += 1
    return [dict(each) for each in sums], counts


def totals_of(sums: Sums, counts: list[int], spans: Sequence[Span], rates: Mapping[str, Rates]) -> Totals:
    """The sums in one currency, each at the newest rate that its step has, or else at the one before it."""
    values = list[Decimal | None]()
    for place, by_currency in enumerate(sums):
        total: Decimal | None = ZERO if counts[place] else None
        for currency, amount in by_currency.items():
            worth = _converted(rates[currency], spans, place, amount)
            total = None if total is None or worth is None else EXACT.add(total, worth)
        values.append(total)
    return Totals(values, counts)


def _converted(rates: Rates, spans: Sequence[Span], place: int, amount: Decimal) -> Decimal | None:
    day = spans[place].day
    for earlier in range(place, -1, -1):
        if day - spans[earlier].day > LATE and earlier < place:
            return None
        worth = rates.on(spans[earlier].day, amount)
        if worth is not None:
            return worth
    return None
