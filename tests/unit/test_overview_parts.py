"""What an overview compares with, and its exchange rates, against models that look at every day, and at every way."""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ibconnect.http.resources.overview.closes import closes_before
from ibconnect.http.resources.overview.rates import SIGNIFICANT_DIGITS, Given, Rates
from ibconnect.times import EPOCH, format_rfc3339

ZONES = [ZoneInfo(name) for name in ("UTC", "America/New_York", "Europe/Zurich", "Asia/Kathmandu", "Pacific/Apia")]
NEW_YORK = ZONES[1]
DAY = timedelta(days=1)
MOMENTS = st.datetimes(
    datetime.fromisoformat("1971-03-01"), datetime.fromisoformat("2060-01-01"), timezones=st.just(UTC)
)
CLOCKS = st.builds(time, st.integers(0, 23), st.integers(0, 59)) | st.just(time())


def close_of(day: date, zone: ZoneInfo, clock: time) -> datetime:
    """The first instant at which the zone's clocks show a day's close, of all offsets that it has around it."""
    wall = datetime.combine(day if clock > time() else day + DAY, clock)
    offsets = {(wall.replace(tzinfo=UTC) + number * DAY).astimezone(zone).utcoffset() for number in (-1, 0, 1)}
    shown = [
        instant
        for offset in offsets
        if offset is not None
        for instant in [wall.replace(tzinfo=UTC) - offset]
        if instant.astimezone(zone).replace(tzinfo=None) == wall
    ]
    # Skipped: as if clocks had not been put forward yet.
    before = (wall.replace(tzinfo=UTC) - DAY).astimezone(zone).utcoffset() or timedelta()
    return min(shown) if shown else wall.replace(tzinfo=UTC) - before


@given(moment=MOMENTS, zone=st.sampled_from(ZONES), clock=CLOCKS)
@example(moment=datetime(2026, 3, 8, 7, 30, tzinfo=UTC), zone=NEW_YORK, clock=time(2, 30))
@example(moment=datetime(2026, 11, 1, 6, 30, tzinfo=UTC), zone=NEW_YORK, clock=time(1, 30))
@example(moment=datetime(2024, 3, 1, tzinfo=UTC), zone=ZONES[0], clock=time())
@example(moment=datetime(2026, 1, 1, 5, tzinfo=UTC), zone=NEW_YORK, clock=time())
@example(moment=datetime(2026, 12, 31, 21, tzinfo=UTC), zone=NEW_YORK, clock=time(16))
def test_closes_are_those_of_the_calendar(moment: datetime, zone: ZoneInfo, clock: time) -> None:
    today = (moment - timedelta(microseconds=1)).astimezone(zone).date()
    day, month, year = closes_before(moment, zone, clock)
    assert day == max(close for back in range(-2, 5) if (close := close_of(today - back * DAY, zone, clock)) < moment)
    assert month == close_of(today.replace(day=1) - DAY, zone, clock)
    assert year == close_of(today.replace(month=1, day=1) - DAY, zone, clock)
    assert year <= month < moment
    assert day < moment


def test_nothing_is_before_the_calendar_of_reports() -> None:
    assert closes_before(EPOCH, NEW_YORK, time(16)) == (EPOCH, EPOCH, EPOCH)


def given_rate(source: str, base: str, rate: str, hours: int = 0) -> Given:
    created = format_rfc3339(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
    return Given(source, base, rate, created, f"of {source} in {base}", "gateway:1")


CODES = ("CHF", "EUR", "GBP", "JPY", "USD")
RATES = st.decimals("0.00000001", "100000", places=8).map(lambda rate: f"{rate:f}")


@st.composite
def ledgers(draw: st.DrawFn) -> list[Given]:
    """At most one rate for each pair; each a few hours old."""
    pairs = draw(st.lists(st.tuples(*[st.sampled_from(CODES)] * 2), unique=True, max_size=12))
    return [given_rate(source, base, draw(RATES), draw(st.integers(0, 3))) for source, base in pairs if source != base]


def product(way: list[Given], source: str) -> Fraction:
    """What a way comes to, exactly."""
    value, at = Fraction(1), source
    for each in way:
        forward = each.source == at
        value = value * Fraction(each.rate) if forward else value / Fraction(each.rate)
        at = each.base if forward else each.source
    return value


def ways(given: list[Given], source: str, target: str) -> list[list[Given]]:
    """All ways of one rate, or else all of two."""
    joins = lambda each, one, other: {each.source, each.base} == {one, other}  # noqa: E731
    one = [[each] for each in given if joins(each, source, target)]
    return one or [
        [first, second]
        for over in CODES
        if over not in (source, target)
        for first in given
        for second in given
        if joins(first, source, over) and joins(second, over, target)
    ]


@given(given=ledgers(), source=st.sampled_from(CODES), target=st.sampled_from(CODES))
def test_a_rate_is_the_newest_of_the_shortest_ways(given: list[Given], source: str, target: str) -> None:
    rate = Rates(given).between(source, target)
    if source == target:
        assert rate is not None
        assert (rate.rate, rate.given) == (1, ())
        return
    possible = ways(given, source, target)
    if not possible:
        assert rate is None
        return
    assert rate is not None
    assert list(rate.given) in possible
    assert min(each.created for each in rate.given) == max(min(each.created for each in way) for way in possible)
    exact = product(list(rate.given), source)
    is_quotient = any(each.source != at for each, at in zip(rate.given, _stations(rate.given, source), strict=False))
    assert (Fraction(rate.rate) == exact) if not is_quotient else abs(Fraction(rate.rate) / exact - 1) <= ROUNDED


ROUNDED = Fraction(1, 2 * 10 ** (SIGNIFICANT_DIGITS - 1))


def _stations(way: tuple[Given, ...], source: str) -> list[str]:
    """The currencies that a way begins with and goes over."""
    stations = [source]
    for each in way:
        stations.append(each.base if each.source == stations[-1] else each.source)
    return stations


@pytest.mark.parametrize(
    ("source", "target", "rate"),
    [
        ("USD", "EUR", "0.9223306"),
        ("EUR", "USD", "1.08421"),
        ("JPY", "CHF", "0.00580456020720"),
    ],
)
def test_rates_of_ledgers_are_shown_as_they_are_and_quotients_rounded(source: str, target: str, rate: str) -> None:
    given = [
        given_rate("USD", "EUR", "0.9223306", 1),
        given_rate("EUR", "USD", "1.08421", 1),
        given_rate("JPY", "EUR", "0.0060911", 1),
        given_rate("CHF", "EUR", "1.0493646", 1),
    ]
    found = Rates(given).between(source, target)
    assert found is not None
    assert f"{found.rate:f}" == rate
