"""Around the views: time travel by the keyboard and by snapshots, the finder of accounts, what is said of the state."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Recorded
from tests.web.desk import Desk

pytestmark = pytest.mark.timeout(600)


def _at(desk: Desk) -> str:
    found = re.search(r"[?&]at=([^&]+)", desk.page.url)
    return "" if found is None else found[1].replace("%3A", ":")


def test_a_moment_is_set_by_the_keyboard(looked: Desk) -> None:
    """The whole page shows it then; Escape gives the focus back; one button leads back to now."""
    looked.open("overview")
    looked.press("t")
    dialog = looked.page.get_by_role("dialog", name="Show the page as it was at a moment")
    expect(dialog).to_be_visible()
    looked.press("Escape")
    expect(dialog).to_be_hidden()
    assert "Now" in looked.focused()
    looked.press("t")
    dialog.get_by_label("Show everything as it was at").fill("2026-11-20T12:00")
    looked.press("Enter")
    looked.page.wait_for_url(re.compile("at="))
    assert _at(looked) == "2026-11-20T11:00:00Z"
    looked.see("You see everything as it was at")
    looked.click("Back to now")
    expect(looked.page.get_by_text("You see everything as it was at")).to_have_count(0)


def test_a_moment_may_be_written_as_a_time_ago_and_one_that_is_none_is_told_so(
    looked: Desk, recorded: Recorded
) -> None:
    """What a link says as the API does; it is an instant then, which one can send on."""
    code = recorded.codes[0]
    for at in ("-30d", "-1mo"):
        looked.open("account", code, at=at)
        looked.see("You see everything as it was at")
        looked.see_title(code)
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", _at(looked))
    looked.open("overview", at="now")
    looked.see_title("Overview")
    assert _at(looked) == ""
    looked.open("account", code, at="yesterday-ish")
    looked.see_title("There is no such moment")
    looked.click("Back to now")
    looked.see_title(code)


def test_a_day_s_close_is_a_moment(looked: Desk) -> None:
    """Of New York in summer and in winter, by its own clocks."""
    looked.open("overview")
    for day, close in (("2026-07-01", "2026-07-01T20:00:00Z"), ("2026-01-15", "2026-01-15T21:00:00Z")):
        looked.press("t")
        dialog = looked.page.get_by_role("dialog")
        dialog.get_by_label("At a day's close").fill(day)
        dialog.get_by_role("button", name="Show").nth(1).click()
        looked.page.wait_for_url(re.compile(re.escape(close.replace(":", "%3A"))))


def test_one_goes_from_snapshot_to_snapshot(looked: Desk, recorded: Recorded) -> None:
    """Back by two and on by one, at the moments at which they were complete; on from the newest is now."""
    code = recorded.codes[0]
    times = recorded.get(f"accounts/{code}/snapshots?to=-2d&limit=6")
    complete = [
        report["Completed"] for report in (recorded.get(f"accounts/{code}/{time}") for time in times) if report["Ready"]
    ]
    looked.open("account", code, at=complete[0])
    for wanted, key in ((complete[1], "["), (complete[2], "["), (complete[1], "]")):
        looked.press(key)
        looked.page.wait_for_url(re.compile(re.escape(wanted.replace(":", "%3A"))))
    looked.click("Earlier")
    looked.page.wait_for_url(re.compile(re.escape(complete[2].replace(":", "%3A"))))


def test_an_account_is_found_by_its_alias(looked: Desk, recorded: Recorded) -> None:
    """By the keyboard alone; the view stays where it is of one account."""
    named = next(row for row in recorded.get("directory") if row["AccountCode"] == recorded.codes[2])
    looked.open("overview")
    looked.press("/")
    looked.page.keyboard.type(named["Alias"])
    expect(looked.page.get_by_role("option", name=named["AccountCode"])).to_be_visible()
    looked.press("Enter")
    looked.page.wait_for_url(re.compile(f"#/account/{named['AccountCode']}"))
    looked.open("compare", recorded.codes[0])
    looked.press("/")
    looked.page.keyboard.type(recorded.codes[1])
    looked.press("Enter")
    looked.page.wait_for_url(re.compile(f"#/compare/{recorded.codes[1]}"))


def test_keys_can_be_switched_off(looked: Desk) -> None:
    """For who speaks to the computer, whose words would be keys."""
    looked.open("overview")
    looked.click("Switch keys off")
    looked.press("t")
    expect(looked.page.get_by_role("dialog")).to_have_count(0)
    looked.click("Switch keys on")
    looked.press("t")
    expect(looked.page.get_by_role("dialog")).to_be_visible()


def test_the_line_at_the_top_says_that_all_is_recorded(looked: Desk, recorded: Recorded) -> None:
    """With the age of the newest snapshot, and how many accounts there are."""
    looked.open("recorder")
    looked.see("Everything is recorded")
    looked.see(re.compile(f"newest snapshot .* · {len(recorded.get('accounts'))} accounts"))


def test_a_view_that_is_not_there_says_so(looked: Desk) -> None:
    """And leads back."""
    looked.open("nothing")
    looked.see_title("There is no such view")
    looked.click("To the overview", "link")
    looked.see_title("Overview")
