"""The return of each day: simple, valued at its flows, or by Modified Dietz with the weight of the day.

In: values by day, flows. Out: a :class:`Series`. Called by whoever has read them.

A day's flows lie at its start, middle or end, as is set. The base of a return is the value before plus the flows, each
by its weight. Where weekdays lack a value, the span to the next value is weighed by its calendar days, as GIPS does.
Where only weekend days and holidays lie between, it is one day: their flows count as flows of the day that has a value.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import NamedTuple

from ibconnect.returns.figures import (
    EXACT,
    ONE,
    ZERO,
    Code,
    DayReturn,
    Flows,
    Gap,
    Mark,
    Method,
    Series,
    Source,
    Valued,
)

_DAY = timedelta(days=1)
_NO_MARKS: Mapping[date, Sequence[Mark]] = {}
_FRIDAY, _SATURDAY = 4, 5
_WEEKEND = 3


class Rule(NamedTuple):
    """How flows count. ``large``: the share of the value from which a flow is valued at its time, if it can be."""

    flows: Flows = Flows.START
    large: Decimal = Decimal("0.1")


START = Rule()


class _Span(NamedTuple):
    """From one value to the next: its flows, how many days long it is."""

    before: Valued
    valued: Valued
    inflows: Sequence[tuple[date, Decimal]]
    days: int
    marks: Sequence[Mark]
    is_unknown: bool


class _Return(NamedTuple):
    factor: Decimal | None
    method: Method
    code: Code | None = None


def day_returns(
    values: Sequence[Valued],
    flows: Mapping[date, Decimal],
    *,
    rule: Rule = START,
    holidays: Collection[date] = (),
    unknown: Collection[date] = (),
    explained: Collection[date] = (),
    marks: Mapping[date, Sequence[Mark]] = _NO_MARKS,
) -> Series:
    """The returns of days with a value, from the second on.

    :param values: by day, oldest first, one for each day
    :param flows: external ones by day, positive into the account; those of before the first value are left out
    :param holidays: weekdays that are known to have no value
    :param unknown: days whose flows are not known
    :param explained: weekdays without a value of which it is said elsewhere why
    :param marks: of days all flows with the value just before each, in order
    """
    days, gaps = list[DayReturn](), list[Gap]()
    pending = sorted(day for day, amount in flows.items() if amount)
    place = bisect_left(pending, values[0].day + _DAY) if values else 0
    with localcontext(EXACT):
        for before, valued in pairwise(values):
            length = (valued.day - before.day).days
            is_usual = length == 1 or (length == _WEEKEND and before.day.weekday() == _FRIDAY)
            missing = [] if is_usual else _missing(before.day, valued.day, holidays)
            inflows = []
            while place < len(pending) and pending[place] <= valued.day:
                inflows.append((pending[place], flows[pending[place]]))
                place += 1
            if not inflows and not missing and not unknown and (day := _usual(before, valued)):
                days.append(day)
                continue
            if listed := [each for each in missing if each not in explained]:
                gaps.append(Gap(Code.MISSING, listed[0], listed[-1], len(listed)))
            is_unknown = bool(unknown) and any(before.day < each <= valued.day for each in unknown)
            span = _Span(before, valued, inflows, len(missing) + 1, marks.get(valued.day, ()), is_unknown)
            day, code = _day(span, rule)
            gaps.extend(_remarks(before, day, code, inflows))
            days.append(day)
    return Series(days, merged(gaps))


def _usual(before: Valued, valued: Valued) -> DayReturn | None:
    """A day as nearly all are, of which nothing is to be said; None if it is another one."""
    start, value, source = before.value, valued.value, valued.source
    if before.carried or source is not Source.STATEMENT or before.source is not source:
        return None
    if start <= ZERO or value <= ZERO:
        return None
    return DayReturn(valued.day, before.day, start, value, ZERO, value / start, Method.SIMPLE, source)


def _missing(before: date, day: date, holidays: Collection[date]) -> list[date]:
    """The weekdays between two, none of them included, that are no holidays."""
    between = (before + number * _DAY for number in range(1, (day - before).days))
    return [each for each in between if each.weekday() < _SATURDAY and each not in holidays]


def _day(asked: _Span, rule: Rule) -> tuple[DayReturn, Code | None]:
    before, valued, inflows, span, marks, is_unknown = asked
    start = before.value + before.carried if before.carried else before.value
    value = valued.value
    flow = inflows[0][1] if len(inflows) == 1 else sum((amount for _, amount in inflows), ZERO)
    if valued.source is Source.RECORDER:
        found, flow = _recorded(start, valued, span, rule)
    elif is_unknown:
        found = _Return(None, Method.NONE, Code.UNKNOWN_FLOWS)
    elif not inflows:
        found = _without_flows(start, value)
    elif marks and _are_all(marks, inflows, start, rule):
        found = _valued_at(start, marks, value)
    else:
        weighted = _weighted(before.day, valued.day, inflows, rule.flows, is_long=span > 1)
        found = _dietz(start, value, flow, weighted)
    made = DayReturn(valued.day, before.day, start, value, flow, found.factor, found.method, valued.source, span)
    return made, found.code


def _weighted(
    before: date, day: date, inflows: Sequence[tuple[date, Decimal]], flows: Flows, *, is_long: bool
) -> Decimal:
    """Flows by the share of the span for which they are at work: in calendar days where some are missing."""
    if not is_long:
        return sum((amount for _, amount in inflows), ZERO) * flows.weight(1, 1)
    span = (day - before).days
    return sum((amount * flows.weight((each - before).days, span) for each, amount in inflows), ZERO)


def _recorded(start: Decimal, valued: Valued, span: int, rule: Rule) -> tuple[_Return, Decimal]:
    """A day of which the recorder knows the value and the profit: what else has changed is taken to be a flow."""
    if valued.gain is None or span > 1:
        return _Return(None, Method.NONE, Code.UNKNOWN_FLOWS), ZERO
    flow = valued.value - start - valued.gain
    found = _without_flows(start, valued.value) if not flow else None
    if found is None:
        found = _dietz(start, valued.value, flow, flow * rule.flows.weight(1, 1))
    method = found.method if found.factor is None or found.method is Method.EMPTY else Method.ESTIMATED
    return found._replace(method=method), flow


def _without_flows(start: Decimal, value: Decimal) -> _Return:
    if start > ZERO:
        if value < ZERO:
            return _Return(None, Method.NONE, Code.BELOW_ZERO)
        return _Return(value / start, Method.SIMPLE)
    if not start and not value:
        return _Return(ONE, Method.EMPTY, Code.EMPTY)
    # What comes out of nothing without a flow, or out of a debt, is no return on anything.
    return _Return(None, Method.NONE, Code.BELOW_ZERO if start < ZERO or value < ZERO else Code.UNKNOWN_FLOWS)


def _dietz(start: Decimal, value: Decimal, flow: Decimal, weighted: Decimal) -> _Return:
    gain = value - start - flow
    base = start + weighted
    method, code = Method.DIETZ, None
    if base <= ZERO or (weighted < ZERO < start and not value):
        # The whole account was paid in, or out: the money was there at the other end of the day. What is left as the
        # base by the convention, when all is taken out, is the day's loss: all of it would be lost.
        base = max(start, start + flow)
        method, code = Method.FALLBACK, Code.OTHER_CONVENTION
    if base <= ZERO or base + gain < ZERO:
        if not base and not gain:
            return _Return(ONE, Method.EMPTY, Code.EMPTY)
        return _Return(None, Method.NONE, Code.BELOW_ZERO)
    return _Return((base + gain) / base, method, code)


def _are_all(marks: Sequence[Mark], inflows: Sequence[tuple[date, Decimal]], start: Decimal, rule: Rule) -> bool:
    """Whether the flows of a day are those that values are known of, and one of them is large."""
    if len(inflows) > 1 or sum((mark.flow for mark in marks), ZERO) != inflows[0][1]:
        return False
    return any(abs(mark.flow) >= rule.large * abs(start) for mark in marks)


def _valued_at(start: Decimal, marks: Sequence[Mark], value: Decimal) -> _Return:
    """The parts of a day between its flows, linked."""
    factor = ONE
    for mark in marks:
        if start <= ZERO or mark.before < ZERO:
            return _Return(None, Method.NONE, Code.BELOW_ZERO)
        factor *= mark.before / start
        start = mark.before + mark.flow
    if start <= ZERO or value < ZERO:
        return _Return(None, Method.NONE, Code.BELOW_ZERO)
    return _Return(factor * value / start, Method.AT_FLOW)


def _remarks(before: Valued, made: DayReturn, code: Code | None, inflows: Sequence[tuple[date, Decimal]]) -> list[Gap]:
    day, said = made.day, list[Gap]()
    if code is not None:
        said.append(Gap(code, day, day, 1))
    if made.method is Method.ESTIMATED:
        said.append(Gap(Code.ESTIMATED, day, day, 1))
    if before.source is not made.source:
        said.append(Gap(Code.SOURCE_CHANGE, day, day, 1, made.source.value))
    if inflows and made.source is Source.STATEMENT:
        if inflows[0][0] != day and made.days == 1:
            said.append(Gap(Code.MOVED_FLOW, inflows[0][0], day, 1))
        if not made.start and made.value:
            said.append(Gap(Code.OPENED, day, day, 1))
        elif made.start and not made.value:
            said.append(Gap(Code.CLOSED, day, day, 1))
    return said


def merged(gaps: list[Gap]) -> list[Gap]:
    """In the order of their codes and days; what is said of one day after the other is said once."""
    merged = list[Gap]()
    order = {code: number for number, code in enumerate(Code)}
    for gap in sorted(gaps, key=lambda each: (order[each.code], each.detail, each.first)):
        last = merged[-1] if merged else None
        if last is not None and (last.code, last.detail) == (gap.code, gap.detail) and _follows(last.last, gap.first):
            merged[-1] = last._replace(last=gap.last, days=last.days + gap.days)
        else:
            merged.append(gap)
    return merged


def _follows(last: date, first: date) -> bool:
    """Whether there is no weekday between two days."""
    return (first - last).days <= 1 or not _missing(last, first, ())
