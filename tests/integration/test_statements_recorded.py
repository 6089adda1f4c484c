"""Documents become events whole and once, whoever brings them how often; what is refused leaves nothing."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from random import Random

import orjson
import psycopg
import pytest

from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseError, DatabaseUnavailable, StatementRefused
from ibconnect.events.documents import PART_BYTES
from ibconnect.events.mapper import EventMapper
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.types import StatementBegan, StatementEnded
from ibconnect.statements import document as documents
from ibconnect.statements.document import Document
from ibconnect.statements.recording import Origin, Recorded, Recorder, record
from tests.statements import assert_recorded_once, document_of, statement_of, stored_documents, trades

FILE = Origin(source="file", name="a.xml")


def recorded(recorder: Recorder, documents: Iterable[bytes]) -> list[Recorded]:
    """All in one transaction."""
    with ExitStack() as stack:
        return recorder.record([(stack.enter_context(Document([each])), FILE) for each in documents])


def test_a_document_is_recorded_byte_for_byte_with_what_it_is(database_url: str, recorder: EventRecorder) -> None:
    data = document_of(statement_of("U2", "20260102"), statement_of("U1", "2026-01-05"), statement_of("U2", "20251230"))
    origin = Origin(source="flex", name="123", query="123", from_="20251230", to="20260105", reference="99", by="")
    done = record(database_url, [data[:10], data[10:]], origin)
    assert done.new
    assert (done.statements, done.accounts, done.size) == (3, ("U1", "U2"), len(data))
    assert (done.from_day, done.to_day) == (date(2025, 12, 30), date(2026, 1, 5))
    assert_recorded_once(database_url, [data])
    mapper = EventMapper()
    began, _, ended = (mapper.to_domain_event(event) for event in recorder.select_events(done.stream))
    assert isinstance(began, StatementBegan)
    assert (began.bytes, began.parts, began.query, began.from_, began.to) == (
        len(data),
        1,
        "123",
        "20251230",
        "20260105",
    )
    assert isinstance(ended, StatementEnded)
    assert (ended.statements, ended.accounts, ended.elements) == (3, ["U1", "U2"], done.elements)
    assert (ended.from_, ended.to) == ("2025-12-30", "2026-01-05")
    state = orjson.loads(next(iter(recorder.select_events(done.stream))).state)
    assert state["from"] == "20251230"
    assert state["sha256"] == done.sha256.hex()


def test_the_same_bytes_again_are_known_by_the_same_stream(database_url: str) -> None:
    data = document_of(statement_of("U1"))
    first = record(database_url, [data], FILE)
    again = record(database_url, [data], Origin(source="http", by="somebody"))
    assert again == first._replace(new=False)
    other = record(database_url, [data + b" "], FILE)
    assert other.new
    assert other.stream != first.stream
    with Recorder(database_url) as recorder:
        assert [each.new for each in recorded(recorder, (data, data))] == [False, False]
    assert_recorded_once(database_url, [data, data + b" "])


def test_several_documents_in_one_transaction_are_streams_of_their_own(database_url: str) -> None:
    data = [document_of(statement_of(f"U{number}")) for number in range(5)]
    record(database_url, [data[3]], FILE)
    with Recorder(database_url) as recorder:
        done = recorded(recorder, (*data, data[0]))
        assert [each.new for each in done] == [True, True, True, False, True, False]
        assert recorder.record([]) == []
    positions = [each.position for each in done if each.new]
    assert positions == sorted(positions), "in the order in which they were given"
    assert_recorded_once(database_url, data)


def test_a_large_document_has_several_parts_and_is_kept_in_a_file_meanwhile(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_IN_MEMORY", 100)
    noise = Random(1).randbytes(2 * PART_BYTES).hex()
    data = document_of(statement_of("U1", body=f'<S a="{noise[:900_000]}"/><S a="{noise[900_000:1_800_000]}"/>' * 2))
    with Document([data], tmp_path) as document:
        assert document.parts == -(-len(data) // PART_BYTES) > 2
        assert not list(tmp_path.iterdir()), "a file without a name: nobody can find it, and nothing is left of it"
    assert record(database_url, [data], FILE, directory=tmp_path).new
    assert_recorded_once(database_url, [data])


@pytest.mark.parametrize(
    "data",
    [b"", b"<html/>", document_of(statement_of("U1"))[:-3], b"<!DOCTYPE x []>" + document_of(statement_of("U1"))],
)
def test_of_what_is_refused_nothing_is_recorded(database_url: str, data: bytes) -> None:
    with pytest.raises(StatementRefused):
        record(database_url, [data], FILE)
    assert_recorded_once(database_url, [])


def test_a_document_is_bounded_also_when_it_is_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "COMPRESSED_MAX", 1000)
    noise = Random(1).randbytes(3000).hex()
    with pytest.raises(StatementRefused, match="compressed"):
        Document([document_of(statement_of("U1", body=f'<S a="{noise}"/>'))])
    monkeypatch.setattr(documents, "ACCOUNTS_MAX", 2)
    with pytest.raises(StatementRefused, match="accounts"):
        Document([document_of(*(statement_of(f"U{number}") for number in range(3)))])


def test_days_that_can_be_misread_are_left_to_others() -> None:
    odd = ("01/02/2026", "20261302", "2026-0102", "", "00000101", "2026")
    with Document([document_of(*(statement_of("U1", day) for day in odd))]) as document:
        assert document.contents[2:4] == (None, None)
    with Document([document_of(statement_of("", "20260102;202020"))]) as document:
        assert document.contents[1:4] == ((), date(2026, 1, 2), date(2026, 1, 2))


def test_many_at_once_record_each_document_once(database_url: str) -> None:
    data = [document_of(statement_of(f"U{number}", body=trades(50))) for number in range(20)]
    gate = threading.Barrier(4)

    def bring(seed: int) -> int:
        shuffled = Random(seed).sample(data, len(data))
        gate.wait()
        new = 0
        with Recorder(database_url) as recorder:
            for start in range(0, len(shuffled), seed):
                new += sum(each.new for each in recorded(recorder, shuffled[start : start + seed]))
        return new

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(bring, (1, 2, 3, 7))) == len(data)
    assert_recorded_once(database_url, data)


def test_postgres_that_goes_away_in_the_middle_is_asked_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = document_of(statement_of("U1"))
    cut = threading.Event()
    compressed = Document.compressed

    def cutting(document: Document) -> object:
        yield from compressed(document)
        if not cut.is_set():
            cut.set()
            with connect(database_url, name="test") as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'ibconnect statements' AND datname = current_database()"
                )

    monkeypatch.setattr(Document, "compressed", cutting)
    assert record(database_url, [data], FILE).new
    assert cut.is_set()
    assert_recorded_once(database_url, [data])


def test_a_commit_whose_answer_was_lost_is_ours(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = document_of(statement_of("U1"))
    added = Recorder._add

    def lost(connection: psycopg.Connection[tuple[object, ...]], *given: object) -> None:
        added(connection, *given)  # type: ignore[arg-type]
        connection.close()
        monkeypatch.setattr(Recorder, "_add", staticmethod(added))

    monkeypatch.setattr(Recorder, "_add", staticmethod(lost))
    assert record(database_url, [data], FILE).new
    assert_recorded_once(database_url, [data])


def test_postgres_that_is_away_or_refuses_is_said(database_url: str) -> None:
    data = document_of(statement_of("U1"))
    with pytest.raises(DatabaseUnavailable):
        record("postgresql://nobody@127.0.0.1:1/none", [data], FILE, patience_s=0.1)
    with connect(database_url, name="test") as connection:
        connection.execute("ALTER TABLE coordination.statement RENAME TO elsewhere")
    with pytest.raises(DatabaseError, match="refuses") as caught:
        record(database_url, [data], FILE)
    assert not isinstance(caught.value, DatabaseUnavailable), "asked again it would refuse again"
    assert stored_documents(database_url) == {}
