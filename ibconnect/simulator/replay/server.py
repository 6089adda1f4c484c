"""``ibconnect replay``'s server: recorded sessions, served again to any IB API client.

In: a database URL and sessions. Out: an IB Gateway on a TCP port that says what the recorded one said. Called by
:mod:`ibconnect.cli.replay` and by tests: ``async with Replay(url, sessions) as replay: replay.port``.

Every connection gets its own play of the session at which the replay stands, from its beginning. Once a session has
been played to its end to some client, the replay stands at the next one, after the last at the first again.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from ibconnect.errors import EventError, IbConnectError, SimulatorError
from ibconnect.events.reader import RecordedSession
from ibconnect.observe import Kind, observe
from ibconnect.simulator.connection import Connection
from ibconnect.simulator.replay.connection import ReplayConnection
from ibconnect.simulator.replay.play import Play
from ibconnect.simulator.replay.requests import respond
from ibconnect.simulator.replay.tape import Tape
from ibconnect.simulator.wire.frames import Hello
from ibconnect.simulator.wire.messages import ID_IN_USE

MAX_CLIENTS = 32
"""Connections at one time, as at a real gateway."""

# How a recorded session ended if it was the gateway that ended it.
_ENDED_BY_GATEWAY = frozenset({"lost", "broken-frame", "refused"})


class Replay:
    """A gateway that plays recorded sessions; an asynchronous context manager.

    ``speed``: recorded seconds per second, ``inf`` = as fast as the client reads. ``patience``: seconds that the play
    waits for a request which the recorder made at that place. ``once``: listen until the last session has been played
    to its end, then set ``done`` when that client has gone. ``record`` keeps what is sent in memory, for tests.
    Raises :class:`SimulatorError` if the port cannot be had.
    """

    def __init__(
        self,
        url: str,
        sessions: Sequence[RecordedSession],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        speed: float = 1.0,
        patience: float = 5.0,
        once: bool = False,
        record: bool = False,
    ) -> None:
        if not sessions or any(session.opened is None for session in sessions):
            raise EventError("only sessions whose beginning is recorded can be replayed")
        self.sessions = list(sessions)
        self.host = host
        self.port = port
        self.connections: list[ReplayConnection] = []
        """Those that are open; with ``record`` all that ever were."""
        self.done = asyncio.Event()
        self._url = url
        self._speed = speed
        self._patience = patience
        self._once = once
        self._record = record
        self._place = 0
        self._server: asyncio.Server | None = None
        self._plays: dict[Connection, Play] = {}
        self._tasks: dict[Connection, asyncio.Task[None]] = {}

    @property
    def standing_at(self) -> RecordedSession:
        """The session that the next connection gets."""
        return self.sessions[self._place]

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._new_connection, self.host, self.port)
        except OSError as exc:
            raise SimulatorError(f"cannot listen on {self.host}:{self.port}: {exc.strerror}") from exc
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_listening()
        tasks = list(self._tasks.values())
        for task in tasks:
            _stop(task)
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self.connections):
            connection.shut_down()
        await asyncio.sleep(0)

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _new_connection(self) -> ReplayConnection:
        connection = ReplayConnection(self, len(self.connections), self._record)
        self.connections.append(connection)
        return connection

    # What connections report (connection.Owner).

    def connected(self, connection: Connection) -> None:
        if sum(not each.closed for each in self.connections) > MAX_CLIENTS:
            connection.close()

    def negotiate(self, hello: Hello) -> int:
        opened = self.standing_at.opened
        return min(int(opened.server_version) if opened else 0, hello.highest)

    def connection_time(self) -> str:
        opened = self.standing_at.opened
        return opened.connection_time if opened else ""

    def started(self, connection: Connection, client_id: int) -> None:
        if any(each.client_id == client_id and not (each.closed or each.is_finished) for each in self.connections):
            connection.send((ID_IN_USE,))
            connection.close()
            return
        connection.client_id = client_id
        assert isinstance(connection, ReplayConnection)
        self._tasks[connection] = asyncio.get_running_loop().create_task(self._run(connection))

    def requested(self, connection: Connection, fields: list[str]) -> None:
        play = self._plays.get(connection)
        # Before nextValidId a real gateway may drop requests; ours is not open yet.
        if play is not None:
            respond(play, connection, fields)

    def disconnected(self, connection: Connection) -> None:
        if (task := self._tasks.get(connection)) is not None:
            _stop(task)
        if not self._record and isinstance(connection, ReplayConnection):
            self.connections.remove(connection)

    async def _run(self, connection: ReplayConnection) -> None:
        tape = Tape(self._url, connection.session)
        try:
            await tape.open()
            play = self._plays[connection] = Play(connection, tape, self._speed, self._patience)
            await play.run()
            self._move_on(connection)
            if not self._end(connection):
                await play.linger()
        except IbConnectError as exc:
            observe(Kind.BACKGROUND_FAILED, error=exc)
            connection.reset()
        finally:
            self._plays.pop(connection, None)
            await tape.close()
            self._tasks.pop(connection, None)

    def _move_on(self, connection: ReplayConnection) -> None:
        """Stand at the next session, unless another client's play has moved the replay on already."""
        if connection.session is not self.standing_at:
            return
        self._place += 1
        if self._place == len(self.sessions):
            self._place = 0
            if self._once:
                self._stop_listening()
                connection.when_lost = self.done.set

    def _end(self, connection: ReplayConnection) -> bool:
        """End the connection if the recorded gateway did, or if another session follows; say whether it ends."""
        closed = connection.session.closed
        if closed is not None and closed.reason in _ENDED_BY_GATEWAY:
            connection.finish(closed.unfinished)
        elif self._once or connection.session is not self.sessions[-1]:
            connection.finish()
        else:
            return False
        return True


def _stop(task: "asyncio.Task[None]") -> None:
    # One that is cancelled already is letting go of its database connection: a second time would stop that.
    if not task.cancelling():
        task.cancel()
