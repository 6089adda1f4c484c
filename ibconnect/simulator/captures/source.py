"""Captures as a gateway's world: recorded messages, served at the request that they answer.

In: capture files. Out: a :class:`Source`. Values go out exactly as they stand in the file. Only three things
change: request ids become the client's, account codes are renumbered where two files share one (unless they
are one account's history), and message 4 takes the layout of the negotiated server version. Nothing is
invented: a recording without accountDownloadEnd ends without it, unless ``complete`` is asked for.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from ibconnect.errors import CaptureError
from ibconnect.simulator.captures.file import Capture, free_code, read_capture, rename_accounts
from ibconnect.simulator.scenario.registry import MESSAGES
from ibconnect.simulator.source import P, Pulse, Question, T, no_such_account
from ibconnect.simulator.wire.frames import Fields

SAME_ACCOUNT = ("renumber", "history")


class Captures:
    """A login whose accounts are recordings. See :meth:`load`; raises :class:`CaptureError`."""

    def __init__(self, captures: Iterable[Capture], same_account: str = "renumber", complete: bool = False) -> None:
        if same_account not in SAME_ACCOUNT:
            raise CaptureError(f"same account {same_account!r}: one of {', '.join(SAME_ACCOUNT)}")
        self.is_completed = complete
        self._captures = list(captures)
        if not self._captures:
            raise CaptureError("no capture to play")
        if same_account == "renumber":
            self._captures = _distinct(self._captures)
        self._codes = list(dict.fromkeys(code for c in self._captures for code in c.codes()))
        if not self._codes:
            raise CaptureError(f"no account in {', '.join(c.name for c in self._captures)}")
        self._turns: dict[str, int] = {}

    @classmethod
    def load(cls, *paths: Path | str, same_account: str = "renumber", complete: bool = False) -> Self:
        """Read capture files.

        Files that share an account code become accounts of their own (``renumber``: DU0000001, DU0000002
        …), or one account's successive states, one per subscription (``history``). ``complete`` adds the
        end messages that a recording lacks.
        """
        return cls([read_capture(Path(p)) for p in paths], same_account, complete)

    def connection_time(self) -> str:
        now = datetime.now().astimezone()
        return f"{now:%Y%m%d %H:%M:%S} {now.tzname()}"

    def managed_accounts(self) -> Fields:
        listed = [c.managed for c in self._captures if c.managed is not None]
        if len(self._captures) == 1 and listed:
            return listed[0]
        return ("15", "1", ",".join(self._codes))

    def next_valid_id(self) -> Fields:
        return next((c.next_id for c in self._captures if c.next_id is not None), ("9", "1", "1"))

    def notices(self) -> Sequence[Fields]:
        return [fields for capture in self._captures for fields in capture.notices]

    def codes(self) -> Sequence[str]:
        return self._codes

    def subscribable(self, account: str) -> bool:
        return account in self._codes

    def answer(self, question: Question[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the recordings answer. Raises :class:`Refusal`."""
        return question.by_recordings(self, *args, **kwargs)

    def advance(self) -> Pulse:
        return Pulse()

    def pulse(self) -> Pulse:
        return Pulse()

    # What the parts of the gateway ask (source.Recordings).

    def check(self, account: str) -> None:
        """See whether a request may name this account. Raises :class:`Refusal`."""
        if account not in self._codes and account != "All":
            raise no_such_account(account)

    def rows(self, kind: str, request_id: int | None = None) -> list[Fields]:
        """All messages of one kind of answer, for this request."""
        return _with_id((m for c in self._captures for m in c.sections.get((kind, ""), [])), request_id)

    def single(self, kind: str, request_id: int | None = None) -> Fields | None:
        """The first of them, if there is any."""
        return next(iter(self.rows(kind, request_id)), None)

    def whole(self, kind: str, account: str | None, end: Fields, request_id: int | None = None) -> list[Fields]:
        """All recorded rows of one kind and one end: the recorded one, or ours if nothing was recorded."""
        found: list[list[Fields]] = []
        for capture in self._captures:
            rows: list[Fields] = []
            for section, messages in capture.sections.items():
                if section[0] == kind and (account in (None, "All") or section[1] == account):
                    rows += messages
            if rows:
                found.append(rows)
        ended = all(any(m[0] == end[0] for m in rows) for rows in found)
        merged = [m for rows in found for m in rows if m[0] != end[0]]
        return _with_id([*merged, end] if ended or self.is_completed else merged, request_id)

    def states(self, kind: str, account: str) -> list[list[Fields]]:
        """What each recording has of one kind about an account; those that have nothing are left out."""
        return [rows for c in self._captures if (rows := c.sections.get((kind, account)))]

    def turn(self, account: str) -> int:
        """How often this has been asked of an account before."""
        turn = self._turns.get(account, 0)
        self._turns[account] = turn + 1
        return turn


def _distinct(captures: list[Capture]) -> list[Capture]:
    """The captures with the codes of later ones renumbered where an earlier one has them."""
    taken: list[str] = []
    result: list[Capture] = []
    for capture in captures:
        own = capture.codes()
        codes: dict[str, str] = {}
        for code in own:
            if code in taken:
                codes[code] = free_code(code, [*taken, *own, *codes.values()])
        renamed = rename_accounts(capture, codes) if codes else capture
        taken += renamed.codes()
        result.append(renamed)
    return result


def _with_id(rows: Iterable[Fields], request_id: int | None) -> list[Fields]:
    """The rows with the recorded request id replaced by the client's."""
    if request_id is None:
        return list(rows)
    changed: list[Fields] = []
    for fields in rows:
        message = MESSAGES.get(fields[0])
        index = message.place(fields) if message is not None else None
        if index is None or index >= len(fields):
            changed.append(fields)
        else:
            changed.append((*fields[:index], str(request_id), *fields[index + 1 :]))
    return changed
