"""Two moments compared: what the page shows is what the API reckons, to the last digit."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from ibconnect.times import format_rfc3339, parse_rfc3339
from tests.web.conftest import Recorded
from tests.web.desk import Desk

pytestmark = pytest.mark.timeout(600)

PARTS = ("Flows", "Positions", "Currencies", "Cash", "Trading", "Rest")


def _span(recorded: Recorded) -> tuple[str, str, str]:
    """An account, and two moments of its past."""
    code = recorded.codes[0]
    latest = parse_rfc3339(recorded.get(f"accounts/{code}/snapshots?limit=1")[0])
    return code, format_rfc3339(latest - timedelta(days=60)), format_rfc3339(latest - timedelta(days=5))


def _texts(raw: bytes, member: str) -> list[str]:
    """The texts of a figure in an answer, as they are written."""
    return re.findall(rf'"{member}":(-?[\d.]+(?:[eE][-+]?\d+)?)', raw.decode())


def test_the_parts_of_the_difference_are_those_of_the_api(looked: Desk, recorded: Recorded) -> None:
    """Each with its digits, and the page has checked that they add up."""
    code, begin, end = _span(recorded)
    looked.open("compare", code, **{"from": begin, "to": end})
    looked.see_title("Two moments compared")
    looked.see("The parts add up to the difference to the last digit.")
    raw = recorded.raw(f"accounts/{code}/compare?from={begin}&to={end}")
    shown = {title.split()[0] for title in looked.titles()}
    for member in ("ValueBefore", "ValueAfter", *PARTS):
        assert set(_texts(raw.partition(b'"Changes"')[0], member)) <= shown, member


def test_every_position_that_is_another_one_is_shown(looked: Desk, recorded: Recorded) -> None:
    """With what became of it; a choice leaves those of one kind, and is in the address."""
    code, begin, end = _span(recorded)
    looked.open("compare", code, **{"from": begin, "to": end})
    changes = recorded.get(f"accounts/{code}/compare?from={begin}&to={end}")["Changes"]
    positions = [each for each in changes if each["Kind"] == "position"]
    rows = looked.region("Positions at both moments").locator("tbody tr")
    expect(rows).to_have_count(len(positions))
    looked.click("Closed")
    looked.page.wait_for_url(re.compile("show=closed"))
    closed = [each for each in positions if each["Change"] == "closed"]
    if closed:
        expect(rows).to_have_count(len(closed))
    else:
        looked.see("No position was closed.")


def test_moments_are_set_by_hands(looked: Desk, recorded: Recorded) -> None:
    """By a preset, and by the fields; what is before the first report is said to be so."""
    code, _, _ = _span(recorded)
    looked.open("compare", code)
    looked.click("A month")
    looked.page.wait_for_url(re.compile("from="))
    looked.see("The parts add up")
    looked.page.get_by_label("From", exact=True).fill("2001-01-01T10:00")
    looked.click("Compare")
    looked.see("it was not recorded yet")


def test_the_past_of_the_page_is_compared_with_now(looked: Desk, recorded: Recorded) -> None:
    """From a moment that is shown, by one click."""
    code, begin, _ = _span(recorded)
    looked.open("account", code, at=begin)
    looked.click("What changed since", "link")
    looked.see_title("Two moments compared")
    assert f"from={begin.replace(':', '%3A')}" in looked.page.url
    looked.see("The parts add up")
