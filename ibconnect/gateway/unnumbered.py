"""Whose a refusal is that names no request, while several questions are open that have no number.

In: the questions without a number that collectors other than the walk have asked, and refusals. Out: for each refusal
whether one of them takes it. Kept by the connection; pure.

A gateway answers in the order in which it was asked, so a refusal is of the oldest. The walk asks by itself, one thing
at a time, and keeps no entry here: what nobody here takes is its own. What one of these takes may still have been
meant for the walk (:attr:`taken`), if the older question was never answered at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ibconnect.events.notices import SUBSCRIBED_ELSEWHERE, is_refusal

# What stands in the place of a request's number where there is none.
NO_REQUEST = frozenset({"", "-1", "0", "2147483647"})
# Questions that were given up and of which a refusal may still come.
_MOST = 100


class Open:
    """A question without a number that was asked."""

    def __init__(self) -> None:
        self.refusal: list[str] | None = None
        """The fields of the notice that refused it."""
        self.is_answered = False


class Unnumbered:
    """Those of one connection."""

    def __init__(self) -> None:
        self._open: list[Open] = []
        self.taken: list[str] | None = None
        """The fields of the newest notice that one of these has taken."""

    @contextmanager
    def asking(self) -> Iterator[Open]:
        """A question is asked; one that is neither answered nor refused by the end is still owed a word."""
        question = Open()
        self._open = [*self._open, question][-_MOST:]
        try:
            yield question
        finally:
            if question.is_answered:
                self._open = [other for other in self._open if other is not question]

    def note(self, fields: list[str]) -> None:
        """A notice has come: if it refuses a request that it does not name, the oldest question takes it."""
        code = fields[3]
        if self._open and fields[2] in NO_REQUEST and is_refusal(code) and code != SUBSCRIBED_ELSEWHERE:
            self._open.pop(0).refusal = self.taken = fields
