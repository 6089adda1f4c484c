"""Somebody at the page: a browser window, what is seen in it, and whether anything went wrong in it.

In: the address of a service, a Playwright context. Out: a :class:`Desk`, whose methods are what hands and eyes do.
Everything is found by role, name or text, as a screen reader finds it. Called by the tests of the page.

What the browser's console says of errors, what the page throws, and what is answered with an error that nobody expected
is kept, and the fixture fails the test for it.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from tests import chromium
from tests.paths import ROOT
from tests.waiting import DEADLINE_S, wait_for

PATIENCE_MS = DEADLINE_S * 1000
expect.set_options(timeout=PATIENCE_MS)
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SCREENS = Path(os.environ.get("SCREENS", ROOT / "dist" / "page"))
"""Where screenshots go: looked at by people, not committed."""

_AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# What the state says now is drawn before the second frame ends.
_TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_LOADING = re.compile(r"^(Loading|Looking) ")


class Desk:
    """A window on the page of one service."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url.rstrip("/") + "/"
        self.wrong: list[str] = []
        self._expected: set[int] = set()
        self._is_off = False
        self._asked: set[str] = set()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.wrong.append(f"thrown: {error}"))
        page.on("request", self._ask)
        page.on("requestfinished", lambda request: self._asked.discard(request.url))
        page.on("requestfailed", self._lose)
        page.on("response", self._get)

    # ── what hands do ────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, view: str = "", *arguments: str, **query: str) -> None:
        """Go to a view, by its address, and wait until it has its figures."""
        path = "/".join(quote(each, safe="") for each in (view, *arguments))
        search = f"?{urlencode(query)}" if query else ""
        self.page.goto(f"{self.url}#/{path}{search}" if path or search else self.url)
        self.settle()

    def sign_in(self, token: str) -> None:
        """Fill in the form."""
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()

    def click(self, name: str | re.Pattern[str], role: Any = "button") -> None:
        """Click what has a name."""
        self.page.get_by_role(role, name=name).first.click()
        self.settle()

    def press(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self.page.keyboard.press(key)

    # ── what eyes see ────────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> None:
        """Wait until nothing is loading: no answer is awaited, and all that came is drawn."""
        expect(self.page.get_by_role("main")).to_be_visible(timeout=PATIENCE_MS)
        wait_for(self._is_still, lambda: f"the page is still; asked: {self._asked}, shown: {self.text()}")

    def _is_still(self) -> bool:
        self.page.evaluate(_TWO_FRAMES)
        return not self._asked and self.page.get_by_text(_LOADING).count() == 0

    def see(self, text: str | re.Pattern[str]) -> None:
        """Wait until a text is seen."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)

    def see_title(self, text: str | re.Pattern[str]) -> None:
        """Wait until the view has this heading."""
        expect(self.page.get_by_role("heading", level=1, name=text)).to_be_visible(timeout=PATIENCE_MS)

    def region(self, name: str | re.Pattern[str]) -> Locator:
        """A part of the view, by its heading."""
        found = self.page.get_by_role("region", name=name).first
        expect(found).to_be_visible(timeout=PATIENCE_MS)
        return found

    def text(self) -> str:
        """All that is shown."""
        return self.page.inner_text("body")

    def titles(self) -> list[str]:
        """The exact figures that stand behind those that are shown."""
        return [
            each for each in self.page.locator("[title]").evaluate_all("all => all.map(each => each.title)") if each
        ]

    def focused(self) -> str:
        """What has the focus: its role or element, and its name."""
        said: str = self.page.evaluate(
            "() => { const at = document.activeElement; return at.tagName.toLowerCase() + ': ' +"
            " (at.getAttribute('aria-label') || at.innerText || at.title || '').trim().slice(0, 60) }"
        )
        return said

    # ── what is checked ──────────────────────────────────────────────────────────────────────────────────────────────

    def expects(self, *statuses: int) -> None:
        """Answers with these statuses are part of the test."""
        self._expected |= set(statuses)

    @contextmanager
    def unplugged(self) -> Iterator[None]:
        """The network is gone for as long as the context lasts: what is asked for is lost."""
        self._is_off = True
        self.page.context.set_offline(True)
        try:
            yield
        finally:
            self.page.context.set_offline(False)
            # What was lost is told before what is answered from now on.
            self.page.evaluate("() => fetch('healthz').then(answer => answer.status)")
            self._is_off = False

    def violations(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA, and against what is good use."""
        self.page.evaluate(f"() => {{ {_AXE.read_text()} }}")
        found: Mapping[str, Any] = self.page.evaluate(
            "rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", list(_RULES)
        )
        return [
            f"{each['id']} ({each['impact']}): {node['target']} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"][:3]
        ]

    def shoot(self, name: str) -> list[Path]:
        """Screenshots: light and dark, wide and as on a phone."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        taken = []
        for scheme in ("light", "dark"):
            for size, viewport in (("wide", WIDE), ("phone", PHONE)):
                self.page.emulate_media(color_scheme=scheme)
                self.page.set_viewport_size(viewport)  # type: ignore[arg-type]
                self.settle()
                path = SCREENS / f"{name}-{scheme}-{size}.png"
                self.page.screenshot(path=path, full_page=True, animations="disabled")
                taken.append(path)
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        return taken

    def fits(self) -> None:
        """The page is no wider than the window, on a phone too; curves shrink a moment after the window."""
        wait_for(lambda: self._wider() <= 0, lambda: f"the page is {self._wider()} pixels wider than the window")

    def _wider(self) -> float:
        wider: float = self.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        return wider

    def _hear(self, message: ConsoleMessage) -> None:
        # The browser itself says of each answer with an error that there was one; `_get` knows which are expected.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.wrong.append(f"console: {message.text}")

    def _ask(self, request: Request) -> None:
        # What tells of events as they come has no end.
        if request.headers.get("accept") != "text/event-stream":
            self._asked.add(request.url)

    def _lose(self, request: Request) -> None:
        self._asked.discard(request.url)
        # The page gives up what it asked for when another view is opened.
        if request.failure != "net::ERR_ABORTED" and not self._is_off:
            self.wrong.append(f"lost: {request.method} {request.url}: {request.failure}")

    def _get(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.wrong.append(f"{response.status}: {response.request.method} {response.url}")


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser for one test: Playwright's event loop ends with it, so that tests with one of their own can follow."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium.program(), args=list(chromium.OPTIONS))
        try:
            yield launched
        finally:
            launched.close()


@contextmanager
def desk(launched: Browser, url: str, *, scripts: Sequence[str] = (), **context: Any) -> Iterator[Desk]:
    """A window of its own, with its own cookies; whatever went wrong in it fails the test.

    :param scripts: what runs in the page before its own scripts do
    """
    window = launched.new_context(**{"viewport": WIDE, "locale": "en-GB", "timezone_id": "Europe/Zurich", **context})
    for script in scripts:
        window.add_init_script(script)
    try:
        sat = Desk(window.new_page(), url)
        yield sat
        assert sat.wrong == [], "\n".join(sat.wrong)
    except Error:
        sat.page.screenshot(path=_failed(), full_page=True)
        raise
    finally:
        window.close()


def _failed() -> Path:
    SCREENS.mkdir(parents=True, exist_ok=True)
    test = os.environ.get("PYTEST_CURRENT_TEST", "test").split("::")[-1].split(" ")[0]
    name = re.sub(r"[^\w-]", "_", test)
    return SCREENS / f"failed-{name}.png"
