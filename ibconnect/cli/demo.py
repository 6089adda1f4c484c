"""``ibconnect demo``: a simulated advisor's login, recorded and served, with nothing else to set up.

Called by the command line (``make demo``). It is the real service on the embedded Postgres, in a data directory
of its own that stays; only the gateway is simulated, and the Flex service that tells of the two years before it began.
Its first start records these two years as if the recorder had run, before it records what is live.
"""

import argparse
import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from http.client import HTTPException
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from time import monotonic
from urllib.request import Request, urlopen

from ibconnect.config import Config, load
from ibconnect.demo.kept import Kept, recall, remember
from ibconnect.demo.past import has_events
from ibconnect.demo.world import make
from ibconnect.descriptors import raise_limit
from ibconnect.errors import ConfigError, DatabaseError, FlexError
from ibconnect.observe import configure_logging
from ibconnect.service.lifetime import stop_event
from ibconnect.service.member import importing
from ibconnect.service.process import Service, serve_until
from ibconnect.service.statements import recorder
from ibconnect.service.supervision import cancelled, end_for_sure
from ibconnect.simulator import Gateway, Scenario
from ibconnect.simulator.flex import FlexService, Query
from ibconnect.simulator.flex.queries import SECTIONS
from ibconnect.simulator.scenario.world import World
from ibconnect.statements.flex.days import last_day
from ibconnect.statements.flex.walking import Walk, walk
from ibconnect.times import utc_now

_EVERY_MINUTE = "* * * * *"
_TWO_YEARS = timedelta(days=730)
# What nothing is read of by the demo, and is a third of all, is not ticked.
_QUERY = Query(
    "910001",
    "Demo",
    columns="few",
    sections=tuple(name for name in SECTIONS if name not in ("StmtFunds", "InterestAccruals", "CarbonFootprint")),
)
_WAIT_S = 2.0
_NOTED_S = 2.0
_LAST_REPORT_S = 3.0
_ANY_PORT = 4002
_RESTART_AFTER_S, _RESTART_S = 75.0, 20.0

_DATABASES = ("DB_URL", "DB_URL_FILE", "DB_READ_URL", "DB_READ_URL_FILE")


def settings(environ: Mapping[str, str], gateway_port: int, flex: FlexService | None = None) -> Config:
    """The settings of the demo: what the environment says, else a snapshot a minute, in a directory of its own.

    :raises ConfigError: a setting is wrong, or names a database, which is none for invented accounts
    """
    named = [name for name in _DATABASES if name in environ]
    if named:
        raise ConfigError(
            f"{named[0]} is set, and the demo's accounts are invented: they belong into no database but its own, which "
            f"nobody takes for a real one; to run it: unset {' '.join(named)}"
        )
    demo = {"ACCT_REF": _EVERY_MINUTE, "LOG_LEVEL": "warning", "REFRESH_FLOOR": "0"}
    theirs = {name: value for name, value in environ.items() if not name.startswith("FLEX_")}
    ours = {"IB_GW": f"127.0.0.1:{gateway_port}"}
    if flex is not None:
        ours |= {"FLEX_URL": flex.url, "FLEX_TOKEN": flex.options.token, "FLEX_QUERIES": f"demo={_QUERY.id}"}
    config = load({**demo, **theirs, **ours})
    return replace(config, data_dir=_directory(config.data_dir))


def _directory(data_dir: Path) -> Path:
    """Where a service that has the same ``DATA_DIR`` meets neither the demo's history nor its spool.

    Below it; for root beside it, since Postgres' own user has to get there, and ``DATA_DIR`` may be root's alone.
    """
    return data_dir.with_name(f"{data_dir.name}-demo") if os.geteuid() == 0 else data_dir / "demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb takes none: all is said by the environment."""


