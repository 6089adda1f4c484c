"""How a gateway is, said to whoever asks: in the log when it changes, and to all instances through Postgres.

In: the states of its connection, as the supervisor sees them. Out: ``/v1/gateways``, and lines in the log. Nothing here
waits: Postgres may be slow to take it.
"""

import asyncio
from typing import Any

from ibconnect.cluster.registry import Registry
from ibconnect.gateway.connection import Connection
from ibconnect.observe import Kind, observe

_BACKGROUND: set["asyncio.Task[Any]"] = set()


class Reports:
    """Of one gateway."""

    def __init__(self, gateway: str, coordination: Registry) -> None:
        self._gateway = gateway
        self._coordination = coordination
        self._logged: str | None = None
        self._failure = ""

    def connecting(self) -> None:
        """It is being connected to; why that failed before stays to be seen."""
        self._report("connecting", self._failure)

    def connected(self, connection: Connection, detail: str, kind: Kind | None = None) -> None:
        """It is connected. ``detail``: what of it gets no answer; the log does not show it, as it may name accounts."""
        self._log("connected", "", kind)
        self._failure = ""
        session, version = connection.session.id, connection.server_version
        self._report("connected", detail, connected=True, session_id=session, server_version=version)

    def other(self, state: str, detail: str, kind: Kind | None = None, *, connected: bool = False) -> None:
        """It is in another state. ``kind``: its line of the log, unless it was in that state before."""
        self._log(state, detail, kind)
        self._failure = detail
        self._report(state, detail, connected=connected)

    def _log(self, state: str, detail: str, kind: Kind | None) -> None:
        if kind is not None and self._logged != f"{state}: {detail}":
            observe(kind, gateway=self._gateway, **({"detail": detail} if detail else {}))
        self._logged = f"{state}: {detail}"

    def _report(self, state: str, detail: str, **facts: Any) -> None:
        self._coordination.report(self._gateway, state, detail, **facts)
        task = asyncio.ensure_future(self._coordination.say(self._gateway))
        _BACKGROUND.add(task)
        task.add_done_callback(_BACKGROUND.discard)

    def notice(self, connection: Connection) -> None:
        """It has said something of its own accord."""
        if connection.last_notice is not None:
            self._coordination.note_notice(self._gateway, *connection.last_notice)
