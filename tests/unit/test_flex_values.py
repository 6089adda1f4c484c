"""Texts of statements as values, in every format that a query can choose."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ibconnect.flex_values import (
    DAY_FIRST,
    EASTERN,
    MONTH_FIRST,
    DayOrder,
    day,
    has_slashes,
    is_exact,
    moment,
    number,
    whole,
)

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = {
    "yyyyMMdd": lambda day: f"{day:%Y%m%d}",
    "yyyy-MM-dd": lambda day: f"{day:%Y-%m-%d}",
    "MM/dd/yyyy": lambda day: f"{day:%m/%d/%Y}",
    "MM/dd/yy": lambda day: f"{day:%m/%d/%y}",
    "dd/MM/yyyy": lambda day: f"{day:%d/%m/%Y}",
    "dd/MM/yy": lambda day: f"{day:%d/%m/%y}",
    "dd-MMM-yy": lambda day: f"{day.day:02}-{_MONTHS[day.month - 1]}-{day:%y}",
    "dd-MMM-yyyy": lambda day: f"{day.day:02}-{_MONTHS[day.month - 1].title()}-{day.year}",
}
TIMES = {"HHmmss": lambda at: f"{at:%H%M%S}", "HH:mm:ss": lambda at: f"{at:%H:%M:%S}"}
SEPARATORS = [";", ",", " ", "", "T", ", "]
ZONES = {"": EASTERN, " America/New_York": EASTERN, " UTC": UTC}

days = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(days, st.sampled_from(sorted(DAYS)))
def test_a_day_in_every_format(on, form):
    order = DAY_FIRST if form.startswith("dd/") else MONTH_FIRST
    assert day(DAYS[form](on), order) == on


@given(
    days,
    st.times().map(lambda at: at.replace(microsecond=0)),
    st.sampled_from(sorted(DAYS)),
    st.tuples(st.sampled_from(sorted(TIMES)), st.sampled_from(SEPARATORS), st.sampled_from(sorted(ZONES))),
)
@example(date(2025, 3, 14), time(9, 30), "MM/dd/yy", ("HHmmss", "", ""))
@example(date(2025, 3, 14), time(20, 25), "dd/MM/yyyy", ("HHmmss", "", ""))
def test_a_moment_in_every_format(on, at, form, rest):
    clock, between, zone = rest
    order = DAY_FIRST if form.startswith("dd/") else MONTH_FIRST
    text = f"{DAYS[form](on)}{between}{TIMES[clock](at)}{zone}"
    assert moment(text, order=order) == datetime.combine(on, at, ZONES[zone]).astimezone(UTC)
    assert day(text, order) == on


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("20251102;013000", 5),
        ("20251102;013000 EDT", 5),
        ("20251102;013000 EST", 6),
        ("2025-11-02 01:30:00 -0500", 6),
        ("2025-11-02T01:30:00 Z", 1),
        ("2025-11-02, 01:30", 5),
    ],
)
def test_zones(text, hour):
    assert moment(text) == datetime(2025, 11, 2, hour, 30, tzinfo=UTC)


def test_a_day_is_no_moment():
    assert moment("20250314") is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "N/A", "20251301", "20250230", "2025", "99/99/2025", "14-XXX-25", "20250314;996060", "x" * 10_000),
        *("20250314;093000 Middle/Earth", "20250314;09", "１4-MAR-25", "20250314;093000;1"),
    ],
)
def test_what_is_no_time_says_so(text):
    with pytest.raises(ValueError, match=r"is not a|that there is|not known"):
        moment(text)


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(text):
    for read in (day, moment, number, whole):
        try:
            read(text)
        except ValueError as exc:
            assert str(exc)


@pytest.mark.parametrize(
    ("document", "order"),
    [
        (b'<a d="03/14/2025" e="03/04/2025"/>', MONTH_FIRST),
        (b'<a d="03/04/2025" e="14/03/2025;093000"/>', DAY_FIRST),
        (b'<a d="03/04/2025"/>', MONTH_FIRST),
        (b'<a d="14/03/25"/>', DAY_FIRST),
        (b'<a d="20250314" url="a/13/14/2025"/>', MONTH_FIRST),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_document_decides_what_is_the_month(document, order, size):
    chunks = [document[at : at + size] for at in range(0, len(document), size)]
    assert DayOrder().read(chunks) == order
    assert has_slashes("03/04/2025")
    assert not has_slashes("2025-03-04")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**20), max_value=10**20))
def test_numbers_keep_their_digits(value):
    text = f"{value:f}"
    assert number(text) == text
    assert Decimal(number(f"{value:,f}")) == value


@given(st.from_regex(r"[+-]?[0-9]{0,12}(\.[0-9]{0,12})?([eE][+-]?[0-9]{1,2})?", fullmatch=True))
@example("-0.00")
@example("2147483647")
@example("007")
def test_what_is_exact_is_given_back_by_a_number(text):
    if is_exact(text):
        assert f"{Decimal(text):f}" == text
    elif text and text not in (".", "+", "-") and number_or_none(text):
        assert f"{Decimal(text):f}" != text or text.startswith("-0")


def number_or_none(text):
    try:
        return number(text)
    except ValueError:
        return None


def test_seconds_of_every_day_of_a_year_are_in_order():
    first = datetime(2025, 1, 1, 12, tzinfo=UTC)
    at = [moment(f"{first + timedelta(days=count):%Y%m%d;%H%M%S}") for count in range(365)]
    assert at == sorted(at)
