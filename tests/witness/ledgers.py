"""Cash and values per currency over time, and the list of what there is to ask for."""

from typing import Any

from ibconnect.tags import LEDGER_TAGS, LEDGER_TEXT_TAGS
from tests.last_values import Name
from tests.witness import series
from tests.witness.answers import micros, numeral
from tests.witness.asking import Asker, account_path
from tests.witness.differences import same
from tests.witness.downloads import figure
from tests.witness.snapshots import Snapshot, Witness


def currencies_of(snapshot: Snapshot) -> set[str]:
    """The currencies that the ledger has figures in, readable or not."""
    figures = [name for name in snapshot.values if name.is_ledger and name.tag in LEDGER_TAGS]
    return {name.currency for name in figures} - {""}


def rows_of(snapshot: Snapshot) -> list[dict[str, Any]]:
    """A row for each currency, BASE first."""
    currencies = sorted(currencies_of(snapshot), key=lambda code: (code != "BASE", code))
    around = {"AccountCode": snapshot.account, "BaseCurrency": snapshot.base or None, "Ready": snapshot.ready}
    return [
        {**around, "Timestamp": snapshot.created, "Currency": code, **_figures(snapshot, code)} for code in currencies
    ]


def _figures(snapshot: Snapshot, currency: str) -> dict[str, str | None]:
    texts = {tag: snapshot.values.get(Name(tag, "", currency, True), "") for tag in LEDGER_TAGS}
    return {tag: numeral(figure(text)) for tag, text in texts.items()}


async def compare_ledgers(asker: Asker, witness: Witness) -> None:
    """All currencies of all reports, as JSON and as CSV; of one currency those that cannot be relied on as well."""
    for account in sorted(witness.accounts):
        path = account_path(account, "ledger")
        found = series.snapshots_of(witness, account, takes_any=False)
        expected = [row for each in found for row in rows_of(each)]
        await _same_rows(asker, f"{path}?limit=7", expected)
        table = await asker.csv(f"{path}?limit=10000")
        for row in table:
            row["Timestamp"] = str(micros(row["Timestamp"]))
        cells = [{name: _cell(row.get(name)) for name in shown} for shown, row in zip(table, expected, strict=True)]
        same(table, cells, f"{path} as CSV")
        reports = series.snapshots_of(witness, account, takes_any=True)
        rows = [row for each in reports for row in rows_of(each)]
        for code in sorted({row["Currency"] for row in rows})[:2]:
            some = [row for row in rows if row["Currency"] == code]
            await _same_rows(asker, f"{path}?ready=any&currency={code}", some)


async def _same_rows(asker: Asker, path: str, expected: list[dict[str, Any]]) -> None:
    shown = [row for page in await asker.pages(path) for row in page]
    for row in shown:
        row["Timestamp"] = micros(row["Timestamp"])
    same(shown, expected, path)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).removeprefix("#")


async def compare_tags(asker: Asker, witness: Witness) -> None:
    """Every tag that an account was ever sent, with the segments and currencies that it came with."""
    for account in sorted(witness.accounts):
        path = f"{account_path(account, 'tags')}?limit=20"
        pages = await asker.pages(path)
        names = {name for each in witness.of(account) for name in each.values}
        shown: dict[tuple[str, str], list[Name]] = {}
        for row in (row for page in pages for row in page["Tags"]):
            segments = [*row["Segments"], *([""] if row["Whole"] else [])]
            found = [
                Name(row["Tag"], segment, code, False) for segment in segments for code in row["Currencies"] or [""]
            ]
            assert (row["Tag"], row["Level"]) not in shown, f"{path}: {row} comes twice"
            shown[row["Tag"], row["Level"]] = found
        expected: dict[tuple[str, str], list[Name]] = {}
        for name in names:
            expected.setdefault((name.tag, _level(name)), []).append(name)
        same(*({key: _comes_with(some) for key, some in each.items()} for each in (shown, expected)), path)


def _level(name: Name) -> str:
    return "ledger" if name.is_ledger or name.tag in LEDGER_TEXT_TAGS else "account"


def _comes_with(names: list[Name]) -> tuple[bool, list[str], list[str]]:
    segments = {name.segment for name in names} - {""}
    return "" in {name.segment for name in names}, sorted(segments), sorted({name.currency for name in names} - {""})
