"""An advisor's directory: groups and aliases (requestFA), and the family codes of a login's accounts.

In: a connection. Out: requests 18 and 80 at connection, daily, and when other accounts are listed; the answers (16, 78)
are in the recorded events. A login that is no advisor's refuses requestFA, which is no fault: it is not asked again on
that connection.
"""

import re
from collections.abc import Callable, Iterable
from types import MappingProxyType

from ibconnect.gateway.collectors.collector import Home, Note
from ibconnect.gateway.collectors.due import DAILY, At
from ibconnect.gateway.collectors.question import Answer, Question
from ibconnect.gateway.collectors.scheduled import Scheduled
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.transport import ACCOUNTS

_ADVISOR_DATA, _FAMILY_CODES = 16, 78
_GROUPS, _ALIASES = 1, 3
# What a gateway says to requestFA on a login that is not an advisor's.
NOT_ADVISOR = frozenset({"321", "330", "331", "344"})
# Codes of masters of advisors and of brokers: F1234567, DF1234567, I1234567.
_MASTER = re.compile("D?[FI][A-Z]?[0-9]+", re.ASCII)


class Directory(Scheduled):
    """See the module."""

    name = "directory"
    due = (At.CONNECTION, DAILY)
    messages = MappingProxyType({_ADVISOR_DATA: 4, _FAMILY_CODES: 2})

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self._is_refused = False
        self._listed = frozenset[str]()

    async def run(self, connection: Connection, note: Note) -> None:
        """Ask whenever it is due; see :class:`~ibconnect.gateway.collectors.collector.Collector`."""
        self._is_refused = False
        self._listed = frozenset(connection.accounts)
        with connection.watching(self._watch_list(connection)):
            await super().run(connection, note)

    def questions(self, connection: Connection) -> Iterable[Question]:
        """Groups, aliases, family codes."""
        for kind in (_ALIASES, _GROUPS):
            if not self._is_refused and _may_be_advisor(connection.accounts):
                yield _question(kind, self._hear)
        yield Question(lambda transport, _: transport.reqFamilyCodes(), end=_FAMILY_CODES)

    def _hear(self, answer: Answer) -> None:
        """What became of asking for an advisor's data."""
        self._is_refused = answer.code in NOT_ADVISOR

    def _watch_list(self, connection: Connection) -> Callable[[int, list[str]], None]:
        def watch(number: int, _fields: list[str]) -> None:
            if number != ACCOUNTS:
                return
            # It comes with each refresh, too.
            known, self._listed = self._listed, frozenset(connection.accounts)
            if self._listed != known:
                self.ask_now()

        return watch


def _question(kind: int, hear: Callable[[Answer], None]) -> Question:
    return Question(
        lambda transport, _: transport.requestFA(kind),
        end=_ADVISOR_DATA,
        is_end=lambda fields: fields[2] == str(kind),
        accepted=NOT_ADVISOR,
        hear=hear,
    )


def _may_be_advisor(accounts: list[str]) -> bool:
    """Whether it is worth asking: an individual with one account has no directory."""
    return len(accounts) > 1 or any(_MASTER.fullmatch(code) for code in accounts)
