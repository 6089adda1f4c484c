"""Where a page of changes begins: at which account, after how many of its rows, and up to which snapshot all pages
look.

In: numbers and a code. Out: an opaque text, and back. Called by the handlers and the parameters of this package.
"""

import re
from typing import NamedTuple

from ibconnect.http.server.parameters import Kind, Parameter

_PATTERN = "[0-9]{1,9}-[0-9]{1,10}-(?:[0-9a-f]{2}){0,256}"
_CURSOR = re.compile(_PATTERN, re.ASCII)


class Place(NamedTuple):
    """``account``: where the page begins, ``skipped``: after how many rows of it; ``newest``: the newest snapshot when
    the first page was asked for.
    """

    skipped: int
    newest: int
    account: str


def format_place(place: Place) -> str:
    """The text of a place."""
    return f"{place.skipped}-{place.newest}-{place.account.encode().hex()}"


def _parse(text: str) -> Place:
    if _CURSOR.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a cursor that an earlier answer gave")
    skipped, newest, code = text.split("-")
    # Whoever makes one up names no account, and what is no text must not reach Postgres.
    account = bytes.fromhex(code).decode(errors="replace").replace("\0", "\ufffd")
    return Place(int(skipped), int(newest), account)


CURSOR = Parameter(
    "cursor",
    "query",
    Kind({"type": "string", "pattern": f"^{_PATTERN}$"}, _parse),
    "Where the page begins, from an earlier answer's `Link`",
)
