"""A time series in each of its forms: columns of texts from Postgres in, JSON, CSV or a table out, page by page.

Called by :mod:`ibconnect.http.resources.history`.
Figures stay the text that Postgres keeps, which has all of IB's digits; in JSON they are numbers.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import orjson

from ibconnect.http.server.columns import Cell, Column, Type
from ibconnect.http.server.csv import line, text_cell
from ibconnect.tags import is_canonical

# The times of the points as RFC 3339, then a list of as many cells for each column; an empty one is a gap.
Page = list[list[str]]
Pages = AsyncIterator[Page]
Format = Callable[["Series", Pages], AsyncIterator[bytes]]


class Kind(Enum):
    """What the cells of a further column are: texts, words of JSON, objects of JSON."""

    TEXT = "text"
    FLAG = "flag"
    REASONS = "reasons"


class Extra(NamedTuple):
    """A member that a point has only where there is something to say. ``default``: what tables say elsewhere."""

    name: str
    kind: Kind
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class Series:
    """What a series is called: members that stand before its points, the names of its columns.

    ``texts``: the columns whose cells are JSON strings; those of the others are numbers. ``extras``: the columns that
    come after these. ``constants``: what tables say at the end of each row, where JSON says it before the points.
    """

    head: dict[str, object]
    columns: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    extras: tuple[Extra, ...] = ()
    constants: tuple[tuple[str, str], ...] = ()


async def as_json(series: Series, pages: Pages) -> AsyncIterator[bytes]:
    """``{…, "Points": [{"Timestamp": …, column: figure or null, …}, …]}``."""
    names = [f"{orjson.dumps(column).decode()}:" for column in series.columns]
    yield orjson.dumps(series.head)[:-1] + b',"Points":['
    separator = ""
    async for times, *columns in pages:
        members = [_members(cells, name in series.texts) for name, cells in zip(series.columns, columns, strict=False)]
        extras = zip(series.extras, columns[len(series.columns) :], strict=False)
        # Most pages have nothing to say in most of these.
        others = [_present(extra, cells) for extra, cells in extras if any(cells)]
        # What stands around the cells of a point; those of a page take their places all at once.
        around = ['{"Timestamp":"', "", f'",{names[0]}']
        for name in names[1:]:
            around += ("", f",{name}")
        around += ("", *[""] * len(others), "},")
        parts = around * len(times)
        parts[1 :: len(around)] = times
        for number, cells in enumerate(members):
            parts[3 + 2 * number :: len(around)] = cells
        for number, cells in enumerate(others, start=2 * len(members) + 2):
            parts[number :: len(around)] = cells
        if times:
            yield f"{separator}{''.join(parts)[:-1]}".encode()
            separator = ","
    yield b"]}"


def _present(extra: Extra, cells: list[str]) -> list[str]:
    """A column as members with their names, where there is something."""
    mark = '"' if extra.kind is Kind.TEXT else ""
    return [f',"{extra.name}":{mark}{cell}{mark}' if cell else "" for cell in cells]


def _members(cells: list[str], is_text: bool) -> list[str]:
    """A column as JSON; a text that is a number is one here too."""
    if not is_text:
        return [cell or "null" for cell in cells]
    return [text if is_canonical(text := _text(cell)) else cell or "null" for cell in cells]


def _text(cell: str) -> str:
    """The text that is a JSON string."""
    text: str = orjson.loads(cell) if cell else ""
    return text


def _shown(extra: Extra, cells: list[str]) -> list[str]:
    """A column as tables show it."""
    if extra.kind is Kind.REASONS:
        return [_reasons(cell) if cell else "" for cell in cells]
    return [cell or extra.default for cell in cells]


def _reasons(cell: str) -> str:
    """An object as words: ``NetLiquidation=no-report Cushion=not-sent``."""
    return " ".join(f"{name}={reason}" for name, reason in orjson.loads(cell).items())


async def as_csv(series: Series, pages: Pages) -> AsyncIterator[bytes]:
    """RFC 4180 with a header line; an empty cell is a gap."""
    names = [*series.columns, *(extra.name for extra in series.extras), *(name for name, _ in series.constants)]
    constants = [text_cell(text) for _, text in series.constants]
    yield line(["Timestamp", *map(text_cell, names)]).encode()
    async for times, *columns in pages:
        texts = [
            [text_cell(_text(cell)) for cell in cells] if name in series.texts else cells
            for name, cells in zip(series.columns, columns, strict=False)
        ]
        for extra, cells in zip(series.extras, columns[len(series.columns) :], strict=True):
            texts.append([text_cell(cell) for cell in _shown(extra, cells)])
        texts += [[text] * len(times) for text in constants]
        yield "".join(map(line, zip(times, *texts, strict=True))).encode()


def columns_of(series: Series) -> list[Column]:
    """The columns of a series as a table."""
    types = {Kind.TEXT: Type.TEXT, Kind.FLAG: Type.BOOLEAN, Kind.REASONS: Type.TEXT}
    return [
        Column("Timestamp", Type.TIME, "When", is_nullable=False),
        *(Column(name, Type.VALUE if name in series.texts else Type.FIGURE, "Null: a gap") for name in series.columns),
        *(Column(extra.name, types[extra.kind], extra.description) for extra in series.extras),
        *(Column(name, Type.TEXT, "The same in each row") for name, _ in series.constants),
    ]


def rows_of(series: Series, pages: Iterable[Page]) -> Iterator[tuple[Cell, ...]]:
    """The points as rows of a table."""
    for times, *columns in pages:
        cells: list[list[Cell]] = [
            [_text(cell) for cell in column] if name in series.texts else list[Cell](column)
            for name, column in zip(series.columns, columns, strict=False)
        ]
        for extra, column in zip(series.extras, columns[len(series.columns) :], strict=True):
            shown = _shown(extra, column)
            is_flag = extra.kind is Kind.FLAG
            cells.append([(cell == "true" if is_flag else cell) if cell else None for cell in shown])
        cells += [[text] * len(times) for _, text in series.constants]
        yield from zip(times, *cells, strict=True)


FORMATS: dict[str, Format] = {"application/json": as_json, "text/csv": as_csv}
