"""The journal: what was appended is read in order, forgotten when committed, stored by the next process."""

import shutil
import tracemalloc
import zlib
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from struct import Struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.events.journal import Journal, JournalFull
from ibconnect.events.recovery.leftovers import Leftover, candidates
from ibconnect.events.segments import Batch, JournalDamaged, Mark, chunk_of


def drained(journal: Journal, start: Mark) -> tuple[bytes, Mark]:
    data = b""
    while (batch := journal.read(start)) is not None:
        data += batch.data
        start = journal.forget(batch.end)
    return data, start


def test_what_goes_in_comes_out_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    start = journal.end
    assert journal.read(start) is None
    journal.append(b"abc", 1)
    journal.append(b"de", 2)
    batch = journal.read(start)
    assert batch is not None
    assert (batch.data, batch.rows) == (b"abcde", 3)
    start = journal.forget(batch.end)
    assert journal.bytes_kept == 0
    assert journal.read(start) is None
    journal.append(b"f", 1)
    assert drained(journal, start)[0] == b"f"
    journal.close(is_done=True)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000_000), st.booleans()), max_size=12))
def test_order_holds_over_segments_and_partial_reads(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool]]
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"), 1 << 30)
    start, expected, seen = journal.end, b"", b""
    for number, (size, read) in enumerate(steps):
        chunk = bytes([number]) * size
        journal.append(chunk, 1)
        expected += chunk
        if read and (batch := journal.read(start)) is not None:
            seen += batch.data
            start = journal.forget(batch.end)
    rest, _ = drained(journal, start)
    assert seen + rest == expected
    assert journal.bytes_kept == 0
    journal.close(is_done=True)


def test_the_bound_holds_and_takes_nothing_in_part(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 100)
    start = journal.end
    journal.append(b"x" * 50, 1)
    with pytest.raises(JournalFull, match="of the 100 that SPOOL_MAX_BYTES allows"):
        journal.append(b"y" * 50, 1)
    assert drained(journal, start)[0] == b"x" * 50
    journal.close(is_done=True)


def batches_left(root: Path) -> list[Batch]:
    found = []
    for path in candidates(root):
        with suppress(BlockingIOError):
            leftover = Leftover(path)
            found.extend(leftover.batches())
            leftover.discard()
    return found


def test_a_living_process_keeps_its_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    journal.append(b"mine", 1)
    assert batches_left(tmp_path) == []
    assert drained(journal, Mark(1, 0))[0] == b"mine"
    journal.close(is_done=True)


def test_what_a_dead_process_left_is_read_up_to_the_torn_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    journal.append(b"whole", 1)
    whole = journal.end.offset
    journal.append(b"torn", 1)
    journal.close(is_done=False)
    segment = next(journal.directory.glob("*.segment"))
    with segment.open("r+b") as file:
        file.truncate(whole + 13)
    assert [(batch.data, batch.rows) for batch in batches_left(tmp_path)] == [(b"whole", 1)]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_given_past_damage_and_what_is_damaged_is_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    journal.append(b"whole", 1)
    whole = journal.end.offset
    journal.append(b"harmed", 1)
    journal.append(b"behind", 1)
    journal.close(is_done=False)
    segment = next(journal.directory.glob("*.segment"))
    with segment.open("r+b") as file:
        file.seek(whole + 14)
        file.write(b"?")
    assert [batch.data for batch in batches_left(tmp_path)] == [b"whole"]
    (kept,) = tmp_path.iterdir()
    assert kept.name == f"damaged-{journal.directory.name}"
    assert batches_left(tmp_path) == []


def test_damage_in_a_journal_at_work_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    start = journal.end
    journal.append(b"harmed", 1)
    with next(journal.directory.glob("*.segment")).open("r+b") as file:
        file.seek(13)
        file.write(b"?")
    with pytest.raises(JournalDamaged, match="cannot be read"):
        journal.read(start)
    journal.close(is_done=True)


def test_what_was_read_can_be_read_again_until_it_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    start = journal.end
    middle = journal.append(b"one", 1)
    journal.append(b"two", 1)
    again = journal.read(start, middle)
    assert again is not None
    assert (again.data, again.end) == (b"one", middle)
    rest = journal.read(middle)
    assert rest is not None
    assert rest.data == b"two"
    assert journal.forget(rest.end) > rest.end
    assert journal.bytes_kept == 0
    journal.close(is_done=True)


def test_a_damaged_length_does_not_ask_for_gigabytes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    journal.append(b"harmed", 1)
    journal.append(b"behind", 1)
    journal.close(is_done=False)
    with next(journal.directory.glob("*.segment")).open("r+b") as file:
        file.write(b"\xff\xff\xff\xff")
    tracemalloc.start()
    assert batches_left(tmp_path) == []
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_any_damaged_byte_is_noticed_and_nothing_behind_it_is_lost(tmp_path: Path) -> None:
    """In a head too: what looks like the torn end that a kill leaves must be one."""
    journal = Journal(tmp_path, 1 << 20)
    chunks = [b"one", b"twotwo", b"three"]
    for chunk in chunks:
        journal.append(chunk, 1)
    journal.close(is_done=False)
    segment = journal.directory / "00000001.segment"
    whole = segment.read_bytes()
    for place in range(len(whole)):
        for value in {whole[place] ^ 1 << bit for bit in range(8)} | {0, 255, 127} - {whole[place]}:
            segment.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            leftover = Leftover(journal.directory)
            given_back = b"".join(batch.data for batch in leftover.batches())
            leftover.release()
            assert b"".join(chunks).startswith(given_back)
            assert len(given_back) < len(b"".join(chunks))
            assert leftover.damage is not None, (place, value)


