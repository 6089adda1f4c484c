"""``ibconnect serve``: a process that records, one that projects, one that answers, and this one, which keeps them.

In: the settings. Out: an instance that runs. Called by the command line. This process owns the embedded Postgres and
the listening sockets, so that requests wait for a process that is started again rather than being refused; starts again
what dies; passes questions between the others; and ends them in order: what answers, then what records and projects.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from ibconnect import __version__, troubles
from ibconnect.config import Config
from ibconnect.database_url import hide_password
from ibconnect.http.server.binding import bind
from ibconnect.http.server.site import Site, site_of
from ibconnect.observe import Kind, observe
from ibconnect.roles import API, ORDER, PROJECT, RECORD, SUPERVISOR, process_of
from ibconnect.service import data_directory
from ibconnect.service.channel import Message
from ibconnect.service.member import Member
from ibconnect.service.postgres import database
from ibconnect.service.service_manager import LISTENS, ServiceManager
from ibconnect.service.supervision import Parts, cancelled, looking
from ibconnect.status import of_this_process
from ibconnect.troubles import LOOK_S

# How long each may take to end before it is killed; a container engine kills all after ten seconds.
_ANSWERS_END_S, _WORK_ENDS_S = 3.5, 5.0
_BACKLOG = 1024


@asynccontextmanager
async def serving(
    config: Config, environ: Mapping[str, str], parts: Parts, manager: ServiceManager
) -> AsyncIterator[Site]:
    """Run an instance in processes of its own while the context lasts.

    :param environ: what the settings were read from
    :param parts: hears of what dies for good
    :raises PartFailed: something died for good before everything ran
    :raises ConfigError: the settings cannot go together, or an address cannot be had
    :raises DatabaseError: the embedded server cannot be started
    """
    data_directory.check(config.data_dir)
    async with AsyncExitStack() as stack:
        url = stack.enter_context(database(config))
        sockets = await bind(config.host, config.port)
        for each in sockets:
            stack.callback(each.close)
            # From here on requests wait, whether anything that answers is there yet or not.
            each.listen(_BACKLOG)
        bound = tuple((str(each.getsockname()[0]), int(each.getsockname()[1])) for each in sockets)
        site = site_of(config.host, bound)
        family = Family(_settings(config, environ, url), sockets, bound)
        await stack.enter_async_context(family.kept(parts))
        await _ready(family, parts, [API])
        manager.tell(LISTENS, "STATUS=answering, not yet recording")
        await _ready(family, parts, ORDER)
        observe(Kind.SERVICE_STARTED, version=__version__, database=hide_password(url), urls=" ".join(site.urls))
        manager.tell("STATUS=recording and answering")
        yield site
        observe(Kind.SERVICE_STOPPING)
    observe(Kind.SERVICE_STOPPED)


def _settings(config: Config, environ: Mapping[str, str], url: str) -> dict[str, str]:
    """The environment of the others: the same settings, one instance, one database."""
    kept = {name: value for name, value in environ.items() if name != "NOTIFY_SOCKET"}
    if not config.db_url:
        kept.pop("DB_URL_FILE", None)
        kept["DB_URL"] = url
    return {**kept, "INSTANCE": config.instance}


async def _ready(family: "Family", parts: Parts, roles: Sequence[str]) -> None:
    """Wait until these run.

    :raises PartFailed: something died for good meanwhile
    """
    failing = asyncio.create_task(parts.failed.wait())
    try:
        for role in roles:
            runs = asyncio.create_task(family.members[role].runs.wait())
            either: set[asyncio.Task[Any]] = {runs, failing}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            await cancelled([runs])
            parts.check()
    finally:
        await cancelled([failing])


class Family:
    """The processes of one instance."""

    def __init__(
        self, environ: Mapping[str, str], sockets: Sequence[socket.socket], bound: Sequence[tuple[str, int]]
    ) -> None:
        self._sockets = sockets
        self.members = {
            role: Member(role, environ, sockets if role == API else (), bound, self._answer) for role in ORDER
        }

    @asynccontextmanager
    async def kept(self, parts: Parts) -> AsyncIterator[None]:
        """Keep them running while the context lasts; it ends when all of them have."""
        tasks = [parts.keep(process_of(member.role), member.run) for member in self.members.values()]
        looks = [asyncio.create_task(looking()), asyncio.create_task(self._look())]
        for task in looks:
            parts.watch("the look after the processes", task)
        try:
            yield
        finally:
            await self._stop()
            await cancelled([*tasks, *looks])

    async def _stop(self) -> None:
        for member in self.members.values():
            member.ends = True
            if troubles.is_ending():
                member.tell({"ending": True})
        for each in self._sockets:
            each.close()
        await self.members[API].stop(_ANSWERS_END_S)
        await asyncio.gather(*(self.members[role].stop(_WORK_ENDS_S) for role in (RECORD, PROJECT)))

    async def _look(self) -> None:
        """See that each answers, so that one that hangs is logged also if nobody asks."""
        while True:
            await asyncio.sleep(LOOK_S)
            await asyncio.gather(*(member.status() for member in self.members.values()))

    async def _answer(self, question: Message) -> Message:
        """Tell what answers how all others are."""
        has_metrics, seconds = bool(question["metrics"]), float(question["seconds"])
        roles = [role for role in ORDER if role != API]
        asked = [self.members[role].status(has_metrics=has_metrics, seconds=seconds) for role in roles]
        said = await asyncio.gather(*asked)
        # After them, so that it reports one that has not answered.
        own = of_this_process(SUPERVISOR, 0.0, has_metrics=has_metrics).as_json()
        others = zip(roles, said, strict=True)
        return {**{role: each for role, each in others if each or self.members[role].is_silent}, SUPERVISOR: own}
