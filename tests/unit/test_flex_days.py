"""Which days are asked of the Flex Web Service, and when; how fast; what its codes mean."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.errors import FlexNothing, FlexRefused, FlexUnavailable
from ibconnect.flex_settings import FlexQuery, queries, read_token, service_url
from ibconnect.statements.flex import days
from ibconnect.statements.flex.codes import MEANINGS, brief_of, error_of, fit_to_show
from ibconnect.statements.flex.pacing import ALLOWED, wait_from

CRON = "30 12 * * *"
DAY = timedelta(days=1)
DAYS = st.dates(date(1980, 1, 1), date(2100, 1, 1))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-11-27T12:30", "2026-11-26"),
        ("2026-11-27T03:00", "2026-11-25"),
        ("2026-11-28T12:30", "2026-11-27"),
        ("2026-11-29T12:30", "2026-11-27"),
        ("2026-11-30T12:30", "2026-11-27"),
        ("2026-12-01T12:30", "2026-11-30"),
    ],
)
def test_the_last_day_is_new_yorks_yesterday_and_friday_at_weekends(now: str, last: str) -> None:
    assert days.last_day(at(now)) == date.fromisoformat(last)


@given(DAYS, st.none() | DAYS)
def test_a_span_is_a_year_at_most_and_leaves_no_day_out(last: date, up_to: date | None) -> None:
    since, until = days.span_after(up_to, last)
    assert since <= until <= last
    assert (until - since).days < days.MOST_DAYS
    if up_to is not None and up_to <= last:
        assert since <= up_to + DAY
        assert up_to - since == (days.OVERLAP_DAYS - 1) * DAY


@given(DAYS, st.integers(1, 2000))
def test_however_long_nothing_was_fetched_every_day_is_asked_for(last: date, missed: int) -> None:
    now = at("2026-11-27T13:00")
    up_to, asked, due = last - missed * DAY, set[date](), now
    while due <= now:
        since, until = days.span_after(up_to, last)
        asked |= {since + number * DAY for number in range((until - since).days + 1)}
        up_to = days.covered_to((since, until), until, last)
        due = days.due_after_success(now, CRON, (since, until), up_to, last)
    assert {last - number * DAY for number in range(missed)} <= asked


def test_yesterdays_statement_that_is_not_there_yet_is_asked_for_again_within_the_hour_but_not_all_day() -> None:
    asked, last = (date(2026, 11, 20), date(2026, 11, 26)), date(2026, 11, 26)
    covered = days.covered_to(asked, date(2026, 11, 25), last)
    assert covered == date(2026, 11, 25)
    assert days.due_after_success(at("2026-11-27T12:31"), CRON, asked, covered, last) == at("2026-11-27T13:31")
    assert days.due_after_success(at("2026-11-27T19:00"), CRON, asked, covered, last) == at("2026-11-28T12:30")
    assert days.due_after_success(at("2026-11-27T12:31"), CRON, asked, last, last) == at("2026-11-28T12:30")


def test_of_the_past_what_was_asked_for_is_covered_whatever_came() -> None:
    asked = (date(2025, 1, 1), date(2025, 12, 31))
    assert days.covered_to(asked, date(2025, 6, 1), date(2026, 11, 26)) == date(2025, 12, 31)
    assert days.covered_to(asked, None, date(2025, 12, 31)) == date(2025, 12, 31)


def test_what_fails_is_asked_for_ever_less_often_and_what_must_be_mended_by_the_schedule() -> None:
    now = at("2026-11-27T12:31")
    waits = [days.due_after_failure(now, CRON, number, is_for_good=False) - now for number in range(1, 8)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=5), timedelta(hours=1))
    assert days.due_after_failure(now, CRON, 1, is_for_good=True) == at("2026-11-28T12:30")
    assert days.due_after_failure(at("2026-11-27T12:29"), CRON, 9, is_for_good=False) == at("2026-11-27T12:30")


SPANS = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 364)), max_size=8)


@given(SPANS, st.integers(0, 3000))
def test_walking_back_asks_for_each_day_once_and_for_none_that_is_known(known: list[tuple[int, int]], far: int) -> None:
    until = date(2026, 11, 26)
    oldest = until - far * DAY
    there = [(until - (end + length) * DAY, until - end * DAY) for end, length in known]
    have = {first + number * DAY for first, last in there for number in range((last - first).days + 1)}
    reached, asked = until, list[date]()
    while span := days.span_back(reached, oldest, there):
        assert (span[1] - span[0]).days < days.MOST_DAYS
        asked += [span[0] + number * DAY for number in range((span[1] - span[0]).days + 1)]
        reached = span[0] - DAY
    assert len(asked) == len(set(asked))
    assert set(asked) == {oldest + number * DAY for number in range(far + 1)} - have


@given(st.lists(st.floats(0, 200), max_size=40))
def test_no_more_requests_than_allowed_whenever_they_are_wanted(wishes: list[float]) -> None:
    sent: list[float] = []
    for wish in sorted(wishes):
        now = max(wish, sent[-1] if sent else 0.0)
        sent.append(now + wait_from(now, sent, ALLOWED))
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(sent))
    assert all(later - earlier >= 60.0 for earlier, later in zip(sent, sent[10:], strict=False))


def test_every_code_that_ibkr_lists_says_what_to_do() -> None:
    kinds = {number: type(error_of(number, "words")) for number in MEANINGS}
    refused = {"1010", "1011", "1012", "1013", "1014", "1015", "1016", "1020"}
    assert {number for number, kind in kinds.items() if kind is FlexRefused} == refused
    assert {number for number, kind in kinds.items() if kind is FlexNothing} == {"1003"}
    for number in MEANINGS:
        said = str(error_of(number, "Token has expired."))
        assert f"IBKR says {number}" in said
        assert "Token has expired." in said
        assert number in brief_of(number)
    paced = error_of("1018", "")
    assert isinstance(paced, FlexUnavailable)
    assert paced.is_paced
    gone = error_of("1017", "")
    assert isinstance(gone, FlexUnavailable)
    assert gone.is_anew


def test_a_code_that_nobody_knows_may_pass_and_is_shown() -> None:
    error = error_of("4711", "Something new.")
    assert isinstance(error, FlexUnavailable)
    assert "4711" in str(error)
    assert "Something new." in str(error)
    assert "4711" not in brief_of("4711")
    assert "cannot be reached" in brief_of("")


@given(st.text(), st.text("0123456789abcdef", min_size=8, max_size=30))
def test_what_ibkr_says_is_one_short_line_without_the_token(said: str, secret: str) -> None:
    shown = fit_to_show(f"{said} {secret} {said}", secret)
    assert secret not in shown
    assert shown.isprintable()
    assert len(shown) <= 300


def test_queries_have_names_or_are_called_by_their_ids() -> None:
    assert queries("123, daily=456 ,") == (FlexQuery("123", "123"), FlexQuery("456", "daily"))
    assert [str(each) for each in queries("123,daily=456")] == ["123", "daily=456"]
    assert queries("") == ()


def test_the_service_is_asked_in_the_clear_on_loopback_alone() -> None:
    for url in ("https://h.example/x/y/", "http://127.0.0.1:80/flex", "http://localhost", "http://[::1]:1/x"):
        assert service_url(url) == url.rstrip("/")


def test_the_token_of_a_file_is_read_each_time(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "token"
    for content, says in (
        (None, "cannot be read"),
        ("", "is empty"),
        ("a b c d e f", "something else"),
        ("ü" * 9, "else"),
    ):
        if content is not None:
            file.write_text(content)
        with pytest.raises(FlexRefused, match=says) as caught:
            read_token("", str(file))
        assert "a b c" not in str(caught.value)
        assert caught.value.__context__ is None
    file.write_text("0123456789\n")
    assert read_token("", str(file)) == "0123456789"
    file.write_text("9876543210")
    assert read_token("", str(file)) == "9876543210"
    assert read_token("abcdefgh", str(file)) == "abcdefgh"
    with pytest.raises(FlexRefused, match="there is no token"):
        read_token("", "")
