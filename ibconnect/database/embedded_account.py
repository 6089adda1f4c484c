"""Who runs the embedded Postgres: the current user, or, under root, a system user that has nothing else.

Postgres refuses to run as root. A path of a data directory comes in, an :class:`Account` goes out; every
command on the cluster runs through :meth:`Account.run`. Called by :mod:`ibconnect.database.embedded` only.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
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
    "--user-group",
    "--no-create-home",
    "--home-dir=/nonexistent",
    "--shell=/usr/sbin/nologin",
)
_USERADD_EXISTS = 9


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
            seconds
        """
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
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid)
    try:
        return _system_account()
    except KeyError:
        _create_system_user()
        return _system_account()


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _system_account() -> Account:
    entry = pwd.getpwnam(SYSTEM_USER)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create_system_user() -> None:
    try:
        made = subprocess.run(
            [*_USERADD, SYSTEM_USER],
            env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise EmbeddedPostgresError(_cannot_create(str(exc))) from exc
    if made.returncode not in (0, _USERADD_EXISTS):
        raise EmbeddedPostgresError(_cannot_create(made.stderr.strip()))


def _cannot_create(why: str) -> str:
    return (
        f"Postgres does not run as root, and its own system user {SYSTEM_USER!r} cannot be created ({why}): "
        "run ibconnect as an ordinary user, create that user, or set DB_URL to a Postgres of your own"
    )
