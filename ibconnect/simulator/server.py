"""The simulated gateway itself: listens, logs clients in, lets time pass.

In: TCP connections, a :class:`Source` and :class:`Options`. Out: the conversation that a real gateway would
hold. Called by the command line and by tests: ``async with Gateway(source) as gateway: gateway.port``.
"""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from ibconnect.errors import SimulatorError
from ibconnect.simulator.connection import Connection
from ibconnect.simulator.faults.parameters import prepare
from ibconnect.simulator.options import Options
from ibconnect.simulator.requests import answer, describe, is_of_ib
from ibconnect.simulator.scenario.accounts import LOAD
from ibconnect.simulator.scenario.load import BLOCKS, stream
from ibconnect.simulator.scenario.registry import PARTS
from ibconnect.simulator.source import Feed, Pulse, Source
from ibconnect.simulator.subscriptions import ACCOUNT, Subscriptions
from ibconnect.simulator.wire.frames import Fields, Hello
from ibconnect.simulator.wire.messages import ID_IN_USE, LOWEST_VERSION

PERIOD = 180
"""Simulated seconds between two periodic updates, as IB's."""

_SHORTEST_WAIT = 0.02
_PACE_STRIKES = 3


class Gateway:
    """One simulated IB Gateway on one TCP port; an asynchronous context manager.

    ``tell`` is given a line for each login, request and end; ``options`` are the fields of :class:`Options`.
    Raises :class:`SimulatorError` if the port cannot be had.
    """

    def __init__(
        self,
        source: Source,
        host: str = "127.0.0.1",
        port: int = 0,
        tell: Callable[[str], None] | None = None,
        **options: Any,
    ) -> None:
        self.source = source
        self.host = host
        self.port = port
        self.options = Options(**options)
        self.subscriptions = Subscriptions(source, self.options)
        self.connections: list[Connection] = []
        """Every connection that ever was, in order of connecting (with ``record`` off: the open ones)."""
        self.beat = 0
        """Simulated seconds passed."""
        self.armed: list[Callable[[Connection], None]] = []
        """Faults that wait for connections to come."""
        self.offline = False
        """Connectivity to IB is lost: nothing new is known."""
        self.refused_logins = 0
        self._tell = tell or (lambda line: None)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._clock: asyncio.Task[None] | None = None
        self._blocks: dict[str, Sequence[Sequence[Fields]]] = {}

    @property
    def live(self) -> list[Connection]:
        """The connections that are open and have sent startApi."""
        return [c for c in self.open_connections if c.client_id is not None]

    @property
    def open_connections(self) -> list[Connection]:
        """The connections that are open, logged in or not."""
        return [c for c in self.connections if not c.closed]

    @property
    def listening(self) -> bool:
        """Whether the port is open."""
        return self._server is not None

    @property
    def sent(self) -> list[list[list[str]]]:
        """Per connection, in order of connecting: every message sent, as wire fields."""
        return [connection.sent_fields() for connection in self.connections]

    async def __aenter__(self) -> Self:
        await self.listen()
        self._clock = self.spawn(self._run_clock())
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

    def stop_clock(self) -> None:
        """From now on no time passes by itself."""
        if self._clock is not None:
            self._clock.cancel()

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

    # What connections report (connection.Owner).

    def connected(self, connection: Connection) -> None:
        if len(self.open_connections) > self.options.max_clients:
            connection.close()
            return
        for act in tuple(self.armed):
            act(connection)

    def negotiate(self, hello: Hello) -> int:
        return max(LOWEST_VERSION, min(hello.highest, self.options.server_version))

    def connection_time(self) -> str:
        return self.source.connection_time()

    def started(self, connection: Connection, client_id: int) -> None:
        if self.refused_logins or any(other.client_id == client_id for other in self.live):
            self.refused_logins = max(0, self.refused_logins - 1)
            self._tell(f"client {client_id} refused: id in use")
            connection.send((ID_IN_USE,))
            connection.close()
            return
        connection.client_id = client_id
        self._tell(f"client {client_id} logged in, server version {connection.version}")
        connection.send((self.source.managed_accounts(), self.source.next_valid_id(), *self.source.notices()))
        if client_id in (0, self.options.master_client):
            for number, part in enumerate(PARTS):
                if part.unasked is not None:
                    feed = self.source.answer(part.unasked, connection.version)
                    connection.feeds["unasked", number] = feed

    def requested(self, connection: Connection, fields: list[str]) -> None:
        self._tell(f"client {connection.client_id} {describe(fields)}")
        slot = self._pace(connection)
        if slot is None:
            return
        if slot:
            asyncio.get_running_loop().call_at(slot, self._answer, connection, fields)
        else:
            self._answer(connection, fields)

    def disconnected(self, connection: Connection) -> None:
        if connection.client_id is not None:
            self._tell(f"client {connection.client_id} gone after {connection.sent_count} messages")
        self.subscriptions.forget(connection)
        if not self.options.record:
            self.connections.remove(connection)

    def inject(self, fault: str, /, after: float | str = 0, **params: Any) -> None:
        """Let a fault of ``faults.registry`` happen, ``after`` so many seconds.

        Raises :class:`SimulatorError` at once if the fault or a parameter is not known.
        """
        begin = prepare(self, fault, params)
        try:
            delay = float(after)
        except (TypeError, ValueError):
            raise SimulatorError(f"fault {fault}: after={after!r} is not a number of seconds") from None
        if delay:
            asyncio.get_running_loop().call_later(delay, begin)
        else:
            begin()

    def clear_faults(self) -> None:
        """Forget every fault that is armed or lasts; what was closed stays closed."""
        self.armed.clear()
        self.offline, self.refused_logins, self.subscriptions.outside_holder = False, 0, None
        for connection in self.open_connections:
            connection.tampers.clear()
            connection.slow_interval = 0.0
            connection.mix(False)
            connection.hush(False)

    def _answer(self, connection: Connection, fields: list[str]) -> None:
        if connection.closed or (self.offline and is_of_ib(fields)):
            return
        before = connection.feeds.get(ACCOUNT)
        answer(self.subscriptions, connection, fields)
        feed = connection.feeds.get(ACCOUNT)
        if self.options.rate and feed is not None and feed is not before:
            self._start_load(connection, feed)

    def _start_load(self, connection: Connection, feed: Feed) -> None:
        def wanted() -> bool:
            return not connection.closed and connection.feeds.get(ACCOUNT) is feed

        account = self.subscriptions.holders[connection]
        if account not in self._blocks:  # making them takes longer than a subscription may
            self._blocks[account] = self.source.answer(LOAD, account, BLOCKS)
        self.spawn(stream(connection, self._blocks[account], self.options.rate, self.options.rate_messages, wanted))

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
            if not self.offline:
                self._send_news(pulse)

    def publish(self) -> None:
        """Send what changed in the source outside the run of time (the control port acted on it)."""
        self._send_news(self.source.pulse())

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
                        connection.send((("54", "1", self.subscriptions.holders[connection]),))