def run(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run until SIGINT or SIGTERM; the exit code is 0.

    :raises IbConnectError: a setting is wrong, or a port or the database cannot be had
    """
    asyncio.run(_run(environ))
    print("stopped; the recorded history stays where it is", flush=True)
    return 0


async def _run(environ: Mapping[str, str]) -> None:
    stop = stop_event()
    now = utc_now().replace(microsecond=0)
    kept = recall(settings(environ, _ANY_PORT).data_dir, now)
    scenario, statements = make(kept.start)
    await asyncio.to_thread(kept.pass_again, scenario.world, now)
    async with (
        _gateway(scenario, kept) as gateway,
        FlexService(statements, queries=[_QUERY], stamp="night", pacing=False) as flex,
    ):
        kept.gateway = gateway.port
        config = settings(environ, gateway.port, flex)
        configure_logging(config.log_format, config.log_level)
        raise_limit()
        demo = Demo(config, kept, gateway, scenario.world, importing(environ))
        ending = asyncio.create_task(demo.end_after(stop))
        try:
            await serve_until(
                demo.ended,
                config,
                demo.goes_live,
                on_failed=end_for_sure,
                before_recording=demo.begin,
            )
        finally:
            await cancelled([ending])
            await demo.end()


def _gateway(scenario: Scenario, kept: Kept) -> Gateway:
    """At the port where it was before, if that is free: the accounts belong to the gateway of that address."""
    with socket() as probe:
        # What the connections of the last run have left there is in nobody's way.
        probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", kept.gateway))
        except OSError:
            print(f"127.0.0.1:{kept.gateway} is in use: the simulated gateway moves to another port", flush=True)
            return Gateway(scenario, record=False)
    return Gateway(scenario, port=kept.gateway, record=False)


class Demo:
    """What goes on beside the service: the two years before are recorded, and it is noted how long the world runs."""

    def __init__(self, config: Config, kept: Kept, gateway: Gateway, world: World, environ: Mapping[str, str]) -> None:
        self.ended = asyncio.Event()
        """All that is worth doing before the end is done."""
        self._config = config
        self._kept = kept
        self._world = world
        self._environ = environ
        self._gateway = gateway
        self._url = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self, service: Service) -> None:
        """Say where it is, and have everything recorded that comes before what is live."""
        _show(service, self._config, self._world.clients()[0].code)
        is_other = not self._kept.is_begun and await asyncio.to_thread(has_events, service.db_url)
        is_doubtful = self._kept.is_begun
        self._kept.is_begun = not is_other
        self._save()
        fetching = asyncio.create_task(self._record_statements(service.db_url))
        self._tasks += [fetching, asyncio.create_task(self._note())]
        if is_other:
            # Two years could only come after what is there, and not all of it would agree.
            print(f"what is in {self._config.data_dir} began without them: for two years, remove it", flush=True)
        elif not self._kept.has_past:
            await self._record_past(service.db_url, is_doubtful)

    def goes_live(self, service: Service) -> None:
        """It is recorded: some time later the gateway restarts, as gateways do each night."""
        self._url = service.urls[0]
        self._gateway.inject("restart", after=_RESTART_AFTER_S, seconds=_RESTART_S)

    async def end_after(self, stop: asyncio.Event) -> None:
        """Time stands still when it is to end, and is reported once more: until the next start nothing changes."""
        await stop.wait()
        self._gateway.stop_clock()
        if self._url:
            await asyncio.to_thread(self._report)
        self.ended.set()

    def _report(self) -> None:
        """Have every account asked for; whoever is asked for a token goes without."""
        asked = Request(f"{self._url}/v1/accounts", headers={"Cache-Control": "max-age=0"})
        with suppress(OSError, HTTPException), urlopen(asked, timeout=_LAST_REPORT_S):
            pass

    async def end(self) -> None:
        """Leave nothing running, and note how far the world came."""
        await cancelled(self._tasks)
        self._save()

    def _save(self) -> None:
        self._kept.note(self._world)
        remember(self._config.data_dir, self._kept)

    async def _note(self) -> None:
        while True:
            self._save()
            await asyncio.sleep(_NOTED_S)

    async def _record_past(self, url: str, is_doubtful: bool) -> None:
        """In a process of its own: the service answers and projects meanwhile.

        :raises DatabaseError: it could not be done; after what is live, it never could
        """
        began = monotonic()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ibconnect.demo.past"),
            *(self._kept.began, f"127.0.0.1:{self._kept.gateway}", str(is_doubtful)),
            stdin=PIPE,
            env=self._environ,
            # Ctrl-C is for this process, which ends all in order.
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            process.stdin.write(f"{url}\n".encode())
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status:
            raise DatabaseError("the two years before could not be recorded; the next start goes on with them")
        self._kept.has_past = True
        self._save()
        print(f"the two years before are recorded: reports of every day, in {monotonic() - began:.0f} s", flush=True)

    async def _record_statements(self, url: str) -> None:
        """As ``ibconnect statements fetch --again`` does; what was given before is known, if it is the same still."""
        last = last_day(utc_now())
        first = date.fromisoformat(self._kept.stated_to) if self._kept.stated_to else last - _TWO_YEARS
        asked = Walk(self._config.flex_queries[0], min(first, last), last, is_anew=True)
        while True:
            try:
                await walk(self._config, url, recorder(url), asked, lambda span, given: None)
            except FlexError:
                # The service's own schedule fetches, or the statements are being made still.
                await asyncio.sleep(_WAIT_S)
            except DatabaseError:
                return
            else:
                self._kept.stated_to = last.isoformat()
                self._save()
                print("the two years before are recorded: statements of every day", flush=True)
                return


def _show(service: Service, config: Config, code: str) -> None:
    root = service.urls[0].rstrip("/")
    print(
        f"""{root}/

recording and serving a simulated advisor's login with five clients; a report of each by ACCT_REF="{config.acct_ref}"
the two years before come first, within a minute; in the second minute after that the gateway restarts

  all accounts            curl -i {root}/v1/accounts
  the same, refreshed     curl -H 'Cache-Control: max-age=0' {root}/v1/accounts
  one account's report    curl -L {root}/v1/accounts/{code}
  its two years before    curl {root}/v1/accounts/{code}/performance
  documentation           {root}/docs

history is kept in {config.data_dir}
Ctrl-C stops it.""",
        flush=True,
    )
