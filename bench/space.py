"""Space on disk, indexes included: an event beside its wire bytes, a snapshot beside the original IB Connect's.

The original kept, of each snapshot, 19 amounts as (currency, minor units) and two other figures, and of each position
five numbers (original.sql is its schema as far as it counts here); it is filled from the very same snapshots.
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench import stage, workload
from bench.figures import Figure
from bench.sizes import FULL, Size
from ibconnect.projections.rebuild import rebuild

_ORIGINAL = (Path(__file__).parent / "original.sql").read_text(encoding="utf-8")
_OURS = ("refresh", "account_snapshot", "account_segment", "account_ledger", "account_value", "account_position")
_THEIRS = ("account_snapshot", "account_amount", "account_position")


def figures(size: Size = FULL) -> Iterator[Figure]:
    """The figures of space."""
    with stage.postgres() as server, stage.database(server, "bench_space") as url:
        history = workload.History()
        events = workload.fill(url, history.events(size.space_events))
        rebuild(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute(_ORIGINAL)
            stored = _size(connection, "public", ("stored_events",))
            ours = _size(connection, "snapshots", _OURS)
            theirs = _size(connection, "original", _THEIRS)
            snapshots = stage.one(url, "SELECT count(*) FROM snapshots.account_snapshot")
    wire = history.wire_bytes
    yield Figure("event_bytes", stored / events, f"{wire / events:.0f} on the wire, 4-byte lengths included")
    yield Figure("event_bytes_vs_wire", stored / wire, f"{stored / 1e6:,.0f} MB against {wire / 1e6:,.0f} MB")
    yield Figure("snapshot_bytes", ours / snapshots, f"{snapshots:,} snapshots of 10 positions, with all values")
    yield Figure(
        "snapshot_bytes_vs_original", ours / theirs, f"against {theirs / snapshots:,.0f} bytes for 22 of the values"
    )


def _size(connection: psycopg.Connection[tuple[object, ...]], schema: str, tables: tuple[str, ...]) -> int:
    """Bytes of some tables with their indexes."""
    query = "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name"
    row = connection.execute(query, ([f"{schema}.{table}" for table in tables],)).fetchone()
    return int(str(row[0])) if row else 0
