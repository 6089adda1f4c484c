"""How the page feels: reachable without a mouse and without eyes, on any screen, on paper, behind a proxy, exact."""

import re

import pytest
from playwright.sync_api import expect

from tests.paths import ROOT
from tests.waiting import wait_for
from tests.web.conftest import ADVISOR, Recorded, Sit
from tests.web.desk import PATIENCE_MS, PHONE, SCREENS, Desk
from tests.web.exact import asked
from tests.web.proxy import proxy

pytestmark = pytest.mark.timeout(600)

VIEWS = {
    "overview": ("overview", {"currency": "USD"}),
    "account": ("account/{code}", {}),
    "account-margin": ("account/{code}", {"tab": "margin"}),
    "account-balance": ("account/{code}", {"tab": "balance"}),
    "positions": ("positions/{code}", {}),
    "activity": ("activity", {}),
    "cash-flows": ("activity", {"kind": "cash-flows"}),
    "compare": ("compare/{code}", {"from": "{before}", "to": "now"}),
    "sources": ("sources/{code}", {"time": "{now}", "tag": "NetLiquidation"}),
    "recorder": ("recorder", {}),
    "past": ("account/{code}", {"at": "{before}"}),
}


def open_view(desk: Desk, recorded: Recorded, name: str) -> None:
    """Open a view by its address, of the first client."""
    path, query = VIEWS[name]
    code = recorded.codes[0]
    times = recorded.get(f"accounts/{code}/snapshots?limit=200")
    words = {"code": code, "now": times[0], "before": times[-1]}
    desk.open(*path.format(**words).split("/"), **{key: text.format(**words) for key, text in query.items()})
    expect(desk.page.get_by_role("heading", level=1).first).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_whole_in_light_and_dark_wide_and_on_a_phone(looked: Desk, recorded: Recorded, name: str) -> None:
    """axe finds nothing against WCAG 2.2 AA; nothing spills; screenshots are kept."""
    open_view(looked, recorded, name)
    looked.shoot(name)
    for scheme in ("light", "dark"):
        looked.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert looked.violations() == [], scheme
    looked.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    looked.settle()
    looked.fits()
    assert looked.violations() == []


@pytest.mark.parametrize("name", ["overview", "positions", "account", "recorder"])
def test_no_column_is_cut_off_on_a_usual_screen(looked: Desk, recorded: Recorded, name: str) -> None:
    """On a phone a table that goes on to the side says so, and keeps the name of the row in sight."""
    looked.page.set_viewport_size({"width": 1280, "height": 800})
    open_view(looked, recorded, name)
    cut = looked.page.locator(".table[data-cut]")
    expect(cut).to_have_count(0)
    if name == "overview":
        looked.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        expect(cut).to_have_attribute("data-cut", "right")
        cut.evaluate("at => { at.scrollIntoView({ block: 'center' }); at.scrollTo(at.scrollWidth, 0) }")
        expect(cut).to_have_attribute("data-cut", "left")
        expect(cut.get_by_role("link", name=recorded.codes[0], exact=True)).to_be_in_viewport()


def test_the_form_is_whole_too(sit: Sit) -> None:
    desk = sit()
    desk.expects(401)
    desk.open()
    desk.see("Sign in with an access token")
    desk.shoot("sign-in")
    assert desk.violations() == []
    desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    desk.fits()


def test_the_keyboard_reaches_everything(looked: Desk, recorded: Recorded) -> None:
    """From the top: the way past the bar, the views, an account's row; and what has the focus is seen."""
    looked.open("overview", currency="USD")
    looked.see(recorded.codes[0])
    met: list[str] = []
    row = f"a: {recorded.codes[0]}"

    def is_reached() -> bool:
        looked.press("Tab")
        met.append(looked.focused())
        # The browser shows itself which part of a date has the focus.
        is_seen = looked.page.evaluate(
            "() => { const at = document.activeElement, style = getComputedStyle(at);"
            " return at.type === 'date' || style.outlineStyle !== 'none' || style.boxShadow !== 'none' }"
        )
        assert is_seen, f"nothing shows that {met[-1]} has the focus"
        return met[-1] == row

    wait_for(is_reached, lambda: f"the keyboard comes to an account: {met}")
    assert met[0] == "button: To the figures"
    assert {"a: Positions", "a: Activity", "a: Recorder", "button: Sign out"} <= set(met)
    looked.press("Enter")
    looked.see_title(recorded.codes[0])


