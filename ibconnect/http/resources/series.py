"""A time series as a stream: columns of texts from Postgres in, JSON or CSV out, page by page.

Called by :mod:`ibconnect.http.resources.history`.
Figures stay the text that Postgres keeps, which has all of IB's digits; in JSON they are numbers.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from ibconnect.http.server.csv import line, text_cell
from ibconnect.tags import is_canonical

# The times of the points as RFC 3339, then a list of as many cells for each column; an empty one is a gap.
Page = list[list[str]]
Pages = AsyncIterator[Page]
Format = Callable[["Series", Pages], AsyncIterator[bytes]]


class Extra(NamedTuple):
    """A member that a point has only where there is something to say. ``default``: what CSV says elsewhere."""

    name: str
    is_text: bool
    default: str


@dataclass(frozen=True, slots=True)
class Series:
    """What a series is called: members that stand before its points, the names of its columns.

    ``texts``: the columns whose cells are JSON strings; those of the others are numbers. ``extras``: the columns that
    come after these.
    """

    head: dict[str, object]
    columns: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    extras: tuple[Extra, ...] = ()


async def as_json(series: Series, pages: Pages) -> AsyncIterator[bytes]:
    """``{…, "Points": [{"Timestamp": …, column: figure or null, …}, …]}``."""
    # What stands around the cells of a point; those of a page take their places all at once.
    around = ['{"Timestamp":"', "", '"']
    for column in series.columns:
        around += (f",{orjson.dumps(column).decode()}:", "")
    around += ("", "") * len(series.extras)
    around.append("},")
    yield orjson.dumps(series.head)[:-1] + b',"Points":['
    separator = ""
    async for times, *columns in pages:
        parts = around * len(times)
        parts[1 :: len(around)] = times
        members = [_members(cells, name in series.texts) for name, cells in zip(series.columns, columns, strict=False)]
        members += map(_present, series.extras, columns[len(series.columns) :])
        for number, cells in enumerate(members):
            parts[4 + 2 * number :: len(around)] = cells
        if times:
            yield f"{separator}{''.join(parts)[:-1]}".encode()
            separator = ","
    yield b"]}"


def _present(extra: Extra, cells: list[str]) -> list[str]:
    """A column as members with their names, where there is something."""
    mark = '"' if extra.is_text else ""
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


async def as_csv(series: Series, pages: Pages) -> AsyncIterator[bytes]:
    """RFC 4180 with a header line; an empty cell is a gap."""
    names = [*series.columns, *(extra.name for extra in series.extras)]
    yield line(["Timestamp", *map(text_cell, names)]).encode()
    async for times, *columns in pages:
        texts = [
            [text_cell(_text(cell)) for cell in cells] if name in series.texts else cells
            for name, cells in zip(series.columns, columns, strict=False)
        ]
        for extra, cells in zip(series.extras, columns[len(series.columns) :], strict=True):
            texts.append([text_cell(cell or extra.default) for cell in cells])
        yield "".join(map(line, zip(times, *texts, strict=True))).encode()


FORMATS: dict[str, Format] = {"application/json": as_json, "text/csv": as_csv}
