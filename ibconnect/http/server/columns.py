"""What a table's columns are: a name, a type, a meaning; and cells as JSON and CSV show them.

In: what a resource declares, and cells of Postgres. Out: texts of cells. Called by :mod:`ibconnect.http.server.frames`,
by what writes Arrow and Parquet, and by the OpenAPI document.

=========  =============================  =======================  ====================  ============================
type       cells                          JSON                     CSV                   Arrow, Parquet
=========  =============================  =======================  ====================  ============================
TEXT       str                            string                   text, never a formula string
VALUE      str: what IB sent              number where it is one,  text, never a formula string
                                          else string
FIGURE     str of plain digits, Decimal,  number with every digit  the same digits       decimal128(38, 18), or
           int                                                                           decimal256(76, 38)
INTEGER    int                            number                   digits                int64
BOOLEAN    bool                           true, false              true, false           bool
TIME       datetime, or RFC 3339 in UTC   RFC 3339, as short as    RFC 3339, always six  timestamp[us, UTC]
                                          exact                    decimals
DATE       date                           2026-01-31             the same text         date32
TEXTS      sequence of str                array of strings         joined by a space     list of strings
JSON       str: JSON, made here           the value                the JSON as text      string
=========  =============================  =======================  ====================  ============================

None is null, an empty cell, null; of a VALUE, FIGURE or TIME so is the empty text.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson

from ibconnect.http.server.csv import text_cell
from ibconnect.tags import is_canonical
from ibconnect.times import format_rfc3339, wide_rfc3339, widened

Cell = str | int | bool | Decimal | datetime | date | Sequence[str] | None
Row = Sequence[Cell]

_FIGURES = re.compile(r"(?:(?:-?(?:0|[1-9]\d*)(?:\.\d+)?)?\n)*+", re.ASCII)


class Type(Enum):
    """What the cells of a column are; the table above says how each is shown."""

    TEXT = "text"
    VALUE = "value"
    FIGURE = "figure"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIME = "time"
    DATE = "date"
    TEXTS = "texts"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    ``is_nullable``: whether a cell may be None. ``is_optional``: in JSON a row has it only where it is not None.
    ``in_head``: JSON says it once, before the rows; all other formats in every row. ``schema``: of a JSON cell.
    """

    name: str
    type: Type
    description: str
    is_nullable: bool = True
    is_optional: bool = False
    in_head: bool = False
    schema: Mapping[str, Any] | None = None


def figures(cells: Iterable[Any]) -> list[str]:
    """Figures as plain digits with all of them; empty where there is none.

    :raises ValueError: one is no number, or not written as one in JSON
    """
    texts = [cell if cell.__class__ is str else _figure(cell) for cell in cells]
    lines = "\n".join([*texts, ""])
    # All at once; a line break within one would make two of it.
    if _FIGURES.fullmatch(lines) is None or lines.count("\n") != len(texts):
        wrong = next(text for text in texts if "\n" in text or _FIGURES.fullmatch(f"{text}\n") is None)
        raise ValueError(f"{wrong!r} is not a figure")
    return texts


def _figure(cell: str | int | Decimal | None) -> str:
    if isinstance(cell, str):
        return cell
    return "" if cell is None else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def _time(cell: str | datetime) -> str:
    return cell if isinstance(cell, str) else format_rfc3339(cell)


def wide_time(cell: str | datetime) -> str:
    """A time as RFC 3339 with six decimals."""
    return widened(cell) if isinstance(cell, str) else wide_rfc3339(cell)


def _quoted(cell: Any) -> str:
    return orjson.dumps(cell).decode()


def _each(show: Callable[[Any], str], empty: tuple[Cell, ...] = (None,)) -> Callable[[Iterable[Any]], list[str]]:
    """Cells as texts; what is empty is an empty text."""
    return lambda cells: ["" if cell in empty else show(cell) for cell in cells]


_NO_TEXT = (None, "")
_JSON: Mapping[Type, Callable[[Iterable[Any]], list[str]]] = {
    Type.TEXT: _each(_quoted),
    Type.VALUE: _each(lambda cell: cell if is_canonical(cell) else _quoted(cell), _NO_TEXT),
    Type.FIGURE: figures,
    Type.INTEGER: _each(str),
    Type.BOOLEAN: _each(lambda cell: "true" if cell else "false"),
    Type.TIME: _each(lambda cell: f'"{_time(cell)}"', _NO_TEXT),
    Type.DATE: _each(lambda cell: f'"{cell.isoformat()}"'),
    Type.TEXTS: _each(_quoted),
    Type.JSON: _each(str),
}
_CSV: Mapping[Type, Callable[[Iterable[Any]], list[str]]] = {
    **_JSON,
    Type.TEXT: _each(text_cell),
    Type.VALUE: _each(text_cell),
    Type.TIME: _each(wide_time, _NO_TEXT),
    Type.DATE: _each(lambda cell: str(cell.isoformat())),
    Type.TEXTS: _each(lambda cell: text_cell(" ".join(cell))),
    Type.JSON: _each(text_cell),
}


def by_column(columns: Sequence[Column], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """The cells of each column.

    :raises ValueError: a row has more or fewer cells than there are columns
    """
    return list(zip(*rows, strict=True)) or [()] * len(columns)


def json_rows(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """The rows as JSON objects with a comma between them, without those columns that stand before the rows."""
    members = [
        _members(column, cells)
        for column, cells in zip(columns, by_column(columns, rows), strict=True)
        if not column.in_head
    ]
    return ",".join([f"{{{''.join(parts)[1:]}}}" for parts in zip(*members, strict=True)])


def _members(column: Column, cells: Sequence[Cell]) -> list[str]:
    """A column as members with their names, each after a comma."""
    head = f",{_quoted(column.name)}:"
    none = "" if column.is_optional else f"{head}null"
    return [head + text if text else none for text in _JSON[column.type](cells)]


def json_columns(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """Of each column its cells as JSON with a comma between them; empty for those that stand before the rows."""
    return [
        "" if column.in_head else ",".join([text or "null" for text in _JSON[column.type](cells)])
        for column, cells in zip(columns, by_column(columns, rows), strict=True)
    ]


def json_arrays(columns: Sequence[Column], pieces: Sequence[Sequence[str]]) -> str:
    """A JSON object with an array for each column, of pieces that :func:`json_columns` made, in their order."""
    cells = list(zip(*pieces, strict=True)) or [()] * len(columns)
    shown = [(each, some) for each, some in zip(columns, cells, strict=True) if not each.in_head]
    arrays = [f"{_quoted(each.name)}:[{','.join(some)}]" for each, some in shown]
    return f"{{{','.join(arrays)}}}"


def csv_rows(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """The rows as lines."""
    cells = [_CSV[column.type](cells) for column, cells in zip(columns, by_column(columns, rows), strict=True)]
    return "".join([f"{','.join(line)}\r\n" for line in zip(*cells, strict=True)])


def csv_header(columns: Sequence[Column]) -> str:
    """The first line."""
    return f"{','.join(text_cell(column.name) for column in columns)}\r\n"