@pytest.mark.parametrize("is_sealed", [True, False], ids=["", "as version 0.1 wrote it"])
def test_a_kill_at_any_byte_leaves_no_damage(tmp_path: Path, is_sealed: bool) -> None:
    journal = Journal(tmp_path, 1 << 20)
    chunks = [b"one", b"twotwo", b"three"]
    journal.close(is_done=False)
    segment = journal.directory / "00000001.segment"
    old = [Struct(">III").pack(len(data), zlib.crc32(data), 1) + data for data in chunks]
    written = [chunk_of(data, 1) for data in chunks] if is_sealed else old
    ends = list(accumulate(map(len, written)))
    for size in range(sum(map(len, written)) + 1):
        segment.write_bytes(b"".join(written)[:size])
        leftover = Leftover(journal.directory)
        batches = list(leftover.batches())
        leftover.release()
        assert leftover.damage is None
        assert b"".join(batch.data for batch in batches) == b"".join(chunks[: sum(end <= size for end in ends)])
        assert sum(batch.rows for batch in batches) == sum(end <= size for end in ends)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200_000), st.booleans()), max_size=12))
def test_what_waits_is_known_to_the_byte(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool]]
) -> None:
    """The smallest segments: most of these journals have several, and some are forgotten."""
    journal = Journal(tmp_path_factory.mktemp("journal"), 512 << 10)
    start, waiting = journal.end, 0
    for size, is_read in steps:
        with suppress(JournalFull):
            journal.append(b"x" * size, 1)
            waiting += 16 + size
        if is_read and (batch := journal.read(start)) is not None:
            start = journal.forget(batch.end)
            waiting -= batch.size
        assert journal.bytes_after(start) == waiting
        assert journal.bytes_kept == sum(path.stat().st_size for path in journal.directory.glob("*.segment"))
        assert journal.bytes_after(journal.end) == 0
    journal.close(is_done=True)


def test_a_segment_that_somebody_removed_is_no_reason_not_to_forget_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    journal.append(b"x" * 200_000, 1)
    end = journal.append(b"y", 1)
    (journal.directory / "00000001.segment").unlink()
    journal.forget(end)
    assert journal.bytes_kept == 0
    journal.close(is_done=True)


def test_a_segment_that_cannot_be_removed_is_tried_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    journal.append(b"x" * 200_000, 1)
    end = journal.append(b"y", 1)
    segment = journal.directory / "00000001.segment"
    segment.unlink()
    segment.mkdir()
    for _ in range(2):
        with pytest.raises(OSError, match="irectory"):
            journal.forget(end)
        assert journal.bytes_after(end) == 0
    segment.rmdir()
    assert journal.forget(end) == journal.end
    assert journal.bytes_kept == 0
    journal.close(is_done=True)


@pytest.mark.parametrize("harm", ["removed", "moved", "replaced", "without a lock"])
def test_a_journal_that_nobody_would_find_again_is_noticed(tmp_path: Path, harm: str) -> None:
    journal = Journal(tmp_path, 1 << 20)
    journal.append(b"mine", 1)
    journal.check()
    segment = journal.directory / "00000001.segment"
    if harm == "removed":
        shutil.rmtree(journal.directory)
    elif harm == "moved":
        journal.directory.rename(tmp_path / "elsewhere")
    elif harm == "replaced":
        segment.unlink()
        segment.touch()
    else:
        (journal.directory / "lock").unlink()
    with pytest.raises(JournalDamaged, match=r"is gone|was replaced"):
        journal.check()
    if harm in ("removed", "moved"):
        assert not journal.has_room, "nothing should begin there"
        with pytest.raises(JournalDamaged, match="cannot be read"):
            journal.read(Mark(1, 0))
    journal.close(is_done=True)


def test_a_gateway_that_fills_the_spool_leaves_the_others_their_part(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20, ["a", "b"])
    try:
        with pytest.raises(JournalFull, match="131072 of them are kept for other gateways"):
            fill(journal, "a")
        assert not journal.has_room_for("a")
        before = journal.bytes_kept
        for _ in range(100):
            journal.append(bytes(1000), 1, "b")
        assert journal.bytes_kept > before
        with pytest.raises(JournalFull):
            journal.append(bytes(1000), 1, "a")
        journal.append(bytes(1000), 1)
        journal.forget(journal.end)
        assert journal.has_room_for("a")
        journal.append(bytes(1000), 1, "a")
    finally:
        journal.close(is_done=True)


def test_one_gateway_alone_may_have_all_of_the_spool(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20, ["a"])
    try:
        with pytest.raises(JournalFull):
            fill(journal, "a")
        assert journal.bytes_kept > (1 << 20) - 2000
    finally:
        journal.close(is_done=True)


def fill(journal: Journal, gateway: str) -> None:
    while True:
        journal.append(bytes(1000), 1, gateway)
