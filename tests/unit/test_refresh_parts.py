"""The parts of a refresh that need no gateway: who is tried again when, who is missing, what came late."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.codes import is_code, listed_codes
from ibconnect.events.notices import interrupts, is_refusal
from ibconnect.gateway.collectors.accounts.late import CLEAN_S, DOUBTFUL_S, SETTLE_S, LateRows
from ibconnect.gateway.collectors.accounts.received import Arrivals, Received
from ibconnect.gateway.collectors.accounts.retries import LONGEST_S, Retries
from ibconnect.gateway.collectors.accounts.roster import BELIEVED_S, Roster
from ibconnect.gateway.refresh_queue import QueuedRefresh, RefreshQueue
from ibconnect.texts import decoded, one_line, readable
from tests.small_gateway import end, position, value, values

UNSET = "1.7976931348623157E308"
WEEK_S = 7 * 86_400


def test_an_account_that_never_comes_is_asked_for_ever_less_often() -> None:
    """A week with one account that is always rejected, beside others that flicker."""
    clock, retries, asked = random.Random(5), Retries(), {"DU1": 0, "DU2": 0, "DU3": 0}
    now, wakes = 0.0, 0
    for account in asked:
        retries.note(account, now, is_whole=False)
    while retries.next_at is not None and retries.next_at < WEEK_S:
        now = retries.next_at
        wakes += 1
        for account in retries.due(now):
            asked[account] += 1
            retries.note(account, now, is_whole=account != "DU1" and clock.random() < 0.3)
        if wakes % 10 == 0:
            retries.note("DU2", now, is_whole=False)
    assert 7 * 24 <= asked["DU1"] <= 7 * 24 + 12
    assert sum(asked.values()) < 7 * 24 + 200
    assert wakes <= sum(asked.values())


def test_the_wait_grows_and_begins_anew() -> None:
    retries, waits, now = Retries(), [], 0.0
    for _ in range(12):
        retries.note("DU1", now, is_whole=False)
        assert retries.next_at is not None
        waits.append(retries.next_at - now)
        now = retries.next_at
    assert waits[:3] == [15.0, 30.0, 60.0]
    assert waits[-1] == LONGEST_S
    retries.note("DU1", now, is_whole=True)
    assert retries.next_at is None
    retries.note("DU1", now, is_whole=False)
    assert retries.next_at == now + 15.0


def test_each_account_has_a_wait_of_its_own_and_all_have_one_timer() -> None:
    retries = Retries()
    retries.note("DU1", 0.0, is_whole=False)
    retries.note("DU2", 10.0, is_whole=False)
    assert retries.next_at == 15.0
    assert retries.due(20.0) == ["DU1"]
    assert retries.due(25.0) == ["DU1", "DU2"]
    retries.keep(["DU2"])
    assert retries.due(25.0) == ["DU2"]
    retries.forget("DU2")
    assert retries.next_at is None


def test_an_account_that_was_listed_a_moment_ago_is_missing() -> None:
    roster = Roster()
    roster.note(["DU1", "DU2"], 0.0)
    assert roster.missing(0.0) == []
    roster.note(["DU1"], 10.0)
    assert roster.missing(10.0) == ["DU2"]
    roster.note([], 20.0)
    assert roster.missing(20.0) == ["DU1", "DU2"]
    roster.note(["DU2"], 30.0)
    assert roster.missing(30.0) == ["DU1"]
    assert roster.missing(20.0 + BELIEVED_S) == [], "it is believed to be gone"
    assert roster.missing(30.0) == []


def payload(fields: list[str]) -> bytes:
    return "".join(f"{field}\0" for field in fields).encode()


def came(received: Received, *messages: list[str], at: float) -> None:
    received.take([payload(fields) for fields in messages], at, int(at * 1e6))


def test_only_what_is_new_keeps_a_download_alive() -> None:
    received = Received()
    arrivals = received.watch("DU1")
    came(received, *values("DU1"), position("DU1", 1, "AAPL"), at=1.0)
    came(received, value("DU1", "NetLiquidation", "5.00", "USD"), position("DU1", 1, "AAPL", price="11"), at=2.0)
    came(received, *values("DU2"), position("DU2", 2, "MSFT"), at=3.0)
    received.settle()
    assert (arrivals.new_at, arrivals.last) == (1.0, 2_000_000)
    came(received, position("DU1", 2, "MSFT"), at=4.0)
    received.settle()
    assert arrivals.new_at == 4.0


def test_a_figure_in_the_place_of_none_is_new() -> None:
    received = Received()
    arrivals = received.watch("DU1")
    came(received, position("DU1", 1, "AAPL", price=UNSET), value("DU1", "NetLiquidation", UNSET, "USD"), at=1.0)
    received.settle()
    assert (arrivals.has_no_price, arrivals.lacks) == (True, "AccountCode and NetLiquidation")
    came(received, position("DU1", 1, "AAPL"), at=2.0)
    came(received, value("DU1", "NetLiquidation", "1.00", "USD"), value("DU1", "AccountCode", "DU1"), at=3.0)
    received.settle()
    assert (arrivals.has_no_price, arrivals.lacks, arrivals.new_at) == (False, "", 3.0)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([], False),
        ([position("DU1", 1, "A", price="-1.0", value="0.0")], True),
        ([position("DU1", 1, "A", price="-1.0", value="-100.0")], False),
        ([position("DU1", 1, "A", size="0", price=UNSET)], False),
        ([position("DU1", 1, "A", price=""), position("DU1", 2, "B", size="0")], True),
        ([position("DU1", 1, "A", price=UNSET), position("DU1", 2, "B")], False),
    ],
)
def test_no_open_position_has_a_price(sent: list[list[str]], expected: bool) -> None:
    received = Received()
    arrivals = received.watch("DU1")
    came(received, *sent, at=1.0)
    received.settle()
    assert arrivals.has_no_price is expected


def test_an_end_that_is_owed_ends_no_other_download() -> None:
    received = Received()
    received.watch("DU1")
    received.owe_end("DU1")
    second = received.watch("DU1")
    received.end("DU1")
    assert (second.ends, received.owes_end("DU1")) == (0, False)
    received.end("DU1")
    assert second.ends == 1
    received.end("DU2")
    assert second.ends == 1


def test_odd_messages_are_passed_over() -> None:
    received = Received()
    arrivals = received.watch("DU1")
    odd = [b"", b"\0", b"6\0", b"6\x002\0Key\0", b"7\x008\0", b"6\x002\0K\0\xff\xfe\0USD\0DU1\0", b"8\x001\x0012:00\0"]
    received.take(odd, 1.0, 1)
    received.settle()
    assert list(arrivals.keys) == [b"K\0USD"]


@pytest.mark.parametrize("text", ["false", "False", " FALSE "])
@pytest.mark.parametrize("key", ["AccountReady", "accountReady", "ACCOUNTREADY", "AccountReady-S"])
def test_not_ready_is_understood_in_any_spelling(key: str, text: str) -> None:
    arrivals = Arrivals()
    arrivals.add_value(key.encode(), b"true", b"", 0.0)
    assert not arrivals.is_not_ready
    arrivals.add_value(key.encode(), text.encode(), b"", 0.0)
    arrivals.add_value(key.encode(), b"true", b"", 0.0)
    assert arrivals.is_not_ready, "what was said once counts"


def late_of(*, is_clean: bool) -> tuple[Received, LateRows]:
    received = Received()
    arrivals = received.watch("DU1")
    came(received, *values("DU1"), at=0.0)
    received.settle()
    late = LateRows(received)
    late.watch("DU1", arrivals, 1.0, is_clean=is_clean)
    return received, late


def test_what_comes_late_is_due_when_nothing_more_comes() -> None:
    received, late = late_of(is_clean=False)
    assert late.due(2.0) == []
    came(received, position("DU1", 1, "AAPL"), at=3.0)
    assert late.due(3.1) == []
    came(received, position("DU1", 2, "MSFT"), at=3.5)
    assert late.due(3.1 + SETTLE_S) == []
    assert late.due(3.5 + SETTLE_S) == ["DU1"]
    assert len(late.take("DU1", 5.0).contracts) == 2
    assert late.due(20.0) == []


def test_what_comes_late_is_due_at_once_with_the_end_that_was_owed() -> None:
    received = Received()
    arrivals = received.watch("DU1")
    received.owe_end("DU1")
    late = LateRows(received)
    late.watch("DU1", arrivals, 1.0, is_clean=False)
    came(received, position("DU1", 1, "AAPL"), at=3.0)
    assert late.due(3.0) == []
    received.end("DU1")
    assert late.due(3.0) == ["DU1"]


@pytest.mark.parametrize(("is_clean", "window"), [(True, CLEAN_S), (False, DOUBTFUL_S)])
def test_a_download_is_watched_for_a_while(is_clean: bool, window: float) -> None:
    received, late = late_of(is_clean=is_clean)
    assert late.due(1.0 + window - 0.1) == []
    assert not late.is_idle
    assert late.due(1.0 + window) == []
    assert late.is_idle
    came(received, position("DU1", 1, "AAPL"), at=1.0 + window)
    assert late.due(100.0 + window) == []


def test_an_account_that_trades_on_and_on_is_taken_a_few_times() -> None:
    received, late = late_of(is_clean=False)
    taken, now = 0, 1.0
    for number in range(20):
        came(received, position("DU1", number + 1, "AAPL"), at=now)
        now += 2.0
        for account in late.due(now):
            late.take(account, now)
            taken += 1
    assert taken == 3


def test_a_flood_after_a_clean_end_is_not_looked_through() -> None:
    received, late = late_of(is_clean=True)
    came(received, *[position("DU1", 1, "AAPL")] * 6_000, at=2.0)
    assert late.due(2.1) == []
    assert late.is_idle


def test_wishes_for_some_accounts_become_one_refresh_of_these() -> None:
    queue = RefreshQueue()
    queue.add(QueuedRefresh("retry", accounts=frozenset({"DU1"})))
    queue.add(QueuedRefresh("request", accounts=frozenset({"DU2"}), request=4))
    wanted = queue.take()
    assert (wanted.trigger, wanted.accounts) == ("request", frozenset({"DU1", "DU2"}))
    queue.add(QueuedRefresh("retry", accounts=frozenset({"DU1"})))
    queue.add(QueuedRefresh("schedule"))
    assert queue.take() == QueuedRefresh("schedule")


ACCOUNTS = [f"DU{number}" for number in range(6)]
ASKED = st.tuples(st.sampled_from(["one", "other", "third"]), st.frozensets(st.sampled_from(ACCOUNTS), min_size=1))


@given(st.lists(ASKED, max_size=8), st.lists(ASKED, max_size=8), st.booleans())
def test_each_account_that_somebody_waits_for_is_begun_once(
    before: list[tuple[str, frozenset[str]]], after: list[tuple[str, frozenset[str]]], is_for_all: bool
) -> None:
    queue = RefreshQueue()
    queue.add(QueuedRefresh("schedule" if is_for_all else "retry", accounts=None if is_for_all else frozenset({"DU9"})))
    for number, (holder, accounts) in enumerate(before):
        queue.add(QueuedRefresh("request", accounts=accounts, request=number, holder=holder))
    assert queue.begin_urgent([]) is None, "of what is not listed nothing is begun"
    queue.take()
    for number, (holder, accounts) in enumerate(after):
        queue.add(QueuedRefresh("request", accounts=accounts, request=number + 10, holder=holder))
    begun = []
    while (code := queue.begin_urgent(ACCOUNTS)) is not None:
        begun.append(code)
    assert sorted(begun) == sorted(frozenset[str]().union(*(accounts for _, accounts in before + after)))


def test_who_waits_for_one_account_does_not_wait_for_all_of_another() -> None:
    queue = RefreshQueue()
    for number, account in enumerate(ACCOUNTS):
        queue.add(QueuedRefresh("request", accounts=frozenset({account}), request=number, holder="one"))
    queue.take()
    assert [queue.begin_urgent(ACCOUNTS) for _ in range(2)] == ["DU0", "DU1"]
    queue.add(QueuedRefresh("request", accounts=frozenset({"DU5"}), request=9, holder="other"))
    assert [queue.begin_urgent(ACCOUNTS) for _ in range(5)] == ["DU5", "DU2", "DU3", "DU4", None]


def test_what_is_not_listed_any_more_is_not_waited_for_by_the_next_refresh() -> None:
    queue = RefreshQueue()
    queue.add(QueuedRefresh("request", accounts=frozenset({"DU9"}), request=1, holder="one"))
    queue.take()
    assert queue.begin_urgent(ACCOUNTS) is None
    queue.add(QueuedRefresh("schedule"))
    queue.take()
    assert queue.begin_urgent(["DU9"]) is None


def test_what_has_been_served_is_not_wanted_any_more() -> None:
    queue = RefreshQueue()
    queue.add(QueuedRefresh("request", request=7))
    queue.add(QueuedRefresh("request", accounts=frozenset({"DU1"}), request=8))
    queue.drop_served(7, {"DU1": 7})
    assert queue.take().accounts == frozenset({"DU1"})
    queue.add(QueuedRefresh("request", accounts=frozenset({"DU1"}), request=8))
    queue.add(QueuedRefresh("schedule"))
    queue.drop_served(None, {"DU1": 8, "DU2": None})
    assert queue.take().trigger == "schedule"


@pytest.mark.parametrize(
    ("code", "refuses", "cuts"),
    [
        ("321", True, False),
        ("322", True, False),
        ("200", True, False),
        ("2101", True, False),
        ("2100", False, True),
        ("1100", False, True),
        ("2110", False, True),
        ("1102", False, False),
        ("2104", False, False),
        ("399", False, False),
        ("10197", False, False),
        ("", False, False),
        ("x", False, False),
    ],
)
def test_what_notices_mean(code: str, refuses: bool, cuts: bool) -> None:
    assert (is_refusal(code), interrupts(code)) == (refuses, cuts)


def test_lists_of_accounts_are_read_in_any_spelling() -> None:
    assert listed_codes(" DU1, DU2,,F3,DU1,") == ("DU1", "DU2", "F3")
    assert listed_codes("") == ()
    assert listed_codes("A B,Group/1,Zo\u00eb,.hidden,..,a\u202eb," + "X" * 65) == (
        "A B",
        "Group/1",
        "Zo\u00eb",
        ".hidden",
    )
    assert not any(map(is_code, ("", " A", "A ", "A\n", "\x00", ".", "..", "A,B")))


def test_texts_are_readable_whatever_their_encoding() -> None:
    assert readable(r"\u8fde\u63a5 \ud83d\ude00 \ud83d \u0000") == "连接 😀 \\ud83d \\u0000"
    for text, encoding in (("连接已恢复 1102", "gbk"), ("ungültig, façade", "latin-1"), ("naïve – é", "utf-8")):
        assert decoded(text.encode(encoding)) == text
    assert one_line("a\r\nb\x1b[31m" + "c" * 600, 20) == "a  b [31mcccccccccc…"


def test_payloads_of_an_end_are_no_rows() -> None:
    received = Received()
    arrivals = received.watch("DU1")
    came(received, end("DU1"), at=1.0)
    received.settle()
    assert not arrivals.has_rows
