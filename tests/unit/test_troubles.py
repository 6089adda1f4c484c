"""What is amiss: told when it begins, when its reason changes, now and then while it lasts, and when it is over."""

import errno
import threading
from collections.abc import Iterator

import psycopg
import pytest
from prometheus_client import REGISTRY

from ibconnect import troubles
from ibconnect.errors import DatabaseUnavailable
from ibconnect.observe import Trouble
from ibconnect.troubles import State, brief, lasting, looking
from tests.serving import logged


@pytest.fixture
def state() -> Iterator[State]:
    state = State(Trouble.EVENTS_WAIT)
    yield state
    state.forget()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that pacing goes by, in seconds; the last item counts."""
    now = [1000.0]
    monkeypatch.setattr(troubles.time, "monotonic", lambda: now[-1])
    return now


def gauge(trouble: Trouble) -> float | None:
    return REGISTRY.get_sample_value("ibconnect_trouble", {"trouble": trouble.name.lower()})


def test_a_trouble_is_shown_from_its_beginning_to_its_end(state: State) -> None:
    assert (lasting(), gauge(Trouble.EVENTS_WAIT)) == ([], 0.0)
    state.note("DiskFull (53100)")
    (shown,) = lasting()
    assert shown.startswith("events wait in the spool, since 2")
    assert shown.endswith("Z: DiskFull (53100)")
    assert (state.lasts, gauge(Trouble.EVENTS_WAIT)) == (True, 1.0)
    assert lasting(but=frozenset({Trouble.EVENTS_WAIT})) == []
    state.over()
    assert (lasting(), state.lasts, gauge(Trouble.EVENTS_WAIT)) == ([], False, 0.0)


def test_it_is_told_again_when_the_reason_changes_and_every_few_minutes(state: State, clock: list[float]) -> None:
    with logged() as lines:
        for seconds, reason in [(0, "a"), (1, "a"), (2, "b"), (3, "a"), (4, "b"), (299, "a"), (301, "a"), (302, "b")]:
            clock.append(1000.0 + seconds)
            state.note(reason, error=ValueError(f"at {seconds}"))
        state.over(events=7)
        state.over()
    told = [(line["kind"], line.get("error"), line.get("reason")) for line in lines()]
    assert told == [
        ("spool_started", "at 0", "a"),
        ("spool_started", "at 2", "b"),
        ("spool_started", "at 301", "a"),
        ("spool_started", "at 302", "b"),
        ("spool_drained", None, None),
    ]
    assert lines()[-1]["events"] == 7


def test_what_comes_back_is_told_as_new(state: State, clock: list[float]) -> None:
    with logged() as lines:
        for _ in range(2):
            state.note("a")
            state.over()
    assert [line["kind"] for line in lines()] == ["spool_started", "spool_drained"] * 2
    assert len(clock) == 1


def test_whoever_is_gone_has_no_trouble_and_tells_nothing(state: State) -> None:
    with logged() as lines:
        state.note("a")
        state.forget()
        state.over()
    assert lasting() == []
    assert [line["kind"] for line in lines()] == ["spool_started"]


def test_what_several_parts_have_for_the_same_reason_is_said_once(state: State) -> None:
    another, other = State(Trouble.EVENTS_WAIT), State(Trouble.WRITER_FAILS)
    for each in (state, other, another):
        each.note("a")
    try:
        assert [line.partition(",")[0] for line in lasting()] == [
            "events wait in the spool",
            "the writer of events fails",
        ]
        another.note("b")
        assert [line[-1] for line in lasting()] == ["a", "a", "b"]
        assert troubles.lasts(Trouble.WRITER_FAILS)
        assert not troubles.lasts(Trouble.DATABASE_REFUSES)
    finally:
        another.forget()
        other.forget()


def test_what_somebody_has_to_mend_is_told_with_what_to_do(state: State) -> None:
    with logged() as lines:
        state.note("a", error=psycopg.errors.InsufficientPrivilege("permission denied"))
        state.note("b", error=psycopg.errors.DiskFull("no space left"))
    assert "ibconnect migrate" in lines()[0]["advice"]
    assert "advice" not in lines()[1]


def test_each_part_looks_when_somebody_asks(state: State) -> None:
    end = looking(lambda: state.note("found by looking"))
    assert len(lasting()) == 1
    state.over()
    assert gauge(Trouble.EVENTS_WAIT) == 1.0
    end()
    state.over()
    assert lasting() == []


def test_any_thread_may_note_at_any_time(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubles, "_HEED_S", 0.0)
    other = State(Trouble.WRITER_FAILS)

    def work(each: State) -> None:
        for number in range(500):
            each.note(str(number % 3))
            each.over()

    threads = [threading.Thread(target=work, args=(each,)) for each in (state, other) * 3]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(lasting()) <= 2
    for thread in threads:
        thread.join()
    assert lasting() == []


SECRET = "the text of an exception may hold anything, DU1000001 say"


@pytest.mark.parametrize(
    ("exc", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", SECRET), "PermissionError (Permission denied)"),
        (ValueError(SECRET), "ValueError"),
        (psycopg.errors.DiskFull(SECRET), "DiskFull (53100)"),
        (psycopg.OperationalError(SECRET), "OperationalError"),
        (ExceptionGroup(SECRET, [ExceptionGroup(SECRET, [KeyError(SECRET)])]), "KeyError"),
        (ExceptionGroup(SECRET, [KeyError(SECRET), ValueError(SECRET)]), "ExceptionGroup"),
    ],
)
def test_what_anybody_may_read_is_the_kind_of_an_error_and_nothing_of_its_text(exc: Exception, said: str) -> None:
    assert brief(exc) == said
    wrapped = DatabaseUnavailable(SECRET)
    wrapped.__cause__ = exc
    assert brief(wrapped) == said


def test_every_trouble_is_told_with_a_line_of_its_own_sentence() -> None:
    sentences = [trouble.value.text for trouble in Trouble]
    assert len(set(sentences)) == len(sentences)
    assert all(trouble.value.lasts.value.level.value >= 30 for trouble in Trouble), "WARNING at least"
