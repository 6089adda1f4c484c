"""One database cluster on disk and the server on it: create, start, look at, stop.

A :class:`Cluster` (directories and the account that owns them) comes in; a server that accepts connections on
a unix socket goes out. The caller, :mod:`ibconnect.database.embedded.server`, holds the start lock around every
call.
"""

import os
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from ibconnect.acting import as_owner, read_text
from ibconnect.database.embedded.account import Account
from ibconnect.database.pools import SERVERS_OWN
from ibconnect.database.sql import queries
from ibconnect.errors import EmbeddedPostgresError

_Q = queries("database/embedded")

NAME = "ibconnect"
"""The database, and the superuser, who only sets it up."""
SERVICE = "ibconnect_service"
"""The role of all else: it owns the database and what is in it."""
PORT = 5432
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0

# The log holds what went wrong, never the values that went in: statements and details carry account data.
_SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# Byte order and UTF-8 case rules from Postgres itself: an upgrade of the C library cannot reorder an index.
_INITDB = (
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    "--no-locale",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    f"--username={NAME}",
)
_POLL_S = 0.05
_LOG_LINES = 20


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's directory, its socket's directory, its user, and where ``initdb`` and ``pg_ctl`` are."""

    directory: Path
    sockets: Path
    account: Account
    binaries: Path

    def url(self, database: str = NAME, role: str = NAME) -> str:
        """libpq URL of a database over the unix socket."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.sockets), safe='')}&port={PORT}"


def create(cluster: Cluster) -> None:
    """Make the cluster if it does not exist; killed half-way, nothing of it remains in place.

    :raises EmbeddedPostgresError: ``initdb`` fails; the message carries what it said
    """
    if (cluster.directory / "PG_VERSION").exists():
        return
    part = f"{cluster.directory.name}.part"
    steps: tuple[tuple[str | Path, ...], ...] = (
        ("rm", "-rf", part),
        (cluster.binaries / "initdb", f"--pgdata={part}", *_INITDB),
        ("mv", "-T", part, cluster.directory.name),
    )
    for step in steps:
        done = cluster.account.run(*step, cwd=cluster.directory.parent, timeout=START_TIMEOUT_S)
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace").strip()
            raise EmbeddedPostgresError(f"cannot create a database in {cluster.directory}: {said}")


def start(cluster: Cluster, settings: Mapping[str, str], *, alone: bool) -> None:
    """Return once the server accepts connections and has the database, starting it if need be.

    Also right after a crash: a killed postmaster's children are waited for (they still write), then its
    leftover ``postmaster.pid`` is removed if this process is ``alone`` on the data directory, since in a
    container the process id in it may belong to a stranger by now and Postgres would refuse to start.

    :raises EmbeddedPostgresError: it does not come up; the message carries the end of the server's log
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not accepts(cluster):
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"the embedded Postgres does not answer\n{log_tail(cluster)}")
        if _processes(cluster):
            time.sleep(_POLL_S)
            continue
        _forget_dead_postmaster(cluster, alone=alone)
        _launch(cluster, settings)
    _create_database(cluster)


def stop(cluster: Cluster) -> None:
    """Stop the server, rolling open transactions back; nothing happens if none runs.

    :raises EmbeddedPostgresError: it does not stop in time
    """
    done = _pg_ctl(cluster, "stop", "--mode=fast", f"--timeout={STOP_TIMEOUT_S:.0f}")
    # A server that somebody else has told to stop as well has no process id on file any more, and yet processes.
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while done != 0 and _processes(cluster):
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"the embedded Postgres does not stop\n{log_tail(cluster)}")
        time.sleep(_POLL_S)


def log_tail(cluster: Cluster) -> str:
    """The last lines of the server's logs, for an error message; read as their owner."""
    tail = f"tail -q -n {_LOG_LINES} start.log $(ls -t log/* | head -n 1)"
    shown = cluster.account.run("sh", "-c", tail, cwd=cluster.directory).stdout.decode(errors="replace")
    return f"end of its log in {cluster.directory}:\n{shown.strip() or '(empty)'}"


def _launch(cluster: Cluster, settings: Mapping[str, str]) -> None:
    sockets = str(cluster.sockets).replace('"', '""')
    wanted = {
        **_SETTINGS,
        **settings,
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{sockets}"',
        "unix_socket_permissions": "0700",
    }
    options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in wanted.items())
    log = f"--log={cluster.directory.name}/start.log"
    if _pg_ctl(cluster, "start", log, f"--options={options}", f"--timeout={START_TIMEOUT_S:.0f}") != 0:
        raise EmbeddedPostgresError(f"the embedded Postgres does not start\n{log_tail(cluster)}")


def _pg_ctl(cluster: Cluster, verb: str, *options: str) -> int:
    """Run ``pg_ctl`` from the parent directory: it puts paths into a shell's line, so they must be plain."""
    done = cluster.account.run(
        cluster.binaries / "pg_ctl",
        verb,
        f"--pgdata={cluster.directory.name}",
        "--silent",
        *options,
        cwd=cluster.directory.parent,
        timeout=START_TIMEOUT_S + 10,
    )
    return done.returncode


def accepts(cluster: Cluster) -> bool:
    """Whether the server takes connections."""
    try:
        psycopg.connect(cluster.url("template1"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _create_database(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,)).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))


def entrust(cluster: Cluster) -> None:
    """Have the database, and all that is in it, belong to the role of the service, which is made if missing.

    :raises EmbeddedPostgresError: Postgres refuses that
    """
    try:
        # What the service's role has made is not to be taken for the server's own.
        only = f"-c search_path={SERVERS_OWN}"
        with psycopg.connect(cluster.url(), autocommit=True, options=only) as connection:
            for query in ("make_role", "hand_over"):
                connection.execute(_Q[query])
    except psycopg.Error as exc:
        raise EmbeddedPostgresError(f"the embedded Postgres cannot be given to the role {SERVICE}: {exc}") from exc


def _forget_dead_postmaster(cluster: Cluster, *, alone: bool) -> None:
    """Remove the lock files of a killed server where Postgres itself would take them for a living one's.

    In a container its process id may be a stranger's by now, or a zombie that no init process reaps. Another
    holder may be in a container of its own whose processes cannot be seen here; then only a zombie is proof.
    """
    for leftover in (cluster.directory / "postmaster.pid", cluster.sockets / f".s.PGSQL.{PORT}.lock"):
        try:
            pid = read_text(leftover).partition("\n")[0]
            if alone or _is_zombie(pid):
                with as_owner(leftover.parent):
                    leftover.unlink()
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as exc:
            raise EmbeddedPostgresError(f"{leftover} is no lock file of a server ({exc}): remove it") from exc


def _is_zombie(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _processes(cluster: Cluster) -> list[int]:
    """Ids of the server's processes, a killed postmaster's children included: all work inside the cluster."""
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _serves(pid, cluster)]  # noqa: PTH208


def _serves(pid: str, cluster: Cluster) -> bool:
    process = Path("/proc", pid)
    try:
        return (
            process.joinpath("cwd").readlink() == cluster.directory
            and process.joinpath("comm").read_text().strip() == "postgres"
        )
    except OSError:
        return False
