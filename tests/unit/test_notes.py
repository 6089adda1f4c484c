"""What could not be recorded is noted on disk at once: whatever kills the process, the next one knows."""

import os
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from ibconnect import troubles
from ibconnect.events import notes as module
from ibconnect.events.notes import Cut, Interval, Notes

AT = 1_700_000_000_000_000
GATEWAYS = ("127.0.0.1:4001", "gateway.example.com:4002", "[::1]:4003")


def killed(notes: Notes) -> None:
    """End it as SIGKILL does: the kernel closes the file, nothing else happens."""
    notes._no_look()
    notes._interrupted.forget()
    os.close(notes._file)


def said(notes: Notes) -> tuple[dict[UUID, int], dict[str, Interval]]:
    intervals = {gateway: found for gateway in GATEWAYS if (found := notes.interval(gateway))}
    return notes.ends(), intervals


@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from(["note", "ended", "told", "kill", "close", "two"])))
def test_what_is_noted_is_there_until_it_is_recorded(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: list[str]
) -> None:
    random, spool = Random(seed), tmp_path_factory.mktemp("spool")
    notes = Notes(spool)
    ends: dict[UUID, int] = {}
    intervals: dict[str, Interval] = {}
    for number, step in enumerate(steps):
        if step == "note":
            cut = Cut(uuid4(), random.randrange(3), AT + number, random.randrange(9), random.randrange(999))
            gateway = random.choice(GATEWAYS)
            notes.note(gateway, cut, "full")
            known = intervals.get(gateway, Interval(cut.at, 0, 0))
            intervals[gateway] = Interval(known.since, known.messages + cut.messages, known.bytes + cut.bytes)
            if cut.version:
                ends[cut.session] = cut.at
        elif step == "ended" and ends:
            session = random.choice(list(ends))
            notes.ended([session])
            del ends[session]
        elif step == "told":
            gateway = random.choice(GATEWAYS)
            notes.told(gateway)
            intervals.pop(gateway, None)
        elif step == "two":
            # Another process of this data directory, which has notes of its own and is killed.
            other, session = Notes(spool), uuid4()
            other.note(GATEWAYS[0], Cut(session, 1, AT, 1, 2), "full")
            killed(other)
            killed(notes)
            notes = Notes(spool)
            known = intervals.get(GATEWAYS[0], Interval(AT, 0, 0))
            intervals[GATEWAYS[0]] = Interval(min(known.since, AT), known.messages + 1, known.bytes + 2)
            ends[session] = AT
        elif step in ("kill", "close"):
            killed(notes) if step == "kill" else notes.close()
            notes = Notes(spool)
        assert said(notes) == (ends, intervals)
        assert [path.name for path in spool.iterdir()] == [notes._path.name], "one file, however many there were"
        is_told = any("recording is interrupted" in each for each in troubles.lasting())
        assert is_told == bool(intervals)
        shown = REGISTRY.get_sample_value("ibconnect_trouble", {"trouble": "recording_interrupted"})
        assert shown == float(bool(intervals))
    notes.close()
    assert bool(list(spool.iterdir())) == bool(ends or intervals)


@given(bytes_kept=st.integers(0, 300), garbage=st.binary(max_size=40))
def test_what_a_kill_cuts_off_costs_the_newest_note_alone(
    tmp_path_factory: pytest.TempPathFactory, bytes_kept: int, garbage: bytes
) -> None:
    spool = tmp_path_factory.mktemp("spool")
    notes = Notes(spool)
    session = uuid4()
    notes.note(GATEWAYS[0], Cut(session, 5, AT, 7, 700), "full")
    before = said(notes)
    notes.note(GATEWAYS[1], Cut(uuid4(), 5, AT, 7, 700), "full")
    after = said(notes)
    place = notes._sequence % 2 * (32 << 10)
    path = notes._path
    killed(notes)
    data = bytearray(path.read_bytes())
    newest = bytes(data[place : place + 300])
    data[place + bytes_kept : place + 300] = (garbage + bytes(300))[: 300 - bytes_kept]
    path.write_bytes(data)
    is_same = bytes(data[place : place + 300]) == newest
    again = Notes(spool)
    assert said(again) in ((before, after) if not is_same else (after,))
    killed(again)


def test_the_room_for_notes_is_there_before_it_is_needed(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    status = notes._path.stat()
    assert status.st_blocks * 512 >= status.st_size == 64 << 10
    for number in range(100):
        notes.note(f"host-{number}.example.com:4002", Cut(uuid4(), 1, AT, 1, 1), "full")
    assert notes._path.stat().st_size == 64 << 10, "it never grows"
    assert not any("a restart would forget it" in each for each in troubles.lasting())
    killed(notes)


def test_more_than_there_is_room_for_is_told(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    for number in range(600):
        notes.note(f"host-{number}.example.com:4002", Cut(uuid4(), 1, AT, 1, 1), "full")
    assert any("a restart would forget it" in each for each in troubles.lasting())
    killed(notes)


def test_notes_that_cannot_be_read_are_kept_and_told(tmp_path: Path) -> None:
    (tmp_path / "notes-x").write_bytes(os.urandom(2 * module._SLOT_BYTES))
    notes = Notes(tmp_path)
    assert said(notes) == ({}, {})
    notes.close()
    assert [path.name for path in tmp_path.iterdir()] == ["damaged-notes-x"]
