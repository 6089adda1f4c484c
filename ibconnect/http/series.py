"""A time series as a stream: rows of texts from Postgres in, JSON or CSV out, page by page.

Figures stay the text that Postgres keeps, which has all of IB's digits; in JSON they are numbers.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import orjson

from ibconnect.tags import is_canonical

# The time as RFC 3339, then a text for each column; None is a gap.
Point = list[str | None]
Pages = AsyncIterator[list[Point]]
Format = Callable[["Series", Pages], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Series:
    """What a series is called: members that stand before its points, the names of its columns, which are text."""

    head: dict[str, object]
    columns: tuple[str, ...]
    texts: frozenset[str] = frozenset()


async def as_json(series: Series, pages: Pages) -> AsyncIterator[bytes]:
    """``{…, "Points": [{"Timestamp": …, column: figure or null, …}, …]}``."""
    names = [orjson.dumps(column).decode().replace("%", "%%") for column in series.columns]
    template = '{"Timestamp":"%s",' + ",".join(f"{name}:%s" for name in names) + "}"
    places = [place for place, column in enumerate(series.columns, 1) if column in series.texts]
    yield orjson.dumps(series.head)[:-1] + b',"Points":['
    separator = ""
    async for page in pages:
        rows = [_with_texts(row, places) for row in page] if places else page
        if rows:
            cells = tuple(["null" if cell is None else cell for row in rows for cell in row])
            points = ",".join([template] * len(rows)) % cells
            yield f"{separator}{points}".encode()
            separator = ","
    yield b"]}"


def _with_texts(row: Point, places: list[int]) -> Point:
    """With the columns at these places as JSON: a number where the text is one, else a string."""
    changed = list(row)
    for place in places:
        text = row[place]
        if text is not None and not is_canonical(text):
            changed[place] = orjson.dumps(text).decode()
    return changed


async def as_csv(series: Series, pages: Pages) -> AsyncIterator[bytes]:
    """RFC 4180 with a header line; an empty cell is a gap."""
    yield (",".join(["Timestamp", *map(_cell, series.columns)]) + "\r\n").encode()
    async for page in pages:
        yield "".join([f"{','.join(map(_cell, row))}\r\n" for row in page]).encode()


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


FORMATS: dict[str, Format] = {"application/json": as_json, "text/csv": as_csv}
