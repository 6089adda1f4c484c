"""What killed processes left: read as far as it can be, kept under a name that says why, never in anybody's way."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ibconnect import observe, troubles
from ibconnect.events import segments
from ibconnect.events.journal import Journal
from ibconnect.events.kept import bytes_of, set_apart
from ibconnect.events.notes import Notes
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.recovery import leftovers
from ibconnect.events.recovery.leftovers import Leftover, candidates, forget_done
from ibconnect.events.recovery.spool import Recovery
from ibconnect.events.segments import JournalDamaged
from tests.serving import logged

NOBODY = 65534


def left(spool: Path, *chunks: bytes) -> Path:
    """The journal of a killed process."""
    journal = Journal(spool, 1 << 20)
    for chunk in chunks:
        journal.append(chunk, 1)
    journal.close(is_done=False)
    return journal.directory


def read(directory: Path) -> tuple[list[bytes], str | None]:
    """What can be read of a leftover, and why not all of it."""
    leftover = Leftover(directory)
    data = [batch.data for batch in leftover.batches()]
    leftover.release()
    return data, leftover.damage


def as_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_socket(path: Path) -> None:
    path.unlink()
    with pytest.MonkeyPatch.context() as patch, socket.socket(socket.AF_UNIX) as made:
        patch.chdir(path.parent)
        made.bind(path.name)


def as_link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


ODD: dict[str, Callable[[Path], None]] = {
    "a directory": as_directory,
    "a pipe": as_pipe,
    "a socket": as_socket,
    "a link to nothing": as_link_to_nothing,
}


@pytest.mark.parametrize("harm", ODD)
def test_what_stands_in_place_of_a_segment_ends_the_reading(tmp_path: Path, harm: str) -> None:
    directory = left(tmp_path, b"x" * 200_000, b"second")
    ODD[harm](directory / "00000002.segment")
    data, damage = read(directory)
    assert data == [b"x" * 200_000]
    assert damage is not None
    assert f"{directory.name}/00000002.segment" in damage


@pytest.mark.parametrize("harm", [harm for harm in ODD if harm != "a pipe"])
def test_what_stands_in_place_of_the_lock_keeps_it_from_being_opened(tmp_path: Path, harm: str) -> None:
    directory = left(tmp_path, b"data")
    ODD[harm](directory / "lock")
    with pytest.raises(OSError, match=r"directory|No such device|symbolic"):
        Leftover(directory)
    assert not (directory / "nothing").exists()


def test_a_journal_whose_lock_was_removed_is_read(tmp_path: Path) -> None:
    directory = left(tmp_path, b"data")
    (directory / "lock").unlink()
    assert read(directory) == ([b"data"], None)


@pytest.mark.parametrize("stray", ["x.segment", "core", "1.segment", "00000001.segment~", "lock2"])
def test_a_stray_file_hides_nothing_and_is_kept(tmp_path: Path, stray: str) -> None:
    directory = left(tmp_path, b"data")
    (directory / stray).write_text("stray")
    leftover = Leftover(directory)
    assert [batch.data for batch in leftover.batches()] == [b"data"]
    assert stray in (leftover.damage or "")
    kept = leftover.discard()
    assert kept == tmp_path / f"damaged-{directory.name}"
    assert (kept / stray).read_text() == "stray"


def test_who_waits_for_a_lock_that_was_removed_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process has stored and removed the journal between our seeing and our locking it."""
    directory = left(tmp_path, b"data")
    real = segments.Lock

    def late(path: Path) -> segments.Lock:
        lock = real(path)
        directory.rename(tmp_path / "done")
        return lock

    monkeypatch.setattr(leftovers, "Lock", late)
    with pytest.raises(FileNotFoundError):
        Leftover(directory)
    assert not directory.exists(), "it is not made again"


def test_a_journal_whose_removal_was_cut_off_is_removed(tmp_path: Path) -> None:
    gone = left(tmp_path, b"data")
    gone.rename(tmp_path / f"done-{gone.name}")
    stays = left(tmp_path, b"data")
    forget_done(tmp_path)
    assert list(tmp_path.iterdir()) == [stays]


def test_nothing_that_is_kept_replaces_what_was_kept_before(tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / "a"
        path.write_text(str(number))
        set_apart(path, "damaged")
    found = sorted((path.name, path.read_text()) for path in tmp_path.iterdir())
    assert found == [("damaged-a", "0"), ("damaged-a-2", "1"), ("damaged-a-3", "2")]


def test_what_is_kept_is_known_with_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "damaged-a").mkdir()
    (tmp_path / "damaged-a" / "1").write_bytes(b"12345")
    (tmp_path / "damaged-b").write_bytes(b"123")
    (tmp_path / "damaged-c").symlink_to(tmp_path)
    (tmp_path / "refused-x.rows").write_bytes(b"1")
    sizes = bytes_of(tmp_path, "damaged")
    assert (sizes["damaged-a"], sizes["damaged-b"]) == (5, 3)
    assert set(sizes) == {"damaged-a", "damaged-b", "damaged-c"}
    assert bytes_of(tmp_path / "nowhere", "damaged") == {}


WITHOUT = SimpleNamespace(fenced=set())
"""No recorder is asked for anything where no leftover holds an event that can be read."""


