"""Orders between their tables and memory: those that a batch is about are read, and what is new of them is written.

In: facts, orders. Out: orders, rows by COPY and statements. Called by :mod:`fold`. All cells are texts, as Postgres
writes them, so that no figure changes on its way back.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from psycopg import Connection, Cursor
from psycopg.types.string import TextLoader

from ibconnect.database.sql import queries
from ibconnect.projections.engine.copying import line
from ibconnect.projections.orders.book import STATE_COLUMNS, Listing, Order, Seen, State
from ibconnect.projections.orders.facts import Cells, Fact, Key, ListEnded, Of
from ibconnect.times import from_micros, to_micros

Q = queries("projections/orders/load")

MOST_STATES = 64
"""Of an order, so many of its newest states are compared with what is told: a gateway that is further behind than that
tells them anew."""

# The columns of placed_order that are not of its terms, in their order; `inexact` is its last.
_OWN = (
    "id",
    "perm_id",
    "account",
    "gateway_id",
    "order_id",
    "status",
    "states",
    "is_open",
    "changed",
    "first_seen",
    "last_seen",
    "first_position",
    "described",
)
TERMS = (
    "client_id",
    "parent_id",
    "parent_perm_id",
    "ib_contract_id",
    "symbol",
    "security_type",
    "last_trade_date",
    "strike",
    "option_right",
    "multiplier",
    "exchange",
    "currency",
    "local_symbol",
    "trading_class",
    "combo_legs_description",
    "action",
    "order_type",
    "tif",
    "oca_group",
    "order_ref",
    "model_code",
    "fa_group",
    "fa_method",
    "fa_percentage",
    "good_after_time",
    "good_till_date",
    "outside_rth",
    "total_quantity",
    "cash_qty",
    "lmt_price",
    "aux_price",
    "trail_stop_price",
    "trailing_percent",
    "lmt_price_offset",
    "commission",
    "min_commission",
    "max_commission",
    "commission_currency",
    "init_margin_before",
    "maint_margin_before",
    "equity_with_loan_before",
    "init_margin_change",
    "maint_margin_change",
    "equity_with_loan_change",
    "init_margin_after",
    "maint_margin_after",
    "equity_with_loan_after",
    "warning_text",
    "reject_reason",
    "completed_time",
    "completed_status",
    "legs",
    "allocations",
    "others",
    "fault",
)
ORDER_COLUMNS = (*_OWN, *TERMS, "inexact")
STATE_TABLE_COLUMNS = (
    "placed_order_id",
    "ordinal",
    *STATE_COLUMNS,
    "gateway_id",
    "position",
    "first_seen",
    "last_seen",
    "account",
    "inexact",
)
_AS_TEXT = ("int4", "int8", "numeric", "bool", "json")


class Gateways:
    """Their names and ids, which count up."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self._written = 0

    def load(self, connection: Connection[Any]) -> None:
        """Learn those that the table has."""
        for number, name in connection.execute(Q["gateways"], {"last": self._written}):
            self.ids[name] = self._written = number

    def id_of(self, name: str) -> int:
        """The id of a gateway, a new one if it has none."""
        return self.ids.setdefault(name, len(self.ids) + 1)

    def take_fresh(self) -> list[tuple[int, str]]:
        """Those that the table lacks."""
        fresh = [(number, name) for name, number in self.ids.items() if number > self._written]
        self._written = len(self.ids)
        return fresh


