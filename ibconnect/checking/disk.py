"""Checks of the data directory: whether it can be written, who may look into it, what lies in the spool, and room."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ibconnect.checking.findings import Finding, fail, ok, warn
from ibconnect.config import Config
from ibconnect.events.kept import DAMAGED, UNOPENED, bytes_of
from ibconnect.events.quarantine import QUARANTINED
from ibconnect.events.recovery.leftovers import candidates

_LEAST_FREE = 100 << 20


def check_disk(config: Config) -> Iterator[Finding]:
    """The data directory, and the spool in it; nothing is made."""
    try:
        yield _directory(config.data_dir)
        yield _room(config)
        yield _spool(config.data_dir / "spool")
    except OSError as exc:
        advice = "name a directory that is this user's own, or that can be made"
        yield fail("data directory", f"{config.data_dir}: {exc.strerror or exc}", advice)


def _directory(directory: Path) -> Finding:
    there = _nearest(directory)
    if not directory.exists():
        if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
            return ok("data directory", f"{directory} is made at the first start")
        return fail("data directory", f"{directory} cannot be made in {there}", "make it, owned by the user of serve")
    if not directory.is_dir():
        return fail("data directory", f"{directory} is no directory", "name another one in DATA_DIR")
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        why = f"{directory} cannot be written by this user, or its file system is read-only"
        return fail("data directory", why, "chown it to the user of serve, or mount it writable; mode 0700")
    mode = directory.stat().st_mode & 0o777
    if mode & 0o077:
        return warn("data directory", f"{directory} is open to others (mode {mode:04o})", f"chmod 700 {directory}")
    return ok("data directory", f"{directory}, mode {mode:04o}")


def _nearest(path: Path) -> Path:
    """The path, or the first above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())


def _room(config: Config) -> Finding:
    free = shutil.disk_usage(_nearest(config.data_dir)).free
    used = _bytes_in(config.data_dir / "spool")
    wanted = max(config.spool_max_bytes - used, 0)
    detail = f"{_human(free)} free; the spool may grow by {_human(wanted)} (SPOOL_MAX_BYTES)"
    advice = "make room, or lower SPOOL_MAX_BYTES: a full disk ends recording as a full spool does"
    if free < _LEAST_FREE:
        return fail("disk", detail, advice)
    return warn("disk", detail, advice) if free < wanted else ok("disk", detail)


def _spool(spool: Path) -> Finding:
    if not spool.exists():
        return ok("spool", "none yet")
    kept = {name: size for why in (QUARANTINED, DAMAGED, UNOPENED) for name, size in bytes_of(spool, why).items()}
    if kept:
        names = ", ".join(sorted(kept)[:5])
        return warn(
            "spool",
            f"{len(kept)} kept aside, {_human(sum(kept.values()))}: {names}",
            "look at them, then move them away (docs/mechanisms.md, Files in the spool)",
        )
    if waiting := candidates(spool):
        size = _human(_bytes_in(spool))
        return ok("spool", f"{len(waiting)} journals, {size}: of running processes, or to be stored by the next start")
    return ok("spool", "empty")


def _bytes_in(spool: Path) -> int:
    """All that lies in the spool, as far as it can be looked at; a running process adds to it and removes of it."""
    total = 0
    for directory, _, names in os.walk(spool):
        for name in names:
            with suppress(OSError):
                total += Path(directory, name).lstat().st_size
    return total


def _human(size: int) -> str:
    value, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
