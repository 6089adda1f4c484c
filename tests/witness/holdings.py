"""What accounts hold, as tables: at a moment, of one account or of all, and over time."""

from decimal import Decimal
from typing import Any

from tests.witness import answers, series
from tests.witness.answers import micros, rfc3339
from tests.witness.asking import Asker, account_path
from tests.witness.differences import same
from tests.witness.snapshots import Snapshot, Witness

_FAR = "2100-01-01T00:00:00Z"


def rows_of(snapshot: Snapshot | None) -> list[dict[str, Any]]:
    """What a report holds, a row for each position."""
    if snapshot is None:
        return []
    around = {"AccountCode": snapshot.account, "BaseCurrency": snapshot.base or None, "Ready": snapshot.ready}
    # What the witness is told of has no details of contracts.
    around |= {"ISIN": None, "LongName": None}
    return [{**around, "Timestamp": snapshot.created, **row} for row in answers.positions(snapshot)]


async def compare_positions(asker: Asker, witness: Witness) -> None:
    """At the time of each report, and now; by symbol and by contract; over time."""
    moments = sorted({each.completed for each in witness.snapshots})
    for at in [*moments[:: max(len(moments) // 3, 1)], None]:
        await _all_at(asker, witness, at)
    for account in sorted(witness.accounts):
        reports = series.snapshots_of(witness, account, takes_any=False)
        path = account_path(account, "positions", "history")
        await _same_rows(asker, f"{path}?limit=5", [row for each in reports for row in rows_of(each)])


async def _all_at(asker: Asker, witness: Witness, at: int | None) -> None:
    moment = _FAR if at is None else rfc3339(at)
    query = "" if at is None else f"&at={moment}"
    expected = []
    for account in sorted(witness.accounts):
        then = witness.latest(account) if at is None else answers.as_of(witness, account, at)
        rows = rows_of(then)
        expected += rows
        if then is not None:
            await _same_rows(asker, f"{account_path(account, 'positions')}?limit=100{query}", rows, is_ordered=True)
    await _same_rows(asker, f"/v1/positions?limit=7{query}", expected, is_ordered=True)
    for name, member in (("symbol", "Symbol"), ("contract", "IbContractId")):
        for wanted in sorted({row[member] for row in expected})[:3]:
            some = [row for row in expected if wanted in (row[member], row["LocalSymbol"])]
            await _same_rows(asker, f"/v1/positions?{name}={wanted.lstrip('#')}{query}", some, is_ordered=True)


async def _same_rows(asker: Asker, path: str, expected: list[dict[str, Any]], *, is_ordered: bool = False) -> None:
    """All pages as JSON, and the first one as CSV."""
    shown = [row for page in await asker.pages(path) for row in page]
    for row in shown:
        row["Timestamp"] = micros(row["Timestamp"])
    same(sorted(shown, key=_identity), sorted(expected, key=_identity), path)
    if is_ordered:
        same([_size(row) for row in shown], sorted(map(_size, expected)), f"order of {path}")
    table = await asker.csv(path)
    cells = [{**row, "Timestamp": str(micros(row["Timestamp"]))} for row in table]
    same(
        cells,
        [{name: _cell(value) for name, value in row.items()} for row in _as(shown[: len(table)], cells)],
        f"{path} as CSV",
    )


def _as(rows: list[dict[str, Any]], cells: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The members of JSON in the order of the columns of CSV, which has all of them."""
    return [{name: row.get(name) for name in cells[0]} for row in rows] if cells else []


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).removeprefix("#")


def _identity(row: dict[str, Any]) -> tuple[Any, ...]:
    """Whose, when, of what."""
    names = ("AccountCode", "Timestamp", "ModelCode", "IbContractId", "LocalSymbol", "Strike", "Expiry", "Right")
    return tuple(str(row[name]) for name in names)


def _size(row: dict[str, Any]) -> tuple[bool, bool, Decimal, bool, Decimal]:
    """The largest in base currency first, whichever sign; those without such a value later; those of models last."""
    in_base, value = ((row[name] or "").removeprefix("#") for name in ("MarketValueBase", "MarketValue"))
    size = (not in_base, -abs(Decimal(in_base or 0)), not value, -abs(Decimal(value or 0)))
    return row["ModelCode"] is not None, *size
