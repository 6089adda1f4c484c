"""Messages about executions made by hand, put through the report, and the tables read back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
from eventsourcing.persistence import StoredEvent

from ibconnect.database.pools import connect
from ibconnect.events.codec import encode_message
from ibconnect.projections.engine.projection import Event, SetAside
from ibconnect.projections.engine.tracking import path_of
from ibconnect.projections.executions.fold import ExecutionsFold
from ibconnect.projections.executions.projection import EXECUTIONS
from ibconnect.projections.executions.reader import ExecutionsReader
from ibconnect.projections.upkeep import ensure
from ibconnect.times import to_micros
from tests.projecting import project_report, record

START = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
STOCK = ("265598", "AAPL", "STK", "", "0.0", "", "", "IBKRATS", "USD", "AAPL", "NMS")
BAG = ("28812380", "AAPL", "BAG", "", "0.0", "", "", "SMART", "USD", "AAPL", "COMB")
UNSET = "1.7976931348623157E308"
TABLES = ("account", "execution", "commission", "coverage")


def fill(
    execution: str,
    account: str = "DU1",
    *,
    time: str = "20260105  09:31:00",
    contract: Sequence[str] = STOCK,
    side: str = "BOT",
    shares: str = "10",
    price: str = "189.50",
    perm_id: str = "1234567890",
    model: str = "",
    more: Sequence[str] = ("0",),
) -> list[str]:
    """execDetails (11)."""
    done = [execution, time, account, contract[7], side, shares, price, perm_id, "3", "0", shares, price]
    return ["11", "-1", "7", *contract, *done, "", "", "", model, "1", *more]


def commission(execution: str, amount: str = "1.00", currency: str = "USD", realized: str = UNSET) -> list[str]:
    """commissionReport (59)."""
    return ["59", "1", execution, amount, currency, realized, UNSET, ""]


@dataclass
class History:
    """Events in the order of positions, as several sessions tell them."""

    events: list[Event] = field(default_factory=list)
    now: datetime = START
    _versions: dict[UUID, int] = field(default_factory=dict)

    def session(self, gateway: str = "127.0.0.1:4002", told: str = "20260105 09:30:00 EST") -> UUID:
        """A connection begins, at which the gateway tells its time."""
        session = uuid4()
        self.own(session, "so", gateway=gateway, client_id=1, server_version="178", connection_time=told)
        return session

    def own(self, session: UUID, topic: str, **facts: Any) -> None:
        """Something that we did."""
        self._add(session, topic, orjson.dumps({"t": self._tick(), **facts}))

    def message(self, session: UUID, fields: Sequence[str]) -> None:
        """Something that the gateway sent."""
        payload = "".join(f"{each}\0" for each in fields).encode()
        self._add(session, *encode_message(payload, self._tick()))

    def answer(self, session: UUID, number: int, messages: Sequence[Sequence[str]] = (), days: int = 1) -> None:
        """A request, and what is answered to it, up to its end."""
        self.own(session, "qa", report="executions", request=number, days=days)
        for fields in messages:
            self.message(session, fields)
        self.message(session, ("55", "1", str(number)))

    def _tick(self) -> int:
        self.now += timedelta(milliseconds=10)
        return to_micros(self.now)

    def _add(self, session: UUID, topic: str, state: bytes) -> None:
        version = self._versions[session] = self._versions.get(session, 0) + 1
        timed = None if state[:1] == b"{" else state
        self.events.append(Event(len(self.events) + 1, session, version, topic, state, timed))


class Report:
    """The tables of the report in a database, as a projector fills them."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def clear(self) -> None:
        """Nothing has been told."""
        self.connection.execute(f"TRUNCATE {', '.join(TABLES)}")

    def project(self, events: Sequence[Event], sizes: Sequence[int] = ()) -> list[SetAside]:
        """Apply events: so many, so many, ..., and the rest; each time by a reader and a fold of their own."""
        rest, opened, refused = list(events), None, list[SetAside]()
        for size in (*sizes, len(rest)):
            some, rest = rest[:size], rest[size:]
            reader, fold = ExecutionsReader(opened), ExecutionsFold()
            with self.connection.transaction():
                fold.load(self.connection)
                understood = reader.read(self.connection, some)
                fold.write(self.connection, understood.work)
            refused += understood.set_aside
            opened = orjson.loads(reader.dump())
        return refused

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return self.connection.execute(query, parameters).fetchall()

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the tables, as text, sorted."""
        return {name: self.rows(f"SELECT {name}::text FROM {name} ORDER BY 1") for name in TABLES}


@contextmanager
def report(url: str) -> Iterator[Report]:
    """The report's tables in a database."""
    ensure(url)
    with connect(url, name="test", search_path=path_of("executions")) as connection:
        yield Report(connection)


def example_history(account: str = "DU1000001") -> History:
    """What one account has traded on a day: in parts, with a correction, with the legs of a combination."""
    history = History(now=datetime(2024, 1, 2, 15, tzinfo=UTC))
    session = history.session(told="20240102 10:00:00 EST")
    time = "20240102 09:{}:00 US/Eastern"
    call = ("700", "ES", "FOP", "20240315", "4500.5", "C", "50", "CME", "USD", "EW3H4 C4500", "EW3")
    put = ("701", "ES", "FOP", "20240315", "4500.5", "P", "50", "CME", "USD", "EW3H4 P4500", "EW3")
    messages = [
        fill("0000e0d5.6593f1a0.01.01", account, time=time.format(35), shares="60", price="187.25", more=("0", "")),
        fill("0000e0d5.6593f1a1.01.01", account, time=time.format(36), shares="40", price="187.3", more=("0", "")),
        fill("0000e0d5.6593f1a1.01.02", account, time=time.format(36), shares="40", price="187.27", more=("0", "")),
        commission("0000e0d5.6593f1a0.01.01", "1.00"),
        commission("0000e0d5.6593f1a1.01.01", "0.35"),
        fill("00018037.6593f200.01.01", account, time=time.format(41), contract=BAG, shares="1", price="2.75"),
        fill("00018037.6593f200.02.01", account, time=time.format(41), contract=call, shares="1", price="14.25"),
        fill(
            "00018037.6593f200.03.01", account, time=time.format(41), contract=put, side="SLD", shares="1", price="11.5"
        ),
        commission("00018037.6593f200.02.01", "1.42"),
        commission("00018037.6593f200.03.01", "1.42", "USD", "-73.07"),
    ]
    history.answer(session, 1, messages)
    return history


def record_history(url: str, history: History) -> None:
    """Store events in their order."""
    record(url, [StoredEvent(each.session, each.version, each.topic, each.state) for each in history.events])


def told(url: str, history: History) -> None:
    """Record events, and have the report made of all that is recorded."""
    record_history(url, history)
    project_report(url, EXECUTIONS)
