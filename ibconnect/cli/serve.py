"""``ibconnect serve``: the whole service, each part of it in a process of its own. Called by the command line."""

import argparse
import asyncio
from collections.abc import Mapping

from ibconnect.cli.starting import add_no_web, started, with_web
from ibconnect.service.lifetime import lived, stop_event
from ibconnect.service.service_manager import ServiceManager
from ibconnect.service.serving import serving
from ibconnect.service.supervision import end_for_sure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether there is the page; all else is said by the environment."""
    add_no_web(parser)


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM or Ctrl-C; the exit code is 0.

    :raises IbConnectError: a setting is wrong, or a port or the database cannot be had
    """
    environ = with_web(environ, chosen)
    config, manager = started(environ, tells_page=True), ServiceManager(environ)

    async def serve() -> None:
        await lived(
            stop_event(),
            lambda parts: serving(config, environ, parts, manager),
            manager=manager,
            on_failed=end_for_sure,
        )

    asyncio.run(serve())
    return 0
