"""``DATA_DIR`` as this process' user finds it: usable, or refused with the command that mends it.

In: the path. Out: nothing, or what is wrong; the directory of the spool. Called by the composition root before anything
is started. The usual case is a directory that root has used first, by hand, and then a service with a user of its own.
"""

import os
import pwd
import shlex
from contextlib import suppress
from pathlib import Path

from ibconnect.acting import Unsafe, as_owner, check_way, settle
from ibconnect.errors import ConfigError

_ALL = os.R_OK | os.W_OK | os.X_OK


def check(data_dir: Path) -> None:
    """Whether this process can use the directory, or make it, and use what an earlier one has left in it.

    :raises ConfigError: says what cannot be used, whose it is, and the command that mends it
    """
    me, where = _name(os.geteuid()), shlex.quote(str(data_dir))
    try:
        check_way(data_dir)
    except Unsafe as exc:
        raise ConfigError(
            f"DATA_DIR={where}: {exc}, and root would follow: name a directory whose parents belong to root alone, or "
            "run ibconnect as that user"
        ) from exc
    closed = next((each for each in reversed(data_dir.parents) if each.is_dir() and not os.access(each, os.X_OK)), None)
    if closed is not None:
        raise ConfigError(f"DATA_DIR={where}: {me} cannot enter {_about(closed)}: name another directory")
    if not os.path.lexists(data_dir):
        parent = next(each for each in data_dir.parents if each.is_dir())
        if not os.access(parent, _ALL):
            raise ConfigError(
                f"DATA_DIR={where}: {me} cannot make it in {_about(parent)}: sudo install -d -m 0700 -o {me} {where}"
            )
        return
    for path in (data_dir, *_left(data_dir)):
        if not os.access(path, _ALL):
            raise ConfigError(f"DATA_DIR={where}: {me} cannot use {_about(path)}: sudo chown -R {me}: {where}")


def _left(data_dir: Path) -> list[Path]:
    """What an earlier process may have left; nothing if it cannot be looked at: the directory is refused then."""
    with suppress(OSError):
        return [path for path in (data_dir / "spool", *sorted(data_dir.glob("pg[0-9][0-9]"))) if os.path.lexists(path)]
    return []


def _about(path: Path) -> str:
    state = path.lstat()
    return f"{path}, which is {_name(state.st_uid)}'s (mode {state.st_mode & 0o7777:04o})"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def spool(data_dir: Path) -> Path:
    """The directory of the spool, made if missing; root makes it for whom the data directory belongs to.

    :raises OSError: it cannot be made
    """
    path = data_dir / "spool"
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settle(data_dir)
    with as_owner(data_dir):
        path.mkdir(mode=0o700, exist_ok=True)
    return path
