"""A database as years of recording leave it, and what the statements of a program cost there.

In: a database with empty snapshot tables. Out: many snapshots of accounts of every kind, with the planner's statistics
of ten times as many. For tests of how many rows a statement looks at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncCursor, ClientCursor, Connection, sql
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer

from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import ensure

Row = tuple[Any, ...]
Plan = dict[str, Any]

BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
_OF_A_SNAPSHOT = (
    "snapshot",
    "segment",
    "ledger",
    "value",
    "position",
    "model_position",
    "model_value",
    "key",
    "contract",
)
_OF_ORDERS = {"placed_order", "order_state", "order_gateway", "order_name"}
GROWING = {f"account_{name}" for name in _OF_A_SNAPSHOT} | {"contract", "symbol", "session", "refresh"} | _OF_ORDERS
GROWING |= {"sample", "execution", "commission", "contract_detail"}
GROWING |= {"statement", "section", "nav", "cash_balance", "cash_flow", "open_position", "conversion_rate", "trade"}
GROWING |= {"accrual", "transfer", "corporate_action", "option_event", "transaction_tax"}
"""Tables that grow as long as something is recorded; so do the partitions of events."""
_FILL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
# The planner reads how many rows a page has, and looks how many pages there are.
_AS_TEN_TIMES = """
DO $$
BEGIN
    EXECUTE (
        SELECT string_agg(format('ALTER TABLE %s SET (autovacuum_enabled = off)', oid::regclass), ';')
        FROM pg_class
        WHERE relkind = 'r'
            AND relnamespace::regnamespace::text IN ('accounts', 'executions', 'orders', 'pnl', 'statements')
    );
END $$;
UPDATE pg_class SET reltuples = reltuples * 10
WHERE relkind IN ('r', 'i')
    AND relnamespace::regnamespace::text IN ('accounts', 'executions', 'orders', 'pnl', 'statements')
    AND reltuples > 1000
"""
_EXPLAIN = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "


def fill(url: str, hours: int, events: int) -> None:
    """Readings of about 20 accounts, one an hour, and some events of each session."""
    ensure(url)
    with connect(url, name="test", autocommit=False) as connection:
        connection.execute("SET session_replication_role = replica")  # Foreign keys are checked elsewhere.
        with ClientCursor(connection) as cursor:
            cursor.execute(_FILL.encode(), {"begin": BEGIN, "hours": hours, "events": events})
    with connect(url, name="test") as connection:
        connection.execute("VACUUM (ANALYZE, FREEZE)")
        connection.execute(_AS_TEN_TIMES.encode())


@dataclass(frozen=True, slots=True)
class Statement:
    """What a program has sent to Postgres; ``is_prepared``: it may be planned once for all parameters."""

    text: str
    query: Any
    parameters: Any
    is_prepared: bool

    def plans(self, connection: Connection[Row]) -> Iterator[Plan]:
        """How it runs: as planned for its parameters; and, where that may happen, for any."""
        with connection.transaction(force_rollback=True):
            yield _plan_of(connection.execute(sql.SQL(_EXPLAIN) + _composable(self.query), self.parameters))
        if self.is_prepared and self.parameters:
            with connection.transaction(force_rollback=True):
                yield self._plan_for_any(connection)

    def _plan_for_any(self, connection: Connection[Row]) -> Plan:
        text = PostgresQuery(Transformer(connection))
        text.convert(self.text.encode(), self.parameters)
        connection.pgconn.prepare(b"planned_once", text.query, text.types)
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        values = {name: self.parameters[name] for name in dict.fromkeys(text._order or ())}
        listed = sql.SQL(", ").join(sql.Placeholder(name) for name in values)
        with ClientCursor(connection) as cursor:
            plan = _plan_of(
                cursor.execute(sql.SQL("{} EXECUTE planned_once({})").format(sql.SQL(_EXPLAIN), listed), values)
            )
        connection.execute("DEALLOCATE planned_once")
        return plan


def _composable(query: Any) -> sql.Composable:
    return query if isinstance(query, sql.Composable) else sql.SQL(query)


def _plan_of(cursor: psycopg.Cursor[Row]) -> Plan:
    ((found,),) = cursor.fetchall()
    plan: Plan = found[0]
    return plan


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Statement]]:
    """The statements that this process sends meanwhile, through connections of the event loop."""
    sent: list[Statement] = []
    execute = AsyncCursor.execute

    async def noting(self: AsyncCursor[Row], query: Any, params: Any = None, **options: Any) -> Any:
        text = query if isinstance(query, str) else query.as_string(self)
        sent.append(Statement(text, query, params, options.get("prepare") is not False))
        return await execute(self, query, params, **options)

    with monkeypatch.context() as patch:
        patch.setattr(AsyncCursor, "execute", noting)
        yield sent


def nodes(plan: Plan) -> Iterator[Plan]:
    """A node of a plan, and all below it."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def _grows(node: Plan) -> bool:
    table = str(node.get("Relation Name", ""))
    return table in GROWING or table.startswith("stored_events_")


def _rows_of(node: Plan) -> int:
    looked_at = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    found = round(sum(node.get(key, 0) for key in looked_at) * node["Actual Loops"])
    # Of two indexes each may have far more than the rows that are in both.
    parts = [each for part in node.get("Plans", ()) for each in nodes(part) if each["Node Type"] == "Bitmap Index Scan"]
    return max(found, *map(_rows_of, parts), 0)


def read_in_full(plan: Plan) -> list[str]:
    """The tables that grow which it reads from one end to the other; but partitions that are still empty."""
    return [
        node["Relation Name"]
        for node in nodes(plan["Plan"])
        if _grows(node) and node["Node Type"] == "Seq Scan" and _rows_of(node)
    ]


def rows_read(plan: Plan) -> dict[str, int]:
    """How many rows of tables that grow it looked at, by index (or table)."""
    read: dict[str, int] = {}
    for node in nodes(plan["Plan"]):
        if not _grows(node):
            continue
        name = f"{node['Relation Name']} by {node.get('Index Name', node['Node Type'])}"
        read[name] = read.get(name, 0) + _rows_of(node)
    return read
