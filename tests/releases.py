"""Earlier versions of the program, out of the history of this clone."""

import io
import re
import subprocess
import tarfile
from pathlib import Path

from ibconnect.database.migrations import available
from tests.paths import ROOT


def version_before(directory: Path) -> None:
    """Put the newest tree that had all migrations but the newest one into a directory.

    :raises LookupError: the clone has no history
    """
    version_with(directory, available()[-2].number)


def version_with(directory: Path, number: int) -> None:
    """Put the newest tree whose newest migration had this number into a directory.

    :raises LookupError: the clone has no history
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(_git("archive", _commit_with(number)))) as archive:
            archive.extractall(directory, filter="data")
    except (OSError, LookupError, subprocess.CalledProcessError):
        raise LookupError("no clone with its history") from None


def _commit_with(number: int) -> str:
    """That commit. Between it and this one may be others, with numbers that occur twice."""
    wanted = list(range(1, number + 1))
    changes = _git("log", "--format=%H^", "--", "sql/migrations").decode().split()
    for commit in ["HEAD", *changes]:
        names = _git("ls-tree", "--name-only", commit, "sql/migrations/").decode().split()
        if [int(number) for number in re.findall(r"/(\d{4})_", "\n".join(names))] == wanted:
            return commit
    raise LookupError("no commit has them")


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
