"""Steps against a model of their own, and what is written down by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.http.server.moments import parse_length
from ibconnect.http.server.steps import Step, Steps
from ibconnect.times import EPOCH
from tests.calendar_walk import DAY, walk
from tests.zones import ZONES

NEW_YORK = ZoneInfo("America/New_York")
MICROSECOND = timedelta(microseconds=1)


def steps(step: str, zone: ZoneInfo | None = None, at: str | None = None) -> Steps:
    return Steps(parse_length(step), zone, None if at is None else time.fromisoformat(at))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(found: Iterator[Step], zone: ZoneInfo | None = None) -> list[str]:
    """The ends as clocks of a zone show them, the running one marked."""
    return [f"{end.astimezone(zone or UTC):%Y-%m-%d %H:%M}{'+' if is_cut else ''}" for _, end, is_cut in found]


UNITS = [("d", 1), ("d", 2), ("d", 7), ("w", 1), ("w", 2), ("mo", 1), ("mo", 5), ("q", 1), ("y", 1), ("y", 3)]
CLOCKS = st.sampled_from([time(), time(16), time(2, 30), time(0, 30), time(23, 59), time(12)])
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2034, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ODD = st.sampled_from(
    ["2026-03-08", "2026-11-01", "2011-12-30", "1993-08-21", "2018-11-04", "2024-02-29", "2010-03-05"]
)
NEAR_ODD = st.builds(lambda day, hours: utc(day) + timedelta(hours=hours), ODD, st.integers(-40, 40))


@given(
    st.sampled_from(UNITS),
    st.sampled_from(ZONES),
    CLOCKS,
    INSTANTS | NEAR_ODD,
    st.timedeltas(timedelta(0), timedelta(days=800)),
)
def test_calendar_steps_end_where_a_walk_through_the_calendar_says(
    unit: tuple[str, int], zone: ZoneInfo, at: time, start: datetime, span: timedelta
) -> None:
    asked = Steps(parse_length(f"{unit[1]}{unit[0]}"), zone, at)
    assert list(asked.bounds(start, start + span)) == walk(unit, zone, at, start, start + span)


@given(st.sampled_from(UNITS), st.sampled_from(ZONES), CLOCKS, INSTANTS | NEAR_ODD)
def test_a_boundary_belongs_to_the_step_that_it_ends(
    unit: tuple[str, int], zone: ZoneInfo, at: time, instant: datetime
) -> None:
    asked = Steps(parse_length(f"{unit[1]}{unit[0]}"), zone, at)
    close = asked.first(instant)
    assert close >= instant
    for last in (close - MICROSECOND, close):
        (step,) = asked.bounds(max(instant, last), last) if instant <= last else asked.bounds(close, close)
        assert step.begin < instant <= step.end == close
        assert not step.is_partial
    following = next(asked.bounds(close + MICROSECOND, close + 1200 * DAY))
    assert following.begin == close < following.end


@given(
    st.sampled_from(["1s", "7m", "1h", "5h", "1d", "7d"]),
    INSTANTS,
    st.integers(0, 40),
    st.timedeltas(timedelta(0), timedelta(minutes=6)),
)
def test_elapsed_steps_count_from_the_start(step: str, start: datetime, count: int, rest: timedelta) -> None:
    length = parse_length(step).elapsed
    assert length is not None
    rest %= length
    end = start + count * length + rest
    *whole, last = steps(step).bounds(start, end)
    if timedelta(0) < rest < length - MICROSECOND:
        assert last == (start + count * length, end, True)
    else:
        whole.append(last)
    wanted = count + (2 if rest == length - MICROSECOND else 1)
    assert whole == [Step(start + (n - 1) * length, start + n * length, False) for n in range(wanted)]


def test_closes_in_new_york_over_both_changes_of_the_clock() -> None:
    closes = list(steps("1d", NEW_YORK, "16:00").bounds(utc("2026-03-07"), utc("2026-03-10")))
    assert [end for _, end, _ in closes] == [
        utc("2026-03-07T21:00"),
        utc("2026-03-08T20:00"),
        utc("2026-03-09T20:00"),
        utc("2026-03-10"),
    ]
    assert [is_partial for *_, is_partial in closes] == [False, False, False, True]
    autumn = steps("1d", NEW_YORK, "16:00").bounds(utc("2026-10-31"), utc("2026-11-02T21:00"))
    assert [end for _, end, _ in autumn] == [utc("2026-10-31T20:00"), utc("2026-11-01T21:00"), utc("2026-11-02T21:00")]


@pytest.mark.parametrize(
    ("step", "at", "ends"),
    [
        ("1mo", None, ["2025-12-01", "2026-01-01", "2026-02-01", "2026-02-10 00:00+"]),
        ("1mo", "00:00", ["2025-12-01", "2026-01-01", "2026-02-01", "2026-02-10 00:00+"]),
        ("1mo", "16:00", ["2025-11-30 16:00", "2025-12-31 16:00", "2026-01-31 16:00", "2026-02-10 00:00+"]),
        ("1q", None, ["2026-01-01", "2026-02-10 00:00+"]),
        ("1y", "16:00", ["2025-12-31 16:00", "2026-02-10 00:00+"]),
        ("4w", None, ["2025-11-24", "2025-12-22", "2026-01-19", "2026-02-10 00:00+"]),
    ],
)
def test_months_and_what_is_longer_end_with_their_last_day(step: str, at: str | None, ends: list[str]) -> None:
    found = steps(step, NEW_YORK, at).bounds(utc("2025-11-15"), utc("2026-02-10T05:00"))
    assert shown(found, NEW_YORK) == [end if " " in end else f"{end} 00:00" for end in ends]


def test_weeks_begin_on_monday_whatever_from_is() -> None:
    found = shown(steps("1w").bounds(utc("2026-11-05"), utc("2026-11-27")))
    assert found == ["2026-11-09 00:00", "2026-11-16 00:00", "2026-11-23 00:00", "2026-11-27 00:00+"]
    friday = shown(steps("1w", NEW_YORK, "16:00").bounds(utc("2026-11-05"), utc("2026-11-16T00:00")), NEW_YORK)
    assert friday == ["2026-11-08 16:00", "2026-11-15 16:00", "2026-11-15 19:00+"], "the last day of a week is Sunday"


def test_days_without_a_zone_count_from_the_start() -> None:
    assert shown(steps("1d").bounds(utc("2026-11-01T09:30"), utc("2026-11-03T10:00"))) == [
        "2026-11-01 09:30",
        "2026-11-02 09:30",
        "2026-11-03 09:30",
        "2026-11-03 10:00+",
    ]


def test_where_nothing_says_from_where_steps_count() -> None:
    at = utc("2026-11-26T10:17")
    assert steps("1h").first(at) == utc("2026-11-26T11:00")
    assert steps("7d").first(at) == utc("2026-12-03"), "a Thursday, as 1970-01-01 was"
    assert steps("1w").first(at) == utc("2026-11-30")
    assert steps("1h", ZoneInfo("Asia/Kathmandu")).first(at) == utc("2026-11-26T10:15") + timedelta(hours=1)
    assert steps("1d", NEW_YORK, "16:00").first(at) == utc("2026-11-26T21:00")
    assert steps("1d", NEW_YORK, "16:00").first(utc("2026-11-26T21:00")) == utc("2026-11-26T21:00")


@given(
    st.sampled_from(["7m", "5h", "1d", "1w", "1mo"]),
    st.sampled_from([None, *ZONES]),
    INSTANTS,
    st.timedeltas(timedelta(0), timedelta(days=70)),
    st.booleans(),
)
def test_what_is_counted_is_what_there_is(
    step: str, zone: ZoneInfo | None, start: datetime, span: timedelta, counts: bool
) -> None:
    asked, end = steps(step, zone), start + span / (1 if step[-1] in "dwo" else 70)
    found = list(asked.bounds(start, end, counts=counts))
    assert asked.running(start, end, counts=counts) == (found[-1] if found and found[-1].is_partial else None)
    whole = [step for step in found if not step.is_partial]
    assert all(start <= each.end <= end + MICROSECOND for each in whole)
    assert all(start - MICROSECOND <= each.begin < each.end == end for each in found[len(whole) :])
    assert len(found) - len(whole) <= 1
    if asked.elapsed is not None:
        first, count = asked.regular(start, end, counts=counts)
        assert count == len(whole)
        assert first == (start if counts else asked.first(start))
    else:
        assert len(whole) <= asked.at_most(start, end) <= len(whole) + 4


def test_the_first_running_step_is_there_although_none_has_ended() -> None:
    first, now = utc("2026-11-27T03:10"), utc("2026-11-27T03:20")
    for step in ("1h", "1d", "1w", "1mo"):
        assert list(steps(step).bounds(first, now, counts=False)) == [Step(first - MICROSECOND, now, True)]


def test_the_end_of_a_date_is_the_end_of_its_step() -> None:
    last = utc("2026-11-30T23:59:59.999999")
    assert shown(steps("1mo").bounds(utc("2026-11-01"), last)) == ["2026-11-01 00:00", "2026-12-01 00:00"]
    before = last - MICROSECOND
    assert shown(steps("1mo").bounds(utc("2026-11-01"), before)) == ["2026-11-01 00:00", "2026-11-30 23:59+"]


def test_no_step_where_nothing_can_be() -> None:
    assert list(steps("1d").bounds(utc("2026-11-02"), utc("2026-11-01"))) == []
    assert list(steps("1mo").bounds(utc("2026-11-02"), utc("2026-11-01"))) == []
    assert list(steps("1d").bounds(utc("2026-11-01") + MICROSECOND, utc("2026-11-01"))) == []
    assert list(steps("1y").bounds(utc("0001-01-01"), utc("1969-01-01"))) == []


@pytest.mark.parametrize("step", ["1s", "99999d", "9999w", "999mo", "999q", "99y", "1d"])
@pytest.mark.parametrize("zone", [None, *ZONES])
def test_no_step_leaves_the_calendar(step: str, zone: ZoneInfo | None) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    found = list(islice(steps(step, zone).bounds(first, last), 50))
    assert found[0].end >= EPOCH
    assert list(steps(step, zone).bounds(last - DAY, last)) == []
    assert next(steps(step, zone).bounds(datetime(8999, 12, 31, tzinfo=UTC), last)).begin < last


@pytest.mark.parametrize("step", ["90s", "30m", "24h"])
def test_a_time_of_the_day_goes_with_days_and_longer(step: str) -> None:
    with pytest.raises(ValueError, match=f"not with {step}"):
        steps(step, NEW_YORK, "16:00")
