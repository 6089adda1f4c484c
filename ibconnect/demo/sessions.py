"""The sessions of a login over two years: what its gateway sent and what the recorder said, at given moments.

In: accounts and prices of a moment, and what happened on a day. Out: rows of events on a shelf. Called by ``past``.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import cast
from uuid import UUID

from ibconnect import __version__
from ibconnect.demo import trades
from ibconnect.events.stream import Stream
from ibconnect.events.tally import Chunk
from ibconnect.events.types import (
    AccountConcluded,
    AccountSubscribed,
    QuestionAsked,
    RefreshEnded,
    RefreshStarted,
    SessionClosed,
)
from ibconnect.events.writer import Writer
from ibconnect.simulator import Scenario
from ibconnect.simulator.flex.happenings import Happening
from ibconnect.simulator.scenario import encoding
from ibconnect.simulator.scenario.advisor import ADVISOR_DATA
from ibconnect.simulator.scenario.book import Account, Market
from ibconnect.simulator.scenario.families import FAMILY_CODES
from ibconnect.simulator.scenario.figures import account_values
from ibconnect.simulator.wire.frames import Fields, payload
from ibconnect.simulator.wire.messages import HIGHEST_VERSION, error, for_version
from ibconnect.times import to_micros

_MESSAGES_OF_A_READ = 120
_OPENS = time(0, 7)
_RESTART_DAYS_AGO = 10
_LOST, _BACK = time(11, 24), time(14, 8)
_LOST_TEXT = "Connectivity between IB and Trader Workstation has been lost."


class Shelf:
    """Takes rows in place of the writer, and gives them on in pieces of at least ``size`` bytes."""

    def __init__(self, store: Callable[[bytes], None], size: int) -> None:
        self._store = store
        self._least = size
        self._pieces: list[bytes] = []
        self._size = 0
        self.rows = 0

    def put(self, data: bytes, rows: int, _: Chunk | None = None) -> None:
        """As :meth:`Writer.put`."""
        self._pieces.append(data)
        self._size += len(data)
        self.rows += rows

    def put_down(self, is_last: bool = False) -> None:
        """Give on what there is, if it is enough."""
        if self._pieces and (is_last or self._size >= self._least):
            self._store(b"".join(self._pieces))
            self._pieces.clear()
            self._size = 0


class PastSession(Stream):
    """A session whose clock is set, and whose id follows from when it began: told again, it is the same."""

    def __init__(self, shelf: Shelf, gateway: str, began: datetime) -> None:
        super().__init__(cast(Writer, shelf), gateway)
        self.clock = to_micros(began)
        self.id = _identity(self.clock)
        self._bytes = self.id.bytes

    def now(self) -> int:
        """A tenth of a millisecond later each time."""
        self.clock += 100
        return self.clock

    def send(self, *messages: Fields) -> None:
        """The gateway sends these in one read of the socket."""
        arrived = self.now()
        run = [payload(each) for each in messages]
        if not self.receive_run(run, arrived):
            for each in run:
                self.receive(each, arrived)


def _identity(micros: int) -> UUID:
    """A UUID of version 7: its time, and what is chance otherwise."""
    chance = int.from_bytes(hashlib.sha256(f"demo {micros}".encode()).digest()[:10])
    number = (micros // 1000) << 80 | chance
    number = number & ~(0xF << 76) | 7 << 76
    return UUID(int=number & ~(3 << 62) | 2 << 62)


class Sessions:
    """See the module: one session a week; the gateway restarts when a week begins, and once in the middle of a day."""

    def __init__(self, shelf: Shelf, scenario: Scenario, gateway: str, days: Sequence[date]) -> None:
        self._shelf = shelf
        self._scenario = scenario
        self._gateway = gateway
        self._days = days
        self._zone = scenario.world.days
        self._session: PastSession | None = None
        self._day = 0
        self._request = 0

    def begin_day(self, day: int) -> None:
        """The first day of a week begins with a session of its own."""
        self._day = day
        if day == 0 or self._days[day].isocalendar().week != self._days[day - 1].isocalendar().week:
            self.close("lost")
            self._open(self._at(_OPENS))

    def report(self, at: datetime, accounts: Mapping[str, Account], market: Market) -> None:
        """A walk over all accounts."""
        if self._day == len(self._days) - _RESTART_DAYS_AGO and at.time() > _LOST:
            if at.time() < _BACK:
                self._lose()
                return
            if self._session is None:
                self._open(self._at(_BACK))
        session = self._session
        assert session is not None
        session.clock = created = to_micros(at)
        codes = list(accounts)
        about = {"created": created, "trigger": "schedule", "accounts": codes, "gateways": {self._gateway: []}}
        session.tell(RefreshStarted, **about, knows_others=True)
        for code, account in accounts.items():
            self._download(session, code, account, market, f"{at:%H:%M}")
        session.tell(RefreshEnded, created=created, outcome="complete")
        session.hand_over()

    def end_day(self, happened: Mapping[str, Sequence[Happening]]) -> None:
        """The day's executions and orders are asked for."""
        session = self._session
        assert session is not None
        self._request += 1
        session.tell(QuestionAsked, report="executions", request=self._request, days=1)
        deals = trades.of_day(happened)
        days = self._zone
        for deal in deals:
            session.send(*trades.rows(deal, self._request, days))
        session.send(("55", "1", str(self._request)))
        session.send(*(trades.order_row(deal, days) for deal in deals), ("102",))
        session.hand_over()

    def close(self, reason: str = "stopped") -> None:
        """The session ends, if there is one."""
        if self._session is not None:
            self._session.end(SessionClosed, reason=reason)
            self._session = None

    def _at(self, moment: time) -> datetime:
        return datetime.combine(self._days[self._day], moment, self._zone.zone)

    def _lose(self) -> None:
        """The gateway restarts: nothing is heard of it for hours."""
        if self._session is not None:
            self._session.clock = to_micros(self._at(_LOST))
            self._session.send(for_version(error(-1, 1100, _LOST_TEXT), HIGHEST_VERSION))
            self.close("lost")

    def _open(self, at: datetime) -> None:
        session = self._session = PastSession(self._shelf, self._gateway, at)
        local = f"{at:%Y%m%d %H:%M:%S} {at.tzname()}"
        session.open(
            client_id=5555,
            server_version=str(HIGHEST_VERSION),
            connection_time=local,
            instance="demo",
            software=f"ibconnect {__version__}",
        )
        scenario = self._scenario
        session.send(scenario.managed_accounts(), scenario.next_valid_id(), *scenario.notices())
        session.send(scenario.answer(FAMILY_CODES))
        for kind in (1, 3):
            session.send(scenario.answer(ADVISOR_DATA, kind))

    @staticmethod
    def _download(session: PastSession, code: str, account: Account, market: Market, clock: str) -> None:
        session.tell(AccountSubscribed, account=code, source="updates")
        held = account.positions.values()
        messages = [
            *encoding.value_rows(account_values(account, market), code),
            *(encoding.portfolio_row(each, market, code) for each in held),
            ("8", "1", clock),
        ]
        for first in range(0, len(messages), _MESSAGES_OF_A_READ):
            session.send(*messages[first : first + _MESSAGES_OF_A_READ])
        session.send(("54", "1", code))
        session.tell(AccountConcluded, account=code, ended="download-end", last=session.clock)
