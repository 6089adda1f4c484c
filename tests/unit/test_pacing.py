"""How fast messages go to a gateway: never more than it takes, and neither the walk nor the others for nothing."""

import asyncio
from bisect import bisect_right
from typing import Any

import ib_async.client
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.gateway.outbox import Outbox
from ibconnect.gateway.pacing import (
    LATER_A_SECOND,
    MOST_A_SECOND,
    SHARE_A_SECOND,
    WALK_A_SECOND,
    Batch,
    Pacing,
)
from tests.waiting import until

# IB's documentation, "Requests": messages a second.
IB_TAKES = 50
# Timers may be early by less than this.
ROUNDING_S = 1e-6

Sent = list[tuple[float, bytes]]


def sent(walk: list[float], others: list[list[float]]) -> Sent:
    """When what goes out, if the walk and each of the others have a message ready at these times."""
    pacing, found = Pacing(), Sent()
    ready = sorted([(at, b"walk") for at in walk] + [(at, b"other") for each in others for at in each])
    now = 0.0
    while True:
        while ready and ready[0][0] <= now:
            _, lane = ready.pop(0)
            if lane == b"walk":
                pacing.put(lane)
            else:
                pacing.put_later(Batch([lane], lambda: None))
        while (message := pacing.take(now)) is not None:
            found.append((now, message))
        due = pacing.due_at(now)
        following = [at for at in (due, ready[0][0] if ready else None) if at is not None]
        if not following:
            return found
        # As a timer: never before its time, at times a little before it by rounding.
        now = max(now, min(following)) if min(following) > now else now + ROUNDING_S


def most_in_a_second(times: list[float]) -> int:
    return max((bisect_right(times, at + 1.0 - 10 * ROUNDING_S) - place for place, at in enumerate(times)), default=0)


def by_ib_async(ready: list[float], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When ib_async's own client sends messages that are ready at these times, nobody else asking."""
    clock: Any = type("Clock", (), {"now": 0.0, "timers": []})
    clock.time = lambda: clock.now
    clock.call_at = lambda at, call, *arguments: clock.timers.append((at, call, arguments))
    monkeypatch.setattr(ib_async.client, "getLoop", lambda: clock)
    client, found = ib_async.client.Client(None), list[float]()
    client.conn.sendMsg = lambda _: found.append(clock.now)
    clock.timers += [(at, client.sendMsg, ("message",)) for at in ready]
    while clock.timers:
        clock.timers.sort(key=lambda timer: timer[0])
        at, call, arguments = clock.timers.pop(0)
        clock.now = max(clock.now + ROUNDING_S, at)
        call(*arguments)
    return found


moments = st.lists(st.floats(0.0, 4.0).map(lambda at: round(at, 3)), max_size=150).map(sorted)
bursts = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.2]), st.integers(1, 120)), max_size=3).map(
    lambda found: sorted(at for at, count in found for _ in range(count))
)


@settings(max_examples=50)
@given(moments | bursts, st.lists(moments | bursts, max_size=3))
def test_no_second_has_more_messages_than_a_gateway_takes(walk: list[float], others: list[list[float]]) -> None:
    found = sent(walk, others)
    assert len(found) == len(walk) + sum(map(len, others)), "everything goes out"
    assert most_in_a_second([at for at, _ in found]) <= MOST_A_SECOND < IB_TAKES
    assert most_in_a_second([at for at, lane in found if lane == b"other"]) <= LATER_A_SECOND


def late(times: list[float], promised: list[float]) -> float:
    """By how many seconds the latest of some messages went out after what was promised."""
    return max((at - before for at, before in zip(times, promised, strict=True)), default=0.0)


def at_most(ready: list[float], a_second: int) -> list[float]:
    """When messages that are ready at these times go out, if there may be so many in any second."""
    found: list[float] = []
    for place, at in enumerate(ready):
        before = found[place - a_second] + 1.0 if place >= a_second else at
        found.append(max(at, before))
    return found


def spaced(ready: list[float], a_second: int) -> list[float]:
    """The same, if they go out one by one."""
    found = list[float]()
    for at in ready:
        found.append(max([at, *(before + 1 / a_second for before in found[-1:])]))
    return found


