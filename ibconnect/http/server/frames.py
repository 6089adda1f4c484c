"""A table as an answer: one list of named, typed columns becomes JSON, CSV, an Arrow IPC stream or Parquet.

In: a call, columns, rows (a bounded number of them: a page). Out: the answer in what the client prefers by ``Accept``
or else by ``format=``, with a strong ETag (304), a file's name, and the next page where there is one. Called by the
handlers of resources whose routes have ``media=TABLE`` and the parameter ``FORMAT`` of the shared ones.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from urllib.parse import quote

import orjson
from aiohttp import web

from ibconnect.http.server.arrow import TooManyDigits, encoded
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import (
    Cell,
    Column,
    Row,
    Type,
    csv_header,
    csv_rows,
    json_arrays,
    json_columns,
    json_rows,
)
from ibconnect.http.server.limits import CELLS_PIECE, LARGE_BYTES
from ibconnect.http.server.negotiation import ARROW, CSV, FORMATS, JSON, PARQUET
from ibconnect.http.server.problems import Code, Problem
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.times import format_rfc3339

__all__ = ["TABLE", "Cell", "Column", "Row", "Type", "as_figure", "attachment", "next_page", "table_response"]

TABLE: tuple[str, ...] = tuple(FORMATS.values())
"""What a route of a table offers, the default first."""

Document = Callable[[orjson.Fragment], object]
"""What stands around the rows in JSON: it is given them as one value, and gives what orjson writes."""

_EXTENSIONS = {CSV: "csv", ARROW: "arrows", PARQUET: "parquet"}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_NO_CACHING = "private, no-cache"
_MOMENTS = ("from", "to", "at")


async def table_response(
    call: Call,
    columns: Sequence[Column],
    rows: Sequence[Row],
    name: str,
    *,
    document: Document | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
    caching: str = _NO_CACHING,
    is_plain: bool = True,
    by_column: bool = False,
) -> web.StreamResponse:
    """The answer.

    :param rows: each with a cell for each column, as the column's type says
    :param name: what a file of it is called, without an extension, such as ``DU1000001-ledger``
    :param document: JSON is what this makes of the rows; None: an array of them
    :param headers: further headers, such as what :func:`next_page` gives
    :param is_plain: whether no header is added to the answer
    :param by_column: JSON has an array for each column, and not an object for each row
    :raises Problem: in Arrow or Parquet, a figure has more digits than their decimals
    :raises ValueError: a cell is not of its column's type
    """
    media, request = call.media, call.request
    if media in (ARROW, PARQUET):
        body = await _binary(call, columns, rows, name)
    else:
        body = await _text(call, columns, rows, document, by_column=by_column)
    if media != JSON:
        headers = {**attachment(name, media), **headers}
    headers = {"Accept-Ranges": "bytes", **headers}
    answer = CachedResponse(body, media, caching, headers, is_compressible=media != PARQUET)
    if len(body) >= LARGE_BYTES:
        await asyncio.to_thread(answer.compress, request)
    return answer.part(request) or answer.response(request, is_plain=is_plain)


def next_page(call: Call, **changed: str) -> dict[str, str]:
    """The header that names the next page: the same URL with these parameters.

    Moments that are relative, or dates, are said as the times that they were here: all pages are of one moment.
    """
    url, arguments = call.request.rel_url, call.arguments
    given = [name for name in _MOMENTS if isinstance(arguments.get(name), datetime) and name in url.query]
    frozen = {name: format_rfc3339(arguments[name]) for name in given}
    url = url.update_query({**frozen, **changed})
    return {"Link": f'<{call.absolute(url.raw_path_qs)}>; rel="next"'}


def as_figure(text: str | None) -> orjson.Fragment | None:
    """A figure outside of the rows, for ``document``: a JSON number with all its digits, or null."""
    return orjson.Fragment(text) if text else None


async def _text(
    call: Call, columns: Sequence[Column], rows: Sequence[Row], document: Document | None, *, by_column: bool
) -> bytes:
    if call.media != JSON:
        lines = [csv_header(columns)]
        for piece in _pieces(rows, len(columns)):
            async with call.services.gate.piece():
                lines.append(csv_rows(columns, piece))
        return "".join(lines).encode()
    made = await (_arrays if by_column else _array)(call, columns, rows)
    return made.encode() if document is None else orjson.dumps(document(orjson.Fragment(made.encode())))


async def _array(call: Call, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    made = []
    for piece in _pieces(rows, len(columns)):
        async with call.services.gate.piece():
            made.append(json_rows(columns, piece))
    return f"[{','.join(made)}]"


async def _arrays(call: Call, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    made = []
    for piece in _pieces(rows, len(columns)):
        async with call.services.gate.piece():
            made.append(json_columns(columns, piece))
    return json_arrays(columns, made)


def _pieces(rows: Sequence[Row], width: int) -> Iterator[Sequence[Row]]:
    """The rows, so few at a time that making them ready to send makes nobody wait."""
    height = max(CELLS_PIECE // width, 1)
    for first in range(0, len(rows), height):
        yield rows[first : first + height]


async def _binary(call: Call, columns: Sequence[Column], rows: Sequence[Row], name: str) -> bytes:
    """Off the event loop, and one at a time: who asks for many waits for his own turns."""
    turns = call.services.encoding
    holder = await turns.take()
    try:
        return await asyncio.to_thread(encoded, call.media, columns, rows, {"name": name})
    except TooManyDigits as exc:
        raise Problem(Code.NOT_ACCEPTABLE, f"{exc}; JSON and CSV have them") from exc
    finally:
        turns.give(holder)


def attachment(name: str, media: str) -> dict[str, str]:
    """The header that names a file (RFC 6266): in ASCII, and as it is where that is something else."""
    plain, extension = _NOT_IN_NAMES.sub("_", name), _EXTENSIONS[media]
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}.{extension}"
    return {"Content-Disposition": f'attachment; filename="{plain}.{extension}"{extended}'}
