"""Recording: from the simulator's socket to committed events, beside the library's ``save()`` and a raw binary COPY.

The simulated gateway sends as fast as the recorder reads; simulator and service are processes of their own, as in
production. A relay in this process passes the bytes on and keeps them, so that what was stored can be compared with
what was sent, frame by frame. References in the same round: the library's ``save()`` with one event a call, and the
very rows that were recorded, by COPY into the library's own table in transactions of the same size.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from bench import library, stage
from bench.figures import Figure, median, percentile
from bench.relay import Relay, relay
from bench.sizes import FULL, Size
from bench.stage import BenchError, Service
from ibconnect.database.pools import connect
from ibconnect.events.codec import payloads_of, split_state
from ibconnect.events.types import OwnEvent, class_of

Connection = psycopg.Connection[TupleRow]

_WAIT_S = 300.0
_SIMULATED = ("--accounts", "1", "--positions", "20")


@dataclass(frozen=True, slots=True)
class Round:
    """One round: events a second of each way, and what the recorder cost."""

    record: float
    copy: float
    save: float
    transactions: int
    cpu_us: float
    growth_mb: float


def figures(size: Size = FULL) -> Iterator[Figure]:
    """The figures of recording."""
    with stage.postgres() as server:
        rounds = [_round(server, size) for _ in range(size.rounds)]
        save, copy, record = (median([getattr(each, name) for each in rounds]) for name in ("save", "copy", "record"))
        per_transaction = size.record_messages / median([each.transactions for each in rounds])
        yield Figure("record_per_s", record, f"{size.record_messages:,} messages from socket to commit")
        yield Figure(
            "record_vs_save",
            median([each.record / each.save for each in rounds]),
            f"{record:,.0f}/s against save()'s {save:,.0f}/s, one event a call",
        )
        yield Figure(
            "record_vs_copy",
            median([each.record / each.copy for each in rounds]),
            f"against raw COPY's {copy:,.0f}/s, {per_transaction:,.0f} rows a transaction",
        )
        yield Figure("record_cpu_us", median([each.cpu_us for each in rounds]), "CPU time of the service per message")
        yield Figure("record_growth_mb", max(each.growth_mb for each in rounds), "resident memory, first tenth to peak")
        yield _latency(server, size)


def _round(server: str, size: Size) -> Round:
    with stage.database(server, "bench_library", migrated=False) as plain:
        save = library.save_rate(plain, size.reference_s)
        with stage.database(server, "bench_record") as url:
            stage.checkpoint(server)
            rate, cpu_us, growth = _record(url, size.record_messages)
            batches = _transactions(url)
            library.create_table(plain)
            stage.checkpoint(server)
            copy = _copy_rate(plain, batches)
            return Round(rate, copy, save, len(batches), cpu_us, growth)


def record_rate(url: str, messages: int) -> float:
    """Events a second, from socket to commit, into a database that may hold others."""
    return _record(url, messages, is_alone=False)[0]


def _record(url: str, messages: int, *, is_alone: bool = True) -> tuple[float, float, float]:
    """Events a second, CPU µs of the service per message, and MB by which it grew."""
    with connect(url, name="bench") as connection:
        # Before anything is started: a short load is over before there is a connection.
        former, options = _position(connection), ("--rate", "max", "--rate-messages", str(messages))
        with _recording(url, *options) as (service, wire):
            begin = stage.until(lambda: _subscribed(connection, former), "the recorder subscribes", _WAIT_S)
            cpu = service.process.cpu_seconds
            stage.until(lambda: _position(connection) >= former + messages // 10, "a tenth is stored", _WAIT_S)
            early = service.process.rss_mb
            stage.until(lambda: _position(connection) >= former + messages, "everything is stored", _WAIT_S)
            seconds = time.time() - begin / 1e6
            used = service.process.cpu_seconds - cpu
            growth = max(0.0, service.process.peak_rss_mb - early)
    if is_alone:
        check_law(url, wire)
    return messages / seconds, used / messages * 1e6, growth


@contextmanager
def _recording(url: str, *options: str) -> Iterator[tuple[Service, Relay]]:
    with (
        stage.simulator(*_SIMULATED, *options) as gateway,
        relay(gateway.port) as wire,
        stage.service(url, wire.port) as service,
    ):
        yield service, wire


def _subscribed(connection: Connection, after: int) -> int:
    """When the account was subscribed, which is when the load began (µs since the epoch); 0 if it was not yet."""
    query = """SELECT (convert_from(state, 'UTF8')::json ->> 't')::bigint FROM stored_events
               WHERE notification_id > %s AND topic = 'as' ORDER BY notification_id LIMIT 1"""
    row = connection.execute(query, (after,)).fetchone()
    return row[0] if row else 0


def _position(connection: Connection) -> int:
    row = connection.execute("SELECT max(notification_id) FROM stored_events").fetchone()
    return (row[0] if row else None) or 0


def check_law(url: str, wire: Relay) -> int:
    """Compare what is stored with what was sent, frame by frame; return the number of frames.

    :raises BenchError: they differ
    """
    sent = wire.frames()
    next(sent)  # the handshake, which is no message
    query = "SELECT topic, state FROM stored_events ORDER BY originator_id, originator_version"
    count = 0
    with psycopg.connect(url) as connection, connection.cursor("law", binary=True) as cursor:
        cursor.itersize = 20_000
        for topic, state in cursor.execute(query):
            if issubclass(class_of(topic), OwnEvent):
                continue
            for payload in payloads_of(topic, state):
                count += 1
                if payload != next(sent, None):
                    raise BenchError(f"message {count} was not recorded as it was sent")
    if (left := next(sent, None)) is not None:
        raise BenchError(f"a message that was sent is not recorded: {left!r}")
    return count


def _transactions(url: str) -> list[bytes]:
    """The stored rows as COPY data, one piece for each transaction that stored them."""
    bounds = "SELECT min(notification_id), max(notification_id) FROM stored_events GROUP BY xmin::text ORDER BY 1"
    rows = """COPY (SELECT originator_version, originator_id, topic, state FROM stored_events
                    WHERE notification_id BETWEEN {} AND {} ORDER BY notification_id) TO STDOUT (FORMAT binary)"""
    with psycopg.connect(url) as connection:
        pieces = []
        for low, high in connection.execute(bounds).fetchall():
            with connection.cursor().copy(psycopg.sql.SQL(rows).format(low, high)) as copy:
                pieces.append(b"".join(copy))
        return pieces


def _copy_rate(url: str, pieces: list[bytes]) -> float:
    """Rows a second by raw COPY into the library's own table, a transaction for each piece."""
    statement = "COPY stored_events (originator_version, originator_id, topic, state) FROM STDIN (FORMAT binary)"
    with psycopg.connect(url) as connection:
        began = time.perf_counter()
        for piece in pieces:
            with connection.cursor().copy(statement) as copy:
                copy.write(piece)
            connection.commit()
        seconds = time.perf_counter() - began
        return _position(connection) / seconds


