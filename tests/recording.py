"""A recorder at work on simulated gateways and a real Postgres, and ways to wait for what it records."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from eventsourcing.persistence import Notification

from ibconnect.cluster.registry import Registry
from ibconnect.config import load
from ibconnect.database.pools import connect
from ibconnect.events.frames import split
from ibconnect.events.mapper import EventMapper
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.events.types import AccountConcluded, Event, FrameReceived, InboundEvent, RefreshEnded
from ibconnect.events.writer import Writer
from ibconnect.gateway.collectors import registry as collectors
from ibconnect.gateway.supervisor import Supervisor
from tests.waiting import until

Kind = TypeVar("Kind", bound=Event)


class Recording:
    """What one recorder has stored so far."""

    def __init__(self, url: str, writer: Writer) -> None:
        self.url = url
        self.writer = writer
        self._mapper = EventMapper()
        self._position = 0
        self._events: list[Event] = []

    def events(self) -> list[Event]:
        """All stored events, in order of position; what was read once is not read again, as it never changes."""
        query = """
            SELECT notification_id, originator_id, originator_version, topic, state
            FROM stored_events
            WHERE notification_id > %s
            ORDER BY 1
        """
        with connect(self.url, name="test") as connection:
            for position, stream, version, topic, state in connection.execute(query, (self._position,)):
                self._position = position
                event = Notification(
                    id=position, originator_id=stream, originator_version=version, topic=topic, state=state
                )
                self._events.append(self._mapper.to_domain_event(event))
        return list(self._events)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events() if isinstance(event, kind)]

    async def have(self, kind: type[Kind], count: int = 1) -> list[Kind]:
        """Wait until so many events of a kind are stored."""
        found: list[Kind] = []

        def enough() -> bool:
            found[:] = self.of(kind)
            return len(found) >= count

        await until(enough, f"{count} {kind.__name__}")
        return found

    async def refreshes(self, count: int = 1) -> list[RefreshEnded]:
        return await self.have(RefreshEnded, count)

    def inbound(self) -> list[list[list[str]]]:
        """Per session, in order of their first event: the wire fields of what the gateway sent."""
        sessions: dict[Any, list[list[str]]] = {}
        for event in self.events():
            fields = sessions.setdefault(event.originator_id, [])
            if isinstance(event, InboundEvent):
                fields.append(list(event.fields))
        return list(sessions.values())

    def payloads(self) -> list[list[bytes]]:
        """Per session, in order of their first event: the payload of every frame that the gateway sent."""
        sessions: dict[Any, list[bytes]] = {}
        for event in self.events():
            found = sessions.setdefault(event.originator_id, [])
            if isinstance(event, InboundEvent):
                found.append("".join(f"{field}\0" for field in event.fields).encode())
            elif isinstance(event, FrameReceived):
                found += split(event.payload) if event.is_row else [event.payload]
        return list(sessions.values())

    def endings(self) -> list[tuple[str, str]]:
        """(account, how its download ended) for each download."""
        return [(event.account, event.ended) for event in self.of(AccountConcluded)]


def ask_for_refresh(
    url: str, accounts: list[str] | None = None, gateways: list[str] | None = None, holder: str | None = None
) -> int:
    """Ask the leaders of these gateways (without any: of all) for a refresh, as the REST API does; the request's id."""
    with connect(url, name="test") as connection:
        insert = (
            "INSERT INTO coordination.refresh_request (instance, accounts, gateways, holder) "
            "VALUES ('test', %s, %s, %s) RETURNING id"
        )
        row = connection.execute(insert, (accounts, gateways, holder)).fetchone()
        assert row is not None
        connection.execute("NOTIFY refresh_requested")
        return int(row[0])


def hurry(monkeypatch: pytest.MonkeyPatch, capture: Path) -> None:
    """Do not wait for long for the answers that a recording does not have."""
    if capture.stem == "raw-2018-fragments":
        monkeypatch.setattr("ibconnect.gateway.collectors.accounts.conclusion.ANSWER_S", 0.5)


@asynccontextmanager
async def recording(
    url: str, spool: Path, *ports: int | str, instance: str = "one", **settings: str
) -> AsyncIterator[Recording]:
    """Record the gateways on these local ports (``4002@DU1``: with pins) for as long as the context lasts."""
    gateways = ",".join(f"127.0.0.1:{port}" for port in ports)
    # What a gateway in the same event loop has sent is read before any time is found to be over.
    quick = {"QUIET_TIME": "0.3", "DOWNLOAD_TIMEOUT": "10"}
    # Of the collectors those that a test has made; it says so if it wants others.
    # (A class that is made by type() says that it is of the module abc.)
    made = [each.name for each in collectors.COLLECTORS if not each.__module__.startswith("ibconnect.")]
    quick["COLLECT"] = ",".join(made) or "accounts"
    config = load({**quick, **settings, "IB_GW": gateways, "INSTANCE": instance})
    with Datastore(url) as datastore:
        names = [str(address) for address in config.ib_gw]
        writer = Writer(EventRecorder(datastore), spool, config.spool_max_bytes, gateways=names)
        await writer.start()
        registry = Registry(url, instance, names, config.ib_cid)
        supervisors = [Supervisor(address, config, url, writer, registry) for address in config.ib_gw]
        tasks = [asyncio.create_task(each.run()) for each in (registry, *supervisors)]
        seen = Recording(url, writer)
        try:
            yield seen
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await writer.close(10)
            await registry.leave()
