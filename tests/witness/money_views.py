"""What the SQL views of money have to show: ledger, segments, positions in the base currency, amounts beside values."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS, column
from tests.last_values import Name
from tests.witness import answers
from tests.witness.answers import MORE_THAN_ANY, micros
from tests.witness.differences import same
from tests.witness.downloads import VALUE, Contract, Held, number
from tests.witness.snapshots import Snapshot, Witness

_Rows = list[dict[str, Any]]


def compare_money_views(url: str, witness: Witness) -> None:
    """All of them."""
    own = {(each.account, each.created): each for each in witness.snapshots if not each.is_foreign}
    with psycopg.connect(url, row_factory=dict_row, options="-c TimeZone=America/New_York") as connection:
        _compare(connection, "v_account_ledger", {key: _ledger(each) for key, each in own.items()})
        _compare(connection, "v_account_segment", {key: _segments(each) for key, each in own.items()})
        _compare(connection, "v_account_position", {key: _positions(each) for key, each in own.items()})
        _compare(connection, "v_account_value", {key: _values(each) for key, each in own.items()})


def _compare(connection: psycopg.Connection[Any], view: str, expected: dict[Any, _Rows]) -> None:
    found: defaultdict[Any, _Rows] = defaultdict(list)
    for row in connection.execute(f"SELECT * FROM {view}").fetchall():
        found[row["account_code"], micros(row["created"].isoformat())].append(row)
    for key, rows in expected.items():
        names = rows[0] if rows else ()
        shown = [{name: _plain(row[name]) for name in names} for row in found.pop(key, [])]
        same(sorted(shown, key=_order), sorted(rows, key=_order), f"{view} of {key}")
    assert not found, f"{view} shows what is not there: {list(found)}"


def _order(row: dict[str, Any]) -> str:
    return repr([str(value) for value in row.values()])


def _plain(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _around(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "base_currency": snapshot.base or None,
        "ready": snapshot.ready,
        "gateway": snapshot.gateway,
        "is_repeat": snapshot.is_repeat,
    }


def _ledger(snapshot: Snapshot) -> _Rows:
    names = [name for name in snapshot.values if name.is_ledger and name.tag in LEDGER_TAGS and name.currency]
    rows = []
    for code in {name.currency for name in names}:
        texts = {tag: snapshot.values.get(Name(tag, "", code, True), "") for tag in LEDGER_TAGS}
        rows.append(
            {"currency": code, **_around(snapshot), **{column(tag): number(text) for tag, text in texts.items()}}
        )
    return rows


def _segments(snapshot: Snapshot) -> _Rows:
    names = [name for name in snapshot.values if not name.is_ledger and name.tag in SEGMENT_TAGS]
    in_base = [name for name in names if name.currency == snapshot.base != ""]
    rows = []
    for segment in {name.segment for name in in_base}:
        texts = {tag: snapshot.values.get(Name(tag, segment, snapshot.base, False), "") for tag in SEGMENT_TAGS}
        figures = {column(tag): number(text) for tag, text in texts.items()}
        rows.append({"segment": segment or None, **_around(snapshot), **figures})
    return rows


def _positions(snapshot: Snapshot) -> _Rows:
    contracts = iter(snapshot.contracts)
    parts = {None: snapshot.download.whole, **snapshot.download.models}
    return [
        {"model": model, **_around(snapshot), **_worth(snapshot, held, next(contracts))}
        for model, part in parts.items()
        for held in part.held
    ]


def _worth(snapshot: Snapshot, held: Held, shown: Contract) -> dict[str, Any]:
    rate, value = answers.rates(snapshot).get(shown.currency), held.numbers[VALUE]
    in_base = None if rate is None or value is None else MORE_THAN_ANY.multiply(Decimal(value), Decimal(rate))
    return {
        "ib_contract_id": int(shown.con_id) if shown.con_id else None,
        "local_symbol": shown.local_symbol,
        "strike": number(shown.strike),
        "multiplier": number(shown.multiplier),
        "market_value": value,
        "exchange_rate": None if rate is None else number(rate),
        "market_value_base": None if in_base is None else number(f"{in_base:f}"),
    }


def _values(snapshot: Snapshot) -> _Rows:
    """Of each value its number, if it is one; a text that seldom changes is none."""
    rows = []
    for model, part in {None: snapshot.download.whole, **snapshot.download.models}.items():
        for name, text in part.values.items():
            amount = None if model is None and name.tag in ATTRIBUTE_TAGS else number(text)
            row = {"tag": name.tag, "segment": name.segment or None, "model": model, "value": text, "amount": amount}
            rows.append(row)
    return rows
