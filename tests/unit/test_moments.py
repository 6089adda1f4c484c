"""Moments as people write them: dates in a zone, months ago, what does not exist."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.http.server.moments import Moment, day_end, local_instant, parse, parse_length, parse_zone, resolve
from ibconnect.times import EPOCH, from_micros
from tests.zones import DAYS, ZONES, skipped

NOW = datetime(2026, 11, 27, 4, 10, 0, 5, UTC)
NO_MOMENTS = ["", "yesterday", "Now", "-1", "-0d", "1d", "-1M", "-100y", "now ", " now", "-1d\n", "2026-02-29"]
NO_MOMENTS += [
    "2026-13-01",
    "2026-1-1",
    "0000-01-01",
    "2026-11-26T16:00",
    "2026-11-26Z",
    "\uff12\uff10\uff12\uff16-01-01",
]
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("now", "2026-11-27T04:10:00.000005", None),
        ("-90s", "2026-11-27T04:08:30.000005", None),
        ("-30d", "2026-10-28T04:10:00.000005", None),
        ("-2w", "2026-11-13T04:10:00.000005", None),
        ("-1mo", "2026-10-27T03:10:00.000005", None),  # still summer time: 23:10 of the 26th in both
        ("-1q", "2026-08-27T03:10:00.000005", None),
        ("-1y", "2025-11-27T04:10:00.000005", None),
        ("-99y", "1970-01-01T00:00:00", None),
        ("-99999d", "1970-01-01T00:00:00", None),
        ("2026-11-26", "2026-11-26T05:00:00", "2026-11-27T04:59:59.999999"),
        ("2026-11-01", "2026-11-01T04:00:00", "2026-11-02T04:59:59.999999"),
        ("2026-03-08", "2026-03-08T05:00:00", "2026-03-09T03:59:59.999999"),
        ("0001-01-01", "0001-01-01T04:56:02", "0001-01-02T04:56:01.999999"),
        ("9999-12-31", "9999-12-31T05:00:00", "9999-12-31T23:59:59.999999"),
        ("2026-11-26T16:00:00-05:00", "2026-11-26T21:00:00", None),
        ("2026-11-26T16:00:00 01:00", "2026-11-26T15:00:00", None),
    ],
)
def test_in_new_york(text: str, begin: str, end: str | None) -> None:
    assert resolve(text, NEW_YORK, NOW) == datetime.fromisoformat(begin).replace(tzinfo=UTC)
    assert resolve(text, NEW_YORK, NOW, is_end=True) == datetime.fromisoformat(end or begin).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "text", "day"),
    [
        ("2024-02-29", "-1y", "2023-02-28"),
        ("2024-02-29", "-4y", "2020-02-29"),
        ("2026-03-31", "-1mo", "2026-02-28"),
        ("2024-05-31", "-1q", "2024-02-29"),
        ("2026-01-31", "-1mo", "2025-12-31"),
        ("2026-01-15", "-13mo", "2024-12-15"),
    ],
)
def test_a_month_ago_is_the_same_day_or_the_last(now: str, text: str, day: str) -> None:
    noon = datetime.combine(date.fromisoformat(now), time(12), UTC)
    assert resolve(text, UTC, noon) == datetime.combine(date.fromisoformat(day), time(12), UTC)


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_what_is_no_moment_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="nor a date, nor now, nor a time ago") as refused:
        parse(text)
    assert repr(text) in str(refused.value)


@given(DAYS, st.sampled_from(ZONES))
def test_days_follow_each_other_without_gap_or_overlap(day: date, zone: ZoneInfo) -> None:
    begin, end = local_instant(day, time(), zone), day_end(day, zone)
    following = local_instant(day + timedelta(days=1), time(), zone)
    assert end + timedelta(microseconds=1) == following
    assert begin <= following
    if not skipped(day, zone):
        assert begin.astimezone(zone).date() == day


@given(st.integers(0, 4_000_000_000_000_000), st.sampled_from(ZONES), st.integers(1, 300))
def test_months_ago_keep_the_time_of_the_day(micros: int, zone: ZoneInfo, months: int) -> None:
    now = from_micros(micros)
    local = now.astimezone(zone)
    month = local.year * 12 + local.month - 1 - months
    wanted = local.replace(tzinfo=None, year=month // 12, month=month % 12 + 1, day=1) + timedelta(
        days=min(local.day, monthrange(month // 12, month % 12 + 1)[1]) - 1
    )
    found = resolve(f"-{months}mo", zone, now)
    candidates = {wanted.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    assert found in {max(candidate, EPOCH) for candidate in candidates}


@given(st.from_regex(r"now|-[1-9][0-9]{0,4}[smhd]|-[1-9][0-9]{0,2}(mo|q)|-[1-9][0-9]?y", fullmatch=True))
def test_whatever_is_relative_is_a_time_since_1970(text: str) -> None:
    assert EPOCH <= resolve(text, NEW_YORK, NOW) <= NOW
    assert not parse(text).is_absolute


def test_what_stays_the_same() -> None:
    assert Moment("2026-11-26T16:00:00Z").is_absolute
    assert not Moment("2026-11-26").is_absolute


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("New_York", "America/New_York"),
        ("america/new york", "America/New_York"),
        ("europe/zurich", "Europe/Zurich"),
        ("utc", "UTC"),
        ("EST5", None),
        ("../../etc/passwd", None),
        ("/etc/localtime", None),
        ("localtime", None),
        ("America", None),
        ("", None),
    ],
)
def test_a_zone_that_there_is_not_is_refused_with_the_one_that_is_meant(text: str, meant: str | None) -> None:
    with pytest.raises(ValueError, match="is not a time zone") as refused:
        parse_zone(text)
    assert (f"did you mean {meant}?" in str(refused.value)) == (meant is not None)


@pytest.mark.parametrize("text", ["America/New_York", "UTC", "Europe/Zurich", "America/Argentina/Buenos_Aires", "EST"])
def test_zones(text: str) -> None:
    assert str(parse_zone(text)) == text


def test_lengths() -> None:
    assert parse_length("90s").elapsed == timedelta(seconds=90)
    assert parse_length("99999d").elapsed == timedelta(days=99999)
    assert parse_length("2w").elapsed == timedelta(weeks=2)
    assert [parse_length(text).months for text in ("1mo", "2q", "99y", "5m")] == [1, 6, 1188, 0]
    assert parse_length("1mo").elapsed is None
