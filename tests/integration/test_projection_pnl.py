"""Samples of profit and loss: whose an answer is, which of several counts, and what figures look like."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibconnect.database.pools import connect
from ibconnect.projections.engine.rebuild import rebuild
from ibconnect.projections.pnl.projection import PNL
from tests.profits import UNSET, Row, answer, ask, fetched, projected, refused, rows
from tests.projecting import Stream

GATEWAY = "127.0.0.1:4002"


def test_the_first_answer_with_figures_is_the_sample(database_url: str) -> None:
    stream = Stream()
    ask(stream, 7, "DU1")
    answer(stream, 7, UNSET, UNSET, UNSET)
    taken = answer(stream, 7, "-12.50", UNSET, "3.10")
    answer(stream, 7, "-12.75", "1.00", "3.10")
    ask(stream, 8, "DU1", 265598)
    answer(stream, 8, "100", "5.00", "6.00", "0.00", "18725.00")
    found = projected(database_url, stream.events)
    assert [row[:2] + row[3:] for row in found] == [
        ("DU1", 0, GATEWAY, "-12.50", None, "3.10", None, None),
        ("DU1", 265598, GATEWAY, "5.00", "6.00", "0.00", "100", "18725.00"),
    ]
    assert f"[{found[0].at}," in taken.state.decode()
    assert refused(database_url) == []
    assert fetched(database_url, "SELECT account_code, ib_contract_id, daily_pnl::text, position::text FROM v_pnl") == [
        ("DU1", None, "-12.50", None),
        ("DU1", 265598, "5.00", "100"),
    ]


@pytest.mark.parametrize(
    ("text", "shown", "number"),
    [
        ("-0.00", "-0.00", "0.00"),
        ("1.0E7", "1.0E7", "10000000"),
        ("+5", "+5", "5"),
        (".5", ".5", "0.5"),
        ("1234567.123456789012345678", "1234567.123456789012345678", "1234567.123456789012345678"),
        ("nonsense", "nonsense", None),
        ("NaN", "NaN", None),
        ("", None, None),
        (UNSET, None, None),
        ("9223372036854775807", None, None),
        ("2147483647", None, None),
    ],
)
def test_figures_keep_their_digits(database_url: str, text: str, shown: str | None, number: str | None) -> None:
    stream = Stream()
    ask(stream, 1, "DU1")
    answer(stream, 1, text, "1.00", UNSET)
    (row,) = projected(database_url, stream.events)
    assert row[4:] == (shown, "1.00", None, None, None)
    assert fetched(database_url, "SELECT daily_pnl::text FROM v_pnl") == [(number,)]


def test_what_makes_no_sense_costs_itself(database_url: str) -> None:
    stream = Stream()
    answer(stream, 4, "1.00", "1.00", "1.00")
    ask(stream, 5, "DU1")
    stream.message("94", "5", "1.00", timed=True)
    stream.message("94", timed=True)
    answer(stream, 5, "100", "1.00", "1.00", "1.00", "1.00")
    answer(stream, "x", "1.00", "1.00", "1.00")
    stream.own("qa", report="pnl", request="many", account="DU1")
    stream.own("qa", report="another", request=6, account="DU1")
    ask(stream, 7, "DU1", 2**63)
    answer(stream, 7, "1", "1.00", "1.00", "1.00", "1.00")
    answer(stream, 5, "2.00", "1.00", "1.00")
    found = projected(database_url, stream.events)
    assert [(row.account, row.contract, row.daily) for row in found] == [("DU1", 0, "2.00")]
    assert [reason.split(":")[0] for reason in refused(database_url)] == [
        "no request of the session has the number '4'",
        "message 94 has 3 fields, not 5",
        "no request of the session has the number ''",
        "message 95 answers a request for the other kind",
        "no request of the session has the number 'x'",
        "invalid literal for int() with base 10",
        "NumericValueOutOfRange",
    ]


def test_the_rest_of_a_session_that_another_instance_closed(database_url: str) -> None:
    """What was asked before it was cut off is answered in the rest, which has an id of its own."""
    first = Stream()
    ask(first, 3, "DU1")
    first.own("sc", reason="orphaned")
    rest = Stream(continues=str(first.id))
    answer(rest, 3, "1.00", "2.00", "3.00")
    answer(rest, 2, "9.00", "9.00", "9.00")
    stranger = Stream(continues="0197e6f1-0000-7000-8000-000000000000")
    answer(stranger, 3, "9.00", "9.00", "9.00")
    found = projected(database_url, [*first.events, *rest.events, *stranger.events])
    assert [(row.account, row.daily) for row in found] == [("DU1", "1.00")]
    assert refused(database_url) == []


FIGURES = st.one_of(
    st.sampled_from(["0.00", "-0.00", "12.34", "-7.00", UNSET, "", "1.0E7", "x", "0007", "1." + "2" * 30]),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
)
ACCOUNTS = st.sampled_from(["DU1", "DU2", "DU2-A"])
# On each of two connections, again and again: ask, be answered (for any number, one's own or not), be cut off.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.one_of(
            st.tuples(st.just("ask"), ACCOUNTS, st.sampled_from([0, 0, 265598])),
            st.tuples(st.just("answer"), st.integers(0, 6), st.lists(FIGURES, min_size=5, max_size=5)),
            st.tuples(st.just("other"), st.sampled_from([("77", "x"), ("4", "2", "3", "162", "no"), ("59", "1", "e")])),
            st.tuples(st.just("cut")),
        ),
    ),
    max_size=40,
)


@dataclass
class Session:
    """One connection: its events, and what the test knows of its requests."""

    gateway: str
    stream: Stream = field(init=False)
    subjects: dict[int, tuple[str, int]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    next: int = 1

    def __post_init__(self) -> None:
        self.stream = Stream(self.gateway)


def happened(steps: Any) -> tuple[list[StoredEvent], list[Row]]:
    """The events of these steps in their order, and the samples that have to come of them."""
    sessions = [Session("127.0.0.1:4001"), Session("127.0.0.1:4002")]
    events = [each.stream.events[0] for each in sessions]
    expected: list[Row] = []
    for which, (what, *more) in steps:
        session = sessions[which]
        if what == "ask":
            events.append(ask(session.stream, session.next, *more))
            session.subjects[session.next] = more[0], more[1]
            session.next += 1
        elif what == "answer":
            number, figures = more
            account, contract = session.subjects.get(number, ("", 0))
            if not contract:
                figures = figures[:3]
            events.append(answer(session.stream, number, *figures))
            profits = figures[1:4] if contract else figures[:3]
            if account and number not in session.done and any(text not in ("", UNSET) for text in profits):
                session.done.add(number)
                shown = [None if text in ("", UNSET) else text for text in figures]
                size, value = (shown[0], shown[4]) if contract else (None, None)
                profit = shown[1:4] if contract else shown
                expected.append(Row(account, contract, session.stream.at, session.gateway, *profit, size, value))
        elif what == "other":
            events.append(session.stream.message(*more[0]))
        else:
            events.append(session.stream.own("sc", reason="lost"))
            sessions[which] = Session(session.gateway)
            sessions[which].stream.at = session.stream.at + 1
            events.append(sessions[which].stream.events[0])
    return events, expected


@given(STEPS, st.sampled_from([1, 3, 20_000]))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_makes_the_samples_of_the_model(database_url: str, steps: Any, limit: int) -> None:
    """Numbers come again on other connections, answers again and for what nobody asked, in steps of any size."""
    clear(database_url)
    events, expected = happened(steps)
    assert projected(database_url, events, limit) == expected
    rebuild(database_url, [PNL])
    assert rows(database_url) == expected


def clear(url: str) -> None:
    """Have no tables of the report; what was recorded before is of other streams, and asked for once more."""
    with connect(url, name="test", search_path="public") as connection:
        connection.execute("DROP SCHEMA IF EXISTS pnl CASCADE")
        connection.execute("ALTER TABLE stored_events DISABLE TRIGGER USER")
        connection.execute("DELETE FROM stored_events")
        connection.execute("ALTER TABLE stored_events ENABLE TRIGGER USER")
