"""A Postgres of one's own, as a provider gives it: passwords, a superuser that is kept away, an administrator who may
make roles and owns the database. Of each version that is installed here.
"""

import itertools
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from ibconnect.database.embedded.account import Account, account_for
from ibconnect.database.embedded.directories import binaries
from ibconnect.database.programs import fitting, login
from tests.faults.processes import _base
from tests.paths import ROOT

ROLES = ROOT / "deploy" / "postgres" / "roles.sql"
GRANTS = ROOT / "deploy" / "postgres" / "grants.sql"
GRANTS_TEXT = ROOT / "sql" / "database" / "grants.sql"
HAND_OVER = ROOT / "deploy" / "postgres" / "hand_over.sql"
PASSWORD = "p@ss:w/ör d%?&"
"""Of every role: all that must be written otherwise in a URL."""
_SUPERUSER, ADMINISTRATOR = "chief", "administrator"
_numbers = itertools.count(1)


def psql(url: str, file: Path) -> tuple[int, str]:
    """Run a file as operators do: status, and what was said of errors."""
    done = subprocess.run(
        [fitting("psql", 0, newest=True).path, "--no-psqlrc", "--quiet", f"--file={file}", url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


def run_file(url: str, file: Path) -> None:
    """The same, and it must succeed without a word."""
    assert psql(url, file) == (0, "")


class OwnServer:
    """A server that runs; all roles have the same password."""

    def __init__(self, programs: Path, directory: Path, account: Account) -> None:
        self._programs = programs
        self.directory = directory
        self._account = account

    def run(self, program: str, *arguments: str) -> None:
        done = self._account.run(self._programs / program, *arguments, cwd=self.directory, timeout=60)
        assert done.returncode == 0, done

    def create(self, superuser: str = _SUPERUSER, auth: str = "scram-sha-256", name: str = "pg") -> None:
        password = self.directory / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        password.chmod(0o644)
        self.run(
            "initdb",
            f"--pgdata={name}",
            f"--username={superuser}",
            f"--pwfile={password}",
            f"--auth={auth}",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        )

    def start(self, name: str = "pg") -> None:
        options = f"-c listen_addresses= -c port=5432 -c unix_socket_directories={self.directory} -c fsync=off"
        # Debian's writes into a directory that only its own user may enter; the socket's is ours.
        self.run("pg_ctl", "start", f"--pgdata={name}", "--log=log", f"--options={options}", "--wait", "--silent")

    def stop(self, name: str = "pg") -> None:
        self.run("pg_ctl", "stop", f"--pgdata={name}", "--mode=immediate", "--silent")

    def url(self, role: str, database: str, password: str | None = PASSWORD) -> str:
        login = quote(role) if password is None else f"{quote(role)}:{quote(password, safe='')}"
        return f"postgresql://{login}@/{database}?host={quote(str(self.directory), safe='')}"

    def do(self, *statements: str, database: str = "postgres", role: str = _SUPERUSER) -> list[tuple[object, ...]]:
        """Run statements; the rows of the last one."""
        rows: list[tuple[object, ...]] = []
        with psycopg.connect(self.url(role, database), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def prepare(self) -> None:
        """The administrator that a provider gives: no superuser."""
        self.do(f"CREATE ROLE {ADMINISTRATOR} LOGIN CREATEROLE CREATEDB")
        self.set_password(ADMINISTRATOR, role=_SUPERUSER)

    def set_password(self, of: str, password: str = PASSWORD, role: str = ADMINISTRATOR) -> None:
        with psycopg.connect(self.url(role, "postgres"), autocommit=True) as connection:
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(of), sql.Literal(password))
            connection.execute(statement)

    def new_database(self, owner: str = ADMINISTRATOR) -> str:
        name = f"own{next(_numbers)}"
        self.do(f"CREATE DATABASE {name} OWNER {owner}")
        return name

    def new_with_roles(self) -> str:
        """A database with the roles, made by the administrator."""
        name = self.new_database()
        run_file(self.url(ADMINISTRATOR, name), ROLES)
        for role in ("owner", "recorder", "reader", "backup"):
            self.set_password(f"ibconnect_{role}")
        return name

    def by_hand(self, program: str, *arguments: str, role: str, database: str) -> None:
        """Run a program of this server's own version as operators do; it must succeed without a word."""
        access = login(self.url(role, database), os.environ, name="hand")
        command = [self._programs / program, *arguments, "--dbname", access.argument]
        done = subprocess.run(command, env=access.environment, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")

    def has_owners(self, database: str) -> Mapping[str, set[str]]:
        """Who owns the relations of each schema."""
        query = """
            SELECT CASE WHEN relkind = 'v' THEN 'views' ELSE nspname END, pg_get_userbyid(relowner)
            FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname IN ('public', 'coordination', 'accounts')
        """
        found: dict[str, set[str]] = {}
        for schema, owner in self.do(query, database=database):
            found.setdefault(str(schema), set()).add(str(owner))
        return found


def installations() -> dict[str, Path | None]:
    """The servers that are installed here, by version: directories of programs; None: the embedded one's."""
    found: dict[str, Path | None] = {
        path.parent.parent.name: path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")
    }
    return {**found, "embedded": None}


@contextmanager
def prepared_server(version: str) -> Iterator[OwnServer]:
    """A server of which there is an empty directory yet; stopped when the context ends."""
    base = _base()
    account = account_for(base)
    programs = installations()[version] or binaries(base, account)
    directory = base / f"own-{version}-{next(_numbers)}"
    account.run("mkdir", "--mode=0755", str(directory))
    yield OwnServer(programs, directory, account)


@contextmanager
def own_server(version: str) -> Iterator[OwnServer]:
    """A server that runs."""
    with prepared_server(version) as server:
        server.create()
        server.start()
        try:
            server.prepare()
            yield server
        finally:
            server.stop()
