"""A table as Arrow IPC stream or as Parquet: figures as decimals, times as timestamps, each column with its meaning.

In: columns and rows. Out: bytes. Called by :mod:`ibconnect.http.server.frames`, in a thread: pyarrow takes 60 MB and
half a second to import, so that is done when the first such table is asked for, and never in the event loop.

All figures of a column have one scale, and it is the same in every answer, so that pages can be put together: 18
decimals of 38 digits. A page with a figure that needs more has 38 decimals of 76 digits in that column.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ibconnect.errors import IbConnectError
from ibconnect.http.server.columns import Column, Row, Type, by_column, figures, wide_time
from ibconnect.http.server.negotiation import PARQUET

_NARROW = re.compile(r"(?:(?:-?\d{1,20}(?:\.\d{1,18})?)?\n)*+", re.ASCII)
_WIDE = re.compile(r"(?:(?:-?\d{1,38}(?:\.\d{1,38})?)?\n)*+", re.ASCII)


class TooManyDigits(IbConnectError):
    """A figure has more digits than decimals of Arrow have."""


def encoded(media: str, columns: Sequence[Column], rows: Sequence[Row], about: Mapping[str, str]) -> bytes:
    """The whole table.

    :param media: Parquet, or Arrow's stream
    :param about: kept with the table, by name
    :raises TooManyDigits: a figure cannot be kept with all its digits
    """
    import pyarrow as pa

    # What is freed goes back to the system, as everything of this process does: Arrow's own allocator keeps it.
    pool = pa.system_memory_pool()
    arrays = [_array(pa, column, cells, pool) for column, cells in zip(columns, by_column(columns, rows), strict=True)]
    fields = [
        pa.field(column.name, array.type, column.is_nullable, {"description": column.description})
        for column, array in zip(columns, arrays, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields, dict(about)))
    sink = pa.BufferOutputStream(pool)
    (_write_parquet if media == PARQUET else _write_stream)(pa, table, sink)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _write_stream(pa: Any, table: Any, sink: Any) -> None:
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def _write_parquet(_: Any, table: Any, sink: Any) -> None:
    from pyarrow import parquet

    parquet.write_table(table, sink, compression="zstd")


def _array(pa: Any, column: Column, cells: Sequence[Any], pool: Any) -> Any:
    match column.type:
        case Type.FIGURE:
            return _decimals(pa, column, cells, pool)
        case Type.TIME:
            return _times(pa, cells, pool)
        case Type.VALUE:
            return pa.array([cell or None for cell in cells], pa.string(), memory_pool=pool)
    kinds = {
        Type.INTEGER: pa.int64(),
        Type.BOOLEAN: pa.bool_(),
        Type.DATE: pa.date32(),
        Type.TEXTS: pa.list_(pa.string()),
    }
    return pa.array(cells, kinds.get(column.type, pa.string()), memory_pool=pool)


def _times(pa: Any, cells: Sequence[Any], pool: Any) -> Any:
    kind = pa.timestamp("us", "UTC")
    if not any(isinstance(cell, str) for cell in cells):
        return pa.array(cells, kind, memory_pool=pool)
    return pa.array([wide_time(cell) if cell else None for cell in cells], pa.string(), memory_pool=pool).cast(kind)


def _decimals(pa: Any, column: Column, cells: Sequence[Any], pool: Any) -> Any:
    """Digits are counted here: Arrow takes a text of hundreds of them, and makes another number of it."""
    texts = figures(cells)
    kind = _kind(pa, "\n".join([*texts, ""]))
    if kind is None:
        raise TooManyDigits(f"a figure of {column.name} has too many digits for Arrow and Parquet")
    return pa.array([text or None for text in texts], pa.string(), memory_pool=pool).cast(kind)


def _kind(pa: Any, lines: str) -> Any:
    """The decimals that hold all of these; None if none do."""
    if _NARROW.fullmatch(lines):
        return pa.decimal128(38, 18)
    return pa.decimal256(76, 38) if _WIDE.fullmatch(lines) else None
