"""What the page shows where something is amiss, and that it goes on by itself: states that the demo never is in.

Each on a server of its own over a database of its own, in a real browser: an empty installation, a rebuild, a network
that is gone, a session that ends while one looks, too many tries, a gateway that has lost IB, accounts that are never
ready, not there yet or closed, a position without a price.
"""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.projecting import Stream, project, record
from tests.serving import DU1, DU2, EMPTY, FIRST, GATEWAY, admin, at, build_world, messages, tell_gateway
from tests.waiting import wait_for
from tests.web.desk import PATIENCE_MS, Desk, desk
from tests.web.served import served

pytestmark = pytest.mark.timeout(600)

FULL = "full-token-0123456789"
TOKENS = f"{FULL}@*;name=office"
NO_PRICE = "the gateway gave no price"
WRONG_TRIES = 12


class Look(Protocol):
    """``look()``: a window before a server over the test's database; settings as of the environment."""

    def __call__(self, **settings: str) -> Desk: ...


@pytest.fixture
def look(database_url: str, opened: Browser) -> Iterator[Look]:
    with ExitStack() as stack:

        def take(**settings: str) -> Desk:
            url = stack.enter_context(served(database_url, **settings))
            return stack.enter_context(desk(opened, url))

        yield take


def line(seen: Desk) -> Locator:
    """The line of the state at the top."""
    return seen.page.locator(".status")


def says(where: Locator, text: str | re.Pattern[str]) -> None:
    """Wait until it says so."""
    expect(where).to_contain_text(text, timeout=PATIENCE_MS)


def row(seen: Desk, code: str) -> Locator:
    """An account's row in the overview."""
    return seen.page.get_by_role("table", name="Table of accounts").get_by_role("row", name=re.compile(code))


def whole(seen: Desk, name: str) -> None:
    """It is fit to be looked at: screenshots are kept, axe finds nothing, nothing spills on a phone."""
    seen.shoot(f"state-{name}")
    assert seen.violations() == []
    seen.fits()


# ── nothing yet ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_installation_says_what_to_do_next(look: Look, database_url: str) -> None:
    """Every view says why it is empty; nothing fails, nobody is asked for a token that there is none of."""
    project(database_url)
    seen = look()
    seen.open()
    seen.see("Nothing is recorded yet")
    seen.see("tick Read-Only API")
    says(line(seen), f"{GATEWAY} is recorded by no instance that runs")
    says(line(seen), "newest snapshot none yet · 0 accounts")
    whole(seen, "empty")
    for view, why in (
        ("positions", "No position is held."),
        ("activity", "There is none yet."),
        ("compare", "Choose an account"),
        ("sources", "Choose an account"),
        ("account", "Which account?"),
        ("recorder", "Nobody reports"),
    ):
        seen.open(view)
        seen.see(why)
    seen.press("/")
    seen.see("There are no accounts yet.")


def test_an_account_that_is_listed_and_not_yet_seen_is_awaited(look: Look, database_url: str) -> None:
    """It says so in the line at the top, in its row and in its view; that is nothing to be done."""
    build_world(database_url, 2)
    with admin(database_url) as connection:
        tell_gateway(connection)
    seen = look()
    seen.expects(404)
    seen.open()
    says(line(seen), f"{EMPTY}: the first figures are awaited")
    says(row(seen, EMPTY), "there is no report of then")
    seen.open("account", EMPTY)
    seen.see("No snapshot of this account is recorded yet")
    seen.open("positions", EMPTY)
    seen.see(re.compile("No statement|no report|No snapshot|holds no position"))


def test_an_account_that_is_never_ready_is_told_apart(look: Look, database_url: str) -> None:
    """Its figures are shown with the word that they cannot be relied on, and are in no total."""
    stream = Stream(GATEWAY)
    stream.message("15", "1", f"{DU1},{DU2}", timed=True)
    for number in range(2):
        stream.refresh({DU1: messages(DU1, number), DU2: messages(DU2, number, ready="false")})
    record(database_url, stream.events)
    project(database_url)
    with admin(database_url) as connection:
        tell_gateway(connection)
    seen = look()
    seen.open()
    says(line(seen), f"{DU2}: the newest figures cannot be relied on")
    expect(line(seen).locator(".todo")).to_have_count(1)
    seen.see(f"Not in the total, since the report cannot be relied on: {DU2}.")
    says(row(seen, DU2), "not ready")
    seen.open("account", DU2)
    seen.see(re.compile("These figures cannot be relied on"))
    whole(seen, "not-ready")


