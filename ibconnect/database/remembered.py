"""What a start has learnt of its database, for one that cannot ask it.

In: a directory of this instance's own, a database's URL. Out: whether this program has already brought the schema of
that database up to date. Called by the service: without Postgres it may only record what that schema takes.
"""

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ibconnect import __version__
from ibconnect.acting import as_owner, read_text
from ibconnect.database.migrations import available
from ibconnect.database_url import hide_password

_NAME = "prepared"


def remember(directory: Path, url: str) -> None:
    """Note that the database's schema is this program's. A directory that cannot be written is none to rely on."""
    with suppress(OSError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with as_owner(directory):
            # Replaced, not written over: the one that is there may be another user's.
            new = directory / f"{_NAME}.{os.getpid()}"
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(_mark(url))
            new.replace(directory / _NAME)


def is_remembered(directory: Path, url: str) -> bool:
    """Whether that was noted, by this version of the program and for this database."""
    try:
        return read_text(directory / _NAME) == _mark(url)
    except (OSError, ValueError):
        return False


def _mark(url: str) -> str:
    about = f"{hide_password(url)} {available()[-1].name} {__version__}"
    return f"{sha256(about.encode()).hexdigest()}\n"
