"""How many long answers may be under way at once: for each token, and in all.

In: who asks. Out: a slot, or a problem that says when to try again. Called by what streams events.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ibconnect.http.server.holders import Held, Holder
from ibconnect.http.server.limits import RETRY_AFTER_SECONDS
from ibconnect.http.server.problems import Code, Problem


class Slots:
    """The slots of one kind of answer.

    :param what: what they are, for people
    :param code: the problem of whoever comes when all are taken
    """

    def __init__(self, what: str, code: Code) -> None:
        self._what = what
        self._code = code
        self._held = Held()

    @property
    def open(self) -> int:
        """How many are taken."""
        return self._held.total()

    @contextmanager
    def taken(self, holder: Holder, most: int, most_each: int) -> Iterator[None]:
        """Have one while the context lasts.

        :raises Problem: the holder has ``most_each`` already, or all holders have ``most``
        """
        if self._held[holder] >= most_each:
            whose = "of one token (without tokens: of one address)"
            raise _refusal(Code.TOO_MANY_OF_TOKEN, f"at most {most_each} {self._what} {whose} are open at once")
        if self.open >= most:
            raise _refusal(self._code, f"at most {most} {self._what} are open at once")
        self._held.add(holder)
        try:
            yield
        finally:
            self._held.remove(holder)


def _refusal(code: Code, detail: str) -> Problem:
    return Problem(code, f"{detail}; end one, or try again later", {"Retry-After": str(RETRY_AFTER_SECONDS)})
