"""Moments as people write them: a time, a date in a zone, ``now``, or so long ago.

In: the text of a parameter, a zone, the time of the request. Out: aware UTC datetimes. Read by the kinds of parameters;
resolved when all parameters of a request are known, since a date is one of the zone ``tz``.

A date is a whole day: as the begin of a span (``from``) it is its first instant, as the end of one or as the time of a
view (``to``, ``at``, ``as-of``) its last microsecond.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from ibconnect.times import EPOCH, parse_rfc3339

AMOUNT = "(?:[1-9][0-9]{0,4}[smhd]|[1-9][0-9]{0,3}w|[1-9][0-9]{0,2}(?:mo|q)|[1-9][0-9]?y)"
"""A length of time: at most 274 years, so that nothing that is counted with it leaves the calendar."""

RELATIVE = f"now|-{AMOUNT}"
DATE = r"\d{4}-\d\d-\d\d"
ZONE_PATTERN = "[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}"

MICROSECOND = timedelta(microseconds=1)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_AMOUNT = re.compile(AMOUNT)
_RELATIVE = re.compile(RELATIVE)
_DATE = re.compile(DATE, re.ASCII)
# In a query a plus sign means a space, unless the client escaped it.
_UNESCAPED_OFFSET = re.compile(r" (?=\d\d:\d\d$)", re.ASCII)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time: so many of a unit, which is ``s``, ``m``, ``h``, ``d``, ``w``, ``mo``, ``q`` or ``y``."""

    text: str
    count: int
    unit: str

    @property
    def elapsed(self) -> timedelta | None:
        """How long it always is; None for months, quarters and years."""
        seconds = _SECONDS.get(self.unit)
        return None if seconds is None else timedelta(seconds=self.count * seconds)

    @property
    def months(self) -> int:
        """How many months it is; 0 for what is counted in seconds."""
        return self.count * _MONTHS.get(self.unit, 0)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as it was asked for. ``is_end``: a date is the end of its day, not the begin."""

    text: str
    is_end: bool = False

    @property
    def is_absolute(self) -> bool:
        """Whether it is the same whenever and in whatever zone it is asked for."""
        return _RELATIVE.fullmatch(self.text) is None and _DATE.fullmatch(self.text) is None


def parse_length(text: str) -> Length:
    """``90s``, ``30m``, ``1h``, ``30d``, ``2w``, ``1mo``, ``1q``, ``1y``.

    :raises ValueError: it is none
    """
    if _AMOUNT.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a length of time such as 90s, 30m, 1h, 1d, 2w, 1mo, 1q or 1y")
    digits = text.rstrip("smhdwoqy")
    return Length(text, int(digits), text[len(digits) :])


@lru_cache(maxsize=4096)
def parse_time(text: str) -> datetime:
    """An RFC 3339 time, also with a plus sign that became a space.

    :raises ValueError: it is none
    """
    return parse_rfc3339(_UNESCAPED_OFFSET.sub("+", text))


def parse(text: str, *, is_end: bool = False) -> Moment:
    """What a parameter says.

    :raises ValueError: it is none of the forms; the message names it and what is right
    """
    if _RELATIVE.fullmatch(text) is None:
        try:
            _day(text) if _DATE.fullmatch(text) else parse_time(text)
        except ValueError as exc:
            raise ValueError(f"{exc}, nor a date, nor now, nor a time ago such as -30d") from exc
    return Moment(text, is_end)


def resolve(text: str, zone: tzinfo, now: datetime, *, is_end: bool = False) -> datetime:
    """The instant that a moment is.

    :param zone: what dates, and months and years ago, are counted in
    :param now: what it is relative to
    :param is_end: a date is the last microsecond of its day, not the first
    :raises ValueError: it is none of the forms
    """
    if text == "now":
        return now
    if _RELATIVE.fullmatch(text):
        return max(_ago(parse_length(text[1:]), zone, now), EPOCH)
    if _DATE.fullmatch(text):
        return day_end(_day(text), zone) if is_end else local_instant(_day(text), time(), zone)
    return parse_time(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{text!r} is not a date that exists: {exc}") from exc


def _ago(length: Length, zone: tzinfo, now: datetime) -> datetime:
    """Months ago it is the same day of the month and the same time of the day, or the last day if there is none."""
    if length.elapsed is not None:
        return now - length.elapsed
    local = now.astimezone(zone)
    year, month = divmod(local.year * 12 + local.month - 1 - length.months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day).astimezone(UTC)


def local_instant(day: date, clock: time, zone: tzinfo) -> datetime:
    """When clocks of a zone show a time.

    Where they show it twice: the first time. Where they skip it: as if they had not been put forward yet (so does
    Postgres, and RFC 5545).
    """
    try:
        return datetime.combine(day, clock, zone).astimezone(UTC)
    except OverflowError:
        return _FIRST if day.year == 1 else _LAST


def day_end(day: date, zone: tzinfo) -> datetime:
    """The last microsecond of a day."""
    return _LAST if day == date.max else local_instant(day + timedelta(days=1), time(), zone) - MICROSECOND


@lru_cache(maxsize=1024)
def parse_zone(text: str) -> tzinfo:
    """A zone by its name in the IANA time zone database.

    :raises ValueError: there is none; the message says which one may be meant
    """
    names = _zone_names()
    if names.get(text) == text:
        return ZoneInfo(text)
    meant = names.get(_folded(text))
    raise ValueError(
        f"{text!r} is not a time zone such as America/New_York" + (f": did you mean {meant}?" if meant else "")
    )


@lru_cache(maxsize=1)
def _zone_names() -> dict[str, str]:
    """All names: in full, and by the place alone, without what is written differently (``new york``)."""
    # Which one `localtime` is depends on the machine.
    names = sorted(available_timezones() - {"Factory", "localtime"}, key=lambda name: (name.count("/") != 1, name))
    places = {_folded(name.rpartition("/")[2]): name for name in reversed(names)}
    return {**places, **{_folded(name): name for name in names}, **{name: name for name in names}}


def _folded(name: str) -> str:
    return re.sub(r"[ _+-]", "", name).casefold()
