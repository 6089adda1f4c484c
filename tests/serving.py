"""The REST server on a free port over a database with known contents, for the tests of the HTTP room."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import psycopg
import structlog
from aiohttp import web

from ibconnect.config import Config, load
from ibconnect.database.pools import connect
from ibconnect.http.app import create_app, serve
from ibconnect.observe import configure_logging
from ibconnect.times import format_rfc3339, from_micros, to_micros
from tests.projecting import Stream, position, project, record, value
from tests.waiting import DEADLINE_S, until  # noqa: F401 - the tests of the HTTP room take it from here

GATEWAY = "127.0.0.1:4002"
DU1, DU2, EMPTY = "DU1000001", "DU1000002", "DU1000003"
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROBLEM = "application/problem+json"
Message = Sequence[str]


@dataclass(frozen=True, slots=True)
class Served:
    """A running server and a client that follows no redirects."""

    url: str
    client: aiohttp.ClientSession
    app: web.Application

    def get(self, path: str, **options: object) -> "aiohttp.client._RequestContextManager":
        """GET a path."""
        return self.client.get(self.url + path, **{"allow_redirects": False, **options})  # type: ignore[arg-type]


async def raw(served: Served, *parts: bytes) -> bytes:
    """Everything that is answered until the server ends the connection; parts are sent one after the other."""
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = b""
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
    try:
        async with asyncio.timeout(DEADLINE_S):
            with suppress(ConnectionResetError):
                while data := await reader.read(65536):
                    answer += data
    finally:
        writer.close()
    return answer


class Logged:
    """What has been logged so far: called, its lines as JSON; and its text."""

    def __init__(self, stream: io.StringIO) -> None:
        self.text: Callable[[], str] = stream.getvalue

    def __call__(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.text().splitlines()]


@contextmanager
def logged(level: str = "info", log_format: str = "json") -> Iterator[Logged]:
    """Log as a service does, into memory."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, levels = root.handlers[:], (root.level, logging.getLogger("ibconnect").level)
    with redirect_stderr(stream):
        configure_logging(log_format, level)
    try:
        yield Logged(stream)
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        logging.getLogger("ibconnect").setLevel(levels[1])
        structlog.reset_defaults()


def settings(url: str, **changed: str) -> Config:
    """Settings for a server on loopback."""
    quiet = {"ACCESS_LOG": "false"}
    return load({"DB_URL": url, "PORT": "0", "HOST": "127.0.0.1", "INSTANCE": "tested", **quiet, **changed})


@asynccontextmanager
async def serving(url: str, **changed: str) -> AsyncIterator[Served]:
    """Serve the database for as long as the context lasts."""
    config = settings(url, **changed)
    app = create_app(config)
    async with (
        serve(app, config.host, config.port) as site,
        aiohttp.ClientSession(auto_decompress=True) as client,
    ):
        yield Served(site.urls[0], client, app)


def at(number: float) -> str:
    """The time of the world's snapshot with this number."""
    return format_rfc3339(FIRST + number * HOUR)


def messages(account: str, number: int, *, ready: str = "true") -> list[Message]:
    """What IB sends of an account in the world's snapshot with this number."""
    return [
        value("AccountCode", account, account=account),
        value("AccountReady", ready, account=account),
        value("AccountType", "INDIVIDUAL", account=account),
        value("AccruedCash", "62.6", "USD", account),
        value("AccruedCash", "0", "BASE", account),
        value("AccruedCash", "0.00", "USD", account),
        value("AccruedCash-S", "62.60", "USD", account),
        value("BuyingPower", "1.7976931348623157E308", "USD", account),
        value("CashBalance", "7421167.7441", "BASE", account),
        value("CashBalance", f"{1000 + number}.5", "EUR", account),
        value("CashBalance", "-0.50", "USD", account),
        value("Cushion", "0.912345", "", account),
        value("DayTradingStatus-S", "::false:996937.76::false", "", account),
        value("LookAheadNextChange", "1704067200", "", account),
        value("NetLiquidation", f"{100000 + number}.10", "USD", account),
        value("NetLiquidation-S", f"{90000 + number}.10", "USD", account),
        value("NewFigureOfTomorrow", "1,5", "USD", account),
        value("TotalCashBalance", "-12.3400", "BASE", account),
        value("TotalCashValue", "-0.00", "USD", account),
        *_positions(account, number),
    ]


