"""How far everything is, asked of the database for each scrape of the metrics.

In: the gateways of this instance. Out: how far the snapshot tables are behind, when each gateway was last refreshed,
and how many accounts of others it lists. Over a connection of its own, so that a scrape does not wait for the requests
that it is to count; and within a time, so that a database that hangs does not look like a service that is down.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Self

import psycopg
from psycopg_pool import PoolTimeout

from ibconnect.database.deadlines import ended
from ibconnect.database.sql import queries
from ibconnect.events.codec import time_in
from ibconnect.http.server import db
from ibconnect.http.server.each_report import of_each_report
from ibconnect.http.server.services import Part, Services
from ibconnect.times import to_micros, utc_now

_SQL = queries("http/health")


class Applied(NamedTuple):
    """How far the tables of reports are: the position reached, events and seconds behind, events set aside."""

    position: int
    lag_events: int
    lag_seconds: float
    poisoned: int


class Found(NamedTuple):
    """What the database said. ``is_up``: whether it answered at all; ``applied`` None: it has no tables to ask."""

    is_up: bool = False
    applied: Applied | None = None
    refreshed: Mapping[str, datetime] | None = None
    conflicts: Mapping[str, int] | None = None


class Progress(Part):
    """One per application.

    :param pool: of one connection, opened and closed by others
    :param gateways: the names of those that this instance could record

    ``refreshed``: when each gateway was last refreshed completely, as far as was heard.
    """

    def __init__(self, pool: db.Pool, gateways: Sequence[str]) -> None:
        self.pool = pool
        self._gateways = list(gateways)
        self._asking: asyncio.Task[Found] | None = None
        self.refreshed: dict[str, datetime] = {}

    @classmethod
    def made(cls, services: Services) -> Self:
        """With a pool of its own."""
        return cls(services.add_pool("http metrics", 1), services.gateways)

    async def look(self, seconds: float) -> Found:
        """Ask, for so many seconds at most: what does not answer in time is not up."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="http progress")
        # A question that Postgres does not answer is not asked again beside the first.
        await asyncio.wait({asking := self._asking}, timeout=seconds)
        return asking.result() if asking.done() else Found()

    async def _ask(self) -> Found:
        try:
            reached = await db.rows(self.pool, of_each_report(_SQL["progress"]), {})
            gateways = await db.rows(self.pool, _SQL["gateways"], {"gateways": self._gateways})
        except (psycopg.OperationalError, PoolTimeout):
            return Found()
        except psycopg.Error:
            # It answers, but there is nothing to read, or no right to.
            return Found(is_up=True)
        refreshed = {name: ended for name, _, ended in gateways if ended}
        conflicts = {name: count for name, count, _ in gateways}
        return Found(True, _applied(reached) if reached else None, refreshed, conflicts)

    async def close(self) -> None:
        """Wait for nothing any more."""
        if self._asking is not None:
            await ended(self._asking)


def _applied(reached: Sequence[tuple[int, int, bytes | None, int]]) -> Applied:
    """How far that report is that is furthest behind, and what all have set aside."""
    ages = [_age(oldest_state) for _, _, oldest_state, _ in reached]
    lags = [max(newest - position, 0) for position, newest, _, _ in reached]
    return Applied(min(row[0] for row in reached), max(lags), max(ages), sum(row[3] for row in reached))


def _age(oldest_state: bytes | None) -> float:
    micros = time_in(oldest_state) if oldest_state else None
    return 0.0 if micros is None else max(0.0, (to_micros(utc_now()) - micros) / 1_000_000)
