"""A token limited to one account: in all that the service answers to its page there is no trace of the others."""

import re

import pytest

from tests.web.conftest import CLIENT, Recorded, Sit
from tests.web.proxy import proxy

pytestmark = pytest.mark.timeout(600)

MASTER = "F0007001"
VIEWS = ("overview", "account", "positions", "activity", "compare", "sources", "recorder")


def test_a_limited_tokens_page_has_no_trace_of_other_accounts(sit: Sit, recorded: Recorded) -> None:
    """Through a proxy below a path that keeps every answer; also where the address names another account."""
    mine, *others = recorded.codes
    names = [
        each["Alias"]
        for each in recorded.get("overview?currency=USD")["Accounts"]
        if each["AccountCode"] != mine and each["Alias"]
    ]
    assert len(names) >= 4
    with proxy(recorded.url) as passing:
        desk = sit(CLIENT, url=passing.url)
        desk.see(mine)
        for view in VIEWS:
            desk.open(view, mine)
        for tab in ("margin", "balance"):
            desk.open("account", mine, tab=tab)
        desk.open("activity", account=mine, kind="cash-flows")
        desk.open("overview", at=_earlier(recorded))
        said, shown = passing.said(), desk.text()
        for secret in (*others, MASTER, *names):
            assert not names_in(secret, said), secret
            assert secret not in shown
        assert names_in(mine, said)
        asked = len(passing.passed)
        desk.expects(404)
        desk.open("account", others[0])
        desk.open("positions", others[0])
        assert len(passing.passed) > asked
        later = b"".join(bytes(each.body) for each in passing.passed[asked:])
        # A problem repeats the code that was asked for, and says nothing else of it.
        assert not any(names_in(secret, later) for secret in (*others[1:], MASTER, *names))


def names_in(secret: str, said: bytes) -> bool:
    """Whether a code or a name stands there by itself: an account's own family code begins with its advisor's."""
    return re.search(rb"(?<![\w])" + re.escape(secret.encode()) + rb"(?![\w])", said) is not None


def _earlier(recorded: Recorded) -> str:
    times: list[str] = recorded.get(f"accounts/{recorded.codes[0]}/snapshots?limit=400")
    return times[-1]
