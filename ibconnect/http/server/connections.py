"""TCP connections that nobody can hold for nothing: time-outs that aiohttp lacks, and its own errors as problems.

In: what a client sends. Out: requests for the pipeline. Called by the listener.

A client that sends its request's head too slowly (slowloris) or does not take what it is sent is cut off;
memory per connection stays bounded by the transport's buffer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from ibconnect.http.server.access_log import AccessLog
from ibconnect.http.server.asked import Asked
from ibconnect.http.server.crowd import Crowd, Place
from ibconnect.http.server.limits import (
    GRACE_SECONDS,
    HEAD_SECONDS,
    KEEPALIVE_SECONDS,
    LINGER_SECONDS,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_LINE_BYTES,
    SEND_SECONDS,
)
from ibconnect.http.server.problems import ERROR_ID, Code, Problem, failure
from ibconnect.observe import Kind, observe

# aiohttp types a server's handler for its BaseRequest; an application's request factory makes web.Request.
_Handler = Callable[[Any], Awaitable[web.StreamResponse]]


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = ("_access", "_asked", "_crowd", "_head_timer", "_send_timer", "place")

    def __init__(self, manager: "Server", place: Place, crowd: Crowd, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self.place = place
        self._crowd = crowd
        self._asked = manager.asked
        self._access = manager.access
        # So that the time is taken at which a request begins.
        self._logging_enabled = self._access is not None
        self._head_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected: its first request must come soon."""
        super().connection_made(transport)
        self.place.line = self
        self._await_head()

    def idle_since(self) -> float | None:
        """Since when (``loop.time()``) it waits for a request; None while it is at work, or its request comes."""
        if self._request_in_progress or self._waiter is None or self._waiter.done():
            return None
        if self._head_timer is None:
            return self._next_keepalive_close_time - KEEPALIVE_SECONDS
        began = self._head_timer.when() - HEAD_SECONDS
        return began if self._loop.time() - began > GRACE_SECONDS else None

    def give_way(self) -> None:
        """Close it, in favour of another."""
        self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone."""
        self._crowd.leave(self.place)
        self.place.line = None
        for timer in (self._head_timer, self._send_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came: the first ones of a request start its clock, the end of its head stops it."""
        known = self._request_count
        super().data_received(data)
        if self._request_count != known:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
        elif self._head_timer is None and not self._request_in_progress:
            self._await_head()

    def _await_head(self) -> None:
        self._head_timer = self._loop.call_later(HEAD_SECONDS, self._abort)

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        self._send_timer = self._loop.call_later(SEND_SECONDS, self._cut_off)

    def resume_writing(self) -> None:
        """It does again."""
        if self._send_timer is not None:
            self._send_timer.cancel()
        super().resume_writing()

    def _cut_off(self) -> None:
        observe(Kind.HTTP_SLOW_READER, seconds=SEND_SECONDS)
        self._abort()

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is not HTTP, or too long for us, is answered in the same shape as every other problem."""
        if isinstance(exc, ConnectionError):
            # The client has left: nothing failed, and nobody hears an answer.
            raise exc
        if request.writer.output_size > 0:
            raise ConnectionError("a response was begun and cannot be taken back")
        problem = _problem(status, exc)
        kind = Kind.HTTP_FAILED if problem.type is Code.INTERNAL else Kind.HTTP_REFUSED
        # Of what is no HTTP nothing is known but where it came from.
        who = self._asked.about(request) if kind is Kind.HTTP_FAILED else {"client": request.remote or "-"}
        facts = {**who, "error": exc} if kind is Kind.HTTP_FAILED else who
        observe(kind, **problem.facts(), **facts)
        response = problem.response()
        response.force_close()
        return response

    def log_access(self, request: web.BaseRequest, response: web.StreamResponse, time: float | None) -> None:
        """An answer has been sent, or as much of it as the client took."""
        if self._access is not None and time is not None:
            status = response.status
            # Only problems have one, and to look for what is not there takes as long as half of the line.
            error_id = "" if status < 400 else response.get(ERROR_ID, "")
            self._access.write(request, status, self._loop.time() - time, error_id)


def _problem(status: int, exc: BaseException | None) -> Problem:
    if status >= 500:
        return failure()
    if isinstance(exc, LineTooLong):
        limits = f"a line of the head has at most {MAX_LINE_BYTES} bytes, the head at most {MAX_HEADERS} lines"
        return Problem(Code.HEAD_TOO_LARGE, limits)
    return Problem(Code.BAD_REQUEST, "this is not an HTTP/1.1 request that can be understood")


class Server(web.Server):
    """Makes a :class:`Connection` of each TCP connection."""

    asked: Asked
    access: AccessLog | None

    def connection(self, place: Place, crowd: Crowd) -> Connection:
        """What answers on a connection that has this place."""
        return Connection(self, place, crowd, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on such connections, with our access log in the place of aiohttp's.

    :param wrap: what to put around the application's handler
    :param asked: describes requests in the log
    :param access: the access log; None: there is none
    """

    __slots__ = ("_access", "_asked", "_wrap")

    def __init__(
        self,
        app: web.Application,
        wrap: Callable[[_Handler], _Handler],
        *,
        asked: Asked,
        access: AccessLog | None,
        shutdown_timeout: float,
    ) -> None:
        self._wrap = wrap
        self._asked = asked
        self._access = access
        super().__init__(
            app,
            shutdown_timeout=shutdown_timeout,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        settings = {name: value for name, value in self._kwargs.items() if name != "access_log_class"}
        handler = self._wrap(server.request_handler)
        ours = Server(handler, request_factory=server.request_factory, **settings)
        ours.asked, ours.access = self._asked, self._access
        return ours
