"""What could not be recorded since the spool was full: noted on disk at once, and kept until it is recorded.

In: sessions that end because the spool takes no more. Out: when they ended, for whoever records their ends, and since
when nothing of a gateway is recorded, for its next session. Called by streams, the supervisor of a gateway and the
writer thread, also those of later processes: a restart, however it comes about, forgets nothing.

The file ``DATA_DIR/spool/notes-*`` is as large as it will ever be before it is needed, and is written in place: a full
disk cannot keep anything from being noted. It holds the same twice, with a checksum: what a kill has cut off is the
newer of the two. It belongs to whoever holds a lock on it; the next process goes on with that of a killed one.
"""

import fcntl
import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from uuid import UUID, uuid4

import orjson

from ibconnect import observe as o
from ibconnect.acting import as_owner
from ibconnect.errors import EventError
from ibconnect.events.kept import DAMAGED, set_apart
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.times import format_rfc3339, from_micros
from ibconnect.troubles import State, looking

NOTES = "notes"
"""Begins the names of these files."""
_HEAD = Struct(">QII")
_SLOT_BYTES = 32 << 10
_SLOTS = 2


class Cut(NamedTuple):
    """A session that the spool takes no more of: its last version that is recorded, when it ended, what is lost.

    The time in microseconds since the epoch; a version of 0: nothing of it is recorded, so that it needs no end.
    """

    session: UUID
    version: int
    at: int
    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Interval:
    """Since when (microseconds since the epoch) nothing of a gateway is recorded, and what is known to be lost."""

    since: int
    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Noted:
    """What one file says: when sessions ended, the intervals by their gateways, and how often it was written."""

    sequence: int
    ends: Mapping[UUID, int]
    intervals: Mapping[str, Interval]


_Claimed = tuple[Path, int, _Noted]
_NOTHING = _Noted(0, {}, {})


class Notes:
    """Those of one process. Any thread may call.

    :raises OSError: the spool cannot be read or written, for another reason than that it is full
    """

    def __init__(self, spool: Path) -> None:
        self._guard = threading.Lock()
        self._interrupted = State(Trouble.RECORDING_INTERRUPTED)
        self._is_on_disk = True
        self._has_reserve = False
        self._ends: dict[UUID, int] = {}
        self._own: dict[UUID, Cut] = {}
        self._intervals: dict[str, Interval] = {}
        found = list(_found(spool))
        for _, _, noted in found:
            self._take(noted)
        self._sequence = max((noted.sequence for _, _, noted in found), default=0)
        self._inherited = frozenset(self._ends)
        self._path, self._file = found[0][:2] if found else _made(spool)
        self.reserve()
        if len(found) > 1:
            self._merge(found[1:])
        self._no_look = looking(self.look)
        self.look()

    def _take(self, noted: "_Noted") -> None:
        self._ends.update(noted.ends)
        for gateway, interval in noted.intervals.items():
            self._intervals[gateway] = _joined(self._intervals.get(gateway), interval)

    def _merge(self, others: "list[_Claimed]") -> None:
        """Go on with one file alone. What the others say goes only when it stands there."""
        self._write()
        for path, file, _ in others:
            if self._is_on_disk:
                with as_owner(path.parent):
                    path.unlink(missing_ok=True)
            os.close(file)

    def reserve(self) -> None:
        """Have the room that the notes may need, if it can be had now."""
        if self._has_reserve:
            return
        with suppress(OSError):
            os.posix_fallocate(self._file, 0, _SLOTS * _SLOT_BYTES)
            self._has_reserve = True

    @property
    def inherited(self) -> frozenset[UUID]:
        """Sessions of earlier processes whose ends are still to be recorded."""
        with self._guard:
            return self._inherited & self._ends.keys()

    def note(self, gateway: str, cut: Cut, why: str) -> None:
        """A session with a gateway ended since the spool is full."""
        o.MESSAGES_LOST.labels(gateway).inc(cut.messages)
        with self._guard:
            interval = Interval(cut.at, cut.messages, cut.bytes)
            self._intervals[gateway] = _joined(self._intervals.get(gateway), interval)
            if cut.version:
                self._ends[cut.session] = cut.at
                self._own[cut.session] = cut
            self._write()
        self._tell(gateway=gateway, error=why, messages=cut.messages)

    def own(self) -> list[Cut]:
        """The sessions of this process whose ends are still to be recorded."""
        with self._guard:
            return [cut for session, cut in self._own.items() if session in self._ends]

    def ends(self) -> dict[UUID, int]:
        """When sessions ended whose ends are still to be recorded."""
        with self._guard:
            return dict(self._ends)

    def interval(self, gateway: str) -> Interval | None:
        """What is still to be recorded of a gateway."""
        with self._guard:
            return self._intervals.get(gateway)

    def ended(self, sessions: Iterable[UUID]) -> None:
        """The ends of these sessions are recorded."""
        with self._guard:
            known = [session for session in sessions if session in self._ends]
            for session in known:
                del self._ends[session]
                self._own.pop(session, None)
            if known:
                self._write()

    def told(self, gateway: str) -> None:
        """The interval of this gateway is recorded."""
        with self._guard:
            interval = self._intervals.pop(gateway, None)
            self._write()
        if interval is not None and not self._intervals:
            self._interrupted.over(gateway=gateway, messages=interval.messages)
        self.look()

    def look(self) -> None:
        """Tell whether something is still to be recorded."""
        if self._intervals:
            self._tell()

    def _tell(self, **facts: object) -> None:
        with self._guard:
            since = min((interval.since for interval in self._intervals.values()), default=0)
            count, is_on_disk = len(self._intervals), self._is_on_disk
        first = format_rfc3339(from_micros(since))
        reason = f"{count} gateway{'s' if count != 1 else ''}, the first since {first}"
        self._interrupted.note(reason if is_on_disk else f"{reason}; a restart would forget it", **facts)

    def _write(self) -> None:
        """Write what there is into the older of the two places; called under the guard, or by nobody else yet."""
        ends = [[session.hex, at] for session, at in self._ends.items()]
        intervals = {name: [each.since, each.messages, each.bytes] for name, each in self._intervals.items()}
        data = orjson.dumps({"ends": ends, "intervals": intervals})
        self._sequence += 1
        head = _HEAD.pack(self._sequence, len(data), _checksum(self._sequence, data))
        self._is_on_disk = len(head) + len(data) <= _SLOT_BYTES
        if not self._is_on_disk:
            return
        try:
            os.pwrite(self._file, head + data, self._sequence % _SLOTS * _SLOT_BYTES)
        except OSError:
            self._is_on_disk = False

    def close(self) -> None:
        """Leave the file for the next process, or remove it if it says nothing."""
        self._no_look()
        self._interrupted.forget()
        if not self._ends and not self._intervals:
            with as_owner(self._path.parent):
                self._path.unlink(missing_ok=True)
        os.close(self._file)


