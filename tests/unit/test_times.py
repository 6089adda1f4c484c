"""Times in URLs and answers: RFC 3339, UTC, as short as exact, and nothing lost."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.times import format_rfc3339, from_micros, parse_rfc3339, to_micros

# From the year 2 to the year 9998, so that any offset stays in the calendar.
INSTANTS = st.integers(-62_100_000_000_000_000, 253_370_000_000_000_000).map(from_micros)


@given(INSTANTS)
def test_what_is_written_is_read_back(instant: datetime) -> None:
    text = format_rfc3339(instant)
    assert parse_rfc3339(text) == instant
    assert from_micros(to_micros(instant)) == instant
    assert text.endswith("Z")
    assert "." not in text or text[-2] != "0"


@given(INSTANTS, st.integers(-23 * 60 - 59, 23 * 60 + 59), st.integers(0, 3))
def test_any_equivalent_spelling_is_the_same_instant(instant: datetime, offset: int, zeros: int) -> None:
    instant = instant.replace(year=2016)  # which has every day that any year has
    local = instant.astimezone(timezone(timedelta(minutes=offset)))
    sign = "-" if offset < 0 else "+"
    zone = f"{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
    text = f"{local:%Y-%m-%dt%H:%M:%S}.{local.microsecond:06d}{'0' * zeros}{zone}"
    assert parse_rfc3339(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2014-04-22",
        "2014-04-22T04:22:05",
        "2014-02-30T00:00:00Z",
        "2014-04-22T24:00:00Z",
        "2014-04-22T04:22:05.1234567Z",
        "2014-04-22T04:22:05+24:00",
        "٢٠١٤-04-22T04:22:05Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2014-04-22T04:22:05.Z",
    ],
)
def test_what_is_no_such_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_rfc3339(text)
    assert repr(text) in str(caught.value)


def test_a_leap_second_is_the_second_after() -> None:
    assert parse_rfc3339("2016-12-31T23:59:60Z") == datetime(2017, 1, 1, tzinfo=UTC)
