"""Listening: new connections are accepted a few at a time, and only as many as there is room for.

In: a bound socket. Out: connections of the server. Called by :mod:`ibconnect.http.app`. asyncio's own way of
accepting takes as many at once as wait, a thousand perhaps, before any of them is counted, and logs with a traceback,
each second, that there are no more descriptors; meanwhile nothing else in the process gets one.
"""

import asyncio
import errno
import socket
from typing import Any, cast

from aiohttp import web

from ibconnect.http.server.connections import Server
from ibconnect.http.server.crowd import Crowd, Place
from ibconnect.http.server.limits import ACCEPTS_AT_ONCE, BACKLOG, EXHAUSTED_PAUSE_SECONDS

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener:
    """Accepts for a server, on one socket; a site closes it as it would close asyncio's own."""

    def __init__(self, line: socket.socket, server: Server, crowd: Crowd) -> None:
        self._line = line
        self._server = server
        self._crowd = crowd
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        line.listen(BACKLOG)
        self._loop.add_reader(line, self._accept)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The socket, for as long as it listens."""
        return (self._line,) if self._line.fileno() >= 0 else ()

    def close(self) -> None:
        """Accept no more."""
        if self._pause is not None:
            self._pause.cancel()
        if self.sockets:
            self._loop.remove_reader(self._line)
            self._line.close()

    def _accept(self) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                line, address = self._line.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as exc:
                if exc.errno in _EXHAUSTED:
                    self._wait_for_room()
                    return
                continue  # one that has been given up meanwhile
            place = self._crowd.enter(address[0])
            if place is None:
                line.close()
            else:
                self._open(line, place)

    def _wait_for_room(self) -> None:
        """The system gives no more descriptors: those that wait are asked again in a moment."""
        self._crowd.exhausted()
        self._loop.remove_reader(self._line)
        self._pause = self._loop.call_later(EXHAUSTED_PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._line, self._accept)

    def _open(self, line: socket.socket, place: Place) -> None:
        line.setblocking(False)
        task = self._loop.create_task(self._connect(line, place), name="http accept")
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, line: socket.socket, place: Place) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._server.connection(place, self._crowd), line)
        except OSError:
            line.close()
            self._crowd.leave(place)


class Site(web.BaseSite):
    """A listener that starts and stops with its runner."""

    __slots__ = ("_crowd", "_line")

    def __init__(self, runner: web.AppRunner, line: socket.socket, crowd: Crowd) -> None:
        super().__init__(runner)
        self._line = line
        self._crowd = crowd

    @property
    def name(self) -> str:
        """Where it listens."""
        address: tuple[Any, ...] = self._line.getsockname()
        return f"{address[0]} {address[1]}"

    async def start(self) -> None:
        """Listen.

        :raises OSError: another process has taken the port meanwhile
        """
        await super().start()
        server = self._runner.server
        assert isinstance(server, Server)
        self._server = cast(asyncio.AbstractServer, Listener(self._line, server, self._crowd))