def _positions(account: str, number: int) -> list[list[str]]:
    """Two that are worth the same, one fractional short, one closed, one whose value is unknown."""
    apple = position(265598, price=f"{187 + number}.25", account=account)
    same = position(4391, account=account, symbol="AMD", local_symbol="AMD", strike="", exchange="")
    short = position(12, size="-0.00000001", account=account, symbol="BTC", sec_type="CRYPTO", currency="EUR")
    closed = position(11, size="0", account=account, symbol="RIVN")
    unknown = position(
        700,
        account=account,
        symbol="ES",
        sec_type="FOP",
        strike="4500.5",
        right="C",
        multiplier="50",
        last_trade_date="20240315",
    )
    short[15:19] = ["-1234.5", "341.55066219512196", "0.00", "0"]
    closed[15:19] = ["0", "0", "0", "-73.07"]
    unknown[14:16] = ["1.7976931348623157E308", "1.7976931348623157E308"]
    return [unknown, closed, apple, short, same]


def build_world(url: str, snapshots: int = 5, gap_after: int | None = None) -> Stream:
    """Record and project hourly snapshots of two accounts; a third account is listed and never downloaded."""
    stream = Stream(GATEWAY, at=to_micros(FIRST) - 10_000_000)
    stream.message("15", "1", f"{DU1},{DU2},{EMPTY}", timed=True)
    stream.message("4", "2", "-1", "2104", f"farm of {DU2} is OK", "", timed=True)
    for number in range(snapshots):
        hours = number if gap_after is None or number <= gap_after else number + 3
        stream.at = to_micros(FIRST + hours * HOUR) + 1000
        downloads = {account: messages(account, number) for account in (DU1, DU2)}
        stream.refresh(downloads, created=to_micros(FIRST + hours * HOUR))
    record(url, stream.events)
    project(url)
    return stream


def tell_gateway(
    connection: psycopg.Connection[tuple[object, ...]], name: str = GATEWAY, *, connected: bool = True
) -> None:
    """Report a gateway's state as its leader does, who is alive."""
    connection.execute(
        """
        INSERT INTO coordination.instance (name, gateways, client_id, address, version)
        VALUES ('leader', ARRAY[%s], 5555, '127.0.0.1:3000', '0.1.0')
        ON CONFLICT (name) DO UPDATE
        SET gateways = instance.gateways || excluded.gateways, heartbeat = clock_timestamp()
        """,
        (name,),
    )
    connection.execute(
        """
        INSERT INTO coordination.process (instance, role, version)
        SELECT 'leader', unnest(ARRAY['api', 'project', 'record']), '0.1.0'
        ON CONFLICT (instance, role) DO UPDATE SET heartbeat = clock_timestamp()
        """
    )
    connection.execute(
        """
        INSERT INTO coordination.gateway (name, instance, state, detail, connected, server_version)
        VALUES (%s, 'leader', %s, %s, %s, '178')
        ON CONFLICT (name) DO UPDATE SET connected = excluded.connected, heartbeat = clock_timestamp()
        """,
        (name, "recording" if connected else "unavailable", None if connected else "refused", connected),
    )


def tell_statements(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Report a Flex query that is fetched, and one that IBKR refuses."""
    connection.execute(
        """
        INSERT INTO coordination.flex_query (query, name, tried, got, up_to, due, failures, failing_since, code, error)
        VALUES
            ('123456', 'daily', now(), now(), '2024-01-01', now() + interval '1 day', 0, NULL, NULL, NULL),
            ('234567', 'trades', now(), NULL, NULL, now() + interval '1 day', 1, now(), '1014', 'IBKR does not know it')
        """
    )


def admin(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection for a test's own statements."""
    return connect(url, name="test")


def rfc3339(micros: int) -> str:
    """A time in microseconds as text."""
    return format_rfc3339(from_micros(micros))
