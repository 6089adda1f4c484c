"""A gateway that sends more than is allowed: left alone for a while, longer each time, and seen by whoever looks.

In: its connections, as they begin and end. Out: how long to wait before the next one, what the next session says of
it, the trouble for people. One for each gateway, kept by the supervisor.
"""

import asyncio

from ibconnect import observe as o
from ibconnect.backoff import Backoff
from ibconnect.codes import MOST_LISTED
from ibconnect.config import Config
from ibconnect.events.types import RecordingInterrupted
from ibconnect.gateway.allowance import OVER_S, Allowance
from ibconnect.gateway.connection import Connection
from ibconnect.observe import Trouble
from ibconnect.troubles import State

FIRST_S, LONGEST_S = 15.0, 600.0


class Flood:
    """Of one gateway."""

    def __init__(self, gateway: str, config: Config) -> None:
        self.allowance = Allowance(config.gateway_max_bytes, config.gateway_max_events)
        self._gateway = gateway
        self._backoff = Backoff(first=FIRST_S, ceiling=LONGEST_S)
        self._floods = State(Trouble.GATEWAY_FLOODS, gateway=gateway)
        self._leaves_out = State(Trouble.ACCOUNTS_LEFT_OUT, gateway=gateway)
        self._since: int | None = None
        self._why = ""
        self._rests_until = 0.0

    def begun(self, connection: Connection) -> None:
        """Record in a session that has just been opened that the gateway was left alone before it.

        :raises GatewayLost: the connection is over
        """
        if self._since is None:
            return
        connection.record(
            RecordingInterrupted, since=self._since, until=connection.session.now(), messages=0, bytes=0, why=self._why
        )
        self._since = None

    def look(self, connection: Connection, lasted: float) -> None:
        """Look at a connection that has lasted for so many seconds."""
        if self._floods.lasts and lasted > OVER_S:
            self._backoff.reset()
            self._floods.over()
        if connection.lists_too_many:
            self._note_left_out()
        else:
            self._leaves_out.over()

    def _note_left_out(self) -> None:
        self._leaves_out.note(f"{self._gateway} lists more than {MOST_LISTED} accounts")

    def ended(self, connection: Connection) -> None:
        """A connection has ended, for whatever reason; before anybody has looked at it, perhaps."""
        if connection.lists_too_many:
            self._note_left_out()
        if not connection.floods:
            return
        self._why = connection.lost.result().partition(": ")[2]
        self._rests_until = asyncio.get_running_loop().time() + self._backoff.wait()
        self._since = self._since or connection.session.now()
        o.GATEWAY_FLOODS.labels(self._gateway).inc()
        self._floods.note(f"{self._gateway}: {self._why}")

    @property
    def rest(self) -> float:
        """For how many seconds the gateway is to be left alone; 0: for none."""
        return max(0.0, self._rests_until - asyncio.get_running_loop().time())

    @property
    def detail(self) -> str:
        """Why it is left alone."""
        return f"{self._why}: left alone for {self.rest:.0f} s"

    def forget(self) -> None:
        """Nobody keeps the gateway any more."""
        self._floods.forget()
        self._leaves_out.forget()