def _latency(server: str, size: Size) -> Figure:
    """From arrival to commit at a steady rate, as another connection that follows the events sees it."""
    rounds: list[list[float]] = [[] for _ in range(size.rounds)]
    with (
        stage.database(server, "bench_latency") as url,
        _recording(url, "--rate", "1000"),
        connect(url, name="bench") as connection,
    ):
        connection.execute("LISTEN stored_events")
        stage.until(lambda: _position(connection) > 1000, "the load has begun", _WAIT_S)
        for waited in rounds:
            _follow(connection, size.latency_s, waited)
    p99, middle = (median([percentile(waited, percent) for waited in rounds]) for percent in (99, 50))
    count = sum(map(len, rounds))
    return Figure("record_commit_p99_ms", p99, f"median {middle:.1f} ms, {count:,} events at 1,000 a second")


def _follow(connection: Connection, seconds: float, waited: list[float]) -> None:
    """Collect the milliseconds from each event's arrival until this reader had it."""
    query = "SELECT notification_id, topic, state FROM stored_events WHERE notification_id > %s ORDER BY 1"
    last, arrived, end = _position(connection), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in connection.notifies(timeout=1.0, stop_after=1):
            pass
        rows = connection.execute(query, (last,), binary=True).fetchall()
        now = time.time() * 1e6
        for position, topic, state in rows:
            last = position
            if issubclass(class_of(topic), OwnEvent):
                continue
            arrived = split_state(state)[0] or arrived
            if arrived:
                waited.append((now - arrived) / 1000)


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
