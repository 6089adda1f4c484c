"""A saved Flex query: which sections it ticks, how it writes dates and times, and how it cuts a period.

In: text of the command line, or arguments of a test. Out: :class:`Query`, which prints days, moments and numbers as it
was told. Called by the service and by what writes statements.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ibconnect.errors import SimulatorError
from ibconnect.simulator.flex.returns import number

SECTIONS = (
    "AccountInformation",
    "EquitySummaryInBase",
    "ChangeInNAV",
    "CashReport",
    "StmtFunds",
    "OpenPositions",
    "Trades",
    "TransactionTaxes",
    "OptionEAE",
    "CorporateActions",
    "CashTransactions",
    "SalesTaxes",
    "InterestAccruals",
    "Transfers",
    "ChangeInDividendAccruals",
    "ConversionRates",
    "CarbonFootprint",
)
"""In the order in which a statement has them. The last one is of no real statement: nobody knows it."""

DATES: Mapping[str, str] = {
    "yyyyMMdd": "%Y%m%d",
    "yyyy-MM-dd": "%Y-%m-%d",
    "MM/dd/yyyy": "%m/%d/%Y",
    "MM/dd/yy": "%m/%d/%y",
    "dd/MM/yyyy": "%d/%m/%Y",
    "dd-MMM-yy": "%d-%b-%y",
}
TIMES: Mapping[str, str] = {
    "HHmmss": "%H%M%S",
    "HH:mm:ss": "%H:%M:%S",
    "HHmmss zone": "%H%M%S %Z",
    "HH:mm:ss zone": "%H:%M:%S %Z",
    "none": "",
}
SEPARATORS: Mapping[str, str] = {"semicolon": ";", "comma": ",", "space": " ", "T": "T", "none": ""}
PERIODS: Mapping[str, int] = {
    "LastBusinessDay": 1,
    "Last7CalendarDays": 7,
    "Last30CalendarDays": 30,
    "Last365CalendarDays": 365,
}
"""A query's own period → its days."""


@dataclass(frozen=True, slots=True)
class Query:
    """One saved query. Raises :class:`SimulatorError` for a format or section that there is not."""

    id: str
    name: str = "ibconnect"
    sections: tuple[str, ...] = SECTIONS
    breakout: bool = True
    """One FlexStatement a day; otherwise one for the whole period."""
    dates: str = "yyyyMMdd"
    times: str = "HHmmss"
    separator: str = "semicolon"
    period: str = "Last30CalendarDays"
    columns: str = "all"
    """``all``: empty attributes are written too; ``few``: they are left out. Sections that are ticked always come."""
    accounts: tuple[str, ...] = ()
    """Those that it is for; empty: all."""
    repeat: int = 1
    """How often each statement comes in the same file."""

    def __post_init__(self) -> None:
        for value, known in (
            (self.dates, DATES),
            (self.times, TIMES),
            (self.separator, SEPARATORS),
            (self.period, PERIODS),
            (self.columns, ("all", "few")),
            *((section, SECTIONS) for section in self.sections),
        ):
            if value not in known:
                raise SimulatorError(f"Flex query {self.id}: {value!r} is not one of {', '.join(known)}")
        if not self.id.isdecimal():
            raise SimulatorError(f"Flex query {self.id!r}: its id is a whole number")
        if self.repeat < 1:
            raise SimulatorError(f"Flex query {self.id}: repeat={self.repeat}: 1 or more")

    def day(self, day: date) -> str:
        return day.strftime(DATES[self.dates])

    def moment(self, moment: datetime) -> str:
        """A moment that is aware, in the zone in which it is to be read."""
        time = moment.strftime(TIMES[self.times])
        return self.day(moment.date()) + (SEPARATORS[self.separator] + time if time else "")

    def text(self, value: object) -> str:
        """Any value of a row, as this query prints it."""
        match value:
            case Decimal():
                return number(value)
            case datetime():
                return self.moment(value)
            case date():
                return self.day(value)
            case None:
                return ""
        return str(value)


DEFAULT_QUERIES = (
    Query("910001", "Daily"),
    Query("910002", "Period", breakout=False, dates="yyyy-MM-dd", times="HH:mm:ss", period="Last365CalendarDays"),
    Query("910003", "Short", columns="few", sections=("EquitySummaryInBase", "ChangeInNAV", "CashTransactions")),
)
"""What a service has that was given none."""


def parse(text: str) -> Query:
    """``910001:dates=yyyy-MM-dd,breakout=false,sections=Trades+Transfers`` → the query.

    :raises SimulatorError: what it names is not there
    """
    identity, _, rest = text.partition(":")
    query = Query(identity)
    known = {field.name for field in fields(Query)} - {"id"}
    for part in filter(None, rest.split(",")):
        name, _, value = part.partition("=")
        if name not in known:
            raise SimulatorError(f"Flex query {identity}: {name!r} is not one of {', '.join(sorted(known))}")
        given: dict[str, Any] = {name: _value(identity, name, value)}
        query = replace(query, **given)
    return query


def _value(identity: str, name: str, value: str) -> object:
    if name in ("sections", "accounts"):
        return tuple(value.split("+"))
    if name == "breakout":
        return value.lower() in ("true", "yes", "1")
    if name == "repeat":
        if not value.isdecimal():
            raise SimulatorError(f"Flex query {identity}: repeat={value!r} is not a whole number")
        return int(value)
    return value


def calendar(first: date, last: date, is_every_day: bool) -> list[date]:
    """The days that have a statement: Monday to Friday, or all."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if is_every_day or day.weekday() < 5]
