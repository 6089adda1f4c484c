"""Files of a directory that belongs to another user, handled with that user's rights alone.

In: a path. Out: a context in which this thread reads and writes files as whom the data directory belongs to, if the
process is root's; what it makes belongs to that user then. Called by all that touches what lies below ``DATA_DIR``.

As root the embedded Postgres has a user of its own, whose directory that is. Whatever that user plants there, links to
files of root above all, the kernel would have root follow. Linux has a user for the access to files in each thread
(``setfsuid``): with it root can do there what that user can, and no more, whatever changes in between.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_libc = ctypes.CDLL(None, use_errno=True)
_NOBODY = 2**32 - 1
_MOST_BYTES = 1 << 16


class Owner(NamedTuple):
    """A user and a group by their numbers."""

    uid: int
    gid: int


_settled: dict[Path, Owner] = {}
_MOST_LINKS = 40


class Unsafe(PermissionError):
    """A part of a path is another user's, who could put something else there; root would follow."""


def settle(directory: Path) -> None:
    """Note whose this directory is, for all that lies in it: what its owner changes there later has no say any more.

    :raises Unsafe: says which part of the path is in the way
    :raises OSError: it cannot be looked at, or is not there: whose that is which will be there is not known
    """
    if os.geteuid() != 0:
        return
    if (owner := _walked(directory)) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(directory))
    _settled[directory] = owner


def check_way(path: Path) -> None:
    """See that root can use a path, of which the end need not be there yet; nothing to see for other users.

    :raises Unsafe: says which part of the path is in the way
    """
    if os.geteuid() == 0:
        _walked(path)


def _walked(path: Path) -> Owner | None:
    """Whose the end of a path is (None: it is not there), looked at step by step, with no part twice."""
    steps, links = list(reversed(path.absolute().parts)), 0
    at, above = Path(steps.pop()), os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    foreign: dict[int, Path] = {}
    try:
        while True:
            state = os.fstat(above)
            if not steps:
                return _agreed(Owner(state.st_uid, state.st_gid), foreign)
            _see(at, state, foreign)
            name = steps.pop()
            try:
                found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
            except FileNotFoundError:
                return _agreed(None, foreign)
            if not stat.S_ISLNK(os.fstat(found).st_mode):
                os.close(above)
                at, above = at / name, found
                continue
            target, links = _target(at / name, found, links), links + 1
            steps += reversed(target.parts)
            if target.is_absolute():
                os.close(above)
                at, above = Path(steps.pop()), os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(above)


def _see(directory: Path, state: os.stat_result, foreign: dict[int, Path]) -> None:
    """A directory on the way; ``foreign``: of each other user the first one."""
    if state.st_uid != 0:
        foreign.setdefault(state.st_uid, directory)
    is_open = state.st_mode & stat.S_IWOTH or (state.st_mode & stat.S_IWGRP and state.st_gid != 0)
    if state.st_uid == 0 and is_open and not state.st_mode & stat.S_ISVTX:
        raise Unsafe(f"others may write into {directory} (mode {state.st_mode & 0o7777:04o})")


def _agreed(end: Owner | None, foreign: dict[int, Path]) -> Owner | None:
    """The end, if all above it are root's or of its own user: as that user root acts there."""
    for uid, directory in foreign.items():
        if end is None or uid != end.uid:
            raise Unsafe(f"{directory} belongs to the user {uid}, who could put something else below it")
    return end


def _target(path: Path, link: int, links: int) -> Path:
    with closing_descriptor(link):
        if (uid := os.fstat(link).st_uid) != 0:
            raise Unsafe(f"{path} is a symbolic link of the user {uid}")
        if links >= _MOST_LINKS:
            raise Unsafe(f"{path} is one of too many symbolic links")
        return Path(os.readlink("", dir_fd=link))


@contextmanager
def as_owner(path: Path) -> Iterator[None]:
    """Have this thread's access to files be that of the owner of ``path``. Nothing may be awaited meanwhile.

    The owner is that of the directory above it that was settled; else of the path itself, or of the first above it.
    Only root can be somebody else; for everybody else, and where root is the owner, nothing changes.
    """
    owner = _owner_of(path) if os.geteuid() == 0 else None
    if owner is None or owner.uid == 0:
        yield
        return
    if os.getgroups():
        # What root's groups may do, that user may not; root itself needs none.
        os.setgroups([])
    before = _become(owner)
    try:
        yield
    finally:
        _become(before)


def _owner_of(path: Path) -> Owner:
    for each in (path, *path.parents):
        if each in _settled:
            return _settled[each]
    for each in (path, *path.parents):
        if os.path.lexists(each):
            state = each.lstat()
            return Owner(state.st_uid, state.st_gid)
    return Owner(0, 0)


def _become(owner: Owner) -> Owner:
    """Both calls return what was before, and no error: so they are asked again."""
    # The group first: afterwards the right to change it may be gone.
    before = Owner(0, _libc.setfsgid(owner.gid) & _NOBODY)
    before = Owner(_libc.setfsuid(owner.uid) & _NOBODY, before.gid)
    if (_libc.setfsuid(_NOBODY) & _NOBODY, _libc.setfsgid(_NOBODY) & _NOBODY) != owner:
        raise PermissionError(f"this process may not act as the user {owner.uid}")
    return before


def read_text(path: Path) -> str:
    """The beginning of a small file, as its directory's owner; a pipe or a device that stands there holds nobody up.

    :raises OSError: it cannot be read, or is no file
    :raises ValueError: it is no text
    """
    with as_owner(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with closing_descriptor(descriptor):
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        return os.read(descriptor, _MOST_BYTES).decode()


@contextmanager
def closing_descriptor(descriptor: int) -> Iterator[None]:
    """Close a file's descriptor when the context ends."""
    try:
        yield
    finally:
        os.close(descriptor)
