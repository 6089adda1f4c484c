"""Where tests find what they read, and where they put what is gone after the run."""

import os
import shutil
import tempfile
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
CAPTURES = TESTS / "fixtures" / "captures"

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 2 << 30


def scratch(prefix: str) -> Path:
    """A new private directory for a database."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=scratch_root()))


def scratch_root() -> Path:
    """Where databases are made: in memory if there is room, which takes a tenth of the time."""
    return _MEMORY if _is_fit(_MEMORY) else Path(tempfile.gettempdir())


def _is_fit(directory: Path) -> bool:
    """Programs are copied there and run, if they cannot be reached where they are."""
    if not (directory.is_dir() and os.access(directory, os.W_OK)):
        return False
    return shutil.disk_usage(directory).free >= _ROOM_BYTES and not os.statvfs(directory).f_flag & os.ST_NOEXEC
