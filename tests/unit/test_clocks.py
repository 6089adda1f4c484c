"""A gateway's own clock: which zone it is in, when its days begin, what its texts of times mean."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.clocks import day_of, name_of, told, zone_named, zone_of

OPENED = datetime(2025, 4, 25, 19, 23, 55, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("20250425 15:23:54 EST", "America/New_York"),
        ("20250425 15:23:54 EDT", "America/New_York"),
        ("20250425 15:23:54 US/Eastern", "US/Eastern"),
        ("20250425 14:23:54 CST", "America/Chicago"),
        ("20250426 03:23:54 CST", "Asia/Shanghai"),
        ("20250425 20:23:54 GMT", "Europe/London"),
        ("20250425 21:23:54 Mitteleuropäische Zeit", "UTC+02:00"),
        ("20250425 15:23:54", "UTC-04:00"),
        ("20250426 00:53:54 IST", "Asia/Kolkata"),
        ("20250425 15:23:54 GMT-04:00", "UTC-04:00"),
        # A clock that is wrong by more than minutes says nothing; a name of the tz database does.
        ("20250101 00:11:54", ""),
        ("20250101 00:11:54 Asia/Tokyo", "Asia/Tokyo"),
        ("20250425 15:23:54 ../../etc/passwd", "UTC-04:00"),
        ("20250432 15:23:54 Nowhere", ""),
        ("", ""),
        ("yesterday", ""),
        ("20250425 15:23:54" + " " * 100_000, "UTC-04:00"),
    ],
)
def test_the_zone_of_a_gateway(text: str, zone: str) -> None:
    assert name_of(zone_of(text, OPENED)) == zone


@given(st.one_of(st.sampled_from(["US/Eastern", "Asia/Tokyo", "UTC"]), st.integers(-14 * 4, 14 * 4)))
def test_the_name_of_a_zone_leads_back_to_it(which: str | int) -> None:
    zone = ZoneInfo(which) if isinstance(which, str) else timezone(timedelta(minutes=15 * which))
    again = zone_named(name_of(zone))
    assert again is not None
    assert OPENED.astimezone(again).utcoffset() == OPENED.astimezone(zone).utcoffset()


@given(st.integers(946_684_800, 2_208_988_800), st.sampled_from(["US/Eastern", "Asia/Hong_Kong"]))
def test_a_time_is_what_was_told_whether_its_zone_is_named_or_not(seconds: int, name: str) -> None:
    at, zone = datetime.fromtimestamp(seconds, UTC), ZoneInfo(name)
    local = at.astimezone(zone)
    if local.replace(fold=1 - local.fold).astimezone(UTC) != at:
        return  # Clocks show it twice.
    heard = at + timedelta(hours=3)
    for text, gateway in (
        (f"{local:%Y%m%d %H:%M:%S} {name}", None),
        (f"{local:%Y%m%d  %H:%M:%S}", zone),
        (f"{at:%Y%m%d-%H:%M:%S}", None),
        (f"{at:%Y%m%d %H:%M:%S} UTC", zone),
    ):
        assert told(text, gateway, heard).at == at


def test_a_time_that_clocks_show_twice_is_the_one_that_has_come() -> None:
    first, second = (datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (5, 6))
    for heard, meant in ((first, first), (first + timedelta(minutes=5), first), (second, second)):
        assert told("20261101  01:30:00", NEW_YORK, heard).at == meant


@pytest.mark.parametrize(
    "text", ["", "at noon", "20261301 00:00:00", "20260105T09:31:00", "20260105 9:31", "1767623460"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert told(text, NEW_YORK, OPENED) == (None, "")


def test_without_a_zone_nobody_knows_when_it_was() -> None:
    assert told("20260105 09:31:00", None, OPENED) == (None, "")
    assert told("20260105 09:31:00 Mars/Olympus", NEW_YORK, OPENED).at is None


def test_days_are_as_long_as_they_are() -> None:
    for day, hours in ((8, 23), (9, 24)):
        found = day_of(NEW_YORK, datetime(2026, 3, day, 18, tzinfo=UTC))
        assert (found.date.day, found.ends - found.begins) == (day, timedelta(hours=hours))
    assert day_of(NEW_YORK, datetime(2026, 3, 9, 2, tzinfo=UTC), 1).date.day == 7