def recovery(spool: Path) -> Recovery:
    return Recovery(spool, cast(EventRecorder, WITHOUT), cast(Notes, SimpleNamespace(inherited=())))


class Recovering:
    """A recovery, and what it tells."""

    def __init__(self, spool: Path) -> None:
        self.recovery = recovery(spool)

    def run(self) -> list[str]:
        """What it told, by kind."""
        with logged() as lines:
            self.recovery.run()
        return [line["kind"] for line in lines()]


@pytest.fixture
def recovering(tmp_path: Path) -> Iterator[Recovering]:
    found = Recovering(tmp_path)
    end = troubles.looking(found.recovery.look)
    yield found
    end()
    found.recovery.forget()


def test_a_stray_file_in_place_of_a_journal_is_kept_and_told_once(tmp_path: Path, recovering: Recovering) -> None:
    (tmp_path / ("a" * 32)).write_text("stray")
    (tmp_path / ("b" * 32)).symlink_to("nothing")
    left(tmp_path)
    before = observe.SPOOL_KEPT.labels("unopened")._value.get()
    assert sorted(recovering.run()) == ["spool_adopted", "spool_unopened"]
    assert recovering.run() == []
    assert observe.SPOOL_KEPT.labels("unopened")._value.get() == before + 1
    assert (tmp_path / f"unopened-{'a' * 32}").read_text() == "stray"
    (reason,) = troubles.lasting()
    assert reason.startswith("what a killed process left could not be opened or read to its end, since ")
    assert reason.endswith(f"unopened-{'a' * 32}")
    (tmp_path / f"unopened-{'a' * 32}").unlink()
    assert troubles.lasting() == [], "somebody has looked at it"


@contextmanager
def as_nobody(directory: Path) -> Iterator[None]:
    """Without root's right to open everything; the directory becomes ours."""
    if os.geteuid() != 0:
        yield
        return
    for path in (directory, *directory.parents):
        if path.stat().st_uid == 0 and path.stat().st_mode & 0o777 == 0o700:
            path.chmod(0o711)
    os.chown(directory, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("closed", ["directory", "lock", "segment"])
def test_without_permission_it_is_kept_aside(tmp_path: Path, recovering: Recovering, closed: str) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    recovering.recovery = recovery(spool)
    directory = left(spool, b"data")
    target = {"directory": directory, "lock": directory / "lock", "segment": directory / "00000001.segment"}[closed]
    target.chmod(0o000)
    kept = "damaged" if closed == "segment" else "unopened"
    if closed == "segment":
        for path in (directory, directory / "lock"):
            path.chmod(0o777)
    with as_nobody(spool):
        # What is refused to us may be somebody else's; that it is there is told either way.
        assert recovering.run() == (["spool_damaged", "spool_adopted"] if closed == "segment" else ["spool_unopened"])
        assert candidates(spool) == []
        assert [path.name for path in spool.iterdir()] == [f"{kept}-{directory.name}"]


def test_what_cannot_even_be_renamed_is_left_alone_and_told(tmp_path: Path, recovering: Recovering) -> None:
    directory = left(tmp_path, b"data")
    as_directory(directory / "lock")

    def refused(*_: object) -> Path:
        raise PermissionError(13, "Permission denied")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ibconnect.events.recovery.spool.set_apart", refused)
        assert recovering.run() == ["spool_unopened"]
    assert recovering.run() == []
    (reason,) = troubles.lasting()
    assert f"{directory.name} (IsADirectoryError (Is a directory), not renamed: PermissionError" in reason
    shutil.rmtree(directory)
    assert troubles.lasting() == [], "somebody has looked at it"


def test_too_many_open_files_say_nothing_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recovering = Recovering(tmp_path)
    directory = left(tmp_path)
    monkeypatch.setattr(leftovers, "Lock", _too_many)
    assert recovering.run() == ["spool_postponed"]
    assert directory.exists()
    assert not recovering.recovery.is_due, "it is not tried at once"
    (reason,) = troubles.lasting()
    assert reason.endswith(f"{directory.name}: OSError (Too many open files)")
    monkeypatch.undo()
    monkeypatch.setattr("ibconnect.events.recovery.spool._AGAIN_S", 0.0)
    assert recovering.recovery.is_due
    assert recovering.run() == ["spool_adopted"]
    assert not recovering.recovery.is_due
    assert (troubles.lasting(), list(tmp_path.iterdir())) == ([], [])
    recovering.recovery.forget()


def _too_many(_: Path) -> segments.Lock:
    raise OSError(24, "Too many open files")


def test_a_pipe_in_place_of_a_segment_does_not_hang(tmp_path: Path) -> None:
    directory = left(tmp_path, b"data")
    as_pipe(directory / "00000001.segment")
    reader = threading.Thread(target=read, args=(directory,), daemon=True)
    reader.start()
    reader.join(20)
    assert not reader.is_alive()


def test_what_cannot_be_read_now_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = left(tmp_path, b"data")
    leftover = Leftover(directory)
    monkeypatch.setattr(segments.os, "open", lambda *_: _too_many(directory))
    with pytest.raises(OSError, match="Too many"):
        list(leftover.batches())
    assert leftover.damage is None
    leftover.release()
    assert not issubclass(JournalDamaged, OSError)
