"""``ibconnect backup FILE`` and ``ibconnect restore FILE``: the database into a file, and back into an empty one.

In: the settings, a path, the environment that PostgreSQL's programs get. Out: a file that is whole or not there; a
database that ``serve`` goes on with. Called by the command line. The work is that of :mod:`ibconnect.database.dump` and
:mod:`ibconnect.database.restore`.
"""

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ibconnect.config import Config
from ibconnect.database.dump import dump
from ibconnect.database.pools import SERVERS_OWN, connect, explained
from ibconnect.database.restore import Restored, restore
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError, ProjectionError
from ibconnect.projections.engine.rebuild import alone
from ibconnect.service.postgres import database

_Q = queries("database/restore")
_SHOWN = 10


def run_backup(config: Config, file: Path, environ: Mapping[str, str]) -> int:
    """Write a dump of the database, while it is recorded into if need be; replaces ``file`` when it is whole.

    :raises DatabaseError: Postgres cannot be reached or refuses, a program is missing, or the file cannot be written
    """
    if file.is_dir():
        raise DatabaseError(f"{file} is a directory: name a file")
    with _ending_cleanly(), database(config) as url, ExitStack() as stack:
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
        stack.enter_context(alone(watch))
    except ProjectionError:
        return False
    return True


def _live_tables(watch: Any) -> object:
    return watch.execute(_Q["live_tables"]).fetchone()


def run_restore(config: Config, file: Path, environ: Mapping[str, str]) -> int:
    """Fill the empty database with a dump, and say what comes next.

    :raises DatabaseError: the database is not empty, or cannot be reached or filled; it is as it was then
    """
    with _ending_cleanly(), database(config) as url:
        done = restore(url, file, environ, list(queries("projections/views")))
    for line in _told(done, config):
        print(line)
    return 0


def _told(done: Restored, config: Config) -> Iterator[str]:
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


@contextmanager
def _ending_cleanly() -> Iterator[None]:
    """End at SIGTERM as at Ctrl-C: what was begun is removed, and PostgreSQL's programs end too."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
