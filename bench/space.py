"""Bytes on disk per event and per snapshot, indexes included, from the captures of real gateways.

Events: a simulated gateway plays each capture, over and over, into the running service; the reference is what went
over the wire, length prefixes included. The same again with all gateways at one time. Snapshots: the captures as a
history of hourly refreshes; the reference is the original's tables, filled with the same snapshots, of whose values
it keeps 22.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.sql import SQL

from bench import corpus, stage
from bench.figures import Figure
from bench.relay import relay
from bench.sizes import FULL, Size
from ibconnect.projections.upkeep import rebuild
from ibconnect.simulator.captures.source import Captures

# The captures that hold an account's whole list of values; the others are fragments or other requests' answers.
_CAPTURES = (
    "eur-cfd",
    "eur-commodities-fx",
    "eur-flat-20210301",
    "eur-margin",
    "usd-demo-universal",
)
_SNAPSHOT_TABLES = (
    "account_snapshot",
    "account_segment",
    "account_ledger",
    "account_value",
    "account_position",
    "account_attribute",
    "attribute_set",
    "refresh",
)
_ORIGINAL_TABLES = ("account_snapshot", "account_amount", "account_position")
_COUNT = "SELECT count(*) FROM stored_events"
_WAIT_S = 120.0


def figures(size: Size = FULL) -> Iterator[Figure]:
    """The figures of space."""
    paths = [stage.CAPTURES / f"{name}.jsonl" for name in _CAPTURES]
    with stage.postgres() as server:
        with stage.database(server, "bench_events") as url:
            sent = sum((_play(url, [path], size) for path in paths), start=_Sent(0, 0))
            yield _event_bytes("event_bytes_vs_wire", url, sent)
        with stage.database(server, "bench_gateways") as url:
            yield _event_bytes("event_bytes_five_gateways_vs_wire", url, _play(url, paths, size))
        with stage.database(server, "bench_snapshots") as url:
            yield _snapshots(url, paths, size)


class _Sent(NamedTuple):
    """What went over the wire."""

    messages: int
    bytes: int

    def __add__(self, other: "_Sent") -> "_Sent":  # type: ignore[override]
        return _Sent(self.messages + other.messages, self.bytes + other.bytes)


def _play(url: str, paths: Sequence[Path], size: Size) -> _Sent:
    """Record some gateways at one time, each playing a capture, until each has sent its share of the events."""
    each = size.space_events // len(_CAPTURES)
    before = stage.one(url, _COUNT)
    with ExitStack() as stack:
        options = ("--complete", "--rate", "max", "--rate-messages", str(each))
        gateways = [stack.enter_context(stage.simulator("--capture", str(path), *options)) for path in paths]
        wires = [stack.enter_context(relay(gateway.port)) for gateway in gateways]
        ports = ",".join(f"127.0.0.1:{wire.port}" for wire in wires)
        stack.enter_context(stage.service(url, 0, IB_GW=ports))
        wanted = before + each * len(wires)
        stage.until(lambda: stage.one(url, _COUNT) >= wanted, "the captures are recorded", _WAIT_S, 0.2)
    sizes = [len(frame) + 4 for wire in wires for frame in wire.frames()]
    return _Sent(len(sizes), sum(sizes))


def _event_bytes(name: str, url: str, sent: _Sent) -> Figure:
    events = stage.one(url, _COUNT)
    stored = _bytes(url, "public", ("stored_events",))
    beside = (
        f"{stored / events:.0f} bytes an event on disk, {sent.bytes / sent.messages:.0f} a message on the wire,"
        f" {events:,} events"
    )
    return Figure(name, stored / sent.bytes, beside)


def _snapshots(url: str, paths: Sequence[Path], size: Size) -> Figure:
    accounts = []
    for number, path in enumerate(paths, start=1):
        (account,) = corpus.accounts_of(Captures.load(path), 1)
        code = f"DU{number:07d}"
        states = [[each.replace(account.code.encode(), code.encode()) for each in state] for state in account.states]
        accounts.append(corpus.Account(code, states))
    corpus.store(url, accounts, max(2, size.space_events // 600))
    rebuild(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA original")
        connection.execute("SET search_path = original")
        connection.execute(Path(__file__).with_name("original.sql").read_bytes())
        connection.execute("VACUUM ANALYZE")
    count = stage.one(url, "SELECT count(*) FROM accounts.account_snapshot")
    ours = _bytes(url, "accounts", _SNAPSHOT_TABLES) / count
    theirs = _bytes(url, "original", _ORIGINAL_TABLES) / count
    return Figure(
        "snapshot_bytes_vs_original",
        ours / theirs,
        f"{ours:,.0f} bytes a snapshot with every value, the original's with 22 of them {theirs:,.0f}",
    )


def _bytes(url: str, schema: str, tables: tuple[str, ...]) -> int:
    """Bytes of tables, their partitions, their indexes and all else that belongs to them."""
    query = SQL(
        "SELECT sum(pg_total_relation_size(part.relid))::bigint FROM unnest({1}::text[]) AS name"
        " CROSS JOIN LATERAL (SELECT format('%I.%I', {0}::text, name)::regclass AS relid"
        " UNION SELECT relid FROM pg_partition_tree(format('%I.%I', {0}::text, name))) AS part"
    )
    return int(stage.one(url, query.format(schema, list(tables))))


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
