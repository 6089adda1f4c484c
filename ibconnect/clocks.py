"""A gateway's own clock: in which zone it tells the time, when its days begin, and what its texts of times mean.

In: what a gateway said when it was connected, and when that was by our clock; texts of times in its messages. Out:
zones, days and instants. Called by the collectors that ask before a gateway's day is over, and by the projections.
Nothing here looks at a clock: the same texts always mean the same.

A gateway names its zone as Java does: by a name of the tz database, or by an abbreviation, which several zones may have
(CST is Chicago's and Shanghai's). Which one is meant follows from the time that it told; where that is not enough, the
distance from UTC is taken as it was then.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

_GREETING = re.compile(r"(\d{8}) +(\d\d:\d\d:\d\d)(?: +(\S.*?))? *", re.ASCII)
_TIME = re.compile(r"(\d{8})(?:(-)| +)(\d\d:\d\d:\d\d)(?: +(\S.*?))? *", re.ASCII)
_OFFSET = re.compile(r"(?:GMT|UTC)([+-])(\d\d?)(?::?(\d\d))?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
# Of a text of a time; no zone has so long a name.
_LONGEST = 100
_QUARTER = timedelta(minutes=15)
# No zone is further from UTC; and no gateway's clock is to be believed that is further from ours, in its zone.
_FARTHEST, _WRONG_BY = timedelta(hours=14), timedelta(minutes=6)

# Of zones that have an abbreviation in common, the ones in which gateways stand, the most likely first.
_ABBREVIATED = {
    "EST": ("America/New_York", "Australia/Sydney"),
    "EDT": ("America/New_York",),
    "CST": ("America/Chicago", "Asia/Shanghai"),
    "CDT": ("America/Chicago",),
    "MST": ("America/Denver", "America/Phoenix"),
    "MDT": ("America/Denver",),
    "PST": ("America/Los_Angeles", "Asia/Manila"),
    "PDT": ("America/Los_Angeles",),
    "GMT": ("Europe/London", "UTC"),
    "BST": ("Europe/London",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "WET": ("Europe/Lisbon",),
    "WEST": ("Europe/Lisbon",),
    "CET": ("Europe/Zurich",),
    "CEST": ("Europe/Zurich",),
    "MET": ("Europe/Zurich",),
    "MEST": ("Europe/Zurich",),
    "EET": ("Europe/Athens",),
    "EEST": ("Europe/Athens",),
    "MSK": ("Europe/Moscow",),
    "HKT": ("Asia/Hong_Kong",),
    "SGT": ("Asia/Singapore",),
    "JST": ("Asia/Tokyo",),
    "KST": ("Asia/Seoul",),
    "AWST": ("Australia/Perth",),
    "ACST": ("Australia/Adelaide", "Australia/Darwin"),
    "ACDT": ("Australia/Adelaide",),
    "AEST": ("Australia/Sydney", "Australia/Brisbane"),
    "AEDT": ("Australia/Sydney",),
    "NZST": ("Pacific/Auckland",),
    "NZDT": ("Pacific/Auckland",),
    "Z": ("UTC",),
}


class Day(NamedTuple):
    """A day of a gateway: its date there, when it begins, and when the next one does."""

    date: date
    begins: datetime
    ends: datetime


class Told(NamedTuple):
    """A time as a message tells it: the instant, None if nobody knows in which zone it is; and that zone."""

    at: datetime | None
    zone: str


def zone_of(connection_time: str, opened: datetime) -> tzinfo | None:
    """The zone of a gateway, by what it said when it was connected and when that was; None if nothing says it.

    >>> name_of(zone_of("20250425 15:23:54 EST", datetime(2025, 4, 25, 19, 23, 55, tzinfo=UTC)))
    'America/New_York'
    """
    match = _GREETING.fullmatch(connection_time[:_LONGEST])
    if match is None:
        return None
    day, clock, name = match.groups()
    offset = _offset(_parsed(day, clock), opened)
    return (_named(name, offset, opened) if name else None) or (None if offset is None else timezone(offset))


def _offset(local: datetime | None, at: datetime) -> timedelta | None:
    """How far a clock is from UTC that shows ``local``; None if it is wrong."""
    if local is None:
        return None
    apart = local.replace(tzinfo=UTC) - at
    offset = _QUARTER * round(apart / _QUARTER)
    return offset if abs(apart - offset) <= _WRONG_BY and abs(offset) <= _FARTHEST else None


def _named(name: str, offset: timedelta | None, at: datetime) -> tzinfo | None:
    """The zone of a name; of an abbreviation, the one which is that far from UTC, as the clock shows."""
    if match := _OFFSET.fullmatch(name):
        sign, hours, minutes = match.groups()
        told = timedelta(hours=int(hours), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
        return timezone(told) if abs(told) <= _FARTHEST else None
    if candidates := _ABBREVIATED.get(name):
        zones = [ZoneInfo(candidate) for candidate in candidates]
        fitting = [zone for zone in zones if offset is None or at.astimezone(zone).utcoffset() == offset]
        return fitting[0] if fitting else None
    return _zone(name)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    if _NAME.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None


def _parsed(day: str, clock: str) -> datetime | None:
    # strptime would take five times as long.
    parts = (day[:4], day[4:6], day[6:], clock[:2], clock[3:5], clock[6:])
    try:
        return datetime(*map(int, parts))  # type: ignore[arg-type]  # noqa: DTZ001 - of the gateway's zone
    except ValueError:
        return None


def told(text: str, zone: tzinfo | None, heard: datetime) -> Told:
    """What a time of a message means: ``20260105 15:04:05 US/Eastern``, without a zone, or ``20260105-15:04:05`` (UTC).

    Where clocks show a time twice, the second one is meant if it had come when the message was ``heard``.

    :param zone: the gateway's, in which times are that name none
    """
    match = _TIME.fullmatch(text[:_LONGEST])
    local = _parsed(match[1], match[3]) if match else None
    if match is None or local is None:
        return Told(None, "")
    name = match[4] or ""
    if match[2] or name in ("UTC", "GMT"):
        return Told(local.replace(tzinfo=UTC), name or "UTC")
    if name:
        offset = heard.astimezone(zone).utcoffset() if zone else None
        meant = _named(name, offset, heard) or _named(name, None, heard)
    else:
        meant = zone
    return Told(_instant(local, meant, heard), name or name_of(meant))


def _instant(local: datetime, zone: tzinfo | None, heard: datetime) -> datetime | None:
    if zone is None:
        return None
    try:
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (OverflowError, ValueError):
        return None
    return second if first < second <= heard + _WRONG_BY else first


def name_of(zone: tzinfo | None) -> str:
    """What a zone is called: its name in the tz database, or its distance from UTC; empty for none."""
    return "" if zone is None else zone.key if isinstance(zone, ZoneInfo) else str(zone)


def zone_named(name: str) -> tzinfo | None:
    """The inverse of :func:`name_of`."""
    if match := re.fullmatch(r"UTC(?:([+-])(\d\d):(\d\d))?", name, re.ASCII):
        sign, hours, minutes = match.groups()
        return UTC if sign is None else _fixed(sign, int(hours), int(minutes))
    return _zone(name)


def _fixed(sign: str, hours: int, minutes: int) -> timezone:
    return timezone(timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1))


def day_of(zone: tzinfo, at: datetime, before: int = 0) -> Day:
    """The day of a gateway in which an instant is, or one so many days before it."""
    day = at.astimezone(zone).date() - timedelta(days=before)
    return Day(day, _midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