def read(connection: Connection[Any], gateways: Gateways, facts: Sequence[Fact]) -> list[Order]:
    """The orders that these facts may be about; their gateways are numbered, in the order of events."""
    for fact in facts:
        gateways.id_of(fact.gateway)
    keys = [fact.said.key for fact in facts if isinstance(fact, Of)]
    pairs = [key[1:] for key in keys if key.order_id]
    ending = {gateways.id_of(fact.gateway) for fact in facts if isinstance(fact, ListEnded)}
    asked = {
        "perm_ids": sorted({key.perm_id for key in keys if key.perm_id}),
        "client_ids": [client_id for client_id, _ in pairs],
        "order_ids": [order_id for _, order_id in pairs],
        "gateway_ids": sorted(ending),
    }
    ids = [number for (number,) in connection.execute(Q["find"], asked)]
    if not ids:
        return []
    names = {number: name for name, number in gateways.ids.items()}
    states, seen = _states(connection, ids, names), _seen(connection, ids, names)
    return [_order(row, names, states, seen) for row in _rows(connection, "orders", ids)]


def _rows(connection: Connection[Any], query: str, ids: list[int], **more: int) -> Iterator[Cells]:
    """Rows with all cells as texts, but for moments."""
    with connection.cursor() as cursor:
        for name in _AS_TEXT:
            cursor.adapters.register_loader(name, TextLoader)
        cursor.execute(Q[query], {"ids": ids, **more})
        columns = [column.name for column in cursor.description or ()]
        for row in cursor:
            yield dict(zip(columns, row, strict=True))


def _order(
    row: Mapping[str, Any],
    names: Mapping[int, str],
    states: Mapping[int, list[State]],
    seen: Mapping[int, dict[str, Seen]],
) -> Order:
    number = int(row["id"])
    order = Order(
        number,
        Key(int(row["perm_id"] or 0), int(row["client_id"] or 0), int(row["order_id"])),
        row["account"],
        names[int(row["gateway_id"])],
        int(row["first_position"]),
        to_micros(row["first_seen"]),
        cells={name: row[name] for name in TERMS if row[name] is not None},
        inexact=orjson.loads(row["inexact"] or "{}"),
        described=int(row["described"]),
        last_seen=to_micros(row["last_seen"]),
        states=states[number],
        seen=seen[number],
        is_new=False,
        is_changed=False,
    )
    order.written_account, order.written_names = order.account, order.names
    return order


def _states(connection: Connection[Any], ids: list[int], names: Mapping[int, str]) -> Mapping[int, list[State]]:
    states = defaultdict[int, list[State]](list)
    for row in _rows(connection, "states", ids, most=MOST_STATES):
        found: Mapping[str, Any] = row
        state = State(
            int(found["ordinal"]),
            {name: row[name] for name in STATE_COLUMNS},
            orjson.loads(found["inexact"] or "{}"),
            names[int(found["gateway_id"])],
            int(found["position"]),
            to_micros(found["first_seen"]),
            to_micros(found["last_seen"]),
            is_new=False,
        )
        states[int(found["placed_order_id"])].append(state)
    return states


def _seen(connection: Connection[Any], ids: list[int], names: Mapping[int, str]) -> Mapping[int, dict[str, Seen]]:
    seen = defaultdict[int, dict[str, Seen]](dict)
    for number, gateway_id, ordinal, listing in connection.execute(Q["seen"], {"ids": ids}):
        seen[number][names[gateway_id]] = Seen(ordinal, Listing(listing), is_changed=False)
    return seen


def write(connection: Connection[Any], gateways: Gateways, orders: Collection[Order]) -> None:
    """Write what is new of these orders."""
    changed = [order for order in orders if order.is_changed]
    with connection.cursor() as cursor:
        _copy(cursor, "gateway", gateways.take_fresh())
        cursor.execute(Q["forget"], {"ids": [order.id for order in changed if not order.is_new]})
        _copy(cursor, "placed_order", (_order_cells(order, gateways) for order in changed))
        fresh = [(order, state) for order in orders for state in order.states if state.is_new or state.is_rewritten]
        former = [(order.id, state.ordinal) for order, state in fresh if not state.is_new]
        if former:
            ids, ordinals = zip(*former, strict=True)
            cursor.execute(Q["forget_states"], {"ids": list(ids), "ordinals": list(ordinals)})
        _copy(cursor, "order_state", (_state_cells(order, state, gateways) for order, state in fresh))
        _touch(cursor, orders)
        _note_seen(cursor, gateways, orders)
        _write_names(cursor, changed)


