"""Signing in, out, and what ends a session, as somebody does and sees it in a browser."""

import pytest
from playwright.sync_api import expect

from tests.web.conftest import ADVISOR, AUDITOR, CLIENT, Recorded, Sit
from tests.web.desk import PATIENCE_MS

pytestmark = pytest.mark.timeout(600)


def test_a_token_opens_the_page_and_stays_nowhere_in_the_browser(sit: Sit) -> None:
    desk = sit()
    desk.expects(401)
    desk.open("positions")
    desk.see("Sign in with an access token")
    desk.sign_in(ADVISOR)
    desk.see_title("Positions")
    kept = desk.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, name])")
    assert kept == '[{},{},"",""]'
    (cookie,) = desk.page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("ibconnect_session", True, "Strict")
    assert cookie["expires"] == -1, "it ends with the browser"
    assert ADVISOR not in cookie["value"]
    desk.page.reload()
    desk.see_title("Positions")


def test_a_wrong_token_is_told_so_and_the_right_one_is_let_in_then(sit: Sit) -> None:
    desk = sit()
    desk.expects(401)
    desk.open()
    desk.sign_in("not-a-token-that-anybody-has")
    desk.see("This token is not in force")
    assert desk.focused().startswith("input"), "the field has the focus again"
    desk.sign_in(ADVISOR)
    desk.see_title("Overview")


def test_signing_out_ends_it_in_the_browser_and_at_the_server(sit: Sit, recorded: Recorded) -> None:
    desk = sit(ADVISOR)
    (cookie,) = desk.page.context.cookies()
    desk.page.get_by_role("button", name="Sign out").click()
    desk.see("You are signed out.")
    assert desk.page.context.cookies() == []
    assert not any(code in desk.text() for code in recorded.codes)
    # Who has kept the cookie has nothing.
    desk.page.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": recorded.url}])
    desk.page.reload()
    desk.see("Sign in with an access token")


def test_a_session_ends_when_its_token_is_taken_away(sit: Sit, recorded: Recorded) -> None:
    token = "leaving-token-0123456789abcdef"
    others = (f"{CLIENT}@{recorded.codes[0]};name=client-1", f"{AUDITOR}@*,read;name=auditor")
    recorded.permit(token, *others, f"{token}@*;name=leaving")
    desk = sit(token)
    desk.see(recorded.codes[0])
    recorded.allow(*others)
    desk.see("The session has ended. Sign in again.")
    assert not any(code in desk.text() for code in recorded.codes)


def test_a_token_without_a_right_sees_what_it_may(sit: Sit) -> None:
    desk = sit(AUDITOR)
    desk.open("recorder")
    desk.see_title("Recorder")
    expect(desk.page.get_by_role("button", name="Refresh now")).to_be_disabled()
    desk.see("This token may not ask for a refresh")
    desk.open("overview")
    desk.see_title("Overview")


def test_a_page_of_another_site_can_do_nothing_with_the_cookie(sit: Sit, recorded: Recorded) -> None:
    """Neither read with it, nor have something done; and it cannot put the page into a frame."""
    desk = sit(ADVISOR)
    elsewhere = desk.page.context.new_page()
    elsewhere.route("http://elsewhere.example/", lambda route: route.fulfill(body="<p>bait", content_type="text/html"))
    elsewhere.goto("http://elsewhere.example/")
    asked = """async (url) => {
      const said = [];
      for (const options of [{}, { mode: 'no-cors' }, { method: 'POST', mode: 'no-cors', body: '{}' }])
        for (const path of ['/v1/accounts', '/v1/session/end'])
          said.push(await fetch(url + path, { credentials: 'include', ...options })
            .then((answer) => answer.type + answer.status, () => 'no'));
      return said;
    }"""
    assert set(elsewhere.evaluate(asked, recorded.url)) <= {"no", "opaque0"}
    framed = "url => { const frame = document.createElement('iframe'); frame.src = url; document.body.append(frame); }"
    elsewhere.evaluate(framed, recorded.url + "/")
    elsewhere.wait_for_function("() => frames.length === 1")
    assert all("ibconnect" not in frame.content() for frame in elsewhere.frames[1:])
    desk.page.reload()
    desk.see_title("Overview")
    expect(desk.page.get_by_role("button", name="Sign out")).to_be_visible(timeout=PATIENCE_MS)