def _checksum(sequence: int, data: bytes) -> int:
    # The number too: without it, a head of which only that is written would be right for no data at all.
    return zlib.crc32(data, zlib.crc32(sequence.to_bytes(8, "big")))


def _joined(one: Interval | None, other: Interval) -> Interval:
    if one is None:
        return other
    return Interval(min(one.since, other.since), one.messages + other.messages, one.bytes + other.bytes)


def _made(spool: Path) -> tuple[Path, int]:
    path = spool / f"{NOTES}-{uuid4().hex}"
    with as_owner(spool):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    return path, file


def _found(spool: Path) -> Iterator[_Claimed]:
    """The notes of processes that are gone; those that cannot be read are kept for somebody to look at."""
    for path in sorted(spool.glob(f"{NOTES}-*")):
        file = _claimed(path)
        if file is None:
            continue
        try:
            yield path, file, _read(file)
        except EventError as exc:
            os.close(file)
            kept = set_apart(path, DAMAGED)
            o.SPOOL_KEPT.labels(DAMAGED).inc()
            observe(Kind.SPOOL_DAMAGED, journal=path.name, error=str(exc), kept_in=str(kept))


def _claimed(path: Path) -> int | None:
    """The file, locked; None if another process has it, or what has its name is no such file."""
    try:
        with as_owner(path.parent):
            file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it before us may have removed it.
        if os.path.samestat(os.fstat(file), path.lstat()):
            return file
    os.close(file)
    return None


def _read(file: int) -> _Noted:
    """The newest that the file says.

    :raises EventError: it was written, and none of it can be read
    """
    slots = [os.pread(file, _SLOT_BYTES, number * _SLOT_BYTES) for number in range(_SLOTS)]
    found = [noted for slot in slots if (noted := _decoded(slot)) is not None]
    if not found and any(slot.strip(b"\0") for slot in slots):
        raise EventError("notes of what could not be recorded have a wrong checksum")
    return max(found, key=lambda noted: noted.sequence, default=_NOTHING)


def _decoded(slot: bytes) -> _Noted | None:
    if len(slot) < _HEAD.size:
        return None
    sequence, length, checksum = _HEAD.unpack_from(slot)
    data = slot[_HEAD.size : _HEAD.size + length]
    if not sequence or len(data) != length or _checksum(sequence, data) != checksum:
        return None
    said = orjson.loads(data)
    ends = {UUID(hex=session): at for session, at in said["ends"]}
    return _Noted(sequence, ends, {gateway: Interval(*each) for gateway, each in said["intervals"].items()})
