"""Streams of events made by hand, and the snapshot tables read back, for the tests of the projection."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
from eventsourcing.persistence import StoredEvent

from ibconnect.database.pools import connect
from ibconnect.events.codec import encode_message
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.live import LiveTables, Step
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.tracking import path_of
from ibconnect.projections.registry import REPORTS
from ibconnect.projections.upkeep import ensure
from ibconnect.tags import LEDGER_TAGS, SEGMENT_TAGS, column

START = 1_700_000_000_000_000

TABLES = (
    "projection",
    "currency",
    "gateway",
    "account",
    "security_type",
    "exchange",
    "symbol",
    "contract",
    "session",
    "refresh",
    "gateway_account",
    "attribute_set",
    "account_attribute",
    "account_key",
    "account_contract",
    "account_snapshot",
    "account_segment",
    "account_ledger",
    "account_value",
    "account_position",
    "account_model_position",
    "account_model_value",
    "poison_event",
)

# Columns that say when a row was written, not what the events say.
CLOCKS = frozenset({"updated", "noted"})


class Stream:
    """One session under construction; ``events`` are to be recorded in this order."""

    def __init__(self, gateway: str = "127.0.0.1:4002", at: int = START, **opened: Any) -> None:
        self.id: UUID = uuid4()
        self.at = at
        self.gateway = gateway
        self.configured: dict[str, Any] = {}
        """What each refresh tells of the gateways that are configured: ``gateways`` and ``others``."""
        self.events: list[StoredEvent] = []
        facts = {"client_id": 5555, "server_version": "178", "instance": "here", "software": "test"}
        self.own("so", gateway=gateway, **{**facts, **opened})

    def add(self, topic: str, state: bytes) -> StoredEvent:
        """Any event."""
        event = StoredEvent(self.id, len(self.events) + 1, topic, state)
        self.events.append(event)
        return event

    def own(self, topic: str, **facts: Any) -> StoredEvent:
        """Something that the recorder did."""
        self.at += 1000
        return self.add(topic, orjson.dumps({"t": self.at, **facts}))

    def message(self, *fields: str, timed: bool = False) -> StoredEvent:
        """Something that the gateway sent."""
        self.at += 10
        payload = "".join(f"{field}\0" for field in fields).encode()
        return self.add(*encode_message(payload, self.at if timed else None))

    def refresh(self, downloads: dict[str, Iterable[Sequence[str]]], **facts: Any) -> None:
        """A complete refresh of some accounts, with the messages of each download."""
        created = facts.pop("created", self.at + 1)
        self.own("rs", created=created, trigger="test", accounts=list(downloads), **self.configured)
        for account, messages in downloads.items():
            self.download(account, messages)
        self.own("re", created=created, outcome="complete", **facts)

    def download(self, account: str, messages: Iterable[Sequence[str]], ended: str = "download-end") -> None:
        """A download by the one account subscription."""
        self.own("as", account=account, source="updates")
        for number, fields in enumerate(messages):
            self.message(*fields, timed=number % 7 == 0)
        self.own("ac", account=account, ended=ended)


def value(key: str, text: str, currency: str = "", account: str = "DU1") -> tuple[str, ...]:
    """An updateAccountValue message."""
    return "6", "2", key, text, currency, account


def position(
    con_id: int, *, size: str = "100", price: str = "187.25", account: str = "DU1", **contract: str
) -> list[str]:
    """An updatePortfolio message."""
    fields = {
        "symbol": "AAPL",
        "sec_type": "STK",
        "last_trade_date": "",
        "strike": "0",
        "right": "0",
        "multiplier": "",
        "exchange": "NASDAQ",
        "currency": "USD",
        "local_symbol": "AAPL",
        "trading_class": "NMS",
        **contract,
    }
    return ["7", "8", str(con_id), *fields.values(), size, price, "18725.00", "150.12", "3713.00", "0.00", account]


def capture(path: Any) -> list[list[str]]:
    """The messages of a capture file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def record(url: str, events: Iterable[StoredEvent]) -> None:
    """Store events in this order."""
    datastore = Datastore(url)
    try:
        EventRecorder(datastore).insert_events(list(events))
    finally:
        datastore.close()


def project(url: str, limit: int = 20_000) -> list[Step]:
    """Make the tables if need be and apply everything that is recorded."""
    ensure(url)
    with connect(url, name="test") as connection:
        tables = LiveTables(connection, ACCOUNTS, limit)
        steps = [tables.step()]
        while steps[-1].is_behind:
            steps.append(tables.step())
        return steps


def read_columns(url: str, table: str, *names: str) -> list[tuple[Any, ...]]:
    """Some columns of a table's rows as text, in the order of its first column."""
    with connect(url, name="test") as connection:
        return connection.execute(
            f"SELECT {', '.join(f'{name}::text' for name in names)} FROM {table} ORDER BY 1"
        ).fetchall()


