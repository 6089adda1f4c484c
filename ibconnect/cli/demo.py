"""``ibconnect demo``: a simulated advisor's login, recorded and served, with nothing else to set up.

Called by the command line (``make demo``). It is the real service on the embedded Postgres, in a data directory
of its own that stays; only the gateway is simulated.
"""

import argparse
import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ibconnect.config import Config, load
from ibconnect.descriptors import raise_limit
from ibconnect.errors import ConfigError
from ibconnect.observe import configure_logging
from ibconnect.service.lifetime import stop_event
from ibconnect.service.process import Service, serve_until
from ibconnect.service.supervision import end_for_sure
from ibconnect.simulator import Gateway, Scenario

# One minute of the demo is an hour of the simulated market, and is worth a snapshot.
_SPEED = 60.0
_EVERY_MINUTE = "* * * * *"


_DATABASES = ("DB_URL", "DB_URL_FILE", "DB_READ_URL", "DB_READ_URL_FILE")


def settings(environ: Mapping[str, str], gateway_port: int) -> Config:
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
    config = load({**demo, **environ, "IB_GW": f"127.0.0.1:{gateway_port}"})
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
    async with Gateway(Scenario.demo(), speed=_SPEED, record=False) as gateway:
        config = settings(environ, gateway.port)
        configure_logging(config.log_format, config.log_level)
        raise_limit()
        print(f"simulated IB Gateway: 127.0.0.1:{gateway.port}, an advisor with five client accounts")
        print(f"history is kept in {config.data_dir}", flush=True)
        code = gateway.source.codes()[0]
        await serve_until(stop, config, lambda service: _show(service, config, code), on_failed=end_for_sure)


def _show(service: Service, config: Config, code: str) -> None:
    root = service.urls[0].rstrip("/")
    print(
        f"""recording and serving; a snapshot of every account now and by ACCT_REF="{config.acct_ref}"

  all accounts            curl -i {root}/v1/accounts
  the same, refreshed     curl -H 'Cache-Control: max-age=0' {root}/v1/accounts
  one account's report    curl -L {root}/v1/accounts/{code}
  documentation           {root}/docs

Ctrl-C stops it.""",
        flush=True,
    )
