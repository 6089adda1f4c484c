"""Which statement holds for which days of an account: the newest, for each source.

In: claims, which a statement makes for the days that its sections speak for. Out: for a source and a day whose rows
are current, and which statements have lost days that they held before. Called by the fold. Pure: what is known of an
account before is given as ranges, and given back when it has changed.

Of two claims the one holds that is of the day's own period before one that only mentions the day; then that of the
better source of a topic; then that of the statement generated later; then that of the one imported later. So the order
of imports makes no difference, but between statements that were generated at the same time.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from ibconnect.projections.statements.sections import SOURCES, Source

LONGEST = 366
"""Days of a range: what could hold on a day begins at most so many before it."""

_DAY = timedelta(days=1)
_MONTH = 32
_NEVER = datetime.min.replace(tzinfo=UTC)


class Range(NamedTuple):
    """Days of which a statement holds, for some sources (bits). As a claim: of which it would."""

    from_day: date
    to_day: date
    sections: int
    mentioned: bool
    statement: int
    generated: datetime | None


class Lost(NamedTuple):
    """Days on which rows of a statement are not current, of one source."""

    statement: int
    source: Source
    from_day: date
    to_day: date


def bit_of(source: Source) -> int:
    """The source's place in a set of them."""
    return 1 << source.bit


def _topics() -> Mapping[int, int]:
    """By the bit of a source: the bits of all sources of its topic."""
    return {
        bit_of(source): sum(
            bit_of(other) for other in SOURCES if other is source or (other.topic == source.topic != "")
        )
        for source in SOURCES
    }


_TOPICS = _topics()
_RANKS = {bit_of(source): source.rank for source in SOURCES}
_RANKED = sum(bit for bit, topic in _TOPICS.items() if topic != bit)


def bits(sections: int) -> Iterator[int]:
    """The single bits of a set."""
    while sections:
        bit = sections & -sections
        yield bit
        sections ^= bit


def best(sections: int) -> int:
    """Of sources of one statement and one topic, those of the highest rank."""
    kept = sections
    for bit in bits(sections & _RANKED):
        if any(_RANKS[other] > _RANKS[bit] for other in bits(sections & _TOPICS[bit])):
            kept ^= bit
    return kept


class Account:
    """What is known of an account: ranges that overlap for no topic. ``added``, ``removed``: what has changed."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self.added: set[Range] = set()
        self.removed: set[Range] = set()
        # By month, or so: an account may have thousands of days, and a claim meets few.
        self._months: dict[int, set[Range]] = {}
        for known in ranges:
            self._put(known)

    def claim(self, claim: Range) -> list[Lost]:
        """Take a claim; what loses by it, be it the claim itself."""
        lost: list[Lost] = []
        rest = list(_cut(claim))
        for known in self._met(claim):
            theirs, ours = _losers(known, claim)
            if theirs:
                lost += self._take(known, claim, theirs)
            if ours:
                lost += _lost(claim, _shared(known, claim), ours)
                rest = [piece for each in rest for piece in _without(each, _shared(known, claim), ours)]
        for piece in rest:
            self._add(piece)
        return lost

    def would_hold(self, source: Source, claim: Range) -> bool:
        """Whether a row of one day would be current, by what is known so far."""
        own = claim._replace(sections=bit_of(source))
        return not any(_losers(known, own)[1] for known in self._met(own))

    def ranges(self) -> set[Range]:
        """All that are known."""
        return set().union(*self._months.values())

    def _met(self, claim: Range) -> set[Range]:
        near = (self._months.get(month, ()) for month in _months(claim))
        return {known for known in set().union(*near) if _overlap(known, claim)}

    def _put(self, piece: Range) -> None:
        for month in _months(piece):
            self._months.setdefault(month, set()).add(piece)

    def _take(self, known: Range, claim: Range, sections: int) -> list[Lost]:
        shared = _shared(known, claim)
        for month in _months(known):
            self._months[month].discard(known)
        if known in self.added:
            self.added.discard(known)
        else:
            self.removed.add(known)
        for piece in _without(known, shared, sections):
            self._add(piece)
        return _lost(known, shared, sections)

    def _add(self, piece: Range) -> None:
        self._put(piece)
        if piece in self.removed:
            self.removed.discard(piece)
        else:
            self.added.add(piece)


def _months(each: Range) -> range:
    return range(each.from_day.toordinal() // _MONTH, each.to_day.toordinal() // _MONTH + 1)


def _cut(claim: Range) -> Iterator[Range]:
    """The claim in ranges that are not too long."""
    begin = claim.from_day
    while begin <= claim.to_day:
        end = min(claim.to_day, begin + (LONGEST - 1) * _DAY)
        yield claim._replace(from_day=begin, to_day=end)
        begin = end + _DAY


def _overlap(one: Range, other: Range) -> bool:
    return one.from_day <= other.to_day and other.from_day <= one.to_day


def _shared(one: Range, other: Range) -> tuple[date, date]:
    return max(one.from_day, other.from_day), min(one.to_day, other.to_day)


def _losers(known: Range, claim: Range) -> tuple[int, int]:
    """The sources that each of two loses where they overlap."""
    same = known.sections & claim.sections & ~_RANKED
    theirs, ours = (same, 0) if _standing(claim) > _standing(known) else (0, same)
    for bit in bits(known.sections & _RANKED):
        rivals = list(bits(claim.sections & _TOPICS[bit]))
        for rival in rivals:
            if _standing(claim, _RANKS[rival]) > _standing(known, _RANKS[bit]):
                theirs |= bit
            else:
                ours |= rival
    return theirs, ours


def _standing(each: Range, rank: int = 0) -> tuple[bool, int, datetime, int]:
    return not each.mentioned, rank, each.generated or _NEVER, each.statement


def _without(each: Range, days: tuple[date, date], sections: int) -> Iterator[Range]:
    """A range without some sources on some of its days."""
    begin, end = max(each.from_day, days[0]), min(each.to_day, days[1])
    if begin > end:
        yield each
        return
    if each.from_day < begin:
        yield each._replace(to_day=begin - _DAY)
    if left := each.sections & ~sections:
        yield each._replace(from_day=begin, to_day=end, sections=left)
    if end < each.to_day:
        yield each._replace(from_day=end + _DAY)


def _lost(each: Range, days: tuple[date, date], sections: int) -> list[Lost]:
    return [Lost(each.statement, source, *days) for source in _sources(sections)]


def _sources(sections: int) -> Iterable[Source]:
    return (SOURCES[bit.bit_length() - 1] for bit in bits(sections))
