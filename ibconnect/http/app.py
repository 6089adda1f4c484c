"""Composition of the REST server: settings in, an application out; an application in, a listening server out.

For the composition root (``ibconnect/service/process.py``)::

    app = create_app(config)  # config.db_url must name the database, also where it is the embedded one
    async with serve(app, config.host, config.port) as site:
        print(site.urls)

:func:`create_app` opens nothing. :func:`serve` opens the application's own pools and its LISTEN connection,
binds the port, and closes all of it again, ending live streams at once and other requests within a few seconds.
"""

import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from ibconnect.config import Config
from ibconnect.http.resources.registry import RESOURCES
from ibconnect.http.server.binding import bind, cannot_listen
from ibconnect.http.server.connections import Runner
from ibconnect.http.server.cors import allow_origins
from ibconnect.http.server.crowd import Crowd
from ibconnect.http.server.limits import MAX_BODY_BYTES
from ibconnect.http.server.listening import Site as ListeningSite
from ibconnect.http.server.others import Ask, Others, nobody
from ibconnect.http.server.pipeline import around, handler_of
from ibconnect.http.server.resource import SERVED, Resource
from ibconnect.http.server.routing import router_path
from ibconnect.http.server.services import Instance, Services, make_services, running
from ibconnect.http.server.site import Site, site_of
from ibconnect.roles import ALL, API, name_of

_SHUTDOWN_SECONDS = 2.0

SERVICES = web.AppKey("services", Services)


def create_app(
    config: Config,
    database_seconds: Callable[[], float] = lambda: 0.0,
    roles: frozenset[str] = ALL,
    process: str = "",
    ask: Ask = nobody,
) -> web.Application:
    """The application: every route of the resources behind the pipeline; without the API those of operations alone.

    :param database_seconds: for how long Postgres has answered what this process records, 0 if it does not
    :param roles: what this instance does, as far as this application answers for it
    :param process: what this process is called in metrics; empty: by its roles
    :param ask: asks the other processes of this instance
    :raises ConfigError: tokens are missing or wrong
    """
    served = tuple(each for each in RESOURCES if _is_served(each, roles, has_page=config.web))
    routes = tuple(route for resource in served for route in resource.routes)
    parts = [part for resource in served for part in resource.parts]
    instance = Instance(roles, process or name_of(roles), database_seconds, Others(ask))
    services = make_services(config, instance, parts, _shown_names(RESOURCES))
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[SERVICES], app[SERVED] = services, served
    for route in routes:
        app.router.add_get(router_path(route, routes), handler_of(route, services), name=route.name)
    for route in (post for resource in served for post in resource.posts):
        app.router.add_post(route.path, handler_of(route, services), name=route.name)
    allow_origins(app, config.cors_origins)
    app.cleanup_ctx.append(running(services))
    app.on_shutdown.append(_end_streams)
    return app


def _is_served(resource: Resource, roles: frozenset[str], *, has_page: bool) -> bool:
    return (API in roles or resource.is_operational) and (has_page or not resource.is_of_page)


def _shown_names(resources: Iterable[Resource]) -> frozenset[str]:
    """The parameters of a query that this program knows, which the log shows: others may hold secrets."""
    routes = (route for resource in resources for route in resource.routes)
    return frozenset(each.name for route in routes for each in route.parameters if each.place == "query")


async def _end_streams(app: web.Application) -> None:
    app[SERVICES].closing.set()


@asynccontextmanager
async def serve(
    app: web.Application, hosts: Sequence[str], port: int, sockets: Sequence[socket.socket] | None = None
) -> AsyncIterator[Site]:
    """Listen on every address of ``hosts``, and one ``port`` (0: any free one), for as long as the context lasts.

    :param sockets: bound ones to listen on instead, which whoever has started this process has given
    :raises ConfigError: an address cannot be bound; then none is
    """
    services = app[SERVICES]
    routes = [route for resource in app[SERVED] for route in resource.routes]
    runner = Runner(
        app,
        lambda handler: around(handler, services, routes),
        asked=services.asked,
        access=services.access,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        listened = await bind(hosts, port) if sockets is None else list(sockets)
        await _listen(runner, services.crowd, hosts, port, listened)
        bound = tuple((str(address[0]), int(address[1])) for address in runner.addresses)
        yield site_of(hosts, bound)
    finally:
        await runner.cleanup()


async def _listen(runner: Runner, crowd: Crowd, hosts: Sequence[str], port: int, sockets: list[socket.socket]) -> None:
    try:
        while sockets:
            await ListeningSite(runner, sockets[0], crowd).start()
            del sockets[0]
    except OSError as exc:
        raise cannot_listen(hosts, port, sockets[0].getsockname()[0], exc) from exc
    finally:
        for each in sockets:
            each.close()
