"""The service that the tests of the page look at: the demo's two years, with tokens; and a browser before it."""

import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser

from tests.paths import ROOT, scratch
from tests.processes import Process, process
from tests.waiting import DEADLINE_S, wait_for
from tests.web.desk import Desk, browser, desk

ADVISOR, CLIENT, AUDITOR = (f"{name}-token-0123456789abcdef" for name in ("advisor", "client", "auditor"))
FIRST_START_S = 4 * DEADLINE_S
CLIENTS = 5

Sit = Callable[..., Desk]


@dataclass
class Recorded:
    """The demo's service, and what its API says."""

    url: str
    tokens: Path
    demo: Process
    codes: list[str] = field(default_factory=list)

    def allow(self, *entries: str) -> None:
        """Put tokens into the service's file, beside the advisor's."""
        fresh = self.tokens.with_suffix(".new")
        fresh.write_text("\n".join((f"{ADVISOR}@*;name=advisor", *entries, "")))
        fresh.chmod(0o600)
        fresh.rename(self.tokens)

    def permit(self, token: str, *entries: str) -> None:
        """The same, and wait until one of them is in force."""
        self.allow(*entries)
        wait_for(lambda: self.status("accounts", token) == 200, "the token is in force")

    def status(self, path: str, token: str = ADVISOR) -> int:
        """What a request is answered with."""
        try:
            return self._ask(path, token)[0]
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def get(self, path: str, token: str = ADVISOR) -> Any:
        """JSON of the API, its numbers as they are written."""
        return orjson.loads(self.raw(path, token))

    def raw(self, path: str, token: str = ADVISOR) -> bytes:
        """The bytes that the API answers with."""
        return self._ask(path, token)[1]

    def _ask(self, path: str, token: str) -> tuple[int, bytes]:
        request = urllib.request.Request(f"{self.url}/v1/{path}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            return answer.status, answer.read()


@pytest.fixture(scope="session")
def recorded() -> Iterator[Recorded]:
    """The demo, once its two years are there, with a token for all, for one client's account, and for reading alone."""
    if not (ROOT / "ibconnect" / "http" / "web" / "index.html").exists():
        pytest.skip("the page is not built: make setup")
    place = scratch("ibc-page-")
    place.chmod(0o711)
    (place / "data").mkdir(mode=0o700)
    tokens = place / "tokens"
    tokens.write_text(f"{ADVISOR}@*;name=advisor\n")
    tokens.chmod(0o600)
    settings = {"DATA_DIR": str(place / "data"), "PORT": "0", "API_TOKENS_FILE": str(tokens)}
    began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    try:
        with process(place / "log", "demo", **settings) as demo:
            try:
                yield _filled(Recorded(demo.url(), tokens, demo), began)
            finally:
                # Killed, it would leave its Postgres behind.
                if demo.popen.poll() is None:
                    demo.stop(signal.SIGINT)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _filled(found: Recorded, began: str) -> Recorded:
    """Wait until everything is recorded, the tables are as far as today's reports, and the tokens are in force."""
    for what in ("reports of every day", "statements of every day"):
        said = f"recorded: {what}"
        wait_for(lambda said=said: said in found.demo.output, lambda: found.demo.output, FIRST_START_S)

    def all_are_there() -> bool:
        rows = found.get("accounts")
        fresh = [row["AccountCode"] for row in rows if row["Latest"] and row["Latest"][: len(began)] >= began]
        found.codes = [code for code in fresh if code.startswith("U")]
        return len(found.codes) == CLIENTS

    wait_for(all_are_there, lambda: f"reports of {CLIENTS} clients:\n{found.demo.output}", FIRST_START_S)
    found.permit(AUDITOR, f"{CLIENT}@{found.codes[0]};name=client-1", f"{AUDITOR}@*,read;name=auditor")
    return found


@pytest.fixture
def opened() -> Iterator[Browser]:
    """A browser."""
    with browser() as launched:
        yield launched


@pytest.fixture
def sit(opened: Browser, recorded: Recorded) -> Iterator[Sit]:
    """``sit()``: a window of its own on the demo's page; ``sit(token)`` is signed in already."""
    with ExitStack() as stack:

        def take(token: str = "", url: str = "", **context: Any) -> Desk:
            found = stack.enter_context(desk(opened, url or recorded.url, **context))
            if token:
                signed_in(found, token)
            return found

        yield take


def signed_in(found: Desk, token: str) -> None:
    """Sign in as one does."""
    found.expects(401)
    found.open()
    found.sign_in(token)
    found.page.get_by_role("button", name="Sign out").wait_for()
    found.settle()


@pytest.fixture
def looked(sit: Sit) -> Desk:
    """The advisor before the page."""
    return sit(ADVISOR)
