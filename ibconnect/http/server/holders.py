"""Whose work it is: the token's; without tokens, or where none is needed, that of the address that asks.

In: a request. Out: a name, the one that the log knows the token by. The pipeline sets it for each request before
anything is asked of Postgres; whatever divides connections, turns or slots fairly looks it up. Work that nobody in
particular wants is our own.
"""

from collections import Counter
from contextvars import ContextVar
from time import monotonic

from aiohttp import web

from ibconnect.http.server.asked import token_name
from ibconnect.http.server.auth import Guard
from ibconnect.http.server.crowd import address_of
from ibconnect.http.server.limits import COMPANY_SECONDS

Holder = str
OURS: Holder = ""
HOLDER: ContextVar[Holder] = ContextVar("holder", default=OURS)
"""Whose work the current task does."""


def holder_of(guard: Guard, request: web.BaseRequest) -> Holder:
    """Whose work a request is."""
    name = token_name(guard, request)
    return address_of(request.remote or "-") if name == "-" else name


class Held:
    """How many of one kind of thing each holder has."""

    def __init__(self) -> None:
        self._counts: Counter[Holder] = Counter()

    def __getitem__(self, holder: Holder) -> int:
        return self._counts[holder]

    def total(self) -> int:
        """How many all holders have."""
        return self._counts.total()

    def add(self, holder: Holder) -> None:
        """He has one more."""
        self._counts[holder] += 1

    def remove(self, holder: Holder) -> None:
        """He has one less; who has none is forgotten."""
        self._counts[holder] -= 1
        if not self._counts[holder]:
            del self._counts[holder]


class Company:
    """Whether a holder is alone: who else has been at work in the last moment."""

    def __init__(self) -> None:
        self._last: tuple[Holder, float] = (OURS, 0.0)
        self._before: tuple[Holder, float] = (OURS, 0.0)

    def note(self, holder: Holder) -> None:
        """Something is done for this holder."""
        if holder == OURS:
            return
        if self._last[0] != holder:
            self._before = self._last
        self._last = (holder, monotonic())

    def has_other_than(self, holder: Holder) -> bool:
        """Whether others have been at work as well."""
        since = monotonic() - COMPANY_SECONDS
        return any(other not in (holder, OURS) and at > since for other, at in (self._last, self._before))
