"""A set of accounts as one series: its values and flows in one currency, by day, and what is to be said of them.

In: what statements and the recorder say, exchange rates. Out: values, flows, gaps. Called by the maker of returns.

A day has a value when every account has one that has begun by then and not ended. Accounts join with their first
value, and leave with their last, after the end of that day; one whose values end a few days before those of others is
late, and has not left.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, localcontext

from ibconnect.http.resources.performance.conversion import Rates
from ibconnect.http.resources.performance.reading import Account, Found, Stated
from ibconnect.http.resources.performance.recorder import Recorded
from ibconnect.returns.figures import EXACT, ZERO, Code, Gap, Source, Valued
from ibconnect.returns.transfers import Side, Transit, matched

_LATE = timedelta(days=10)

Amounts = defaultdict[date, Decimal]
Rated = Mapping[str, Rates]


@dataclass(slots=True)
class Assembled:
    """A set as one series. ``unknown``: days whose flows are not known; ``explained``: days without a value."""

    values: list[Valued] = field(default_factory=list)
    flows: Amounts = field(default_factory=lambda: defaultdict(Decimal))
    carried: Amounts = field(default_factory=lambda: defaultdict(Decimal))
    gaps: list[Gap] = field(default_factory=list)
    unknown: set[date] = field(default_factory=set)
    explained: set[date] = field(default_factory=set)
    transits: list[Transit] = field(default_factory=list)

    def say(self, code: Code, first: date, last: date | None = None, detail: str = "") -> None:
        """Something is to be said of days."""
        end = last or first
        self.gaps.append(Gap(code, first, end, (end - first).days + 1, detail))


@dataclass(slots=True)
class _Day:
    """What is known of a day: of how many accounts, what they are worth, whether all of it is of statements."""

    accounts: int = 0
    value: Decimal = ZERO
    is_recorded: bool = False
    is_unknown: bool = False
    has_no_rate: bool = False


class _Span:
    """From the first to the last day on which an account has a value."""

    def __init__(self, first: date, value: Decimal | None) -> None:
        self.first = self.last = first
        self.first_value = self.last_value = value

    def add(self, day: date, value: Decimal | None) -> None:
        """A day on which it has one."""
        if day < self.first:
            self.first, self.first_value = day, value
        if day > self.last:
            self.last, self.last_value = day, value


def assembled(found: Found, recorded: Sequence[Recorded], rates: Rated) -> Assembled:
    """The series of a set."""
    made = Assembled()
    with localcontext(EXACT):
        days = _days(found, recorded, rates)
        _add_flows(made, found, rates)
        for each in recorded:
            flow = None if each.flow is None else rates[each.currency].on(each.day, each.flow)
            if flow is None:
                days[each.day].is_unknown = True
            else:
                made.flows[each.day] += flow
        spans = _spans(found.of_statements, recorded, rates)
        if days and spans:
            _join(made, days, spans)
            made.values = _values(made, days)
    return made


def _days(found: Found, recorded: Iterable[Recorded], rates: Rated) -> dict[date, _Day]:
    days = dict[date, _Day]()
    for day, by_currency in found.values.items():
        known = days[day] = _Day()
        for currency, (accounts, total) in by_currency.items():
            _count(known, accounts, rates[currency].on(day, total))
    for each in recorded:
        known = days.setdefault(each.day, _Day())
        known.is_recorded = True
        _count(known, 1, rates[each.currency].on(each.day, each.value))
    return days


def _count(day: _Day, accounts: int, value: Decimal | None) -> None:
    day.accounts += accounts
    if value is None:
        day.has_no_rate = True
    else:
        day.value += value


def _spans(told: Iterable[Account], recorded: Iterable[Recorded], rates: Rated) -> dict[str, _Span]:
    spans = dict[str, _Span]()

    def add(code: str, day: date, value: Decimal | None) -> None:
        if code in spans:
            spans[code].add(day, value)
        else:
            spans[code] = _Span(day, value)

    for account in told:
        assert account.first is not None
        assert account.last is not None
        add(account.code, account.first, rates[account.base].on(account.first, account.first_total))
        add(account.code, account.last, rates[account.base].on(account.last, account.last_total))
    for each in recorded:
        add(each.account, each.day, rates[each.currency].on(each.day, each.value))
    return spans


def _join(made: Assembled, days: dict[date, _Day], spans: Mapping[str, _Span]) -> None:
    """Take accounts into the set and out of it, and leave out the days on which one of them has no value."""
    first, last = min(days), max(days)
    joins, leaves = defaultdict[date, list[str]](list), defaultdict[date, list[str]](list)
    for code, span in spans.items():
        joins[span.first].append(code)
        if last - span.last > _LATE:
            leaves[span.last].append(code)
    active = 0
    for day in sorted(days):
        known = days[day]
        active += len(joins.get(day, ()))
        if known.accounts < active or known.has_no_rate:
            made.say(Code.NO_RATE if known.has_no_rate else Code.INCOMPLETE, day)
            made.explained.add(day)
            del days[day]
        if day != first:
            for code in joins.get(day, ()):
                _add_joined(made, days.get(day), day, spans[code].first_value)
                made.say(Code.ACCOUNT_BEGINS, day, detail=code)
        for code in leaves.get(day, ()):
            active -= 1
            value = spans[code].last_value
            if value is None:
                made.unknown.add(day + timedelta(days=1))
            elif value:
                (made.carried if day in days else made.flows)[day] -= value
            if value != ZERO:
                made.say(Code.ACCOUNT_ENDS, day, detail=code)


def _add_joined(made: Assembled, known: _Day | None, day: date, value: Decimal | None) -> None:
    if value is None:
        made.unknown.add(day)
    elif known is None:
        made.flows[day] += value
    else:
        known.value -= value
        made.carried[day] += value


def _values(made: Assembled, days: Mapping[date, _Day]) -> list[Valued]:
    values = list[Valued]()
    for transit in made.transits:
        for day in days:
            if transit.first <= day < transit.last:
                days[day].value += transit.amount
    flow_days = sorted(made.flows)
    place, before = 0, None
    for day in sorted(days):
        known, gain = days[day], None
        carried = made.carried.get(day, ZERO)
        if known.is_recorded:
            flow = ZERO
            while place < len(flow_days) and flow_days[place] <= day:
                flow += made.flows[flow_days[place]] if before and flow_days[place] > before.day else ZERO
                place += 1
            if before is not None and not known.is_unknown and day not in made.unknown:
                gain = known.value - before.value - before.carried - flow
        source = Source.RECORDER if known.is_recorded else Source.STATEMENT
        before = Valued(day, known.value, source, gain, carried)
        values.append(before)
    return values


# --- Flows


def _add_flows(made: Assembled, found: Found, rates: Rated) -> None:
    sides = list[Side]()
    for flow in found.flows:
        amount = rates[flow.currency].of_flow(flow.day, flow.amount)
        if flow.missing or amount is None:
            made.unknown.add(flow.day)
            made.say(Code.FLOW_NOT_IN_BASE, flow.day, detail=flow.currency)
        elif flow.within is None:
            made.flows[flow.day] += amount
        else:
            sides.append(Side(flow.day, *flow.within, amount))
    transfers = matched(sides)
    for side in transfers.flows:
        made.flows[side.day] += side.amount
    add_stated(made, found.stated, lambda each, amount: rates[each.currency].of_flow(each.last, amount))
    for transit in transfers.transits:
        made.transits.append(transit)
        made.say(Code.IN_TRANSIT, transit.first, transit.last)


def add_stated(
    made: Assembled, stated: Iterable[Stated], converted: Callable[[Stated, Decimal], Decimal | None]
) -> None:
    """Flows that only the sum of a statement tells: of a day they are those of the day, of a longer span of no day."""
    added = defaultdict[str, list[tuple[date, Decimal]]](list)
    for each in sorted(stated, key=lambda each: (each.last - each.first, each.account, each.first)):
        inside = [amount for day, amount in added[each.account] if each.first <= day <= each.last]
        if each.flows or inside:
            if sum(inside, each.listed) != each.stated:
                made.say(
                    Code.FLOWS_DIFFER, each.first, each.last, f"{each.account}: {each.stated}, {each.listed} listed"
                )
            continue
        amount = converted(each, each.stated)
        if each.first == each.last and amount is not None:
            made.flows[each.last] += amount
            added[each.account].append((each.last, each.stated))
        else:
            days = (each.last - each.first).days + 1
            made.unknown.update(each.first + timedelta(days=number) for number in range(days))
            made.say(Code.UNKNOWN_FLOWS, each.first, each.last, each.account)
