"""Recorded history in bulk: sessions as the recorder would have written them, with their times in the past.

In: a source of the simulator, and how many hours of how many accounts. Out: events in a database, written by the
recorder's own :class:`Stream` and :class:`EventRecorder`; only the clock is ours. Called by the scripts that need
more history than can be recorded while one waits.
"""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.events.stream import Stream
from ibconnect.events.tally import Chunk
from ibconnect.events.types import AccountConcluded, AccountSubscribed, RefreshEnded, RefreshStarted, SessionClosed
from ibconnect.events.writer import Writer
from ibconnect.simulator.captures.source import Captures
from ibconnect.simulator.scenario.accounts import LOAD
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.source import Source
from ibconnect.simulator.wire.frames import Fields, payload

GATEWAY = "127.0.0.1:4002"
BEGIN = 1_420_070_400_000_000
"""2015-01-01T00:00:00Z, in microseconds: what is made of ten years from then on is past."""
HOUR = 3_600_000_000
_STATES = 16
_CHUNK_BYTES = 1 << 20
_READ_MESSAGES = 120


class _Shelf:
    """Takes rows in place of the writer, until they are taken away."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.size = 0
        self.rows = 0

    def put(self, data: bytes, rows: int, _: Chunk | None = None) -> None:
        self.chunks.append(data)
        self.size += len(data)
        self.rows += rows

    def take(self) -> bytes:
        data = b"".join(self.chunks)
        self.chunks.clear()
        self.size = 0
        return data


class _PastSession(Stream):
    """A session whose clock we set."""

    def __init__(self, shelf: _Shelf, began: int) -> None:
        super().__init__(cast(Writer, shelf), GATEWAY)
        self.clock = began

    def now(self) -> int:
        self.clock += 100
        return self.clock


@dataclass(frozen=True, slots=True)
class Account:
    """An account and some states of it, each a full set of encoded messages."""

    code: str
    states: Sequence[Sequence[bytes]]


def scenario_accounts(accounts: int, positions: int, states: int = _STATES) -> list[Account]:
    """Accounts of the simulator's scenario at several moments, which differ in prices."""
    return accounts_of(Scenario(accounts=accounts, positions=positions, activity=0.0), states)


def accounts_of(source: Source, states: int) -> list[Account]:
    """The accounts of a source of the simulator at several moments."""
    return [Account(code, [_encoded(block) for block in source.answer(LOAD, code, states)]) for code in source.codes()]


def real_account(capture: Path, positions: int) -> Account:
    """The values of a recorded account, other amounts at each moment, with so many positions of the scenario."""
    (recorded,) = accounts_of(Captures.load(capture), 1)
    (simulated,) = scenario_accounts(1, positions)
    chance = random.Random(1)
    values = [each for each in recorded.states[0] if each.startswith(b"6\0")]
    states = []
    for state in simulated.states:
        held = [each for each in state if each.startswith(b"7\0")]
        moved = [each.replace(simulated.code.encode(), recorded.code.encode()) for each in held]
        states.append([*(_varied(each, chance) for each in values), *moved])
    return Account(recorded.code, states)


def _varied(value: bytes, chance: random.Random) -> bytes:
    """Another amount with as many decimals; zeros, ones and texts as they are."""
    fields = value.decode().split("\0")
    text, decimals = fields[3], fields[3].partition(".")[2]
    if decimals.isdigit() and text not in ("0.00", "1.00"):
        fields[3] = f"{float(text) * chance.uniform(0.9, 1.1):.{len(decimals)}f}"
    return "\0".join(fields).encode()


def _encoded(messages: Sequence[Fields]) -> list[bytes]:
    return [payload(fields) for fields in messages]


def history(shelf: _Shelf, accounts: Sequence[Account], hours: int) -> Iterator[None]:
    """One session with a refresh of all accounts every hour; yields after each, when rows may be taken."""
    session = _PastSession(shelf, BEGIN)
    session.open(client_id=5555, server_version="178", connection_time="", instance="bench", software="ibconnect")
    codes = [account.code for account in accounts]
    session.receive(payload(("15", "1", ",".join(codes))), session.now())
    for hour in range(hours):
        session.clock = created = BEGIN + hour * HOUR
        session.tell(RefreshStarted, created=created, trigger="schedule", accounts=codes)
        for account in accounts:
            _download(session, account, hour)
        session.tell(RefreshEnded, created=created, outcome="complete")
        session.hand_over()
        yield
    session.end(SessionClosed, reason="stopped")
    yield


def _download(session: _PastSession, account: Account, hour: int) -> None:
    session.tell(AccountSubscribed, account=account.code, source="updates")
    messages = account.states[hour % len(account.states)]
    for start in range(0, len(messages), _READ_MESSAGES):
        arrived = session.now()
        run = messages[start : start + _READ_MESSAGES]
        if not session.receive_run(run, arrived):
            for each in run:
                session.receive(each, arrived)
    session.receive(payload(("54", "1", account.code)), session.now())
    session.tell(AccountConcluded, account=account.code, ended="download-end")


def store(url: str, accounts: Sequence[Account], hours: int) -> int:
    """Write such a history into a database; return the number of events."""
    shelf = _Shelf()
    with Datastore(url) as datastore, ThreadPoolExecutor(1) as thread:
        recorder = EventRecorder(datastore)
        pending: Future[Any] | None = None
        for _ in history(shelf, accounts, hours):
            if shelf.size >= _CHUNK_BYTES:
                if pending is not None:
                    pending.result()
                pending = thread.submit(recorder.append, shelf.take())
        if pending is not None:
            pending.result()
        recorder.append(shelf.take())
        recorder.release()
    return shelf.rows
