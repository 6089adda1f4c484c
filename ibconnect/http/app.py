"""Composition of the REST server: settings in, an application out; an application in, a listening server out.

For the composition root (``ibconnect/service.py``)::

    app = create_app(config)  # config.db_url must name the database, also where it is the embedded one
    async with serve(app, config.host, config.port) as site:
        print(site.urls)

:func:`create_app` opens nothing. :func:`serve` opens the application's own pools and its LISTEN connection,
binds the port, and closes all of it again, ending live streams at once and other requests within a few seconds.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from ibconnect.config import Config
from ibconnect.http.binding import bind, cannot_listen
from ibconnect.http.connections import Runner
from ibconnect.http.cross_origin import allow_origins
from ibconnect.http.crowd import Crowd
from ibconnect.http.limits import MAX_BODY_BYTES
from ibconnect.http.listening import Site as ListeningSite
from ibconnect.http.pipeline import around, handler_of
from ibconnect.http.routes import ROUTES
from ibconnect.http.services import Services, make_services, running

_SHUTDOWN_SECONDS = 2.0

SERVICES = web.AppKey("services", Services)


@dataclass(frozen=True, slots=True)
class Site:
    """A listening server: ``urls`` to reach it at, without a trailing slash; the addresses and ports that are bound."""

    urls: tuple[str, ...]
    bound: tuple[tuple[str, int], ...]


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
async def serve(app: web.Application, hosts: Sequence[str], port: int) -> AsyncIterator[Site]:
    """Listen on every address of ``hosts``, and one ``port`` (0: any free one), for as long as the context lasts.

    :raises ConfigError: an address cannot be bound; then none is
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
        await _listen(runner, services.crowd, hosts, port)
        bound = tuple((str(address[0]), int(address[1])) for address in runner.addresses)
        yield Site(tuple(_url(host, bound[0][1]) for host in hosts), bound)
    finally:
        await runner.cleanup()


async def _listen(runner: Runner, crowd: Crowd, hosts: Sequence[str], port: int) -> None:
    sockets = await bind(hosts, port)
    try:
        while sockets:
            await ListeningSite(runner, sockets[0], crowd).start()
            del sockets[0]
    except OSError as exc:
        raise cannot_listen(hosts, port, sockets[0].getsockname()[0], exc) from exc
    finally:
        for each in sockets:
            each.close()


def _url(host: str, port: int) -> str:
    """A URL for people: by the name that was configured, on the port that was bound."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