@settings(max_examples=100)
@given(moments | bursts, st.lists(moments | bursts, min_size=1, max_size=3))
def test_the_walk_has_its_budget_whatever_others_ask_and_a_short_one_goes_at_once(
    walk: list[float], others: list[list[float]]
) -> None:
    beside = [at for at, lane in sent(walk, others) if lane == b"walk"]
    assert late(beside, at_most(walk, WALK_A_SECOND)) <= 1.0 + 10 * ROUNDING_S
    alone = [at for at, _ in sent(walk, [])]
    if most_in_a_second(alone) <= MOST_A_SECOND - LATER_A_SECOND:
        assert late(beside, alone) <= 10 * ROUNDING_S


@settings(max_examples=100)
@given(moments | bursts, st.lists(moments | bursts, min_size=1, max_size=3))
def test_others_have_their_budget_whatever_the_walk_sends(walk: list[float], others: list[list[float]]) -> None:
    ready = sorted(at for each in others for at in each)
    beside = [at for at, lane in sent(walk, others) if lane == b"other"]
    # Each is counted as ready a moment later: what rounding costs adds up over a queue.
    assert late(beside, spaced(ready, SHARE_A_SECOND)) <= 1.0 + 2 * ROUNDING_S * len(beside) + 10 * ROUNDING_S


def test_a_walk_that_never_ends_and_profits_of_a_thousand_accounts_fit_into_five_minutes() -> None:
    """Each account is subscribed and given up again, by PNL_REF, beside a walk that wants all there is."""
    found = sent([0.0] * 12_000, [[0.0] * 2_000])
    walked, others = ([at for at, lane in found if lane == each] for each in (b"walk", b"other"))
    assert others[-1] <= 2_000 / SHARE_A_SECOND + 2 < 300
    assert bisect_right(walked, others[-1]) >= WALK_A_SECOND * (others[-1] - 2), "and the walk goes on beside them"


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_a_question_of_many_messages_does_not_hold_up_one_of_few(sizes: list[int]) -> None:
    pacing, gone, now = Pacing(), dict[int, int](), 0.0
    count = 0
    for number, size in enumerate(sizes):
        pacing.put_later(Batch([b"%d" % number] * size, lambda each=number: gone.__setitem__(each, count)))
    while (due := pacing.due_at(now)) is not None:
        now = max(now + ROUNDING_S, due)
        count += 1
        if pacing.take(now) is None:
            count -= 1
    for number, size in enumerate(sizes):
        assert gone[number] <= sum(min(size, other) for other in sizes)


@pytest.mark.parametrize("ready", [[0.0] * 200, [each / 30 for each in range(90)], [0.0] * 50 + [0.9] * 50])
def test_a_walk_is_as_fast_as_with_ib_asyncs_own_throttle(ready: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = [at for at, _ in sent(ready, [])], by_ib_async(ready, monkeypatch)
    assert len(ours) == len(theirs) == len(ready)
    assert all(at <= other + 10 * ROUNDING_S for at, other in zip(ours, theirs, strict=True))


def test_what_nobody_waits_for_any_more_is_not_sent() -> None:
    pacing, gone = Pacing(), list[str]()
    first, second = Batch([b"1", b"2"], lambda: gone.append("1")), Batch([b"3"], lambda: gone.append("3"))
    pacing.put_later(first)
    pacing.put_later(second)
    assert pacing.take(0.0) == b"1"
    assert pacing.take(0.5) == b"3"
    first.drop()
    assert (pacing.take(2.0), pacing.due_at(2.0), gone) == (None, None, ["3"])


async def test_an_outbox_sends_by_itself_until_it_is_closed() -> None:
    written, gone = list[bytes](), asyncio.Event()
    outbox = Outbox(written.append)
    outbox.put_later([b"later"] * 3, gone.set)
    for _ in range(MOST_A_SECOND):
        outbox.put(b"first")
    assert written == [b"later"] + [b"first"] * WALK_A_SECOND, "the rest as soon as they may"
    await until(gone.is_set, "all of the others have gone out")
    await until(lambda: written.count(b"first") == MOST_A_SECOND, "and all of the walk")
    for _ in range(3):
        outbox.put_later([b"never"] * 100, gone.set)
    outbox.close()
    outbox.put(b"never")
    assert written.count(b"never") <= 1
