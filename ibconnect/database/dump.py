"""A dump of the database into a file that is either whole or not there.

In: a URL, a path. Out: the file, in pg_dump's custom format. Called by ``ibconnect backup``, which sees to it that no
rebuild swaps the snapshot tables meanwhile.
"""

import fcntl
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ibconnect.database.contents import EVENTS
from ibconnect.database.pools import connect
from ibconnect.database.programs import Login, Program, fitting, login
from ibconnect.database.tables import leftover_schemas, schema_names
from ibconnect.errors import DatabaseError

_BEGINNING = 2000


def dump(
    url: str, file: Path, environ: Mapping[str, str], *, with_tables: bool, is_one: Callable[[], bool] = lambda: True
) -> None:
    """Write a dump to ``file``, replacing what was there, mode 0600, on disk when this returns.

    Until then it is ``FILE.partial``; if anything fails, ``file`` stays as it was.

    :param with_tables: also the rows of the snapshot tables, which could be made again from the events
    :param is_one: asked when the dump is made whether the snapshot tables are still those of its beginning
    :raises DatabaseUnavailable: Postgres cannot be reached
    :raises DatabaseError: a program is missing or fails, or the file cannot be written
    """
    program = fitting("pg_dump", server_major(url))
    access = login(url, environ, name="backup")
    try:
        with _partial(file) as partial:
            _dump(program, access, partial, with_tables=with_tables)
            _check(program, partial)
            if with_tables and not is_one():
                raise DatabaseError("the snapshot tables were rebuilt while they were dumped: start the backup again")
    except OSError as exc:
        raise DatabaseError(f"{file} cannot be written: {exc.strerror or exc}") from exc


def server_major(url: str) -> int:
    """The major version of the server.

    :raises DatabaseUnavailable: it cannot be reached
    """
    with connect(url, name="backup") as connection:
        return connection.info.server_version // 10000


@contextmanager
def _partial(file: Path) -> Iterator[Path]:
    """A file beside ``file`` that takes its place at the end; gone if anything fails.

    :raises DatabaseError: another backup writes it
    :raises OSError: it cannot be made
    """
    partial = file.with_name(f"{file.name}.partial")
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, partial)
        try:
            os.fchmod(descriptor, 0o600)
            os.ftruncate(descriptor, 0)
            yield partial
            os.fsync(descriptor)
            partial.replace(file)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    finally:
        os.close(descriptor)
    _sync(file.absolute().parent)


def _lock(descriptor: int, partial: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another backup may have ended, and made a whole file of this one, after it was opened here.
        is_ours = os.path.samestat(os.fstat(descriptor), partial.stat())
    except (BlockingIOError, FileNotFoundError):
        is_ours = False
    if not is_ours:
        raise DatabaseError(f"another backup is writing {partial}")


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _dump(program: Program, access: Login, partial: Path, *, with_tables: bool) -> None:
    # Tables of a rebuild are read by nobody, and go away.
    left_out = [f"--exclude-schema={name}" for name in leftover_schemas()]
    # A session that was ended since would live again after a restore.
    left_out.append("--exclude-table-data=coordination.web_session")
    if not with_tables:
        left_out += [f"--exclude-table-data={name}.*" for name in schema_names()]
    options = ["--format=custom", "--no-password", *left_out, f"--file={partial}"]
    run([program.path, *options, access.argument], access)


def _check(program: Program, partial: Path) -> None:
    """Make sure that the events are in it.

    :raises DatabaseError: they are not
    """
    if not EVENTS.search(run([program.beside("pg_restore"), "--list", partial])):
        raise DatabaseError("the dump holds no events: is that the database of ibconnect?")


def run(command: list[str | Path], access: Login | None = None) -> str:
    """Run a program of PostgreSQL to its end, logged in as ``access`` says; return what it printed.

    :raises DatabaseError: it cannot be started or fails; says how
    """
    try:
        environment = None if access is None else access.environment
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as exc:
        raise DatabaseError(f"{command[0]} cannot be run: {exc.strerror}") from exc
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        said = (said if access is None else access.discreet(said))[:_BEGINNING]
        raise DatabaseError(f"{Path(command[0]).name} failed: {said or f'status {done.returncode}'}{_hint(said)}")
    return done.stdout.decode(errors="replace")


def _hint(said: str) -> str:
    if not re.search(r"permission denied|lack SELECT", said):
        return ""
    return (
        "; back up as ibconnect_backup or ibconnect_recorder (deploy/postgres/roles.sql, then `ibconnect migrate` as "
        "ibconnect_owner, give them what it takes), and grant them SELECT on tables of your own, "
        "or GRANT pg_read_all_data TO ibconnect_backup"
    )