def _copy(cursor: Cursor[Any], table: str, rows: Iterable[Sequence[Any]]) -> None:
    if lines := [line(row) for row in rows]:
        with cursor.copy(Q[table]) as copy:
            copy.write("\n".join([*lines, ""]))


def _order_cells(order: Order, gateways: Gateways) -> list[Any]:
    latest = order.states[-1]
    own = (
        order.id,
        order.key.perm_id or None,
        order.account,
        gateways.id_of(order.gateway),
        order.key.order_id,
        order.status,
        latest.ordinal,
        order.is_open,
        from_micros(latest.first_seen).isoformat(),
        from_micros(order.first_seen).isoformat(),
        from_micros(order.last_seen).isoformat(),
        order.first_position,
        order.described,
    )
    return [*own, *(order.cells.get(name) for name in TERMS), _json(order.inexact)]


def _state_cells(order: Order, state: State, gateways: Gateways) -> list[Any]:
    return [
        order.id,
        state.ordinal,
        *(state.cells.get(name) for name in STATE_COLUMNS),
        gateways.id_of(state.gateway),
        state.position,
        from_micros(state.first_seen).isoformat(),
        from_micros(state.last_seen).isoformat(),
        order.account,
        _json(state.inexact),
    ]


def _json(inexact: Mapping[str, str]) -> str | None:
    return orjson.dumps(inexact, option=orjson.OPT_SORT_KEYS).decode() if inexact else None


def _touch(cursor: Cursor[Any], orders: Collection[Order]) -> None:
    """When what is known already was told last."""
    touched = [order for order in orders if order.is_touched]
    if unchanged := [order for order in touched if not order.is_changed]:
        times = [from_micros(order.last_seen) for order in unchanged]
        cursor.execute(Q["touch_orders"], {"ids": [order.id for order in unchanged], "times": times})
    states = [
        (order, state)
        for order in touched
        for state in order.states
        if state.is_touched and not state.is_new and not state.is_rewritten
    ]
    if states:
        asked = {
            "ids": [order.id for order, _ in states],
            "ordinals": [state.ordinal for _, state in states],
            "times": [from_micros(state.last_seen) for _, state in states],
        }
        cursor.execute(Q["touch_states"], asked)


def _note_seen(cursor: Cursor[Any], gateways: Gateways, orders: Collection[Order]) -> None:
    told = [(order.id, name, seen) for order in orders for name, seen in order.seen.items() if seen.is_changed]
    if told:
        asked = {
            "ids": [number for number, _, _ in told],
            "gateway_ids": [gateways.id_of(name) for _, name, _ in told],
            "ordinals": [seen.ordinal for _, _, seen in told],
            "listings": [str(seen.listing) for _, _, seen in told],
        }
        cursor.execute(Q["note_seen"], asked)


def _write_names(cursor: Cursor[Any], orders: Collection[Order]) -> None:
    """The names that an order is asked for by, and the account of its states, where these were not told before."""
    if adopted := [order for order in orders if order.account != order.written_account and not order.is_new]:
        accounts = {"ids": [order.id for order in adopted], "accounts": [order.account for order in adopted]}
        cursor.execute(Q["adopt_states"], accounts)
    renamed = [order for order in orders if order.names != order.written_names]
    former = [(order, name) for order in renamed for _, name in order.written_names]
    if former:
        asked = {
            "ids": [order.id for order, _ in former],
            "accounts": [account for order in renamed for account, _ in order.written_names],
            "times": [from_micros(order.first_seen) for order, _ in former],
            "names": [name for _, name in former],
        }
        cursor.execute(Q["drop_names"], asked)
    rows = [
        (name, account, from_micros(order.first_seen).isoformat(), order.id)
        for order in renamed
        for account, name in order.names
    ]
    _copy(cursor, "order_name", rows)
