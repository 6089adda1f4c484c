"""``ibconnect demo``: a simulated advisor's login, recorded and served, with nothing else to set up.

Called by the command line (``make demo``). It is the real service on the embedded Postgres, in a data directory
of its own that stays; only the gateway is simulated, and the Flex service that tells of the two years before it began.
"""

import argparse
import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ibconnect.config import Config, load
from ibconnect.descriptors import raise_limit
from ibconnect.errors import ConfigError, DatabaseError, FlexError
from ibconnect.observe import configure_logging
from ibconnect.service.lifetime import stop_event
from ibconnect.service.process import Service, serve_until
from ibconnect.service.statements import recorder
from ibconnect.service.supervision import end_for_sure
from ibconnect.simulator import Gateway, Scenario
from ibconnect.simulator.flex import FlexService, Query, ScenarioBooks
from ibconnect.simulator.flex.queries import SECTIONS
from ibconnect.statements.flex.days import last_day
from ibconnect.statements.flex.walking import Walk, walk
from ibconnect.times import utc_now

# One minute of the demo is an hour of the simulated market, and is worth a snapshot.
_SPEED = 60.0
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
    demo = {"ACCT_REF": _EVERY_MINUTE, "LOG_LEVEL": "warning"}
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
    scenario = Scenario.demo(utc_now().replace(microsecond=0))
    books = ScenarioBooks(scenario.world)
    async with (
        Gateway(scenario, speed=_SPEED, record=False) as gateway,
        FlexService(books, queries=[_QUERY], stamp="night") as flex,
    ):
        config = settings(environ, gateway.port, flex)
        configure_logging(config.log_format, config.log_level)
        raise_limit()
        print(f"simulated IB Gateway: 127.0.0.1:{gateway.port}, an advisor with five client accounts")
        print(f"history is kept in {config.data_dir}", flush=True)
        code = gateway.source.codes()[1]
        async with asyncio.TaskGroup() as tasks:

            def running(service: Service) -> None:
                _show(service, config, code)
                tasks.create_task(_until(stop, config, service.db_url))

            await serve_until(stop, config, running, on_failed=end_for_sure)
            stop.set()


async def _until(stop: asyncio.Event, config: Config, url: str) -> None:
    """Have the two years before recorded, unless all ends first."""
    work, ended = asyncio.create_task(_record_past(config, url)), asyncio.create_task(stop.wait())
    await asyncio.wait((work, ended), return_when=asyncio.FIRST_COMPLETED)
    for task in (work, ended):
        task.cancel()
    await asyncio.gather(work, ended, return_exceptions=True)


async def _record_past(config: Config, url: str) -> None:
    """As ``ibconnect statements fetch --again`` does; what was given before is known, if it is the same still."""
    last = last_day(utc_now())
    asked = Walk(config.flex_queries[0], last - _TWO_YEARS, last, is_anew=True)
    while True:
        try:
            await walk(config, url, recorder(url), asked, lambda span, given: None)
        except FlexError:
            # The service's own schedule fetches, or the statements are being made still.
            await asyncio.sleep(_WAIT_S)
        except DatabaseError:
            return
        else:
            print("the two years before are recorded: statements of every day", flush=True)
            return


def _show(service: Service, config: Config, code: str) -> None:
    root = service.urls[0].rstrip("/")
    print(
        f"""recording and serving; a snapshot of every account now and by ACCT_REF="{config.acct_ref}"

  all accounts            curl -i {root}/v1/accounts
  the same, refreshed     curl -H 'Cache-Control: max-age=0' {root}/v1/accounts
  one account's report    curl -L {root}/v1/accounts/{code}
  its two years before    curl {root}/v1/accounts/{code}/performance
  documentation           {root}/docs

Ctrl-C stops it.""",
        flush=True,
    )
