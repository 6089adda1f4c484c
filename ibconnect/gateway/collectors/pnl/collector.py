"""Profit and loss of each account (reqPnL), and of each position where that is wanted (reqPnLSingle).

Both are subscriptions, which would bring about a message a second for each account: the first figures are taken, then
the subscription is ended. So a sample is made with each refresh, and by ``PNL_REF``. An account for which IB has no
figures yet keeps its place for as long as any answer may take, while others are asked, and is asked again by itself.
"""

from collections.abc import Iterable, Sequence
from types import MappingProxyType

from ibconnect.gateway.collectors.collector import Home, Note
from ibconnect.gateway.collectors.due import At, BySetting
from ibconnect.gateway.collectors.pnl.holdings import Holdings
from ibconnect.gateway.collectors.question import About, Question
from ibconnect.gateway.collectors.scheduled import Scheduled
from ibconnect.gateway.connection import Connection
from ibconnect.wire_numbers import is_unset

PNL, PNL_SINGLE = 94, 95


class Pnl(Scheduled):
    """Asked with each refresh and by ``PNL_REF``, account by account; one message with figures is the answer."""

    name = "pnl"
    due = (At.REFRESH, BySetting("pnl_ref"))
    messages = MappingProxyType({PNL: 5, PNL_SINGLE: 7})
    at_once = 25
    """About what may be sent in a second, since answers take up to that: one that does not come holds up few others."""

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self._holdings = Holdings()

    async def run(self, connection: Connection, note: Note) -> None:
        """Ask whenever it is due; see :class:`Collector`."""
        self._holdings = Holdings()
        if not self.home.config.pnl_positions:
            await super().run(connection, note)
            return
        with connection.hearing(self._holdings.hear):
            await super().run(connection, note)

    def questions(self, connection: Connection) -> Iterable[Question]:
        """Each account that the gateway lists, then the positions of these."""
        accounts = tuple(connection.accounts)
        for account in accounts:
            yield _of_account(account)
        listed = frozenset(accounts)
        for account, contract in self._holdings.take():
            if account in listed:
                yield _of_position(account, contract)

    def again(self, connection: Connection, unanswered: Sequence[Question]) -> Iterable[Question]:
        """Those that were not answered, and no others: one sample of an account is enough."""
        listed = frozenset(connection.accounts)
        return [question for question in unanswered if question.about and question.about.account in listed]


def _of_account(account: str) -> Question:
    return Question(
        lambda transport, number: transport.reqPnL(number, account, ""),
        end=PNL,
        number_at=1,
        is_end=lambda fields: _has_figures(fields[2:5]),
        then=lambda transport, number: transport.cancelPnL(number),
        about=About(Pnl.name, account),
    )


def _of_position(account: str, contract: int) -> Question:
    return Question(
        lambda transport, number: transport.reqPnLSingle(number, account, "", contract),
        end=PNL_SINGLE,
        number_at=1,
        is_end=lambda fields: _has_figures(fields[3:6]),
        then=lambda transport, number: transport.cancelPnLSingle(number),
        about=About(Pnl.name, account, contract),
    )


def _has_figures(profits: Sequence[str]) -> bool:
    """Whether the day's, the unrealized or the realized profit is said: at first a gateway often has none of them."""
    return not all(map(is_unset, profits))
