"""What is in a dump, and whose it is to be: the table of contents that ``pg_restore --list`` prints.

In: the text of that list. Out: its entries in three parts, each in the order of the dump: the events and what instances
talk through; the snapshot tables and their views; everything else (rights, and what people have added). Called by the
restore.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from ibconnect.database.tables import leftover_schemas, schema_names

_ENTRY = re.compile(r"^\d+; \d+ \d+ ([A-Z]+(?: [A-Z]+)*) (\S+) (.*)$")
EVENTS = re.compile(r" TABLE DATA public stored_events(_\w+)? ", re.ASCII)
"""A line of the list that says that there are events: a table of them, or a partition."""
# What these are about stands in the entry after the word for its kind.
_ABOUT = ("COMMENT", "SECURITY LABEL")
_RIGHTS = ("ACL", "DEFAULT ACL")
_EVENTS = re.compile(r"(stored_events|schema_migration|refuse_change_of_events)[\w()]*", re.ASCII)


class Entry(NamedTuple):
    """One line of the list."""

    line: str
    kind: str
    schema: str
    name: str


@dataclass(slots=True)
class Contents:
    """The lines of each part."""

    events: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Whether there are events in it."""
        return any(EVENTS.search(line) for line in self.events)


def contents_of(listing: str, views: Collection[str]) -> Contents:
    """Tell the entries of a dump apart. ``views``: the names of the public views that stand on the snapshot tables."""
    found = Contents()
    for line in listing.splitlines():
        if (entry := _entry(line)) is not None:
            part = _part(found, entry, views)
            if part is not None:
                part.append(line)
    return found


def _entry(line: str) -> Entry | None:
    match = _ENTRY.match(line)
    if match is None:
        return None
    kind, schema, rest = match[1], match[2], match[3]
    words = rest.split(" ")
    if kind in _ABOUT and len(words) > 1:
        # What is said of a column belongs to its table or view.
        words = [words[1].partition(".")[0]] if words[0] == "COLUMN" else words[1:]
    if schema == "-" and (kind == "SCHEMA" or rest.startswith("SCHEMA ")):
        schema = words[0]
    return Entry(line, kind, schema, words[0])


def _part(found: Contents, entry: Entry, views: Collection[str]) -> list[str] | None:
    """The part that an entry belongs to; None if it is left out."""
    # What a rebuild leaves that was stopped, or was at work while somebody dumped by hand.
    if entry.schema in leftover_schemas() or (entry.kind in ("ACL", "SCHEMA", *_ABOUT) and _is_of_public_itself(entry)):
        return None
    if entry.kind in _RIGHTS:
        return found.others
    if entry.schema == "coordination" or (entry.schema == "public" and _EVENTS.fullmatch(entry.name)):
        return found.events
    if entry.schema in schema_names() or (entry.schema == "public" and entry.name in views):
        return found.tables
    return found.others


def _is_of_public_itself(entry: Entry) -> bool:
    """The schema public is there already, with the rights that roles.sql or the server gave."""
    return bool(re.search(r" - (SCHEMA )?public ", entry.line))