def test_an_account_that_was_closed_stays_with_its_last_figures(look: Look, database_url: str) -> None:
    """No gateway lists it any more: it is in no total, and all of it can be looked at."""
    stream = build_world(database_url, 2)
    stream.message("15", "1", DU1, timed=True)
    before = len(stream.events) - 1
    stream.refresh({DU1: messages(DU1, 3)})
    record(database_url, stream.events[before:])
    project(database_url)
    with admin(database_url) as connection:
        tell_gateway(connection)
    seen = look()
    seen.open()
    seen.see(f"Not in the total, since no gateway lists the account any more: {DU2}")
    seen.open("positions", DU2)
    seen.see(f"No gateway lists {DU2} any more: these are its last figures.")
    seen.press("/")
    finder = seen.page.get_by_role("listbox", name="Accounts")
    says(finder.get_by_role("option", name=re.compile(DU2)), "no longer listed")
    seen.press("Escape")
    seen.open("account", DU2)
    seen.see("100,001.10")


def test_a_position_without_a_price_says_so(look: Look, database_url: str) -> None:
    """No figure is made up for it: neither price nor value, nor a weight."""
    build_world(database_url, 1)
    seen = look()
    seen.open("positions", DU1)
    held = seen.page.get_by_role("table", name="Positions").get_by_role("row", name=re.compile(r"^ES\b"))
    expect(held).to_have_count(1, timeout=PATIENCE_MS)
    missing = held.locator(".missing")
    assert set(missing.evaluate_all("all => all.map(each => each.title)")) >= {NO_PRICE}
    assert "1.79" not in held.inner_text()
    assert "∞" not in seen.text()
    assert "NaN" not in seen.text()


# ── the service, and the way to it ───────────────────────────────────────────────────────────────────────────────────


def test_while_tables_are_rebuilt_the_last_figures_stay_and_newer_come_by_themselves(
    look: Look, database_url: str
) -> None:
    """That passes by itself, so it is not red; a view that is opened meanwhile fills when it is over."""
    build_world(database_url, 2)
    seen = look()
    seen.expects(503)
    seen.open()
    seen.see("100,001.10")
    with admin(database_url) as connection:
        connection.execute("UPDATE projection SET version = version - 1")
    says(line(seen), "The snapshot tables are being rebuilt")
    expect(line(seen).locator(".todo")).to_have_count(0)
    seen.see("These are the last figures that could be had: The snapshot tables are being rebuilt")
    seen.see("100,001.10")
    whole(seen, "rebuilding")
    seen.page.goto(f"{seen.url}#/account/{DU1}?at=2024-01-01T12:00:00Z")
    seen.see("It is asked for again by itself every few seconds.")
    with admin(database_url) as connection:
        connection.execute("UPDATE projection SET version = version + 1")
    seen.see_title(DU1)
    expect(seen.page.get_by_role("alert")).to_have_count(0, timeout=PATIENCE_MS)
    seen.see("100,001.10")
    seen.open()
    expect(seen.page.get_by_text("These are the last figures")).to_have_count(0, timeout=PATIENCE_MS)


def test_a_network_that_is_gone_and_comes_back(look: Look, database_url: str) -> None:
    """Figures stay and are said to be old; the view of a moment is looked for again too; then all is as before."""
    build_world(database_url, 2)
    with admin(database_url) as connection:
        tell_gateway(connection)
    seen = look(API_TOKENS=TOKENS)
    seen.expects(401)
    seen.open()
    seen.sign_in(FULL)
    seen.see("100,001.10")
    with seen.unplugged():
        says(line(seen), "The server does not answer")
        expect(line(seen).locator(".todo")).to_have_count(1)
        seen.see("These are the last figures that could be had: The server does not answer")
        seen.see("100,001.10")
        seen.page.get_by_role("button", name="Sign out").click()
        seen.see("You are still signed in: The server does not answer.")
        # Its part of the page was not loaded yet: it is tried again too.
        seen.page.goto(f"{seen.url}#/account/{DU1}?at=2024-01-01T12:00:00Z")
        seen.see(re.compile("This part of the page could not be loaded|It is asked for again by itself"))
    seen.see_title(DU1)
    expect(seen.page.get_by_text("The server does not answer", exact=True)).to_have_count(0, timeout=PATIENCE_MS)
    seen.see("100,001.10")
    says(line(seen), "newest snapshot")


