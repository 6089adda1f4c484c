"""A fork server: recorder processes that start in milliseconds, so that hundreds of them can be killed for real.

Run as ``python -m tests.faults.spawner``. In: one JSON object per line on standard input: ``settings`` (as of the
environment), ``log`` (a path), ``times`` (seconds that differ from the program's own). Out: the child's process id,
one per line. Each child is the service in a process of its own, until a signal; without HTTP, unless its settings name
a ``PORT``.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from ibconnect.cluster.peers import Peers
from ibconnect.cluster.probe import asking
from ibconnect.config import Config, load
from ibconnect.http.app import create_app, serve
from ibconnect.observe import configure_logging
from ibconnect.service.lifetime import stop_event
from ibconnect.service.preparing import prepared
from ibconnect.service.projecting import projecting
from ibconnect.service.recording import recording
from ibconnect.service.supervision import Parts, looking


async def record(settings: dict[str, str]) -> None:
    config = load(settings)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell_tasks)
    stop, parts = stop_event(), Parts()
    stopping = asyncio.ensure_future(stop.wait())
    preparing = asyncio.ensure_future(prepared(config.db_url))
    await asyncio.wait({stopping, preparing}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        preparing.result()
        look = asyncio.create_task(looking())
        async with (
            asking() as ask,
            answering(config, Peers(ask), "PORT" in settings) as peers,
            projecting(config.db_url, preparing, parts),
            recording(config, preparing, peers, parts),
        ):
            failing = asyncio.ensure_future(parts.failed.wait())
            await asyncio.wait({stopping, failing}, return_when=asyncio.FIRST_COMPLETED)
            parts.check()
        look.cancel()


@asynccontextmanager
async def answering(config: Config, peers: Peers, is_serving: bool) -> AsyncIterator[Peers]:
    """Serve HTTP, if so asked: then other instances can ask this one what it knows of Postgres."""
    if not is_serving:
        yield peers
        return
    async with serve(create_app(config, peers.seconds), config.host, config.port) as site:
        peers.bound = site.bound
        yield peers


def tell_tasks() -> None:
    """Write to the log what everything waits for: who hangs can be asked."""
    for task in asyncio.all_tasks():
        task.print_stack()


def be_child(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for name, seconds in order["times"].items():
        place, _, constant = name.rpartition(".")
        module = import_module(f"ibconnect.{place}")
        assert hasattr(module, constant)
        setattr(module, constant, seconds)
    configure_logging("json", "info")
    asyncio.run(record(order["settings"]))


def main() -> None:
    # The kernel reaps the children: nobody here waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                be_child(json.loads(line))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
