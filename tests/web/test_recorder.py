"""What is happening now: gateways, refreshes on demand, the service, and the events as they come."""

import re
from typing import Any

import orjson
import pytest
from playwright.sync_api import expect

from tests.waiting import wait_for
from tests.web.conftest import AUDITOR, CLIENT, Recorded, Sit
from tests.web.desk import Desk

pytestmark = pytest.mark.timeout(600)

CAME = re.compile("Fresh figures of all accounts|Too soon")


def _connected(recorded: Recorded) -> list[dict[str, Any]]:
    """The gateways, once all are there: the demo's restarts once."""

    def found() -> list[dict[str, Any]]:
        every: list[dict[str, Any]] = recorded.get("gateways")
        return every if all(each["Connected"] for each in every) else []

    there: list[dict[str, Any]] = wait_for(found, "all gateways are recorded")
    return there


def _newest(recorded: Recorded) -> str:
    return max(str(row["Latest"]) for row in recorded.get("accounts") if row["Latest"])


def test_the_gateways_are_shown_as_the_api_says(looked: Desk, recorded: Recorded) -> None:
    """Each by its name, state, leader and last notice; the instances beside them."""
    looked.open("recorder")
    looked.see_title("Recorder")
    gateways = looked.region("Gateways")
    for gateway in _connected(recorded):
        card = gateways.get_by_role("article", name=gateway["Gateway"])
        expect(card).to_contain_text("Recording")
        expect(card).to_contain_text(gateway["Leader"])
        expect(card).to_contain_text(gateway["ServerVersion"])
    for instance in recorded.get("instances"):
        expect(looked.region("Instances")).to_contain_text(instance["Instance"])
    expect(looked.region("Service")).to_contain_text("Everything runs")
    expect(looked.region("Flex statements")).to_contain_text(recorded.get("statements/queries")[0]["Name"])


def test_newer_figures_are_asked_for_by_a_button(looked: Desk, recorded: Recorded) -> None:
    """They are recorded then; what is asked for again within seconds is said to be too soon."""
    looked.open("recorder")
    before = _newest(recorded)
    _connected(recorded)
    looked.click("Refresh now")
    looked.see(CAME)
    wait_for(lambda: _newest(recorded) > before, "a newer report of some account")
    looked.click("Refresh now")
    looked.see(CAME)


def test_events_are_followed_filtered_and_opened(looked: Desk, recorded: Recorded) -> None:
    """A message that is opened holds the stream, and shows the fields that the API has of it."""
    looked.open("recorder", type="GatewayNotice,RefreshStarted,RefreshEnded")
    events = looked.region("Events, as they come")
    expect(events.get_by_role("status")).to_contain_text("Live")
    looked.click("Refresh now")
    line = events.get_by_text(re.compile("^Refresh(Started|Ended)$")).first
    line.click()
    expect(events.get_by_role("button", name="Go on")).to_be_visible()
    link = events.get_by_role("link", name=re.compile(r"^Event \d+")).first
    position = int(re.sub(r"\D", "", link.inner_text()))
    link.click()
    looked.see_title("An event")
    (event,) = (recorded.get(f"events?after={position - 1}&limit=1"),)
    looked.see(event["Type"])
    assert str(event["Facts"]["created"]) in looked.text()
    assert str(position) in looked.text()


def test_what_came_while_the_stream_was_paused_is_read_when_it_goes_on(looked: Desk, recorded: Recorded) -> None:
    """After the last event that was read, as a stream that broke is taken up."""
    looked.open("recorder", type="RefreshStarted")
    events = looked.region("Events, as they come")
    expect(events.get_by_role("status")).to_contain_text("Live")
    looked.click("Pause")
    before = _newest(recorded)
    looked.click("Refresh now")
    wait_for(lambda: _newest(recorded) > before, "a newer report of some account")
    begun = recorded.raw("events?type=RefreshStarted&from=-20s").splitlines()
    looked.click("Go on")
    expect(events.get_by_role("status")).to_contain_text("Live")
    for line in begun:
        moment = str(orjson.loads(line)["Timestamp"])
        expect(events.locator(f'time[datetime="{moment}"]')).to_have_count(1)


def test_the_filter_of_events_is_in_the_address(looked: Desk, recorded: Recorded) -> None:
    """So that it can be sent."""
    looked.open("recorder")
    looked.page.get_by_label("Kind", exact=True).select_option(label="Positions")
    looked.page.wait_for_url(re.compile("type=PortfolioUpdated"))
    looked.page.get_by_label("Account", exact=True).select_option(recorded.codes[1])
    looked.page.wait_for_url(re.compile(f"account={recorded.codes[1]}"))


def test_who_may_only_read_is_told_so(sit: Sit) -> None:
    """Neither a refresh nor messages, nor measurements; and no request that would be refused is made."""
    desk = sit(AUDITOR)
    desk.open("recorder")
    expect(desk.page.get_by_role("button", name="Refresh now")).to_be_disabled()
    desk.see("This token may not see the gateway's messages (right “events”).")
    desk.see("Its measurements take the right “metrics”.")


def test_a_limited_token_sees_its_own_part_of_the_recorder(sit: Sit, recorded: Recorded) -> None:
    """No instance, no query, no account of another."""
    desk = sit(CLIENT)
    desk.open("recorder")
    desk.see("Your token is limited to accounts, and sees no instances.")
    assert not any(code in desk.page.content() for code in recorded.codes[1:])
