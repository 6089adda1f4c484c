"""When a collector asks, what becomes of a question without IB, and whose a refusal is that names no request."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.config import load
from ibconnect.errors import ConfigError
from ibconnect.gateway.collectors import registry
from ibconnect.gateway.collectors.due import AGAIN_S, DAILY, LONGEST_AGAIN_S, At, Cron, Every, Timetable
from ibconnect.gateway.collectors.question import Answer, Ended, Question, answered
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.connectivity import Connectivity
from ibconnect.gateway.listeners import Listeners
from ibconnect.gateway.pacing import Batch
from ibconnect.gateway.unnumbered import Unnumbered

DAY_S = 86_400.0


def asked(timetable: Timetable, now: float, *, is_whole: bool = True, is_again: bool = True) -> None:
    timetable.asked(now)
    timetable.answered(now, is_whole=is_whole, is_again=is_again)


def test_at_connection_is_once_a_connection() -> None:
    timetable = Timetable((At.CONNECTION,))
    assert timetable.due_at(0.0) is None
    for now in (0.0, 50.0):
        timetable.connected()
        assert timetable.due_at(now) == now
        asked(timetable, now)
        timetable.refreshed()
        assert timetable.due_at(now) is None


def test_with_each_refresh() -> None:
    timetable = Timetable((At.REFRESH,))
    timetable.connected()
    assert timetable.due_at(0.0) is None
    timetable.refreshed()
    timetable.refreshed()
    assert timetable.due_at(1.0) == 1.0
    asked(timetable, 1.0)
    assert timetable.due_at(2.0) is None


def test_daily_outlasts_connections() -> None:
    timetable = Timetable((DAILY,))
    timetable.connected()
    assert timetable.due_at(5.0) is not None, "it has never been asked"
    asked(timetable, 5.0)
    timetable.connected()
    assert timetable.due_at(6.0) == 5.0 + DAY_S


def test_a_tick_waits_for_a_connection() -> None:
    timetable = Timetable((Cron("0 6 * * *"), Every(1_000)))
    timetable.connected()
    asked(timetable, 0.0)
    timetable.tick()
    timetable.connected()
    assert timetable.due_at(1.0) == 1.0


def test_what_is_not_answered_is_asked_again_ever_less_often() -> None:
    timetable, now, waits = Timetable((At.CONNECTION,)), 0.0, []
    timetable.connected()
    for _ in range(12):
        asked(timetable, now, is_whole=False)
        due = timetable.due_at(now)
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits[:3] == [AGAIN_S, 2 * AGAIN_S, 4 * AGAIN_S]
    assert waits[-1] == LONGEST_AGAIN_S
    asked(timetable, now)
    assert timetable.due_at(now) is None
    asked(timetable, now, is_whole=False)
    assert timetable.due_at(now) == now + AGAIN_S, "it begins anew"


def test_what_is_refused_for_good_is_asked_again_by_the_next_connection() -> None:
    timetable = Timetable((DAILY,))
    timetable.connected()
    asked(timetable, 0.0, is_whole=False, is_again=False)
    assert timetable.due_at(1.0) == DAY_S
    timetable.connected()
    assert timetable.due_at(1.0) == 1.0


def test_what_broke_off_is_asked_by_the_next_connection() -> None:
    timetable = Timetable((DAILY,))
    timetable.connected()
    timetable.asked(0.0)
    timetable.connected()
    assert timetable.due_at(1.0) == 1.0


@given(
    st.lists(st.sampled_from([At.CONNECTION, At.REFRESH, DAILY, Every(40.0), Cron("0 6 * * *")]), max_size=3),
    st.lists(st.sampled_from(["connected", "refreshed", "tick", "whole", "unanswered", "refused"]), max_size=30),
)
def test_nothing_that_is_not_due_is_asked_again_at_once(due: list[At | Every | Cron], happenings: list[str]) -> None:
    """However things follow one another: an answer is followed by a pause, unless something makes it due anew."""
    timetable, now = Timetable(due), 0.0
    for each in happenings:
        now += 1.0
        if each in ("whole", "unanswered", "refused"):
            asked(timetable, now, is_whole=each == "whole", is_again=each == "unanswered")
            following = timetable.due_at(now)
            assert following is None or following >= now + AGAIN_S
        else:
            getattr(timetable, each)()


def refusal(code: str = "321", request: str = "-1") -> list[str]:
    return ["4", "2", request, code, "no"]


def test_a_refusal_without_a_number_is_of_the_oldest_question() -> None:
    unnumbered, first, second = Unnumbered(), refusal(), refusal()
    with unnumbered.asking() as one, unnumbered.asking() as other:
        unnumbered.note(first)
        assert (one.refusal, other.refusal) == (first, None)
        unnumbered.note(second)
        assert other.refusal is unnumbered.taken is second
        unnumbered.note(third := refusal())
        assert unnumbered.taken is not third, "nobody is left that it could be meant for"


def test_a_question_that_was_given_up_is_still_owed_a_word() -> None:
    unnumbered, late = Unnumbered(), refusal()
    with unnumbered.asking() as one:
        pass
    with unnumbered.asking() as other:
        other.is_answered = True
    unnumbered.note(late)
    assert one.refusal is unnumbered.taken is late
    unnumbered.note(refusal())
    assert unnumbered.taken is late


@pytest.mark.parametrize("fields", [refusal("2104"), refusal("321", request="7"), refusal("2101"), refusal("1100")])
def test_what_refuses_no_question_is_taken_by_none(fields: list[str]) -> None:
    unnumbered = Unnumbered()
    with unnumbered.asking() as one:
        unnumbered.note(fields)
        assert (one.refusal, unnumbered.taken) == (None, None)


class Waiting:
    """A connection on which nothing of the second lane goes out, since the walk sends as fast as it may."""

    until = Connection.until

    def __init__(self) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.connectivity, self.unnumbered, self.listeners = Connectivity(), Unnumbered(), Listeners()
        self.watching = self.listeners.watching
        self.transport = self
        self.batches: list[Batch] = []

    def send_later(self, ask: Callable[[], None], on_gone: Callable[[], None]) -> Batch:
        self.batches.append(Batch([b"a question"], on_gone))
        return self.batches[-1]

    def notice(self, code: str) -> None:
        self.connectivity.note(code, "A notice.", 0.0)
        self.listeners.dispatch(4, refusal(code))

    def answered(self) -> "asyncio.Task[Answer]":
        return asyncio.create_task(answered(cast(Any, self), Question(lambda *_: None, end=78)))


async def test_nothing_is_asked_without_ib() -> None:
    connection = Waiting()
    connection.notice("1100")
    assert (await connection.answered()).ended is Ended.STALE
    assert connection.batches == []


async def test_a_question_that_waits_is_dropped_when_ib_is_lost() -> None:
    """Sent all the same it would hang, and be shown as one that gets no answer."""
    connection = Waiting()
    answer = connection.answered()
    await asyncio.sleep(0)
    connection.notice("2104")
    connection.notice("1100")
    assert (await answer).ended is Ended.STALE
    assert [list(each.messages) for each in connection.batches] == [[]]


@pytest.mark.parametrize(
    ("collect", "names"),
    [
        ("all", ["accounts", "one", "two"]),
        ("-one", ["accounts", "two"]),
        ("all, -two,", ["accounts", "one"]),
        ("two", ["accounts", "two"]),
        ("accounts", ["accounts"]),
        ("-one,-two", ["accounts"]),
    ],
)
def test_what_is_collected(collect: str, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    others = [type(name, (registry.COLLECTORS[0],), {"name": name}) for name in ("one", "two")]
    monkeypatch.setattr(registry, "COLLECTORS", (registry.COLLECTORS[0], *others))
    wanted = load({"COLLECT": collect}).collect
    assert [each.name for each in registry.chosen(wanted)] == names
    assert load({"COLLECT": str(wanted)}).collect == wanted
    for wrong in ("three", "-three"):
        with pytest.raises(ConfigError, match="three; use accounts, one, two"):
            registry.chosen(load({"COLLECT": wrong}).collect)
