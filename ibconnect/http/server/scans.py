"""Connections for whoever looks through events, apart from those that answer reports: a report never waits for them.

In: statements, on behalf of a request. Out: rows; once the request's client is gone, nobody waits any more and Postgres
ends the statement. Called by the readers of events. A statement looks through a bounded number of events, then others
have their turn.
"""

from contextlib import AbstractContextManager
from time import monotonic
from typing import Protocol

from aiohttp import web

from ibconnect.events.reading import Answer
from ibconnect.http.server import db
from ibconnect.http.server.clients import attended
from ibconnect.http.server.holders import Company, Holder
from ibconnect.http.server.limits import SCAN_CONNECTIONS, SCANS_MAX, SCANS_PER_TOKEN, STATEMENTS_PER_TOKEN
from ibconnect.http.server.problems import Code
from ibconnect.http.server.slots import Slots
from ibconnect.http.server.turns import Turns


class Looks(Protocol):
    """What asks Postgres about events."""

    async def rows(self, query: db.Query, parameters: db.Parameters) -> Answer:
        """All rows of one statement."""
        ...


class Scans:
    """The pool, turns at its connections by rotation among who asks, and the searches that are open."""

    def __init__(self, pool: db.Pool, company: Company) -> None:
        self.pool = pool
        self._turns = Turns(SCAN_CONNECTIONS, STATEMENTS_PER_TOKEN, company)
        self._slots = Slots("searches of events", Code.TOO_MANY_SCANS)

    @property
    def open(self) -> int:
        """The searches that are open."""
        return self._slots.open

    def slot(self, holder: Holder) -> AbstractContextManager[None]:
        """One more search is open while the context lasts.

        :raises Problem: there are too many
        """
        return self._slots.taken(holder, SCANS_MAX, SCANS_PER_TOKEN)

    async def rows(self, query: db.Query, parameters: db.Parameters) -> Answer:
        """All rows of one statement, planned for its parameters: what is best depends on which filters are set.

        The wait for a turn is not among its seconds.
        """
        holder = await self._turns.take()
        try:
            began = monotonic()
            rows = await db.rows(self.pool, query, parameters, binary=True, prepare=False)
            return Answer(rows, monotonic() - began)
        finally:
            self._turns.give(holder)


class ClientLooks:
    """Looks on behalf of one request, which end with its client."""

    def __init__(self, scans: Scans, request: web.Request) -> None:
        self._scans = scans
        self._request = request

    async def rows(self, query: db.Query, parameters: db.Parameters) -> Answer:
        """All rows of one statement.

        :raises ClientGone: nobody waits for them
        """
        return await attended(self._request, self._scans.rows(query, parameters))
