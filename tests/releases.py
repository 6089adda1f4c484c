"""Earlier versions of the program, out of the history of this clone."""

import io
import subprocess
import tarfile
from pathlib import Path

from ibconnect.database.migrations import available
from tests.paths import ROOT


def version_before(directory: Path) -> None:
    """Put the tree as it was before the newest migration was written into a directory.

    :raises LookupError: the clone has no history
    """
    newest = f"sql/migrations/{available()[-1].name}.sql"
    try:
        commit = _git("log", "--diff-filter=A", "--format=%H", "--", newest).decode().split()[-1]
        with tarfile.open(fileobj=io.BytesIO(_git("archive", f"{commit}^"))) as archive:
            archive.extractall(directory, filter="data")
    except (OSError, IndexError, subprocess.CalledProcessError):
        raise LookupError("no clone with its history") from None


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
