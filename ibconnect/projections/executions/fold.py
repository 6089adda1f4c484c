"""Facts into the tables of the executions report.

In: a :class:`~ibconnect.projections.executions.facts.Work`. Out: rows in the caller's transaction. Called by the
engine. Every answer of a gateway repeats the executions of the whole day: what is known already, which is nearly all,
costs one look into the tables for the whole batch. What a batch of facts makes is what they make one by one.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection, Cursor

from ibconnect.database.sql import queries
from ibconnect.projections.engine.projection import Written
from ibconnect.projections.executions.facts import Commission, Covered, Fill, Work
from ibconnect.projections.executions.standing import Fills, Known, Reports

Q = queries("projections/executions/load")


class ExecutionsFold:
    """Keeps nothing in memory."""

    def load(self, connection: Connection[Any]) -> None:
        """Nothing."""

    def write(self, connection: Connection[Any], work: Work) -> Written:
        """Write the rows; what is counted are executions that are new or are told otherwise.

        :raises psycopg.Error: Postgres refuses a row, or is away
        """
        with connection.cursor() as cursor:
            made = _write_fills(cursor, work.fills)
            _write_reports(cursor, work.commissions)
            _cover(cursor, work.covered)
        return Written(made)


def _write_fills(cursor: Cursor[Any], told: Sequence[Fill]) -> int:
    if not told:
        return 0
    keys = list(dict.fromkeys((fill.account, fill.id.key) for fill in told))
    cursor.execute(Q["known"], _columns(("accounts", "keys"), keys))
    fills = Fills(Known(*row) for row in cursor)
    for fill in told:
        fills.tell(fill)
    changes = fills.changes()
    if former := [each.id for each in changes.written if each.is_stored]:
        cursor.execute(Q["forget"], _columns(("accounts", "ids"), former))
    if changes.written:
        cursor.execute(Q["accounts"], {"codes": sorted({each.account for each in changes.written})})
        with cursor.copy(Q["execution"]) as copy:
            for each in changes.written:
                copy.write_row(_row(each))
    if changes.superseded:
        moved = [(*each.id, each.is_current) for each in changes.superseded]
        cursor.execute(Q["supersede"], _columns(("accounts", "ids", "current"), moved))
    if changes.dated:
        dated = [(*each.id, each.at, each.zone) for each in changes.dated]
        cursor.execute(Q["date"], _columns(("accounts", "ids", "times", "zones"), dated))
    return len(changes.written)


def _row(known: Known) -> tuple[Any, ...]:
    """The columns of the statement ``execution``."""
    fill = known.fill
    assert fill is not None
    return (
        known.account,
        known.execution,
        known.key,
        known.correction,
        known.is_current,
        known.position,
        known.received,
        known.gateway,
        known.digest,
        known.at or known.received,
        known.at,
        fill.time,
        known.zone,
        fill.contract_id,
        *fill.contract[1:7],
        fill.multiplier,
        *fill.contract[7:],
        fill.order_id,
        fill.perm_id,
        fill.client_id,
        fill.exchange,
        fill.side,
        fill.shares,
        fill.price,
        fill.cum_qty,
        fill.avg_price,
        fill.liquidation,
        fill.order_ref,
        fill.ev_rule,
        fill.ev_multiplier,
        fill.model_code,
        fill.last_liquidity,
        fill.pending_price_revision,
        fill.submitter,
        fill.texts,
        list(known.remarks),
    )


def _write_reports(cursor: Cursor[Any], told: Sequence[Commission]) -> None:
    if not told:
        return
    cursor.execute(Q["known_reports"], {"ids": list({each.id.text for each in told})})
    reports = Reports({text: (position, digest) for text, position, digest in cursor})
    for each in told:
        reports.tell(each)
    if former := reports.former():
        cursor.execute(Q["forget_reports"], {"ids": former})
    if reports.written:
        with cursor.copy(Q["commission"]) as copy:
            for each in reports.written.values():
                copy.write_row((*each.id, *each[1:]))


def _cover(cursor: Cursor[Any], covered: Iterable[Covered]) -> None:
    if found := [each._asdict() for each in covered]:
        cursor.executemany(Q["cover"], found)


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
