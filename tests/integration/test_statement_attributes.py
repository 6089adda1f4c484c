"""Every attribute of a statement is in a column, under its own name in ``more``, or counted."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from psycopg.rows import dict_row

from ibconnect.database.pools import connect
from ibconnect.flex_values import day, moment
from ibconnect.projections.statements.layout import Kind
from ibconnect.projections.statements.rows import TABLES
from ibconnect.projections.statements.sections import PARTS, SPECS
from tests.paths import ROOT
from tests.statements import imported

FIXTURES = sorted((ROOT / "tests" / "fixtures" / "flex").glob("*.xml"))


def elements(path: Path) -> Iterator[tuple[int, int, str, ElementTree.Element]]:
    """The elements with attributes: of which statement, which one of it, in which section."""
    for number, each in enumerate(ElementTree.parse(path).iter("FlexStatement"), 1):
        line = 0
        for section in each:
            for found in section.iter():
                if found.attrib:
                    line += 1
                    yield number, line, section.tag, found


def made(url: str) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """The rows of each element, all cells as texts."""
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    with connect(url, name="test", search_path="statements") as connection:
        connection.row_factory = dict_row  # type: ignore[assignment]
        for table, columns in TABLES.items():
            cells = ", ".join(f"{name}::text" if name not in ("more", "as_sent") else name for name in columns)
            for row in connection.execute(f"SELECT {cells} FROM {table}"):  # type: ignore[arg-type]
                key = int(row["statement"]), int(row["line"])  # type: ignore[call-overload]
                found.setdefault(key, []).append({**row, "table": table})  # type: ignore[dict-item]
    return found


def is_kept(rows: list[dict[str, Any]], section: str, element: str, attribute: str, text: str) -> bool:
    """Whether a row gives the text of an attribute back."""
    if attribute in ("accountId", "levelOfDetail"):
        return text in {row["account"] for row in rows} | {row["level"] for row in rows}
    specs = SPECS.get((section, element), ())
    return any(
        (row["more"] or {}).get(attribute) == text
        or any(attribute in spec.days and str(day(text)) == row["day"] for spec in specs)
        or any(gives_back(row, *spec.columns[attribute], text) for spec in specs if attribute in spec.columns)
        for row in rows
    )


def gives_back(row: dict[str, Any], column: str, kind: Kind, text: str) -> bool:
    """Whether a column does."""
    if column not in row:
        return False
    if text == (row["as_sent"] or {}).get(column, row[column]):
        return True
    if kind is Kind.DAY:
        return str(day(text)) == row[column]
    return kind is Kind.MOMENT and f"{moment(text)}"[:19] == (row[column] or "")[:19]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_every_attribute_is_accounted_for(database_url: str, path: Path) -> None:
    assert imported(database_url, path.read_bytes()) == []
    rows = made(database_url)
    missing, uncounted = [], Counter[tuple[int, str, str]]()
    for number, line, section, element in elements(path):
        for attribute, text in element.attrib.items():
            if not text:
                continue
            if (section, element.tag) in SPECS:
                if not is_kept(rows[number, line], section, element.tag, attribute, text):
                    missing.append((line, section, element.tag, attribute, text))
            else:
                uncounted[number, section, attribute] += 1
    assert missing == []
    with connect(database_url, name="test", search_path="statements") as connection:
        for number, name, others in connection.execute("SELECT statement, name, others FROM section"):
            uncounted -= Counter({(number, name, attribute): count for attribute, count in (others or {}).items()})
        counts = connection.execute("SELECT sum(rows), sum(unread) FROM section").fetchone()
    assert not uncounted
    every = list(elements(path))
    holders = sum(section == "AccountInformation" for _, _, section, _ in every)
    unread = sum((section, element.tag) not in SPECS for _, _, section, element in every) - holders
    assert counts == (len(every), unread)


def test_the_fixture_has_every_section_that_a_query_can_have() -> None:
    (path,) = (path for path in FIXTURES if path.stem == "everything")
    tags = {element.tag for element in ElementTree.parse(path).iter()}
    assert len(tags) > 60
    assert {section for section, _ in SPECS} <= tags
    assert {element for _, element in SPECS} - {"Lot", "WashSale"} <= tags
    assert "ORDER" in PARTS
