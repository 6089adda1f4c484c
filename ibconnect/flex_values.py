"""Texts of a Flex statement as values: days, moments and numbers, in every format that a query can choose.

In: texts of attributes. Out: dates, aware UTC datetimes, texts that ``numeric`` takes; a ValueError says in words what
is wrong with one. Called by the projection ``statements``, and by what reads single values of a statement.

A query chooses one format for its days, one for its times and what stands between them. ``03/04/2025`` has two
readings: :class:`DayOrder` decides by what else occurs in the document; where nothing does, the month comes first, as
in IBKR's own default. Times are Eastern time unless they name another zone; of the hour that clocks show twice in
autumn the first is meant, unless EST or EDT says which.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
"""Where IBKR's days and times are."""

MONTH_FIRST, DAY_FIRST = "month first", "day first"

_LONGEST = 100
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAY = (
    r"(?:(?P<y1>\d{4})(?P<m1>\d\d)(?P<d1>\d\d)"
    r"|(?P<y2>\d{4})-(?P<m2>\d\d?)-(?P<d2>\d\d?)"
    r"|(?P<a>\d\d?)/(?P<b>\d\d?)/(?P<y3>\d{4}|\d\d)"
    r"|(?P<d4>\d\d?)-(?P<m4>[A-Za-z]{3})-(?P<y4>\d{4}|\d\d))"
)
# Without colons the seconds are there: else 14/03/25093000 could be in the year 2509.
_TIME = r"(?P<h>\d\d)(?:(?P<i>\d\d)(?P<s>\d\d)|:(?P<j>\d\d)(?::(?P<t>\d\d)(?:\.(?P<f>\d{1,6}))?)?)"
_ZONE = r"(?P<zone>[A-Za-z][A-Za-z0-9_+/-]*|[+-]\d\d:?\d\d)"
_WHOLE = re.compile(rf"{_DAY}(?:(?:[;,T\s]\s*)?{_TIME}(?:\s*{_ZONE})?)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d{1,131}(?:\.\d{0,100})?|\.\d{1,100})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_CANONICAL = re.compile(r"(?:-(?!0(?:\.0+)?\Z))?(?:0|[1-9]\d{0,130})(?:\.\d{1,100})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_SLASHED = re.compile(rb'["\s;,](\d\d?)/(\d\d?)/(?:\d{4}|\d\d)(?!\d)')
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)
_FIXED = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_FIXED |= {"UTC": 0, "GMT": 0, "Z": 0, "BST": 1, "CET": 1, "CEST": 2, "HKT": 8, "SGT": 8, "JST": 9}
_ABBREVIATED = {"ET": EASTERN} | {name: timezone(timedelta(hours=hours)) for name, hours in _FIXED.items()}
_CENTURY = 2000


@lru_cache(maxsize=1 << 14)
def day(text: str, order: str = MONTH_FIRST) -> date:
    """The day of a text; of one that also has a time, its day.

    :param order: how ``03/04/2025`` is meant, as :class:`DayOrder` found
    :raises ValueError: it is not a day, or there is no such day

    >>> day("14-MAR-25"), day("25/12/2025", DAY_FIRST)
    (datetime.date(2025, 3, 14), datetime.date(2025, 12, 25))
    """
    return _day(_matched(text, "day"), order)


@lru_cache(maxsize=1 << 14)
def moment(text: str, zone: tzinfo = EASTERN, order: str = MONTH_FIRST) -> datetime | None:
    """The instant of a text in UTC; None of a day without a time.

    :param zone: of a time that names none
    :raises ValueError: it is not a time, there is no such time, or its zone is not known

    >>> moment("20250314;093000")
    datetime.datetime(2025, 3, 14, 13, 30, tzinfo=datetime.timezone.utc)
    """
    match = _matched(text, "time")
    when = _day(match, order)
    hour, i, j, s, t, fraction, named = match.group("h", "i", "j", "s", "t", "f", "zone")
    if hour is None:
        return None
    try:
        clock = time(int(hour), int(i or j), int(s or t or 0), int(f"{fraction or 0:0<6}"))
        local = datetime.combine(when, clock, _zone(named) if named else zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"{text!r} has no time that there is: {exc}") from None


def number(text: str) -> str:
    """The text of a number as ``numeric`` takes it: ``+5``, ``.5``, ``1.2E7``, ``1,234.50``.

    :raises ValueError: it is not a number, or has more digits than ``numeric`` holds

    >>> number("1,234.50")
    '1234.50'
    """
    if _NUMBER.fullmatch(text):
        return text
    if _GROUPED.fullmatch(text) and len(text) < _LONGEST:
        return text.replace(",", "")
    raise ValueError(f"{text[:_LONGEST]!r} is not a number")


def is_exact(text: str) -> bool:
    """Whether ``numeric`` gives the text of a number back letter for letter."""
    return _CANONICAL.fullmatch(text) is not None


def whole(text: str) -> int:
    """The text of a whole number that a ``bigint`` holds, as ids of contracts are.

    :raises ValueError: it is none
    """
    if re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        return int(text)
    raise ValueError(f"{text[:_LONGEST]!r} is not a whole number")


class DayOrder:
    """Which of ``03/04/2025`` is the month, by all days with slashes of one document.

    A document whose days are not written with slashes needs no reading: ask :func:`has_slashes` of its first day.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._first = self._second = False

    def read(self, chunks: Iterable[bytes]) -> str:
        """The order, once the document's bytes, cut anywhere, have been read as far as is needed."""
        for chunk in chunks:
            piece = self._rest + chunk
            for found in _SLASHED.finditer(piece):
                self._first |= int(found[1]) > len(_MONTHS)
                self._second |= int(found[2]) > len(_MONTHS)
            if self._first or self._second:
                break
            self._rest = piece[-16:]
        return DAY_FIRST if self._first and not self._second else MONTH_FIRST


def has_slashes(text: str) -> bool:
    """Whether a day is written so that it may have two readings."""
    return "/" in text[:6]


def _matched(text: str, what: str) -> re.Match[str]:
    match = _WHOLE.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{text[:_LONGEST]!r} is not a {what}")
    return match


def _day(match: re.Match[str], order: str) -> date:
    y1, m1, d1, y2, m2, d2, a, b, y3, d4, m4, y4 = match.groups()[:12]
    if y1:
        parts = y1, m1, d1
    elif y2:
        parts = y2, m2, d2
    elif y3:
        parts = (y3, b, a) if order == DAY_FIRST else (y3, a, b)
    else:
        parts = y4, _month(m4, match[0]), d4
    year, month, dom = map(int, parts)
    try:
        return date(year + (_CENTURY if len(parts[0]) == 2 else 0), month, dom)
    except ValueError as exc:
        raise ValueError(f"{match[0]!r} is no day that there is: {exc}") from None


def _month(name: str, text: str) -> str:
    if name.upper() not in _MONTHS:
        raise ValueError(f"{text!r} has no month that there is")
    return str(_MONTHS.index(name.upper()) + 1)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if (known := _ABBREVIATED.get(name)) is not None:
        return known
    if match := _OFFSET.fullmatch(name):
        apart = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-apart if match[1] == "-" else apart)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"the time zone {name!r} is not known") from None
