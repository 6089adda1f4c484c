"""How fast messages go to a gateway: never more than it takes, the walk's as fast as if nobody else asked."""

import asyncio
from bisect import bisect_right
from typing import Any

import ib_async.client
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.gateway.outbox import Outbox
from ibconnect.gateway.pacing import LATER_A_SECOND, MOST_A_SECOND, Batch, Pacing
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


@settings(max_examples=50)
@given(moments | bursts, st.lists(moments | bursts, min_size=1, max_size=3))
def test_others_cost_a_walk_a_second_at_most_and_a_short_one_nothing(
    walk: list[float], others: list[list[float]]
) -> None:
    alone = [at for at, _ in sent(walk, [])]
    beside = [at for at, lane in sent(walk, others) if lane == b"walk"]
    late = [after - before for before, after in zip(alone, beside, strict=True)]
    assert all(each <= 1.0 + 10 * ROUNDING_S for each in late)
    if most_in_a_second(alone) <= MOST_A_SECOND - LATER_A_SECOND:
        assert all(each <= 10 * ROUNDING_S for each in late)


def test_a_walk_that_sends_all_it_may_has_the_connection_to_itself() -> None:
    found = sent([0.0] * 1_000, [[0.0] * 1_000])
    walked = [at for at, lane in found if lane == b"walk"]
    others = [at for at, lane in found if lane == b"other"]
    assert bisect_right(others, walked[-1]) <= LATER_A_SECOND + 1
    assert len(others) == 1_000


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
    first.drop()
    assert pacing.take(1.0) == b"3"
    assert (pacing.take(2.0), pacing.due_at(2.0), gone) == (None, None, ["3"])


async def test_an_outbox_sends_by_itself_until_it_is_closed() -> None:
    written, gone = list[bytes](), asyncio.Event()
    outbox = Outbox(written.append)
    outbox.put_later([b"later"] * 3, gone.set)
    for _ in range(MOST_A_SECOND):
        outbox.put(b"first")
    assert written == [b"later"] + [b"first"] * (MOST_A_SECOND - 1), "one before, the rest as soon as they may"
    await until(gone.is_set, "all have gone out")
    assert written[1:] == [b"first"] * MOST_A_SECOND + [b"later"] * 2
    for _ in range(3):
        outbox.put_later([b"never"] * 100, gone.set)
    outbox.close()
    outbox.put(b"never")
    assert written.count(b"never") <= 1
