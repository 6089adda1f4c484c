"""Composition of the REST server: settings in, an application out; an application in, a listening server out.

For the composition root (``ibconnect/service.py``)::

    app = create_app(config)  # config.db_url must name the database, also where it is the embedded one
    async with serve(app, config.host, config.port) as site:
        print(site.urls)

:func:`create_app` opens nothing. :func:`serve` opens the application's own pools and its LISTEN connection,
binds the port, and closes all of it again, ending live streams at once and other requests within a few seconds.
"""

import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from ibconnect.config import Config
from ibconnect.errors import ConfigError
from ibconnect.http.connections import Runner
from ibconnect.http.cross_origin import allow_origins
from ibconnect.http.limits import MAX_BODY_BYTES
from ibconnect.http.pipeline import around, handler_of
from ibconnect.http.routes import ROUTES
from ibconnect.http.services import Services, make_services, running

_SHUTDOWN_SECONDS = 2.0
_BACKLOG = 1024

SERVICES = web.AppKey("services", Services)


@dataclass(frozen=True, slots=True)
class Site:
    """A listening server: ``urls`` to reach it at, without a trailing slash; the address and port that are bound."""

    urls: tuple[str, ...]
    bound: tuple[str, int]


def create_app(config: Config, database_seconds: Callable[[], float] = lambda: 0.0) -> web.Application:
    """The application, with every route of the table behind the pipeline.

    :param database_seconds: for how long Postgres has answered what this instance records, 0 if it does not
    :raises ConfigError: tokens are missing or wrong
    """
    services = make_services(config, database_seconds)
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[SERVICES] = services
    for route in ROUTES:
        app.router.add_get(_router_path(route.path), handler_of(route, services), name=route.name)
    allow_origins(app, config.cors_origins)
    app.cleanup_ctx.append(running(services))
    app.on_shutdown.append(_end_streams)
    return app


def _router_path(path: str) -> str:
    """The router tries paths in the table's order: a report comes first there, and must leave the others alone."""
    return path.replace("{Timestamp}", r"{Timestamp:(?!(?:history|snapshots)$)[^{}/]+}")


async def _end_streams(app: web.Application) -> None:
    app[SERVICES].closing.set()


@asynccontextmanager
async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[Site]:
    """Listen on ``host`` and ``port`` (0: any free one) for as long as the context lasts.

    :raises ConfigError: the address cannot be bound
    """
    services = app[SERVICES]
    runner = Runner(
        app,
        lambda handler: around(handler, services),
        guard=services.guard,
        access=services.access,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await _bind(runner, host, port)
        addresses = runner.addresses
        yield Site(tuple(dict.fromkeys(_url(host, address) for address in addresses)), addresses[0][:2])
    finally:
        await runner.cleanup()


async def _bind(runner: Runner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
    except OSError as exc:
        # A machine may name ::1 "localhost" and yet have no IPv6.
        if host != "localhost" or exc.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise ConfigError(f"HOST={host!r}, PORT={port}: cannot listen there: {exc.strerror or exc}") from exc
        await web.TCPSite(runner, "127.0.0.1", port, backlog=_BACKLOG).start()


def _url(host: str, address: tuple[str, int]) -> str:
    """A URL for people: by the name that was configured, on the port that was bound."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{address[1]}"
