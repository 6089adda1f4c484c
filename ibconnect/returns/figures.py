"""What a return is made of and what it is: the values that go from one module of this package to the next.

In: nothing. Out: classes. Amounts are Decimals in the currency of the series; a factor is 1 plus the return.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import Enum
from typing import NamedTuple

EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)
"""Sums and products of figures of statements keep every digit in it; a quotient has so many."""

ZERO, ONE = Decimal(0), Decimal(1)


class Source(Enum):
    """Where a value comes from."""

    STATEMENT = "statement"
    RECORDER = "recorder"


class Flows(Enum):
    """When in its day a flow is taken to happen, where no value at its time is known."""

    START = "start"
    MID = "mid"
    END = "end"

    def weight(self, place: int, days: int) -> Decimal:
        """Of a span of so many days the share for which a flow of one of them is at work; 1 is the first."""
        if days == 1:
            return _OF_A_DAY[self]
        left = 2 * (days - place) + {Flows.START: 2, Flows.MID: 1, Flows.END: 0}[self]
        return EXACT.divide(Decimal(left), Decimal(2 * days))


_OF_A_DAY = {Flows.START: ONE, Flows.MID: Decimal("0.5"), Flows.END: ZERO}


class Method(Enum):
    """How the return of a day came about."""

    SIMPLE = "simple"
    DIETZ = "modified-dietz"
    AT_FLOW = "valued-at-flow"
    FALLBACK = "other-convention"
    ESTIMATED = "estimated"
    EMPTY = "empty"
    NONE = "none"


class Valued(NamedTuple):
    """What is known at the end of a day.

    ``gain``: the day's profit, of the recorder; None: not known, or not needed. ``carried``: what comes in after the
    end of the day and before the next, as an account that joins a set; negative for one that leaves it.
    """

    day: date
    value: Decimal
    source: Source = Source.STATEMENT
    gain: Decimal | None = None
    carried: Decimal = ZERO


class Mark(NamedTuple):
    """A flow and the value just before it, where a snapshot tells that."""

    before: Decimal
    flow: Decimal


class DayReturn(NamedTuple):
    """The return of a day with a value, since the one before it.

    ``days``: how many days with a value there should have been, itself included: 1 unless some are missing. ``factor``:
    None where there is no return. ``flow``: all flows since the value before.
    """

    day: date
    since: date
    start: Decimal
    value: Decimal
    flow: Decimal
    factor: Decimal | None
    method: Method
    source: Source
    days: int = 1

    @property
    def gain(self) -> Decimal:
        """The change of value that is no flow."""
        change = EXACT.subtract(self.value, self.start)
        return EXACT.subtract(change, self.flow) if self.flow else change


class Code(Enum):
    """What can be said of days of a series; a closed list, which the docs and the OpenAPI document have."""

    MISSING = "missing"
    NO_RATE = "no-rate"
    INCOMPLETE = "incomplete"
    SOURCE_CHANGE = "source-change"
    ESTIMATED = "estimated"
    UNKNOWN_FLOWS = "unknown-flows"
    FLOWS_DIFFER = "flows-differ"
    FLOW_NOT_IN_BASE = "flow-not-in-base"
    MOVED_FLOW = "moved-flow"
    OTHER_CONVENTION = "other-convention"
    EMPTY = "empty"
    BELOW_ZERO = "below-zero"
    OPENED = "opened"
    CLOSED = "closed"
    ACCOUNT_BEGINS = "account-begins"
    ACCOUNT_ENDS = "account-ends"
    CUT = "cut"
    IN_TRANSIT = "in-transit"
    DIFFERS_FROM_STATEMENT = "differs-from-statement"


MEANINGS: dict[Code, str] = {
    Code.MISSING: "weekdays that no statement covers and of which no value is known: the return goes over all of them",
    Code.NO_RATE: "no statement and no ledger gives a rate to the currency asked for: the day has no value",
    Code.INCOMPLETE: "not every account of the set has a value: the day has none",
    Code.SOURCE_CHANGE: "values come from another source from this day on",
    Code.ESTIMATED: "there is no statement: flow = change of value - profit of the day",
    Code.UNKNOWN_FLOWS: "there is neither a statement nor the day's profit: the day has no return",
    Code.FLOWS_DIFFER: "the flows that are listed do not add up to what the statement says of its period",
    Code.FLOW_NOT_IN_BASE: "a flow that no rate leads to the base currency: the day has no return",
    Code.MOVED_FLOW: "a flow of a day without a value counts as one of the next day that has one",
    Code.OTHER_CONVENTION: "nothing was invested by the convention: the flow is taken at the other end of the day",
    Code.EMPTY: "the account is worth nothing: the days have no return, and those around are linked",
    Code.BELOW_ZERO: "the value is below zero: the days have no return, and no period with one of them has any",
    Code.OPENED: "the value rises from nothing",
    Code.CLOSED: "the value falls to nothing by what is taken out",
    Code.ACCOUNT_BEGINS: "an account joins the set, its value as a flow at the end of its first day",
    Code.ACCOUNT_ENDS: "the values of an account end, what it was worth as a flow at the end of its last day",
    Code.CUT: "days at an end of the span that have no return are left out",
    Code.IN_TRANSIT: "a transfer within the set has left one account and not reached the other: it is in the value",
    Code.DIFFERS_FROM_STATEMENT: "the statement prints another return for the same days",
}


class Gap(NamedTuple):
    """Days of which something is to be said, both included. ``detail``: an account, a currency, an amount; or empty."""

    code: Code
    first: date
    last: date
    days: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Returns by day, oldest first, and what is to be said of them."""

    days: Sequence[DayReturn]
    gaps: Sequence[Gap]