def test_a_session_that_ends_while_one_looks_asks_for_a_token_and_goes_on_there(look: Look, database_url: str) -> None:
    """After its time: no figure stays on the screen, and who signs in again is where he was."""
    build_world(database_url, 2)
    seen = look(API_TOKENS=TOKENS, WEB_SESSION="2")
    seen.expects(401)
    seen.open("account", DU1, tab="balance")
    seen.sign_in(FULL)
    # The page asks every five seconds, which is more than this session lasts unused.
    seen.see("The session has ended. Sign in again.")
    assert DU1 not in seen.text()
    assert "100,001.10" not in seen.text()
    whole(seen, "session-ended")
    with admin(database_url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM coordination.web_session WHERE expires > clock_timestamp()"
        ).fetchone() == (0,)
    seen.sign_in(FULL)
    seen.see_title(DU1)
    expect(seen.page.get_by_role("link", name="Balance", exact=True)).to_have_attribute("aria-current", "page")


def test_too_many_wrong_tokens_are_told_how_long_to_wait(look: Look, database_url: str) -> None:
    """The right one is let in at any time."""
    build_world(database_url, 1)
    seen = look(API_TOKENS=TOKENS)
    seen.expects(401, 429)
    seen.open()

    def refused() -> bool:
        asked = urllib.request.Request(f"{seen.url}v1/accounts", headers={"Authorization": "Bearer nobodys-token"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(asked)
        with caught.value:
            return caught.value.code == 429

    wait_for(refused, "the address has tried too often")
    seen.sign_in("nobodys-token-0123456789")
    seen.see(re.compile(r"Too many tries\. Wait \d+ seconds, then try again\."))
    assert seen.focused().startswith("input")
    seen.sign_in(FULL)
    seen.see("100,000.10")


def test_a_gateway_that_has_lost_ib_is_something_to_do(look: Look, database_url: str) -> None:
    """Its figures stand still: the line at the top, its card in the recorder, and what to do."""
    build_world(database_url, 2)
    with admin(database_url) as connection:
        tell_gateway(connection)
        connection.execute("UPDATE coordination.gateway SET state = 'stale', detail = NULL")
    seen = look()
    seen.open()
    says(line(seen), f"{GATEWAY} has lost IB: its figures stand still")
    expect(line(seen).locator(".todo").first).to_contain_text(GATEWAY)
    seen.open("recorder")
    card = seen.page.get_by_role("article", name=f"Gateway {GATEWAY}")
    says(card, "IB is lost")
    says(card, "The gateway runs, but has lost its connection to IB")
    whole(seen, "stale-gateway")


def test_a_report_is_shown_of_the_moment_at_which_it_was_complete(look: Look, database_url: str) -> None:
    """Its own time names it and leads to the one before; what a figure or a curve leads to is the report itself."""
    build_world(database_url, 3)
    seen = look()
    for number in (2, 1):
        worth = f"{100_000 + number:,}.10"
        seen.open("sources", DU1, time=at(number), tag="NetLiquidation")
        for link in (seen.page.locator(".title a"), seen.page.locator("main p a").filter(has_text=DU1)):
            seen.open("sources", DU1, time=at(number), tag="NetLiquidation")
            expect(link).to_have_attribute("href", re.compile("at="), timeout=PATIENCE_MS)
            link.click()
            seen.see_title(DU1)
            expect(seen.page.locator("main .total")).to_contain_text(worth, timeout=PATIENCE_MS)
    assert FIRST.year == 2024
    seen.open("account", DU1, **{"from": "2024-01-01", "to": "2024-01-01", "points": "snapshots"})
    plot = seen.region("Curve").get_by_role("img")
    plot.focus()
    seen.press("Home", "ArrowRight", "Enter")
    seen.see("You see everything as it was at")
    expect(seen.page.locator("main .total")).to_contain_text("100,001.10", timeout=PATIENCE_MS)
