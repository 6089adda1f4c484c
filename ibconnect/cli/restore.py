"""``ibconnect restore FILE``: a backup into a new, empty database.

In: the settings, a path, the environment that PostgreSQL's programs get. Out: a database that ``serve`` goes on with.
Called by the command line. The work is that of :mod:`ibconnect.database.restore`.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from ibconnect.cli.ending import ending_cleanly
from ibconnect.cli.starting import settings
from ibconnect.config import Config
from ibconnect.database.restore import Restored, restore
from ibconnect.database.tables import view_names
from ibconnect.service.postgres import database

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a dump in pg_dump's custom format")


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """See :func:`run_restore`.

    :raises IbConnectError: a setting is wrong, or it cannot be done
    """
    return run_restore(settings(environ), chosen.file, environ)


def run_restore(config: Config, file: Path, environ: Mapping[str, str]) -> int:
    """Fill the empty database with a dump, and say what comes next.

    :raises DatabaseError: the database is not empty, or cannot be reached or filled; it is as it was then
    """
    with ending_cleanly(), database(config) as url:
        done = restore(url, file, environ, view_names())
    for line in _said(done, config):
        print(line)
    return 0


def _said(done: Restored, config: Config) -> Iterator[str]:
    yield "restored the events" + (" and the snapshot tables" if done.has_tables else "")
    if not done.has_tables:
        yield "the snapshot tables are not restored: serve makes them from the events"
    for line in done.missing[:_SHOWN]:
        yield f"not restored: {line}"
    if len(done.missing) > _SHOWN:
        yield f"and {len(done.missing) - _SHOWN} more of that kind"
    if done.are_roles:
        yield "next: `ibconnect migrate` as ibconnect_owner; then `ibconnect serve` as ibconnect_recorder"
    else:
        yield "next: ibconnect serve"
    spool = config.data_dir / "spool"
    try:
        holds_something = any(spool.iterdir())
    except OSError:
        holds_something = False
    if holds_something:
        yield f"{spool} is not empty: start serve with it only if it is that of this same history"
