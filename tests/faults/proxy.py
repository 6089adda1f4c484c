"""A TCP proxy in front of a Postgres server: connections can be cut, and held without a word.

In: connections to :attr:`Proxy.port`. Out: the same to a Unix socket or port. Each instance of the service gets one
of its own, so that one alone can be cut off.
"""

import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.waiting import DEADLINE_S

_CHUNK = 1 << 16


class Proxy:
    """Runs in a thread of its own for as long as the context lasts."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._target = str(Path(query["host"][0]) / f".s.PGSQL.{query['port'][0]}")
        self._user = parts.username
        self._database = parts.path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._is_refusing = False
        self._is_holding = False
        self._is_over = False
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        """The server's URL, by way of the proxy."""
        return f"postgresql://{self._user}@127.0.0.1:{self.port}{self._database}"

    def cut(self, *, refuse: bool) -> None:
        """Close all connections at once; refuse new ones until :meth:`mend` if so asked."""
        with self._guard:
            self._is_refusing = refuse
            for one in tuple(self._pairs):
                self._close(one)

    def hold(self) -> None:
        """From now on nothing gets through in either direction, and nobody is told: a network that swallows packets."""
        with self._guard:
            self._is_holding = True

    def mend(self) -> None:
        """Let everything through again; what was held is lost with its connections."""
        with self._guard:
            if self._is_holding:
                for one in tuple(self._pairs):
                    self._close(one)
            self._is_holding = self._is_refusing = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join(DEADLINE_S)
        self._listener.close()
        self.cut(refuse=True)

    def _run(self) -> None:
        while not self._is_over:
            with self._guard:
                watched = [self._listener] if self._is_holding else [self._listener, *self._pairs]
            with suppress(ValueError, OSError):
                for ready in select.select(watched, [], [], 0.02)[0]:
                    if ready is self._listener:
                        self._accept()
                    else:
                        self._pass_on(ready)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        with self._guard:
            if self._is_refusing:
                client.close()
                return
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                server.connect(self._target)
            except OSError:
                client.close()
                server.close()
                return
            self._pairs[client], self._pairs[server] = server, client

    def _pass_on(self, source: socket.socket) -> None:
        with self._guard:
            target = self._pairs.get(source)
            if target is None or self._is_holding:
                return
            try:
                data = source.recv(_CHUNK)
                if data:
                    target.sendall(data)
                    return
            except OSError:
                pass
            self._close(source)

    def _close(self, one: socket.socket) -> None:
        other = self._pairs.pop(one, None)
        for each in (one, other):
            if each is not None:
                self._pairs.pop(each, None)
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