def read_tables(url: str, schema: str = "accounts") -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all snapshot tables, sorted, without the columns that hold a clock's time."""
    with connect(url, name="test", search_path=schema) as connection:
        return {table: _rows(connection, table) for table in TABLES}


def _rows(connection: psycopg.Connection[Any], table: str) -> list[tuple[Any, ...]]:
    columns = connection.execute(f"SELECT * FROM {table} LIMIT 0").description or []
    wanted = ", ".join(f"{item.name}::text" for item in columns if item.name not in CLOCKS)
    return sorted(connection.execute(f"SELECT {wanted} FROM {table}").fetchall(), key=repr)


Value = tuple[str, str, str, str]


def read_values(url: str, snapshot_id: int) -> list[Value]:
    """Every value of a snapshot, out of the tables: (tag, segment, currency, text), sorted."""
    with connect(url, name="test") as connection:
        return sorted(
            [
                *_snapshot_columns(connection, snapshot_id),
                *_segments(connection, snapshot_id),
                *_ledgers(connection, snapshot_id),
                *_texts(connection, snapshot_id),
            ]
        )


def _snapshot_columns(connection: psycopg.Connection[Any], snapshot_id: int) -> list[Value]:
    query = "SELECT cushion::text, look_ahead_next_change::text FROM account_snapshot WHERE id = %s"
    row = connection.execute(query, (snapshot_id,)).fetchone()
    assert row is not None
    found = zip(("Cushion", "LookAheadNextChange"), row, strict=True)
    return [(tag, "", "", text) for tag, text in found if text is not None]


def _segments(connection: psycopg.Connection[Any], snapshot_id: int) -> list[Value]:
    columns = ", ".join(f"s.{column(tag)}::text" for tag in SEGMENT_TAGS)
    query = f"""
        SELECT s.segment, coalesce(c.code, ''), {columns}
        FROM account_segment s
        JOIN account_snapshot a ON a.id = s.account_snapshot_id
        LEFT JOIN currency c ON c.id = a.base_currency_id
        WHERE s.account_snapshot_id = %s
    """
    return [
        (tag, segment, currency, text)
        for segment, currency, *texts in connection.execute(query, (snapshot_id,))
        for tag, text in zip(SEGMENT_TAGS, texts, strict=True)
        if text is not None
    ]


def _ledgers(connection: psycopg.Connection[Any], snapshot_id: int) -> list[Value]:
    columns = ", ".join(f"l.{column(tag)}::text" for tag in LEDGER_TAGS)
    query = f"""
        SELECT c.code, {columns}
        FROM account_ledger l
        JOIN currency c ON c.id = l.currency_id
        WHERE l.account_snapshot_id = %s
    """
    return [
        (tag, "", currency, text)
        for currency, *texts in connection.execute(query, (snapshot_id,))
        for tag, text in zip(LEDGER_TAGS, texts, strict=True)
        if text is not None
    ]


def _texts(connection: psycopg.Connection[Any], snapshot_id: int) -> list[Value]:
    query = """
        SELECT t.tag, coalesce(t.segment, ''), coalesce(c.code, ''), t.value
        FROM account_snapshot s
        CROSS JOIN LATERAL (
            SELECT tag, segment, currency_id, value FROM account_value v WHERE v.account_snapshot_id = s.id
            UNION ALL
            SELECT tag, segment, currency_id, value FROM account_attribute a
            WHERE a.attribute_set_id = s.attribute_set_id
        ) AS t
        LEFT JOIN currency c ON c.id = t.currency_id
        WHERE s.id = %s
    """
    return connection.execute(query, (snapshot_id,)).fetchall()


def project_all(url: str) -> None:
    """Apply everything that is recorded to every report."""
    for report in REPORTS:
        project_report(url, report)


def project_report(url: str, report: Projection, limit: int = 20_000) -> Step:
    """Apply everything that is recorded to one report's tables; the last step, with all that was set aside."""
    ensure(url)
    refused: list[Any] = []
    with connect(url, name="test", search_path=path_of(report.name)) as connection:
        live = LiveTables(connection, report, limit)
        while True:
            step = live.step()
            refused += step.set_aside
            if not step.is_behind:
                return step._replace(set_aside=refused)


def rows_of_report(url: str, schema: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a report's tables, sorted, without the columns that hold a clock's time."""
    query = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r' ORDER BY 1"
    with connect(url, name="test", search_path=schema) as connection:
        names = [name for (name,) in connection.execute(query, (schema,))]
        return {name: _rows(connection, name) for name in names if name != "projection"}
