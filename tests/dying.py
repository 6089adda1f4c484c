"""``python -m tests.dying PART ["and hangs"]``: the service, but one of its parts dies, or hangs on top of that.

Settings by environment.

For the tests that show that such a process does not go on as if nothing were missing. The processes that it starts
begin here too, and find in DYING which part it is.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

from ibconnect.__main__ import main
from ibconnect.cluster.registry import Registry
from ibconnect.errors import ProjectionError, SchemaError
from ibconnect.events.journal import Journal
from ibconnect.events.segments import JournalDamaged
from ibconnect.events.writer import Writer
from ibconnect.gateway.supervisor import Supervisor
from ibconnect.http.server import services
from ibconnect.http.server.wakeups import Wakeups
from ibconnect.projections.engine.runner import Projector
from ibconnect.service import member, preparing, supervision


def dies(exc: BaseException) -> Callable[..., Any]:
    def die(*_: object, **__: object) -> None:
        raise exc

    return die


def dies_awaited(exc: BaseException, after: float = 0.0) -> Callable[..., Any]:
    async def die(*_: object) -> None:
        await asyncio.sleep(after)
        raise exc

    return die


async def ends(*_: object) -> None:
    """Return at once, which no part does by itself."""


PARTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "journal": (Journal, "read", dies(JournalDamaged("it cannot be read back"))),
    "writer": (Writer, "_run", dies(SystemExit("the writer's thread is gone"))),
    "projector": (Projector, "_run", dies(ProjectionError("no tracking row"))),
    "coordination": (Registry, "run", dies_awaited(RuntimeError("nobody to ask"))),
    "supervisor": (Supervisor, "run", dies_awaited(ValueError("no gateway of this kind"))),
    "supervisor without an error": (Supervisor, "run", ends),
    "listener": (Wakeups, "listen", dies_awaited(RuntimeError("nobody listens"), after=0.5)),
    "listener at once": (Wakeups, "listen", dies_awaited(RuntimeError("nobody listens"))),
    "tokens": (services, "follow_tokens", dies_awaited(RuntimeError("nobody reads"), after=0.5)),
    "schema": (preparing, "migrate", dies(SchemaError("these tables are of somebody else"))),
}


async def hangs(*_: object) -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if "--child" not in arguments:
        os.environ["DYING"], sys.argv[1:] = " ".join(arguments), ["serve"]
    part, _, hanging = os.environ["DYING"].partition(" and ")
    member.MODULE = "tests.dying"
    supervision._FIRST_WAIT_S = 0.05
    if "--child" not in arguments:
        # To start a process again takes a second, and tests of their own show that it is done.
        supervision.MOST_DEATHS = 1
    if hanging:
        supervision._FORCE_S = 1.0
        setattr(Writer, "close", hangs)  # noqa: B010 - a method of a class is not to be assigned
    holder, name, replacement = PARTS[part]
    setattr(holder, name, replacement)
    sys.exit(main())
