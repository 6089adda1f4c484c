"""A writer at work on a real Postgres: what it is given, what killed processes have left it, and what it has stored."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from prometheus_client import REGISTRY

from ibconnect.database.pools import connect
from ibconnect.events.copy_format import decode_rows, encode_row
from ibconnect.events.journal import Journal
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.events.stream import Stream
from ibconnect.events.writer import Writer

FACTS = {"client_id": 7, "server_version": "178", "connection_time": "", "instance": "anna", "software": "test"}
AT = 1_700_000_000_000_000


def gauge(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"ibconnect_{name}", labels) or 0.0


def recorded(gateway: str) -> int:
    """How many events of a gateway count as recorded."""
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    name = "ibconnect_events_recorded_total"
    return int(sum(each.value for each in samples if each.name == name and each.labels["gateway"] == gateway))


def rows_of(stream: UUID, versions: range, padding: int = 0) -> bytes:
    first = encode_row(stream.bytes, 1, b"so", orjson.dumps({"t": AT, "gateway": "g:1", **FACTS}))
    message = orjson.dumps([AT, "Key", "1.00" + " " * padding, "USD", "DU1"])
    rest = [encode_row(stream.bytes, version, b"v", message) for version in versions if version > 1]
    return b"".join([first if 1 in versions else b"", *rest])


def left(spool: Path, stream: UUID, chunks: int = 3, padding: int = 0) -> Path:
    """The journal of a killed process, with one session of as many messages as chunks."""
    journal = Journal(spool, 64 << 20)
    journal._segment_bytes = 2000
    for version in range(1, chunks + 1):
        journal.append(rows_of(stream, range(version, version + 1), padding), 1)
    journal.close(is_done=False)
    return journal.directory


def stored(url: str, stream: UUID) -> list[tuple[int, str]]:
    query = "SELECT originator_version, topic FROM stored_events WHERE originator_id = %s ORDER BY 1"
    with connect(url, name="test") as connection:
        return [(version, topic) for version, topic in connection.execute(query, (stream,))]


def reason_of(url: str, stream: UUID) -> str | None:
    """How a session ended, if it has."""
    query = "SELECT state FROM stored_events WHERE originator_id = %s AND topic = 'sc'"
    with connect(url, name="test") as connection:
        row = connection.execute(query, (stream,)).fetchone()
    return orjson.loads(row[0])["reason"] if row else None


@asynccontextmanager
async def writing(
    url: str, spool: Path, on_death: Callable[[BaseException], None] | None = None, max_bytes: int = 64 << 20
) -> AsyncIterator[Writer]:
    with Datastore(url) as datastore:
        writer = Writer(EventRecorder(datastore), spool, max_bytes, on_death)
        await writer.start()
        try:
            yield writer
        finally:
            await writer.close(20)


def session_of(writer: Writer, gateway: str) -> Stream:
    session = Stream(writer, gateway)
    session.open(**FACTS)
    session.hand_over()
    return session


def say(session: Stream, count: int) -> None:
    """Receive so many messages, one a read of the socket."""
    for number in range(count):
        session.receive(b"6\x002\x00Key\x00%d.00\x00USD\x00DU1\x00" % number, session.now())
        session.hand_over()


def names(spool: Path) -> list[str]:
    """What is in the spool."""
    return sorted(path.name for path in spool.iterdir())


def refused(spool: Path, ending: str = ".rows") -> tuple[Path, list[int]]:
    """The one file of refused rows, and their versions."""
    (file,) = spool.glob(f"refused-*{ending}")
    return file, [row.version for row in decode_rows(file.read_bytes())]


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    return [line["kind"] for line in lines]
