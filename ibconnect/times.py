"""Instants as this package writes them: aware UTC datetimes, integer microseconds, RFC 3339 text.

Called by every room that stores, shows or parses a time. Postgres keeps microseconds, so that is the
finest step here; finer input (RFC 3339 allows any number of digits) is accepted only if nothing is lost.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def utc_now() -> datetime:
    """The wall clock as an aware UTC datetime, to the microsecond."""
    return datetime.now(UTC)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z; exact (no float on the way)."""
    return (instant - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of an integer number of microseconds since 1970-01-01T00:00:00Z."""
    return EPOCH + micros * _MICROSECOND


def format_rfc3339(instant: datetime) -> str:
    """RFC 3339 in UTC with ``Z`` and the fraction as short as it is exact.

    >>> format_rfc3339(from_micros(1398140645776394))
    '2014-04-22T04:24:05.776394Z'
    """
    text = instant.astimezone(UTC).isoformat()[: -len("+00:00")]
    return f"{text.rstrip('0') if '.' in text else text}Z"


def wide_rfc3339(instant: datetime) -> str:
    """RFC 3339 in UTC with ``Z`` and always six decimals: as text, times are in order.

    >>> wide_rfc3339(from_micros(1398140645000000))
    '2014-04-22T04:24:05.000000Z'
    """
    return f"{instant.astimezone(UTC).isoformat(timespec='microseconds')[: -len('+00:00')]}Z"


def widened(text: str) -> str:
    """A text that :func:`format_rfc3339` gives, with six decimals.

    >>> widened('2014-04-22T04:24:05.77Z')
    '2014-04-22T04:24:05.770000Z'
    """
    whole, _, fraction = text[:-1].partition(".")
    return f"{whole}.{fraction:0<6}Z"


@lru_cache(maxsize=4096)
def parse_rfc3339(text: str) -> datetime:
    """Parse an RFC 3339 date-time (section 5.6) into aware UTC.

    Any offset and up to nine fractional digits are accepted; digits past the microsecond must be zero,
    since no recorded instant is finer. A leap second (``:60``) is read as the second after ``:59``.

    :raises ValueError: the text is not such a date-time; the message names it and shows the right form
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2014-04-22T04:22:05.776394Z")
    date, minute, second, fraction, offset = match.groups()
    if (fraction or "")[6:].strip("0"):
        raise ValueError(f"{text!r} is finer than a microsecond, which no recorded time is")
    if offset in "Zz":
        offset = "+00:00"
    elif offset[1:3] > "23" or offset[4:] > "59":
        raise ValueError(f"{text!r} has an offset that is not between -23:59 and +23:59")
    is_leap = second == "60"
    try:
        local = datetime.fromisoformat(f"{date}T{minute}:{'59' if is_leap else second}.{(fraction or '0')[:6]}{offset}")
        return local.astimezone(UTC) + timedelta(seconds=is_leap)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"{text!r} is not a time that exists: {exc}") from exc
