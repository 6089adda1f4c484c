"""The access log (``ACCESS_LOG``): one line for each request, when its answer has been sent or its client has left.

In: a request, the status, the seconds that it took. Out: a line in the order of the other lines of the log: JSON, or
the combined form that web servers have, with the seconds and the ``error_id`` after it. It holds the name of a token
(which its entry gives, or else the beginning of its SHA-256), never the token; the path, of the query what
this server knows, and nothing of the answer but its size. Called by connections, and by the pipeline for clients that
leave before they are answered.

Lines of requests that end in the same turn of the event loop are written as one: writing each by itself would take
a tenth of the time of a kept report.
"""

import asyncio
import time
from collections.abc import Callable
from functools import lru_cache

from aiohttp import web

from ibconnect.http.server.asked import Asked, shown
from ibconnect.observe import write_lines

GONE = 499
"""The status, as nginx has it, of a client that left before it was answered."""
TOO_MANY = 429
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
# In English, whatever the locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Form = Callable[[Asked, web.BaseRequest, int, float, str], str]
"""Makes a line of a request and what became of it: status, seconds, the ``error_id`` of a problem."""


class AccessLog:
    """Writes the lines.

    :param asked: describes requests
    :param form: :func:`as_json` or :func:`as_combined`
    """

    def __init__(self, asked: Asked, form: Form) -> None:
        self._asked = asked
        self._form = form
        self._waiting: list[str] = []

    def write(self, request: web.BaseRequest, status: int, seconds: float, error_id: str = "") -> None:
        """Log a request; a probe only if it failed, since these come every few seconds for ever.

        What is answered 429 comes in floods, and is logged once a minute, each holder's as one.
        """
        if status == TOO_MANY or (status < 400 and request.raw_path in _PROBES):
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append(self._form(self._asked, request, status, seconds, error_id))

    def flush(self) -> None:
        """Write what waits to be written."""
        lines, self._waiting = self._waiting, []
        if lines:
            write_lines(lines)


def as_json(asked: Asked, request: web.BaseRequest, status: int, seconds: float, error_id: str) -> str:
    """A line as LOG_FORMAT=json has them. Whatever is shown here holds nothing that JSON escapes."""
    identified = f',"error_id":"{error_id}"' if error_id else ""
    return (
        f'{{"client":"{shown(request.remote or "-")}","token":"{asked.token(request)}",'
        f'"method":"{shown(request.method)}","path":"{asked.target(request)}",'
        f'"status":{status},"bytes":{request.writer.output_size},'
        f'"seconds":{seconds:.6f},"agent":"{shown(request.headers.get("User-Agent", "-"))}"{identified},'
        f'"kind":"http_request","event":"request","level":"info","timestamp":"{_timestamp(time.time_ns() // 1000)}"}}\n'
    )


def as_combined(asked: Asked, request: web.BaseRequest, status: int, seconds: float, error_id: str) -> str:
    """A line in the combined form: a blank separates, quotation marks and line ends stand for themselves nowhere."""
    headers = request.headers
    return (
        f"{request.remote or '-'} - {asked.token(request)} [{_clock(int(time.time()))}] "
        f'"{shown(request.method)} {asked.target(request)} HTTP/1.1" {status} {request.writer.output_size} '
        f'"{shown(headers.get("Referer", "-").partition("?")[0])}" "{shown(headers.get("User-Agent", "-"))}" '
        f"{seconds:.6f} {error_id or '-'}\n"
    )


def _timestamp(micros: int) -> str:
    return f"{_second(micros // 1_000_000)}.{micros % 1_000_000:06}Z"


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@lru_cache(maxsize=1)
def _clock(second: int) -> str:
    moment = time.gmtime(second)
    return time.strftime(f"%d/{_MONTHS[moment.tm_mon - 1]}/%Y:%H:%M:%S +0000", moment)