def test_it_prints_to_a_clean_page(looked: Desk, recorded: Recorded) -> None:
    open_view(looked, recorded, "account")
    looked.page.emulate_media(media="print")
    expect(looked.page.get_by_role("navigation", name="Views")).to_be_hidden()
    expect(looked.page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(looked.page.get_by_role("heading", level=1)).to_be_visible()
    paper = looked.page.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    looked.page.emulate_media(media="screen")


def test_it_works_below_a_path_of_a_reverse_proxy(sit: Sit, recorded: Recorded) -> None:
    """Files, data, the cookie, links and live events: all below that path, none beside it."""
    with proxy(recorded.url, "/finance/ib") as passing:
        desk = sit(ADVISOR, url=passing.url)
        for name in ("overview", "account", "positions", "activity", "recorder"):
            open_view(desk, recorded, name)
        expect(desk.page.get_by_role("list", name=re.compile("Events"))).to_be_visible(timeout=PATIENCE_MS)
        desk.page.get_by_role("button", name="Sign out").click()
        desk.see("You are signed out.")
        assert {each.status for each in passing.passed} <= {200, 201, 204, 206, 303, 304, 401}


def test_nothing_is_asked_of_another_host_and_the_policy_is_strict(sit: Sit, recorded: Recorded) -> None:
    desk = sit()
    hosts: set[str] = set()
    desk.page.on("request", lambda request: hosts.add(re.sub(r"^(\w+:)(//[^/]+)?.*", r"\1\2", request.url)))
    desk.expects(401)
    desk.open()
    policy = (desk.page.request.get(recorded.url + "/", headers={"Accept": "text/html"})).headers[
        "content-security-policy"
    ]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    desk.sign_in(ADVISOR)
    for name in VIEWS:
        open_view(desk, recorded, name)
    assert hosts <= {recorded.url, "data:"}


def test_an_address_is_the_whole_state_of_a_view(sit: Sit, recorded: Recorded) -> None:
    """Somebody else who opens it sees the same; going back leads back."""
    first, second = sit(ADVISOR), sit(ADVISOR)
    code = recorded.codes[0]
    first.open("account", code)
    first.click("3M")
    first.click("Drawdown")
    first.click(re.compile("Now"))
    first.click("A month ago")
    second.page.goto(first.page.url)
    second.settle()
    for desk in (first, second):
        for name in ("3M", "Drawdown"):
            expect(desk.page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")
        desk.see("You see everything as it was at")
    first.page.go_back()
    expect(first.page.get_by_text("You see everything as it was at")).to_have_count(0, timeout=PATIENCE_MS)


_NEXT = "LookAheadNextChange"

# What older browsers lack: the source text of a number as JSON.parse tells it.
_OLDER = """
const parse = JSON.parse;
JSON.parse = (text, reviver) =>
  parse(text, reviver && function (key, value) { return reviver.call(this, key, value); });
delete JSON.rawJSON;
delete JSON.isRawJSON;
"""


@pytest.mark.parametrize("scripts", [(), (_OLDER,)], ids=["today's browser", "an older one"])
def test_every_digit_of_a_report_is_on_the_page(sit: Sit, recorded: Recorded, scripts: tuple[str, ...]) -> None:
    """The text of the API's numbers, digit by digit, never what a float makes of them."""
    code = recorded.codes[0]
    time = recorded.get(f"accounts/{code}/snapshots?limit=50")[-1]
    report = asked(recorded, f"accounts/{code}/{time}")
    sent = {tag: text.split(" ")[-1] for tag, text in report["Balance"].items() if tag not in ("AccountType", _NEXT)}
    # Pairs of currencies are in the cash.
    held = [
        each[name]
        for each in report["Positions"]
        for name in ("Position", "MarketPrice", "MarketValue", "AverageCost")
        if each["SecurityType"] != "CASH" and float(each[name])
    ]
    assert len(sent) > 15
    assert len(held) > 20
    assert any(len(digits.partition(".")[2]) > 6 for digits in held), (
        "figures that a float or two decimals would change"
    )
    # A report is that of the moment when it was complete.
    at = re.sub(r":\d\d(\.\d+)?Z$", ":59Z", time)
    desk = sit(ADVISOR, scripts=scripts)
    seen: set[str] = set()
    for view, query in (("account", {"tab": "balance"}), ("account", {"tab": "margin"}), ("positions", {})):
        desk.open(view, code, at=at, **query)
        desk.see("You see everything as it was at")
        seen |= {word for title in desk.titles() for word in title.split()}
    assert {tag: digits for tag, digits in sent.items() if digits not in seen} == {}
    assert [digits for digits in held if digits not in seen] == []


def test_the_picture_in_the_readme_is_of_this_page_and_small(looked: Desk, recorded: Recorded) -> None:
    """Made anew it lies in dist/page: whoever has changed how the page looks copies it to docs/page.png."""
    looked.page.set_viewport_size({"width": 1100, "height": 880})
    open_view(looked, recorded, "overview")
    SCREENS.mkdir(parents=True, exist_ok=True)
    looked.page.screenshot(path=SCREENS / "readme.png", animations="disabled")
    for path in (SCREENS / "readme.png", ROOT / "docs" / "page.png"):
        assert path.stat().st_size <= 150_000
    assert "docs/page.png" in (ROOT / "README.md").read_text()
