"""One capture file: what a real gateway once sent, one JSON array of wire fields per line; or exported events.

In: a path. Out: a :class:`Capture`, the messages sorted by the request that they answer, none left out, in
their order. Called by ``captures.source``, which makes a gateway's world of one or several of them. Raises
:class:`CaptureError`, naming file and line.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ibconnect.errors import CaptureError
from ibconnect.events.layouts import LAYOUTS
from ibconnect.simulator.parts import Message, Sorting
from ibconnect.simulator.scenario.registry import MESSAGES
from ibconnect.simulator.wire.frames import Fields

Section = tuple[str, str]
"""What request a message answers: its kind, and the account where it has one."""

_POSITIONS, _SUMMARY = "positions", "summary"
_UNKNOWN = Message("")
_EVENT_MEMBERS = frozenset(("Message", "Payload", "Facts", "fields", "payload", "facts"))


@dataclass(slots=True)
class Capture:
    """One recording, sorted."""

    name: str
    managed: Fields | None = None
    next_id: Fields | None = None
    notices: list[Fields] = field(default_factory=list)
    """What came before any answer, apart from 15 and 9."""
    sections: dict[Section, list[Fields]] = field(default_factory=dict)

    def codes(self) -> list[str]:
        """The account codes of this recording: those of message 15, then others that have data."""
        listed = self.managed[2].split(",") if self.managed else []
        with_data = [code for kind, code in self.sections if kind != _SUMMARY]
        rows = [m for key in ((_POSITIONS, ""), (_SUMMARY, "")) for m in self.sections.get(key, [])]
        in_rows = [account_of(m) for m in rows]
        return list(dict.fromkeys(c for c in [*listed, *with_data, *in_rows] if c and c != "All"))


def account_of(fields: Fields) -> str:
    """The account code in a message, or an empty string."""
    layout = LAYOUTS.get(fields[0])
    return fields[layout.account] if layout and layout.account is not None and layout.account < len(fields) else ""


def read_capture(path: Path) -> Capture:
    """Read and sort one capture file."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as exc:
        raise CaptureError(f"{path}: {exc.strerror}") from exc
    lines = enumerate(text.split("\n"), 1)
    messages = [_message(path, n, line) for n, line in lines if line.strip()]
    return sort_messages(path.name, [message for message in messages if message is not None])


def _message(path: Path, number: int, line: str) -> Fields | None:
    """The wire fields on a line; None if it holds an event that is no message of a gateway."""
    try:
        fields: Any = json.loads(line)
    except ValueError as exc:
        raise CaptureError(f"{path}:{number}: not JSON ({exc})") from exc
    if isinstance(fields, dict) and _EVENT_MEMBERS.intersection(fields):
        # A line of `ibconnect events`: exports of version 0.1 had other names.
        fields = fields.get("Message", fields.get("fields"))
        if fields is None:
            return None
    if not isinstance(fields, list) or not fields or not all(isinstance(f, str) for f in fields):
        raise CaptureError(f"{path}:{number}: not an array of strings, a message's wire fields")
    if any("\0" in f for f in fields):
        raise CaptureError(f"{path}:{number}: a field holds NUL, which ends a field on the wire")
    return tuple(fields)


def sort_messages(name: str, messages: Sequence[Fields]) -> Capture:
    """Put each message where its part of the gateway says; those of no kind of their own follow the one before them."""
    capture = Capture(name)
    ended = {m.kind for fields in messages if (m := MESSAGES.get(fields[0], _UNKNOWN)).is_end}
    current: Section | None = None
    owners: dict[Section, str] = {}
    for fields in messages:
        if fields[0] == "15" and capture.managed is None and len(fields) > 2:
            capture.managed = fields
        elif fields[0] == "9" and capture.next_id is None:
            capture.next_id = fields
        elif (message := MESSAGES.get(fields[0], _UNKNOWN)).sorting is Sorting.ALONE:
            capture.sections.setdefault((message.kind, ""), []).append(fields)
        else:
            if message.sorting is Sorting.ENDED:
                message = _ended(message, fields, ended)
            current = _section(message, fields, current, owners, capture)
            (capture.notices if current is None else capture.sections.setdefault(current, [])).append(fields)
    return capture


def _ended(message: Message, fields: Fields, ended: Iterable[str]) -> Message:
    """A part of an answer that has an end, or what came unasked: that names no request."""
    place = message.place(fields)
    is_asked = place is None or list(fields[place : place + 1]) != ["-1"]
    sorting = Sorting.TOGETHER if message.kind in ended and is_asked else Sorting.FOLLOWS
    return replace(message, sorting=sorting)


def _section(
    message: Message, fields: Fields, current: Section | None, owners: dict[Section, str], capture: Capture
) -> Section | None:
    """Where a message belongs; ``owners``: which account a request of a kind was about."""
    place = message.place(fields)
    request = fields[place] if place and place < len(fields) else ""
    match message.sorting:
        case Sorting.TOGETHER:
            return message.kind, ""
        case Sorting.BY_ACCOUNT:
            account = account_of(fields)
            if place and account:
                owners[message.kind, request] = account
        case Sorting.BY_REQUEST:
            account = owners.get((message.kind, request), "")
        case Sorting.NEAREST if current is None or current[0] != message.kind:
            return _last_of(capture, message.kind)
        case _:
            account = ""
    return (message.kind, account) if account else current


def _last_of(capture: Capture, kind: str) -> Section | None:
    """Where something goes that stands apart from its like (an account's time): to the account last spoken of."""
    seen = [key for key in capture.sections if key[0] == kind]
    if seen:
        return seen[-1]
    codes = capture.codes()
    return (kind, codes[0]) if codes else None


def renumber(messages: Iterable[Fields], codes: Mapping[str, str]) -> list[Fields]:
    """The same messages with account codes replaced wherever a field is one (also ``<code>A``, and in 15)."""
    new = {**codes, **{f"{old}A": f"{code}A" for old, code in codes.items()}}
    changed: list[Fields] = []
    for fields in messages:
        if fields[0] == "15":
            changed.append(tuple(",".join(new.get(c, c) for c in f.split(",")) for f in fields))
        else:
            changed.append((fields[0], *(new.get(f, f) for f in fields[1:])))
    return changed


def rename_accounts(capture: Capture, codes: Mapping[str, str]) -> Capture:
    """The same recording of other accounts."""
    return Capture(
        capture.name,
        renumber([capture.managed], codes)[0] if capture.managed else None,
        capture.next_id,
        renumber(capture.notices, codes),
        {
            (kind, codes.get(account, account)): renumber(rows, codes)
            for (kind, account), rows in capture.sections.items()
        },
    )


def free_code(code: str, taken: Iterable[str]) -> str:
    """The next account code after ``code`` that is not taken: DU0000001 → DU0000002."""
    used = set(taken)
    match = re.fullmatch(r"(.*?)(\d*)", code, re.DOTALL)
    assert match is not None
    stem, digits = match.groups()
    number = int(digits or "0")
    while True:
        number += 1
        candidate = f"{stem}{number:0{len(digits)}d}"
        if candidate not in used:
            return candidate
