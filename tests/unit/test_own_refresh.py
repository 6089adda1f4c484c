"""The last refresh of a gateway as those see it who may see some accounts only."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ibconnect.http.resources.own_refresh import own_refresh

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
WALK_ENDED = BEGAN + timedelta(minutes=9)
ONE, TWO = "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"


def account(code: str, minute: int | None, *, is_whole: bool = True, why: str | None = None) -> tuple[Any, ...]:
    """An account that was last asked for in a minute of the refresh, or before it."""
    concluded = None if minute is None else BEGAN + timedelta(minutes=minute)
    return code, True, concluded, is_whole, why


def seen(*accounts: tuple[Any, ...], outcome: str | None = "partial", scope: str = "") -> dict[str, Any] | None:
    ended = None if outcome is None else WALK_ENDED
    return own_refresh([(BEGAN, BEGAN, ended, outcome, scope, *each) for each in accounts])


@pytest.mark.parametrize(
    ("accounts", "outcome", "told"),
    [
        # Ours are done, however it goes on with others, or ended for them.
        ([account("A", 1), account("B", 2)], None, (TWO, "complete", 2, 2, {})),
        ([account("A", 1), account("B", 2)], "partial", (TWO, "complete", 2, 2, {})),
        ([account("A", 1), account("B", 2)], "aborted", (TWO, "complete", 2, 2, {})),
        ([account("A", 1), account("B", 2, is_whole=False)], None, (TWO, "partial", 2, 2, {})),
        ([account("A", 1, is_whole=False, why="timeout: of C")], "partial", (ONE, "failed", 1, 1, {"A": "timeout"})),
        # Not all of ours are done.
        ([account("A", 1), account("B", -60)], None, (None, None, 1, 2, {})),
        ([account("A", -60), account("B", None)], None, (None, None, 0, 2, {})),
        ([account("A", 1), account("B", -60)], "aborted", ("2026-01-01T00:09:00Z", "aborted", 1, 2, {})),
        (
            [account("A", 1), account("B", -60, why="stale: IB is away")],
            "partial",
            ("2026-01-01T00:09:00Z", "partial", 1, 2, {"B": "stale"}),
        ),
        # One of ours is listed only since it has ended.
        ([account("A", 1), account("B", None)], "complete", (ONE, "complete", 1, 1, {})),
    ],
)
def test_it_is_told_as_if_it_had_been_for_these_accounts_alone(
    accounts: list[tuple[Any, ...]], outcome: str | None, told: tuple[Any, ...]
) -> None:
    found = seen(*accounts, outcome=outcome)
    assert found is not None
    assert tuple(found[name] for name in ("Ended", "Outcome", "Done", "Total", "Missing")) == told
    assert (found["Trigger"], found["Detail"]) == (None, None)


def test_a_refresh_of_some_is_of_all_to_whoever_sees_no_more() -> None:
    some = seen(account("A", 1), account("B", -60), outcome="complete", scope="some")
    assert some is not None
    assert (some["Scope"], some["Total"]) == ("some", 1)
    alone = seen(account("A", 1), outcome="complete", scope="some")
    assert alone is not None
    assert alone["Scope"] == "all"
    assert seen(account("A", -60), outcome="complete", scope="some") is None
