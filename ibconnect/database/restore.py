"""A dump put into an empty database, everything to whom it is to belong.

In: a URL, a file of pg_dump in custom format. Out: the database filled, in one transaction, and what of rights and of
people's own additions could not be put back. Called by ``ibconnect restore``.

The owners that the dump names are not taken over: they may be others here. What is ibconnect's goes to the roles of
deploy/postgres/roles.sql where these were made for the database, else to the role of the URL. pg_restore itself could
not do that in one transaction; so it writes SQL, and psql runs that.
"""

import re
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, NamedTuple

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.contents import Contents, contents_of
from ibconnect.database.dump import run
from ibconnect.database.pools import SERVERS_OWN, connect, explained
from ibconnect.database.programs import Login, Program, fitting, login
from ibconnect.database.sql import queries
from ibconnect.database.tables import leftover_schemas, schema_names
from ibconnect.errors import DatabaseError

_OWNERSHIP = queries("database/ownership")
_Q = queries("database/restore")

# pg_restore of 17 and later sets it, and servers before 17 do not know it.
_NEW_SETTING = b"SET transaction_timeout"
# The settings are within the first lines; what follows may be gigabytes.
_HEAD_LINES = 40
_SAID = 2000
_COMPLAINT = re.compile(r"^psql:<stdin>:\d+: (\S+): +(.*)$", re.MULTILINE)
_NO_ROLE = re.compile(r'^role "(.*)" does not exist$')
_HARMLESS = ("WARNING", "NOTICE", "INFO")


class Owners(NamedTuple):
    """To whom things are to belong. None: to the role that logs in; ``has_tables``: it may give them away as well."""

    events: str | None
    tables: str | None
    has_tables: bool
    are_roles: bool


class Restored(NamedTuple):
    """What is to be told of a restore."""

    are_roles: bool
    has_tables: bool
    missing: list[str]


@dataclass(frozen=True, slots=True)
class _Source:
    file: Path
    program: Program
    directory: Path

    def script(self, lines: Sequence[str], *options: str) -> "subprocess.Popen[bytes]":
        """pg_restore, writing the SQL of these entries."""
        chosen = self.directory / "list"
        chosen.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command: list[str | Path] = [self.program.path, f"--use-list={chosen}", *options, "--file=-", self.file]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def restore(url: str, file: Path, environ: Mapping[str, str], views: Collection[str]) -> Restored:
    """Fill the empty database of ``url`` with the dump ``file``; all of ibconnect's, or nothing.

    :param views: the names of the public views that stand on the snapshot tables
    :raises DatabaseUnavailable: Postgres cannot be reached
    :raises DatabaseError: the database is not empty, the role of the URL may not give things to whom they belong, a
        program is missing, or the dump cannot be read or loaded
    """
    program = fitting("pg_restore", 0, newest=True)
    contents = _read(program, file, views)
    with (
        connect(url, name="restore", search_path=SERVERS_OWN) as connection,
        explained("the database cannot be looked into"),
    ):
        _refuse_full(connection)
        owners = _owners(connection)
    access = login(url, environ, name="restore")
    with TemporaryDirectory(prefix="ibconnect-") as directory:
        source = _Source(file, program, Path(directory))
        parts = [(owners.events, contents.events)]
        parts += [(owners.tables, contents.tables)] if owners.has_tables else []
        _load(source, access, parts)
        missing = _load_others(source, access, contents.others, *(() if owners.are_roles else ("--no-owner",)))
    return Restored(owners.are_roles, owners.has_tables and bool(contents.tables), missing)


def _read(program: Program, file: Path, views: Collection[str]) -> Contents:
    if not file.is_file():
        raise DatabaseError(f"{file} is no file")
    try:
        found = contents_of(run([program.path, "--list", file]), views)
    except DatabaseError as exc:
        if "unsupported version" in str(exc):
            raise DatabaseError(
                f"{file} was made by a pg_dump that is newer than {program.path} ({program.major}): "
                "install a newer PostgreSQL client"
            ) from exc
        raise DatabaseError(f"{file} is no whole dump in pg_dump's custom format: {exc}") from exc
    if not found.is_ours:
        raise DatabaseError(f"{file} is a dump of something else: it holds no events of ibconnect")
    return found


def _refuse_full(connection: Connection[Any]) -> None:
    found = [
        name
        for (name,) in connection.execute(
            _Q["occupants"], {"schemas": [*schema_names(), *leftover_schemas()]}
        ).fetchall()
    ]
    if found:
        raise DatabaseError(
            f"the database is not empty (it holds {', '.join(found)} …): restore into a new one, made by createdb; "
            "with the embedded Postgres name a new DATA_DIR"
        )


