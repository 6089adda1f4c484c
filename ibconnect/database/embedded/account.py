"""Who runs the embedded Postgres: the current user, or, under root, a system user that has nothing else.

Postgres refuses to run as root. A path of a data directory comes in, an :class:`Account` goes out; every
command on the cluster runs through :meth:`Account.run`. Called by :mod:`ibconnect.database.embedded.server` only.
"""

import fcntl
import grp
import os
import pwd
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibconnect.errors import EmbeddedPostgresError

SYSTEM_USER = "ibconnect"

# Nothing of the caller's environment: PGDATA, PGPORT or a locale would change what the commands do.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_USERADD = (
    "useradd",
    "--system",
    "--no-create-home",
    "--home-dir=/nonexistent",
    "--shell=/usr/sbin/nologin",
)
_USERADD_S = 30.0
# Held by whoever creates the user: two useradds at once have left none, or one that was gone a moment later.
_LOCK = Path("/run/ibconnect-user.lock")
_LOCK_S = 2 * _USERADD_S
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's user that owns a cluster and runs its server."""

    name: str
    uid: int
    gid: int

    @property
    def is_current(self) -> bool:
        """Whether this process runs as this user already."""
        return self.uid == os.geteuid()

    def run(
        self, *command: str | Path, cwd: Path = Path("/"), timeout: float = 60, stdin: bytes | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command as this user, with a clean environment and umask 077; the caller judges its result.

        :raises EmbeddedPostgresError: the command cannot be started or does not end within ``timeout``
            seconds, or the user is gone and cannot be created again
        """
        if not self.is_current:
            # Postgres does not start as a user without a name.
            _assure(self.uid)
        try:
            return subprocess.run(
                command,
                cwd=cwd,
                env=_ENVIRONMENT,
                input=stdin or b"",
                capture_output=True,
                timeout=timeout,
                umask=0o077,
                check=False,
                **self._identity(),
            )
        except (OSError, subprocess.SubprocessError) as exc:
            raise EmbeddedPostgresError(f"cannot run {command[0]} as user {self.name}: {exc}") from exc

    def can(self, flag: str, path: Path) -> bool:
        """Whether this user may enter or execute (``-x``) or read (``-r``) ``path``: the kernel's word."""
        return self.run("test", flag, path).returncode == 0

    def _identity(self) -> dict[str, Any]:
        if self.is_current:
            return {}
        no_groups: Sequence[int] = ()
        return {"user": self.uid, "group": self.gid, "extra_groups": no_groups}


def account_for(cluster: Path) -> Account:
    """The user for ``cluster``: who runs this process; under root, the cluster's owner or the system user.

    :raises EmbeddedPostgresError: root has no system user for Postgres and cannot create one
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(_name(uid), uid, os.getegid())
    if os.path.lexists(cluster) and (owner := cluster.lstat()).st_uid != 0:
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid)
    entry = _entry(SYSTEM_USER) or _created(SYSTEM_USER)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _name(uid: int) -> str:
    entry = _entry(uid)
    return entry.pw_name if entry else str(uid)


def _entry(user: str | int) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user)
    return None


def _assure(uid: int) -> None:
    """Give the number a name again if it has lost it: the database's files belong to the number."""
    if _entry(uid) is None:
        _created(uid)


def _created(wanted: str | int) -> pwd.struct_passwd:
    """Create the system user, with this number if one is given; or find what another process has created meanwhile.

    :raises EmbeddedPostgresError: it cannot be created
    """
    with _alone():
        entry = _entry(wanted)
        if entry is None:
            _useradd(wanted)
            entry = _entry(wanted)
    if entry is None:
        raise EmbeddedPostgresError(_cannot_create("useradd has succeeded, and there is no such user"))
    return entry


@contextmanager
def _alone() -> Iterator[None]:
    """Keep all other processes of this machine from creating the user meanwhile."""
    try:
        lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise EmbeddedPostgresError(_cannot_create(f"{_LOCK}: {exc.strerror}")) from exc
    try:
        deadline = time.monotonic() + _LOCK_S
        while not _has_locked(lock):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(_cannot_create(f"another process holds {_LOCK} for {_LOCK_S:.0f} seconds"))
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(lock)


def _has_locked(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _useradd(wanted: str | int) -> None:
    number = () if isinstance(wanted, str) else (f"--uid={wanted}",)
    try:
        made = subprocess.run(
            [*_USERADD, _group(), *number, SYSTEM_USER],
            env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=_USERADD_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise EmbeddedPostgresError(_cannot_create(str(exc))) from exc
    if made.returncode != 0:
        raise EmbeddedPostgresError(_cannot_create(made.stderr.strip()))


def _group() -> str:
    """A group of its own, or the one of that name that is left of a former user."""
    try:
        return f"--gid={grp.getgrnam(SYSTEM_USER).gr_gid}"
    except KeyError:
        return "--user-group"


def _cannot_create(why: str) -> str:
    return (
        f"Postgres does not run as root, and its own system user {SYSTEM_USER!r} cannot be created ({why}): "
        "run ibconnect as an ordinary user, create that user, or set DB_URL to a Postgres of your own"
    )
