"""What killed processes left in the spool: claimed, read, then removed, or kept under a name that says why.

In: the directory of the spool. Out: the journals that no living process holds, each to be read once. Called by what
stores what is in them (:mod:`~ibconnect.events.recovery.spool`).
"""

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ibconnect.acting import as_owner
from ibconnect.events.kept import DAMAGED, set_apart
from ibconnect.events.segments import LOCK, Batch, JournalDamaged, Lock, Mark, is_end, is_torn, number_of, read_batch

_DONE = "done"
_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Leftover:
    """The journal of a process that is gone: its batches in order, then :meth:`discard`.

    :raises BlockingIOError: a living process has it
    :raises FileNotFoundError: another process has just removed it
    :raises OSError: it cannot be opened
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.damage: str | None = None
        """Why it could not be read to its end; nothing if it could, as far as it was read."""
        self._lock = _claimed(directory)
        try:
            self._segments, self._strays, self.size = _listed(directory)
        except OSError:
            self.release()
            raise

    def batches(self) -> Iterator[Batch]:
        """All chunks up to the first that is not whole, about a megabyte at a time.

        Nothing after a damaged chunk is given: a stream with a hole in it would not be a prefix any more.

        :raises OSError: it cannot be read now (see :func:`~ibconnect.events.segments.is_passing`)
        """
        try:
            for segment in self._segments:
                batch = read_batch(self.directory, Mark(segment, 0))
                while batch.rows:
                    yield batch
                    batch = read_batch(self.directory, batch.end)
                is_cut_off = segment == self._segments[-1] and is_torn(self.directory, batch.end)
                if not is_cut_off and not is_end(self.directory, batch.end):
                    raise JournalDamaged(f"{self.directory.name}: a chunk at {tuple(batch.end)} has a wrong checksum")
        except JournalDamaged as exc:
            self.damage = str(exc)
        else:
            self._note_strays()

    def _note_strays(self) -> None:
        if self._strays:
            self.damage = f"{self.directory.name} holds what is not of a journal: {', '.join(self._strays)}"

    def discard(self) -> Path | None:
        """Remove it from disk, now that everything in it is stored; a damaged one is kept: under this name.

        :raises OSError: it can be neither removed nor renamed
        """
        try:
            if self.damage is not None:
                return set_apart(self.directory, DAMAGED)
            # Under its own name another process could find it half removed.
            done = set_apart(self.directory, _DONE)
            with as_owner(done.parent):
                shutil.rmtree(done, ignore_errors=True)
            return None
        finally:
            self.release()

    def release(self) -> None:
        """Leave it for another time, or for good."""
        self._lock.close()


def _claimed(directory: Path) -> Lock:
    lock = Lock(directory)
    if not lock.is_of(directory):
        lock.close()
        raise FileNotFoundError(errno.ENOENT, "it was removed meanwhile", str(directory))
    return lock


def _listed(directory: Path) -> tuple[list[int], list[str], int]:
    """The numbers of its segments in order, the names of what is no part of a journal, and its bytes."""
    segments, strays, size = list[int](), list[str](), 0
    with as_owner(directory), os.scandir(directory) as entries:
        for entry in entries:
            number = number_of(entry.name)
            if number is not None:
                segments.append(number)
                size += entry.stat(follow_symlinks=False).st_size
            elif entry.name != LOCK:
                strays.append(entry.name)
    return sorted(segments), sorted(strays), size


def candidates(spool: Path) -> list[Path]:
    """What has the name of a journal, whoever holds it.

    :raises OSError: the directory cannot be read
    """
    with as_owner(spool), os.scandir(spool) as entries:
        return sorted(Path(entry.path) for entry in entries if _NAME.fullmatch(entry.name))


def forget_done(spool: Path) -> None:
    """Remove what a process was killed in the middle of removing."""
    with as_owner(spool):
        for path in spool.glob(f"{_DONE}-*"):
            # Not all that has the name is a directory: rmtree would open a pipe, and wait for ever.
            if stat.S_ISDIR(path.lstat().st_mode):
                shutil.rmtree(path, ignore_errors=True)
