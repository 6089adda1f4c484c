"""What the SQL views have to show, compared with what they do."""

from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from ibconnect.tags import ATTRIBUTE_TAGS, column
from tests.last_values import Name
from tests.witness.answers import FIGURES, MONEY, micros
from tests.witness.differences import same
from tests.witness.downloads import RATIOS, Contract, Part, number
from tests.witness.snapshots import Snapshot, Witness

_KEY = tuple[str, int]


def compare_views(url: str, witness: Witness) -> None:
    """All of them."""
    with psycopg.connect(url, row_factory=dict_row, options="-c TimeZone=UTC") as connection:
        own = {(each.account, each.created): each for each in witness.snapshots if not each.is_foreign}
        _latest(connection, witness)
        _amounts(connection, own)
        _values(connection, own)
        _positions(connection, own)
        _contracts(connection, witness)
        _events(connection, witness)


def _rows(connection: psycopg.Connection[Any], view: str) -> list[dict[str, Any]]:
    return connection.execute(f"SELECT * FROM {view}").fetchall()


def _at(row: dict[str, Any]) -> _KEY:
    return row["account_code"], _micros(row["created"])


def _micros(instant: Any) -> int | None:
    return None if instant is None else micros(instant.isoformat())


def _by_snapshot(rows: list[dict[str, Any]], own: dict[_KEY, Snapshot], view: str) -> dict[_KEY, list[dict[str, Any]]]:
    found: dict[_KEY, list[dict[str, Any]]] = {key: [] for key in own}
    for row in rows:
        assert _at(row) in found, f"{view} shows what is not there: {_at(row)}"
        found[_at(row)].append(row)
    return found


def _latest(connection: psycopg.Connection[Any], witness: Witness) -> None:
    expected = []
    for account in sorted(witness.accounts):
        latest = witness.latest(account)
        listing = [name for name, codes in witness.listed.items() if account in codes]
        row = {"account_code": account, "latest": latest and latest.created, "ready": latest and latest.ready}
        row["gateways"] = sorted(name for name in listing if witness.owners.owns(account, name)) or None
        row["gateway"] = latest and latest.gateway
        row["source"], row["ended"] = latest and latest.source, latest and latest.ended
        row["base_currency"] = latest and (latest.base or None)
        row["completed"] = latest and latest.completed
        row["remarks"] = latest and (latest.codes or None)
        expected.append(row)
    shown = sorted(_rows(connection, "v_account_snapshot_latest"), key=lambda row: str(row["account_code"]))
    for row in shown:
        row |= {name: _micros(row[name]) for name in ("latest", "completed")}
        row["remarks"] = {remark["Code"] for remark in row["remarks"]} if row["remarks"] else None
    same([{name: row[name] for name in expected[0]} for row in shown], expected, "v_account_snapshot_latest")


def _amounts(connection: psycopg.Connection[Any], own: dict[_KEY, Snapshot]) -> None:
    found = _by_snapshot(_rows(connection, "v_account_amount"), own, "v_account_amount")
    for key, snapshot in own.items():
        expected: dict[str, Any] = {
            "account_type": snapshot.values.get(Name("AccountType", "", "", False)),
            "base_currency": snapshot.base or None,
            "ready": snapshot.ready,
            "gateway": snapshot.gateway,
            "completed": snapshot.completed,
        }
        for tag in (*RATIOS, *MONEY):
            name = Name(tag, "", "" if tag in RATIOS else snapshot.base, False)
            name = Name(tag, "", "BASE", True) if tag == "TotalCashBalance" else name
            # Without a base currency there is no account-level money.
            is_there = name.currency != "" or tag in RATIOS
            expected[column(tag)] = number(snapshot.values.get(name, "")) if is_there else None
        (row,) = found[key]
        same({name: _plain(row[name]) for name in expected}, expected, f"v_account_amount of {key}")


def _plain(value: Any) -> Any:
    """A number as its digits, a time in microseconds."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return _micros(value) if hasattr(value, "isoformat") else value


def _values(connection: psycopg.Connection[Any], own: dict[_KEY, Snapshot]) -> None:
    found = _by_snapshot(_rows(connection, "v_account_value"), own, "v_account_value")
    columns = ("tag", "segment", "currency", "is_ledger", "model", "value")
    for key, snapshot in own.items():
        parts: dict[str | None, Part] = {None: snapshot.download.whole, **snapshot.download.models}
        expected = [
            (name.tag, name.segment, name.currency, name.is_ledger and name.tag not in ATTRIBUTE_TAGS, model, text)
            for model, part in parts.items()
            for name, text in part.values.items()
        ]
        rows = [tuple(row[name] or (None if name == "model" else "") for name in columns) for row in found[key]]
        shown = [(*row[:3], bool(row[3]), *row[4:]) for row in rows]
        same(sorted(shown, key=repr), sorted(expected, key=repr), f"v_account_value of {key}")


def _positions(connection: psycopg.Connection[Any], own: dict[_KEY, Snapshot]) -> None:
    found = _by_snapshot(_rows(connection, "v_account_position"), own, "v_account_position")
    for key, snapshot in own.items():
        expected, contracts = [], iter(snapshot.contracts)
        for model, part in {None: snapshot.download.whole, **snapshot.download.models}.items():
            for held in part.held:
                figures = dict(zip(map(column, FIGURES), held.numbers, strict=True))
                expected.append({**_described(next(contracts)), **figures, "model": model, "ready": snapshot.ready})
        shown = [{name: _plain(row[name]) for name in expected[0]} for row in found[key]] if expected else found[key]
        same(
            sorted(map(_text, shown), key=repr), sorted(map(_text, expected), key=repr), f"v_account_position of {key}"
        )


def _text(row: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value is None else str(value) for name, value in row.items()}


def _described(contract: Contract) -> dict[str, Any]:
    return {
        "ib_contract_id": int(contract.con_id) if contract.con_id else None,
        "symbol": contract.symbol,
        "local_symbol": contract.local_symbol,
        "security_type": contract.sec_type,
        "exchange": contract.exchange,
        "currency": contract.currency,
        "last_trade_date": contract.expiry,
        "option_right": contract.right,
        "trading_class": contract.trading_class,
    }


def _contracts(connection: psycopg.Connection[Any], witness: Witness) -> None:
    """Each description once, and which of a contract's is the last."""
    every = {contract for snapshot in witness.snapshots for contract in snapshot.contracts}
    last = {contract for number, contract in witness.described.items() if number not in ("", "0")}
    last |= {contract for contract in every if contract.con_id in ("", "0")}
    expected = [{**_described(contract), "is_newest": contract in last} for contract in every]
    shown = [{name: row[name] for name in expected[0]} for row in _rows(connection, "v_contract")] if expected else []
    same(sorted(map(_text, shown), key=repr), sorted(map(_text, expected), key=repr), "v_contract")


def _events(connection: psycopg.Connection[Any], witness: Witness) -> None:
    rows = connection.execute("SELECT * FROM v_event ORDER BY position").fetchall()
    shown = [(row["position"], row["session"], row["version"], _micros(row["arrived"])) for row in rows]
    same(shown, [(each.position, each.session, each.version, each.at) for each in witness.events], "v_event")
    for row, event in zip(rows, witness.events, strict=True):
        state = row["state"]
        if isinstance(state, list):
            fields = state[1:] if isinstance(state[0], int) else state
            same(fields, event.stored, f"v_event {event.position}")
        else:
            same(state, event.facts, f"v_event {event.position}")