def _owners(connection: Connection[Any]) -> Owners:
    """Who is to own what, as far as the role that logs in may give it to them.

    :raises DatabaseError: it may not act as the owner of the events
    """
    ((us, events),) = connection.execute(_OWNERSHIP["owner_of_events"]).fetchall()
    ((_, tables),) = connection.execute(_OWNERSHIP["owner_of_tables"], {"schemas": schema_names()}).fetchall()
    if events == tables == us:
        return Owners(None, None, True, False)
    if not _may_become(connection, events):
        raise DatabaseError(
            f"the events are to belong to {events}, as which {us} may not act: use the DB_URL of {events}"
        )
    return Owners(events, tables, _may_become(connection, tables), True)


def _may_become(connection: Connection[Any], role: str) -> bool:
    row = connection.execute(_Q["may_become"], {"role": role}).fetchone()
    return bool(row and row[0])


def _load(source: _Source, access: Login, parts: Sequence[tuple[str | None, Sequence[str]]]) -> None:
    """Load these entries in one transaction, each part as the role that is to own it.

    :raises DatabaseError: something of it was refused; nothing is loaded
    """
    with _Psql(source.program, access, "--single-transaction", "--set=ON_ERROR_STOP=1") as psql:
        for role, lines in parts:
            psql.become(role)
            psql.feed(source, lines, "--no-owner", "--no-privileges")
        psql.become(None)
    if psql.status != 0:
        raise DatabaseError(f"nothing is restored: {psql.said.strip()[:_SAID] or f'psql ended with {psql.status}'}")


def _load_others(source: _Source, access: Login, lines: Sequence[str], *options: str) -> list[str]:
    """Load what may fail one by one: rights of roles that are not here, people's own tables. Return what failed."""
    with _Psql(source.program, access) as psql:
        if lines:
            psql.feed(source, lines, *options)
        psql.write(b"\nANALYZE;\n")
    found = (text for severity, text in _COMPLAINT.findall(psql.said) if severity not in _HARMLESS)
    return list(dict.fromkeys(_NO_ROLE.sub(r"rights of \1, a role that is not here", text) for text in found))


class _Psql:
    """psql, fed with scripts; at the end its status and what it complained of."""

    def __init__(self, program: Program, access: Login, *options: str) -> None:
        quiet = ("--no-psqlrc", "--quiet", "--no-password", "--output=/dev/null", "--file=-")
        self._command: list[str | Path] = [program.beside("psql"), *quiet, *options, access.argument]
        self._access = access
        self._complaints: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed at the end of the context
        self.said = ""
        self.status = -1

    def __enter__(self) -> "_Psql":
        try:
            self._process = subprocess.Popen(
                self._command,
                env=self._access.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
            )
        except OSError as exc:
            raise DatabaseError(f"{self._command[0]} cannot be run: {exc.strerror}") from exc
        assert self._process.stdin is not None
        self._input = self._process.stdin
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            # At the end of its input it would commit what it was given.
            self._process.kill()
        with suppress(BrokenPipeError):
            self._input.close()
        self.status = self._process.wait()
        self._complaints.seek(0)
        self.said = self._access.discreet(self._complaints.read().decode(errors="replace"))
        self._complaints.close()

    def become(self, role: str | None) -> None:
        """Have what follows made by this role, or by the one that logged in."""
        statement = SQL("RESET ROLE") if role is None else SQL("SET ROLE {}").format(Identifier(role))
        self.write(f"{statement.as_string(None)};\n".encode())

    def write(self, data: bytes) -> None:
        """Feed it; nothing happens if it has ended for an error, which its status tells."""
        with suppress(BrokenPipeError):
            self._input.write(data)
            self._input.flush()

    def feed(self, source: _Source, lines: Sequence[str], *options: str) -> None:
        """Feed it the SQL of entries of the dump, as pg_restore writes it with these options.

        :raises DatabaseError: the dump cannot be read to its end
        """
        with source.script(lines, *options) as script:
            assert script.stdout is not None
            assert script.stderr is not None
            try:
                for line in _head(script.stdout):
                    self._input.write(line)
                shutil.copyfileobj(script.stdout, self._input, 1 << 20)
                self._input.flush()
            except BrokenPipeError:
                script.kill()
                return
            said = script.stderr.read().decode(errors="replace").strip()
        if script.returncode != 0:
            raise DatabaseError(f"nothing is restored: {source.file} cannot be read to its end: {said[:_SAID]}")


def _head(script: IO[bytes]) -> list[bytes]:
    lines = [script.readline() for _ in range(_HEAD_LINES)]
    return [line for line in lines if not line.startswith(_NEW_SETTING)]
