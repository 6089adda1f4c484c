"""A time series as a stream: rows of texts from Postgres in, JSON or CSV out, page by page.

Figures stay the text that Postgres keeps, which has all of IB's digits; in JSON they are numbers.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from ibconnect.tags import is_canonical

Row = Sequence[str | None]
Point = tuple[datetime, Row]


@dataclass(frozen=True, slots=True)
class Series:
    """What a series is called: members that stand before its points, and the names of its columns."""

    head: dict[str, object]
    columns: tuple[str, ...]


Pages = AsyncIterator[list[Point]]
Format = Callable[[Series, Pages], AsyncIterator[bytes]]


async def as_json(series: Series, pages: Pages) -> AsyncIterator[bytes]:
    """``{…, "Points": [{"Timestamp": …, column: figure or null, …}, …]}``."""
    keys = [f",{orjson.dumps(column).decode()}:" for column in series.columns]
    yield orjson.dumps(series.head)[:-1] + b',"Points":['
    separator = ""
    async for page in pages:
        points = ",".join(_json_point(at, keys, row) for at, row in page)
        if points:
            yield f"{separator}{points}".encode()
            separator = ","
    yield b"]}"


def _json_point(at: datetime, keys: list[str], row: Row) -> str:
    figures = "".join([key + _json_figure(text) for key, text in zip(keys, row, strict=True)])
    return f'{{"Timestamp":"{_timestamp(at)}"{figures}}}'


def _json_figure(text: str | None) -> str:
    if text is None:
        return "null"
    return text if is_canonical(text) else orjson.dumps(text).decode()


async def as_csv(series: Series, pages: Pages) -> AsyncIterator[bytes]:
    """RFC 4180 with a header line; an empty cell is a gap."""
    yield (",".join(["Timestamp", *map(_cell, series.columns)]) + "\r\n").encode()
    async for page in pages:
        yield "".join([f"{_timestamp(at)},{','.join(map(_cell, row))}\r\n" for at, row in page]).encode()


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _timestamp(at: datetime) -> str:
    """As :func:`ibconnect.times.format_rfc3339`, but quick for the many points of a series."""
    text = at.astimezone(UTC).isoformat() if at.tzinfo is not UTC else at.isoformat()
    text = text[:-6]
    return f"{text.rstrip('0')}Z" if len(text) > 19 else f"{text}Z"


FORMATS: dict[str, Format] = {"application/json": as_json, "text/csv": as_csv}
