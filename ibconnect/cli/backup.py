"""``ibconnect backup FILE``: the whole database into a file, also while it is recorded into.

In: the settings, a path, the environment that PostgreSQL's programs get. Out: a file that is whole or not there. Called
by the command line. The work is that of :mod:`ibconnect.database.dump`.
"""

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ibconnect.cli.ending import ending_cleanly
from ibconnect.cli.starting import settings
from ibconnect.config import Config
from ibconnect.database.dump import dump
from ibconnect.database.pools import SERVERS_OWN, connect, explained
from ibconnect.database.sql import queries
from ibconnect.database.tables import schema_names
from ibconnect.errors import DatabaseError, ProjectionError
from ibconnect.projections.engine.lock import alone
from ibconnect.projections.registry import REPORTS
from ibconnect.service.postgres import database

_Q = queries("database/restore")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a dump in pg_dump's custom format")


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """See :func:`run_backup`.

    :raises IbConnectError: a setting is wrong, or it cannot be done
    """
    return run_backup(settings(environ), chosen.file, environ)


def run_backup(config: Config, file: Path, environ: Mapping[str, str]) -> int:
    """Write a dump of the database, while it is recorded into if need be; replaces ``file`` when it is whole.

    :raises DatabaseError: Postgres cannot be reached or refuses, a program is missing, or the file cannot be written
    """
    if file.is_dir():
        raise DatabaseError(f"{file} is a directory: name a file")
    with ending_cleanly(), database(config) as url, ExitStack() as stack:
        watch = stack.enter_context(connect(url, name="backup", search_path=SERVERS_OWN))
        stack.enter_context(explained("the backup failed"))
        if not watch.execute(_Q["has_events"]).fetchone()[0]:  # type: ignore[index]
            raise DatabaseError("the database holds no events: there is nothing to back up")
        with_tables = _keep_rebuilds_away(stack, watch)
        before = _live_tables(watch)
        dump(url, file, environ, with_tables=with_tables, is_one=lambda: _live_tables(watch) == before)
    print(f"backed up to {file} ({file.stat().st_size:,} bytes)")
    if not with_tables:
        print("without the rows of the snapshot tables, which are being rebuilt: serve makes them from the events")
    return 0


def _keep_rebuilds_away(stack: ExitStack, watch: Any) -> bool:
    """Whether none is under way; none begins then while the context lasts.

    pg_dump finds tables by name after it has fixed what it sees: of tables that were swapped meanwhile it would see
    no rows, and say nothing.
    """
    try:
        stack.enter_context(alone(watch, REPORTS))
    except ProjectionError:
        return False
    return True


def _live_tables(watch: Any) -> object:
    return watch.execute(_Q["live_tables"], {"schemas": schema_names()}).fetchone()
