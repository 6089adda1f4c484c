"""The writer and what killed processes have left in the spool: whatever became of it, it holds up nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from ibconnect import troubles
from ibconnect.events.journal import Journal
from tests.serving import logged
from tests.writing import gauge, left, names, say, session_of, stored, writing


def segment_as_directory(directory: Path) -> None:
    (directory / "00000001.segment").unlink()
    (directory / "00000001.segment").mkdir()


def lock_as_directory(directory: Path) -> None:
    (directory / "lock").unlink()
    (directory / "lock").mkdir()


def stray_segment(directory: Path) -> None:
    (directory / "first.segment").write_bytes(b"stray")


def whole_as_file(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    directory.write_bytes(b"stray")


def wrong_rows(directory: Path) -> None:
    """Chunks that are what was written, of rows that are none."""
    journal = Journal(directory.parent, 1 << 20)
    journal.append(b"these are no rows", 1)
    journal.close(is_done=False)
    (journal.directory / "00000001.segment").rename(directory / "00000001.segment")
    for path in (*journal.directory.iterdir(), *directory.glob("0000000[23].segment")):
        path.unlink()
    journal.directory.rmdir()


HARMS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no file in place of a segment": (segment_as_directory, "damaged"),
    "lock is a directory": (lock_as_directory, "unopened"),
    "stray segment": (stray_segment, "damaged"),
    "no directory at all": (whole_as_file, "unopened"),
    "rows that are none": (wrong_rows, "damaged"),
}


@pytest.mark.parametrize("harm", HARMS)
async def test_a_leftover_that_cannot_be_opened_holds_up_nothing(database_url: str, tmp_path: Path, harm: str) -> None:
    harmed, *well = [uuid7() for _ in range(4)]
    directory = left(tmp_path, harmed)
    for stream in well:
        left(tmp_path, stream)
    injure, why = HARMS[harm]
    injure(directory)
    before = gauge("spool_kept_total", why=why)
    with logged() as lines:
        async with writing(database_url, tmp_path) as writer:
            session = session_of(writer, "g:well")
            say(session, 5)
            await asyncio.wait_for(writer.recovered(), 20)
            await asyncio.wait_for(writer.flushed(), 20)
            assert [len(stored(database_url, stream)) for stream in well] == [4, 4, 4], "with the end of the session"
            assert [version for version, _ in stored(database_url, session.id)] == list(range(1, 7))
            assert writer.is_online
            (reason,) = troubles.lasting()
            assert "could not be opened or read to its end" in reason
            assert f"{why}-{directory.name}" in reason
            assert gauge("spool_kept_bytes", why=why) > 0
            assert gauge("spool_leftover_bytes") == gauge("spool_bytes") == 0
            assert gauge("spool_kept_total", why=why) == before + 1
        told = {"damaged": "spool_damaged", "unopened": "spool_unopened"}[why]
        (line,) = [line for line in lines() if line["kind"] == told]
    assert line["journal"] == directory.name
    assert line["error"]
    assert line["kept_in"] == str(tmp_path / f"{why}-{directory.name}")
    assert names(tmp_path) == [f"{why}-{directory.name}"]
    assert len(stored(database_url, harmed)) == (4 if harm == "stray segment" else 0)
    assert troubles.lasting() == [], "whoever is gone has no trouble"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), harms=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_whatever_became_of_the_files_what_is_stored_is_a_prefix_and_the_rest_is_kept(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, seed: int, harms: list[int]
) -> None:
    random, spool = Random(seed), tmp_path_factory.mktemp("spool")
    harmed = {uuid7(): random.randrange(1, 12) for _ in range(3)}
    places = {stream: left(spool, stream, chunks, padding=300) for stream, chunks in harmed.items()}
    well = uuid7()
    left(spool, well, 5)
    for harm in harms:
        spoil(random, random.choice(list(places.values())), harm)

    async def run() -> None:
        async with writing(database_url, spool) as writer:
            session = session_of(writer, "g:prefix")
            await asyncio.wait_for(writer.recovered(), 20)
            await asyncio.wait_for(writer.flushed(), 20)
            assert stored(database_url, session.id) == [(1, "so")]
            assert writer.is_online

    asyncio.run(run())
    assert len(stored(database_url, well)) == 6
    for stream, chunks in harmed.items():
        found = stored(database_url, stream)
        topics = ["so", *["v"] * (chunks - 1)][: len(found) - 1]
        assert [version for version, _ in found] == list(range(1, len(found) + 1)), "no hole"
        assert [topic for _, topic in found] == ([*topics, "sc"] if found else [])
    assert {path.name.partition("-")[0] for path in spool.iterdir()} <= {"damaged", "unopened", "refused"}


def spoil(random: Random, directory: Path, harm: int) -> None:
    """Do something to the files of a leftover, whatever was done before."""
    files = sorted(path for path in directory.glob("*.segment") if path.is_file())
    if not files:
        return
    path = random.choice(files)
    data = bytearray(path.read_bytes())
    at = random.randrange(len(data) + 1)
    if harm == 0:
        path.write_bytes(data[:at])
    elif harm == 1 and at < len(data):
        data[at] ^= 1 << random.randrange(8)
        path.write_bytes(data)
    elif harm == 2:
        path.write_bytes(data[:at] + random.randbytes(random.randrange(1, 50)) + data[at:])
    elif harm == 3:
        path.unlink()
    elif harm == 4:
        path.unlink()
        path.mkdir()
    else:
        (directory / f"stray{random.randrange(9)}").write_bytes(data)
