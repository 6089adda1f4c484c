"""The simulated gateway itself: listens, logs clients in, lets time pass.

In: TCP connections, a :class:`Source` and :class:`Options`. Out: the conversation that a real gateway would
hold. Called by ``cli`` and by tests: ``async with Gateway(source) as gateway: gateway.port``.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

from ibconnect.errors import SimulatorError
from ibconnect.simulator.connection import Connection
from ibconnect.simulator.desk import ACCOUNT, Desk
from ibconnect.simulator.messages import LOWEST_VERSION
from ibconnect.simulator.options import Options
from ibconnect.simulator.requests import answer
from ibconnect.simulator.source import Pulse, Source
from ibconnect.simulator.wire import Hello

PERIOD = 180
"""Simulated seconds between two periodic updates, as IB's."""

_SHORTEST_WAIT = 0.02
_PACE_STRIKES = 3


class Gateway:
    """One simulated IB Gateway on one TCP port; an asynchronous context manager.

    ``options`` are the fields of :class:`Options`. Raises :class:`SimulatorError` if the port cannot be had.
    """

    def __init__(self, source: Source, host: str = "127.0.0.1", port: int = 0, **options: Any) -> None:
        self.source = source
        self.host = host
        self.port = port
        self.options = Options(**options)
        self.desk = Desk(source, self.options)
        self.connections: list[Connection] = []
        """Every connection that ever was, in order of connecting (with ``record`` off: the open ones)."""
        self.beat = 0
        """Simulated seconds passed."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> list[Connection]:
        """The connections that are open and have sent startApi."""
        return [c for c in self.connections if not c.closed and c.client_id is not None]

    @property
    def sent(self) -> list[list[list[str]]]:
        """Per connection, in order of connecting: every message sent, as wire fields."""
        return [connection.sent_fields() for connection in self.connections]

    async def __aenter__(self) -> Self:
        await self.listen()
        self.spawn(self._run_clock())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.stop_listening()
        for connection in list(self.connections):
            connection.shut_down()
        await asyncio.sleep(0)

    def spawn(self, work: Any) -> "asyncio.Task[None]":
        """Run a coroutine until it ends or the gateway closes."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def listen(self) -> None:
        """Open the port (again); the first time, port 0 becomes the one that was given."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._new_connection, self.host, self.port)
        except OSError as exc:
            raise SimulatorError(f"cannot listen on {self.host}:{self.port}: {exc.strerror}") from exc
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        """Close the port; connections stay."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()

    def _new_connection(self) -> Connection:
        connection = Connection(self, len(self.connections), self.options.record)
        self.connections.append(connection)
        return connection

    # What connections tell (connection.Owner).

    def connected(self, connection: Connection) -> None:
        if sum(not c.closed for c in self.connections) > self.options.max_clients:
            connection.close()

    def negotiate(self, hello: Hello) -> int:
        return max(LOWEST_VERSION, min(hello.highest, self.options.server_version))

    def started(self, connection: Connection, client_id: int) -> None:
        if any(other.client_id == client_id for other in self.live):
            self.refuse_client(connection)
            return
        connection.client_id = client_id
        connection.send((self.source.managed_accounts(), self.source.next_valid_id(), *self.source.notices()))

    def refuse_client(self, connection: Connection) -> None:
        """Say that the client id is taken, then close, as IB does."""
        connection.send_error(
            -1, 326, "Unable connect as the client id is already in use. Retry with a unique client id."
        )
        connection.close()

    def requested(self, connection: Connection, fields: list[str]) -> None:
        slot = self._pace(connection)
        if slot is None:
            return
        if slot:
            asyncio.get_running_loop().call_at(slot, self._answer, connection, fields)
        else:
            self._answer(connection, fields)

    def disconnected(self, connection: Connection) -> None:
        self.desk.forget(connection)
        if not self.options.record:
            self.connections.remove(connection)

    def _answer(self, connection: Connection, fields: list[str]) -> None:
        if not connection.closed:
            answer(self.desk, connection, fields)

    def _pace(self, connection: Connection) -> float | None:
        """When to serve a request (0 = now), or None if it was rejected for coming too fast."""
        rate = self.options.max_rate
        if self.options.pacing == "off":
            return 0.0
        now = asyncio.get_running_loop().time()
        slot = connection.next_slot(rate, now)
        if slot > now and self.options.pacing == "reject" and "+PACEAPI" not in connection.hello.options:
            self._reject(connection)
            return None
        connection.take_slot(rate, slot)
        return slot if slot > now else 0.0

    def _reject(self, connection: Connection) -> None:
        connection.pace_violations += 1
        connection.send_error(-1, 100, "Max rate of messages per second has been exceeded.")
        if connection.pace_violations >= _PACE_STRIKES:
            connection.close()

    async def _run_clock(self) -> None:
        """One beat per simulated second; a gateway that cannot keep up lets time stretch."""
        loop = asyncio.get_running_loop()
        wait = max(_SHORTEST_WAIT, 1 / self.options.speed)
        began, owed = loop.time(), 0.0
        while True:
            await asyncio.sleep(wait)
            now = loop.time()
            owed = min(owed + (now - began) * self.options.speed, float(PERIOD))
            began = now
            while owed >= 1:
                owed -= 1
                self.advance()

    def advance(self, beats: int = 1) -> None:
        """Let simulated seconds pass now, and send what they bring."""
        for _ in range(beats):
            pulse = self.source.advance()
            self.beat += 1
            if self.beat % PERIOD == 0:
                pulse = Pulse(True, pulse.traded, pulse.listed)
            self._send_news(pulse)

    def _send_news(self, pulse: Pulse) -> None:
        for connection in self.live:
            if connection.silent:
                continue
            if pulse.listed:
                connection.send((self.source.managed_accounts(),))
            for key, feed in list(connection.feeds.items()):
                news = feed.more(pulse)
                if news:
                    connection.send(news)
                    if key == ACCOUNT and self.options.repeat_end:
                        connection.send((("54", "1", self.desk.holders[connection]),))
