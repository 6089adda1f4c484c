"""The schema of the event store and of coordination: numbered files in ``sql/migrations``, applied in order.

Called at every start and by ``ibconnect migrate``. Safe with any number of instances starting at once: a lock on the
table of migrations lets one apply the next while the others wait. No role that only reads can take it, and it is taken
only where something is to be applied. The snapshot tables are not here: they belong to their projection, which builds
them from the events.

A file is applied in one transaction. One that has to look through a table of any size first, which must not stop others
for as long, says ``-- step: NAME`` before each of its parts: each is a transaction of its own, those that wait for the
last one can be run again, and what stands behind ``-- undo`` takes them back if it does not come to the last.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import Connection

from ibconnect.database.outages import is_passing
from ibconnect.database.pools import SERVERS_OWN, connect
from ibconnect.database.sql import queries, read_sql, sql_root
from ibconnect.errors import DatabaseError, DatabaseUnavailable, SchemaError

# Others that migrate are waited for; somebody who reads a table that a migration changes is not for long, since all who
# write would queue behind it.
_LOCK = (
    "SET LOCAL lock_timeout = '60s'",
    "LOCK TABLE public.schema_migration IN EXCLUSIVE MODE",
    "SET LOCAL lock_timeout = '2s'",
)

# By then the bound of the migration that makes partitions may be near (its step "bound").
_LEFT = "what it had begun may still be there: migrate again within a week, or events may be refused"

_STEP = re.compile(r"^-- step: \w+$", re.MULTILINE)
_UNDO = re.compile(r"^-- undo$", re.MULTILINE)

_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS public.schema_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file ``NNNN_name.sql``."""

    number: int
    name: str

    @property
    def sql(self) -> LiteralString:
        """The file's text."""
        return read_sql(f"migrations/{self.name}")

    @property
    def steps(self) -> list[LiteralString]:
        """Its parts, each for a transaction of its own."""
        parts = _STEP.split(_UNDO.split(self.sql)[0])
        return parts[1:] or parts

    @property
    def undo(self) -> LiteralString:
        """What takes back all but the last part; nothing, if there is nothing to be taken back."""
        return "".join(_UNDO.split(self.sql)[1:])


def available() -> list[Migration]:
    """The migrations that this version of the code has, in order.

    :raises SchemaError: the files are not numbered 1, 2, 3 …
    """
    names = sorted(path.stem for path in (sql_root() / "migrations").glob("*.sql"))
    found = [Migration(int(match[0]), name) for name in names if (match := re.match(r"\d{4}", name))]
    if [migration.number for migration in found] != list(range(1, len(names) + 1)):
        raise SchemaError(f"sql/migrations is not numbered without gaps: {', '.join(names)}")
    return found


def migrate(url: str) -> list[Migration]:
    """Bring the database's schema up to this version; return what was applied (nothing if it was current).

    :raises SchemaError: the database is newer than this code, or it is another role that is to change it
    :raises DatabaseUnavailable: Postgres cannot be reached, or cannot be written to now (a standby, a full disk)
    :raises DatabaseError: Postgres refused a statement (missing rights, for example)
    """
    with connect(url, name="migrate", search_path=SERVERS_OWN) as connection:
        try:
            if not _has_any(connection):
                _refuse_stranger(connection)
                _create_table(connection)
            if not pending(connection):
                return []
            _refuse_stranger(connection)
            return list(_applied(connection))
        except psycopg.Error as exc:
            kind = DatabaseUnavailable if is_passing(exc) else DatabaseError
            notes = "".join(f"; {note}" for note in getattr(exc, "__notes__", ()))
            raise kind(f"the database refused a migration: {exc}{notes}") from exc


def _has_any(connection: Connection[tuple[object, ...]]) -> bool:
    row = connection.execute("SELECT to_regclass('public.schema_migration') IS NOT NULL").fetchone()
    return bool(row and row[0])


def _refuse_stranger(connection: Connection[tuple[object, ...]]) -> None:
    """Keep whoever is not ibconnect_owner from becoming the owner of what that role is to own."""
    us, wanted = connection.execute(queries("database/ownership")["owner_of_events"]).fetchone() or ("", "")
    if us != wanted:
        raise SchemaError(
            f"the roles of deploy/postgres/roles.sql are made for this database, whose schema is to be made or brought "
            f"up to date by {wanted}, not by {us}. The order is: `ibconnect migrate` with the DB_URL of {wanted}; "
            "then `ibconnect serve` with that of ibconnect_recorder"
        )


def pending(connection: Connection[tuple[object, ...]]) -> list[Migration]:
    """The migrations that the database lacks.

    :raises SchemaError: the database has one that this code does not know
    """
    known = available()
    done = {number for (number,) in connection.execute("SELECT number FROM public.schema_migration")}
    newest = max((number for number in done if isinstance(number, int)), default=0)
    if newest > len(known):
        raise SchemaError(
            f"the database's schema is at version {newest}, this ibconnect knows {len(known)}: "
            "it was used by a newer ibconnect; upgrade this one (an older one must not write there)"
        )
    return [migration for migration in known if migration.number not in done]


def _create_table(connection: Connection[tuple[object, ...]]) -> None:
    """Make the table of migrations, unless another process has just done so: IF NOT EXISTS does not wait for it.

    Which of these Postgres says depends on how far the other one was: it makes the table's type as well.
    """
    errors = psycopg.errors
    with suppress(errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateObject):
        connection.execute(_CREATE_TABLE)


def _applied(connection: Connection[tuple[object, ...]]) -> Iterator[Migration]:
    """What is applied, one after the other; each after a look at what others have applied meanwhile."""
    for migration in pending(connection):
        if _apply(connection, migration):
            yield migration


def _apply(connection: Connection[tuple[object, ...]], migration: Migration) -> bool:
    """Apply it step by step; whether the last one, which makes it applied, was ours."""
    *before, last = migration.steps
    try:
        is_ours = all(_step(connection, migration, step, is_last=False) for step in before)
        return is_ours and _step(connection, migration, last, is_last=True)
    except BaseException as exc:
        if migration.undo and not _is_undone(connection, migration):
            exc.add_note(_LEFT)
        raise


def _step(
    connection: Connection[tuple[object, ...]], migration: Migration, step: LiteralString, *, is_last: bool
) -> bool:
    """Run one step of it; false, and nothing happens, if another process has applied it meanwhile."""
    with connection.transaction():
        for statement in _LOCK:
            connection.execute(statement)
        if migration not in pending(connection):
            return False
        connection.execute(step)
        if is_last:
            connection.execute(
                "INSERT INTO public.schema_migration (number, name) VALUES (%s, %s)",
                (migration.number, migration.name),
            )
        return True


def _is_undone(connection: Connection[tuple[object, ...]], migration: Migration) -> bool:
    """Take back what its steps have done, unless another process has come to their end; whether nothing is left."""
    # One of a newer version has come to the end of all that this one knows.
    with suppress(SchemaError):
        try:
            _step(connection, migration, migration.undo, is_last=False)
        except psycopg.Error:
            return False
    return True
