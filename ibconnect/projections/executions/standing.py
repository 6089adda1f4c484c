"""What holds of executions and of their commissions, told again and again, out of order, by several gateways. Pure.

In: what the tables have, then facts one after the other. Out: the rows that are new, told otherwise, or corrected.
Called by :mod:`fold`.

1. An execution is its account's and has one row, whoever tells of it how often.
2. The gateway that told of it first has the word: what that says last, holds. From others comes only what it lacks:
   when it was, where nobody knew.
3. Of a fill and its corrections the one with the highest number is current; of equal ones the one that came last.
4. Of the reports of a commission the last one holds.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from ibconnect.projections.executions.facts import UNKNOWN_TIME, Commission, Fill


@dataclass(slots=True)
class Known:
    """An execution as the tables have it, or will. ``fill``: what it says, if it is to be written."""

    account: str
    key: str
    execution: str
    correction: int
    is_current: bool
    position: int
    received: datetime
    gateway: str
    digest: bytes
    at: datetime | None
    zone: str
    fill: Fill | None = None
    is_stored: bool = True
    was_current: bool = field(init=False)
    is_dated: bool = False

    def __post_init__(self) -> None:
        self.was_current = self.is_current

    @property
    def id(self) -> tuple[str, str]:
        """Its key in the table."""
        return self.account, self.execution

    @property
    def remarks(self) -> list[str]:
        """Of what is to be written."""
        assert self.fill is not None
        return [code for code in self.fill.remarks if code != UNKNOWN_TIME or self.at is None]

    def tell(self, fill: Fill) -> None:
        """A gateway tells of it again."""
        if self.at is None and fill.at is not None:
            self.at, self.zone, self.is_dated = fill.at, fill.zone, True
        if fill.gateway != self.gateway or fill.digest == self.digest:
            return
        self.fill, self.digest = fill, fill.digest
        if fill.at is not None:
            self.at, self.zone = fill.at, fill.zone


class Changes(NamedTuple):
    """Rows to write, in the order in which they were first told of; and stored ones of which only a part changes."""

    written: list[Known]
    superseded: list[Known]
    dated: list[Known]


class Fills:
    """Some fills, with all of their corrections that there are.

    :param stored: what the tables have of them
    """

    def __init__(self, stored: Iterable[Known]) -> None:
        self._known = {each.id: each for each in stored}
        self._of_key: defaultdict[tuple[str, str], list[Known]] = defaultdict(list)
        for each in self._known.values():
            self._of_key[each.account, each.key].append(each)

    def tell(self, fill: Fill) -> None:
        """A gateway tells of an execution."""
        known = self._known.get((fill.account, fill.id.text))
        if known is not None:
            known.tell(fill)
            return
        known = Known(
            account=fill.account,
            key=fill.id.key,
            execution=fill.id.text,
            correction=fill.id.number,
            is_current=False,
            position=fill.position,
            received=fill.received,
            gateway=fill.gateway,
            digest=fill.digest,
            at=fill.at,
            zone=fill.zone,
            fill=fill,
            is_stored=False,
        )
        self._known[known.id] = known
        self._of_key[known.account, known.key].append(known)

    def changes(self) -> Changes:
        """What has to be written."""
        for of_one in self._of_key.values():
            current = max(of_one, key=lambda each: (each.correction, each.position))
            for each in of_one:
                each.is_current = each is current
        found = Changes([], [], [])
        for each in self._known.values():
            if each.fill is not None:
                found.written.append(each)
                continue
            if each.is_current != each.was_current:
                found.superseded.append(each)
            if each.is_dated:
                found.dated.append(each)
        return found


class Reports:
    """Some reports of commissions.

    :param stored: of each execution that the tables have one of: the event that it came with, and its digest
    """

    def __init__(self, stored: Mapping[str, tuple[int, bytes]]) -> None:
        self._stored = stored
        self._digests = {text: digest for text, (_, digest) in stored.items()}
        self.written: dict[str, Commission] = {}
        """By the execution: what is to be written."""

    def tell(self, report: Commission) -> None:
        """A gateway reports a commission."""
        if self._digests.get(report.id.text) != report.digest:
            self._digests[report.id.text] = report.digest
            self.written[report.id.text] = report

    def former(self) -> list[str]:
        """The executions whose stored report is another one now."""
        return [text for text in self.written if text in self._stored]
