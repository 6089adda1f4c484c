"""The last refresh of a gateway, as those see it who may see some accounts only: as if it had been for these alone.

In: rows of the query ``refreshes_of``, one for each of the accounts. Out: ``LastRefresh`` of ``/v1/gateways``. Called
by :mod:`ibconnect.http.resources.gateways`. Outcome, counts and end follow from these accounts; why it was made
(``accounts``: others are listed now) and IB's own words may name others, and are not there.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import TupleRow

from ibconnect.times import format_rfc3339


class _Refresh(NamedTuple):
    created: datetime
    started: datetime
    ended: datetime | None
    outcome: str | None
    scope: str


class _Account(NamedTuple):
    """How an account fared. ``concluded``: when it was last asked for; ``why``: it has no figures to rely on."""

    code: str
    is_listed: bool
    concluded: datetime | None
    is_whole: bool | None
    why: str | None

    def is_done(self, refresh: _Refresh) -> bool:
        """Whether it has been asked for."""
        return self.concluded is not None and self.concluded >= refresh.started

    def is_asked(self, refresh: _Refresh) -> bool:
        """Whether the refresh was for it as well."""
        is_still_open = not refresh.scope and self.is_listed and refresh.outcome in (None, "aborted")
        return self.is_done(refresh) or self.why is not None or is_still_open


def own_refresh(rows: Sequence[TupleRow]) -> dict[str, Any] | None:
    """The last refresh of some accounts; None if none of them was asked for."""
    refresh = _Refresh(*rows[0][:5])
    accounts = [_Account(*row[5:]) for row in rows]
    asked = [account for account in accounts if account.is_asked(refresh)]
    if not asked:
        return None
    done = [account for account in asked if account.is_done(refresh)]
    ended = _ended(refresh, asked, done)
    is_for_all = all(account in asked for account in accounts if account.is_listed)
    return {
        "Created": format_rfc3339(refresh.created),
        "Started": format_rfc3339(refresh.started),
        "Ended": ended and format_rfc3339(ended),
        "Outcome": _outcome(refresh, asked, done) if ended else None,
        "Trigger": None,
        # What stands before a colon is ours; behind it come IB's own words.
        "Missing": {account.code: account.why.partition(":")[0] for account in asked if account.why is not None},
        "Scope": "all" if is_for_all else "some",
        "Done": len(done),
        "Total": len(asked),
        "Detail": None,
        # How fast the walk goes is a matter of others' accounts.
        "SecondsLeft": None,
    }


def _ended(refresh: _Refresh, asked: list[_Account], done: list[_Account]) -> datetime | None:
    """When the last of them had been asked for: the walk may go on with others."""
    if len(done) < len(asked):
        return refresh.ended
    return max(account.concluded for account in done if account.concluded is not None)


def _outcome(refresh: _Refresh, asked: list[_Account], done: list[_Account]) -> str:
    whole = [account for account in done if account.is_whole and account.why is None]
    if len(whole) == len(asked):
        return "complete"
    if refresh.outcome == "aborted" and len(done) < len(asked):
        return "aborted"
    return "partial" if whole else "failed"
