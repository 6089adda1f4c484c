"""One role of the service in a process of its own. Called by the verbs ``record``, ``project`` and ``api``."""

import asyncio
from collections.abc import Mapping

from ibconnect.cli.starting import started
from ibconnect.service.lifetime import stop_event
from ibconnect.service.process import serve_until
from ibconnect.service.service_manager import ServiceManager
from ibconnect.service.supervision import end_for_sure


def run_role(role: str, environ: Mapping[str, str]) -> int:
    """Do one thing in this process until SIGTERM or Ctrl-C; the exit code is 0.

    :raises IbConnectError: a setting is wrong, or a port or the database cannot be had
    """
    config, manager = started(environ), ServiceManager(environ)

    async def serve() -> None:
        await serve_until(stop_event(), config, manager=manager, on_failed=end_for_sure, roles=frozenset({role}))

    asyncio.run(serve())
    return 0
