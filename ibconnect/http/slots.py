"""How many long answers may be under way at once: for each token, and in all.

In: who asks. Out: a slot, or a problem that says when to try again. Called by what streams events. Refusals are counted
and told in the log once a minute at most, however many there are.
"""

import time
from collections import Counter
from hashlib import sha256

from ibconnect.http.calls import Call
from ibconnect.http.limits import CROWDED_TOLD_SECONDS, RETRY_AFTER_SECONDS
from ibconnect.http.problems import Code, Problem
from ibconnect.observe import HTTP_CROWDED_OUT, Kind, observe

Holder = bytes


def holder_of(call: Call) -> Holder:
    """Whose slot it is: the token's; without tokens all clients together are one."""
    if call.services.guard.tokens is None:
        return b""
    token = call.request.headers.get("Authorization", "").partition(" ")[2].strip()
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


class Slots:
    """The slots of one kind of answer.

    :param what: what they are, for people
    :param code: the problem of whoever comes when all are taken
    """

    def __init__(self, what: str, code: Code) -> None:
        self._what = what
        self._code = code
        self._held: Counter[Holder] = Counter()
        self._told = -CROWDED_TOLD_SECONDS
        self._refused = 0

    @property
    def open(self) -> int:
        """How many are taken."""
        return self._held.total()

    def enter(self, holder: Holder, most: int, most_each: int) -> None:
        """Take one.

        :raises Problem: the holder has ``most_each`` already, or all together have ``most``
        """
        if self._held[holder] >= most_each:
            whose = "for one token" if holder else "as long as there are no tokens"
            raise self._refusal(Code.TOO_MANY_OF_TOKEN, f"at most {most_each} {self._what} are open at once {whose}")
        if self.open >= most:
            raise self._refusal(self._code, f"at most {most} {self._what} are open at once")
        self._held[holder] += 1

    def leave(self, holder: Holder) -> None:
        """Give one back."""
        self._held[holder] -= 1
        if not self._held[holder]:
            del self._held[holder]

    def _refusal(self, code: Code, detail: str) -> Problem:
        HTTP_CROWDED_OUT.labels(code.value.code).inc()
        self._refused += 1
        now = time.monotonic()
        if now - self._told >= CROWDED_TOLD_SECONDS:
            observe(Kind.HTTP_CROWDED, what=self._what, code=code.value.code, refused=self._refused, open=self.open)
            self._told, self._refused = now, 0
        return Problem(code, f"{detail}; end one, or try again later", {"Retry-After": str(RETRY_AFTER_SECONDS)})
