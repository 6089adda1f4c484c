"""Who records a gateway: the state machine of docs/cluster.md, as a pure function.

In: a state, an event, the time. Out: the next state and what is to be done. Driven by
:mod:`~ibconnect.cluster.election`; nothing here waits, asks or reads a clock. ``RULES`` is the drawing's table, row by
row: the first rule that fits an event moves the state, and after each event it is looked which rules of time fit.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ibconnect.cluster import quorum
from ibconnect.cluster.states import (
    Action,
    Admitted,
    Beat,
    Dropped,
    Event,
    Held,
    Leased,
    Left,
    Mode,
    NotTaken,
    Passed,
    Reached,
    Said,
    State,
    Unreachable,
)

# Whoever led last stands in first.
STAND_IN_S = 6.0
OTHERS_STAND_IN_S = 15.0
# A gateway that was given up is left to others for so long; if nobody took it, it is not given up again for a while.
REST_S = 5.0
YIELD_AGAIN_S = 60.0
# How long a connection of ours that broke may keep the lease without its being known that it is ours: the server ends
# one that has been silent for 3 s.
OWN_LEASE_S = 5.0

Guard = Callable[[State, float], bool]


def another_may_be_recording(state: State, _: float) -> bool:
    """Postgres was away, and other instances are known"""
    return state.must_hold_off and state.has_peers


def others_have_had_time(state: State, now: float) -> bool:
    """3 s are over"""
    return now >= _held_off_at(state)


def has_rested(state: State, now: float) -> bool:
    """5 s are over"""
    return now >= _rested_at(state)


def may_stand_in(state: State, now: float) -> bool:
    """all are the same client; Postgres has been away for 6 s (15 s if we have not led); no other has had it for 3 s"""
    return state.are_same_client and not state.somebody_has_it and now >= _stand_in_at(state)


def should_yield(state: State, now: float) -> bool:
    """another instance records at least two gateways fewer, and did not leave this one to us in the last minute"""
    return state.is_surplus and now - state.not_taken_at >= YIELD_AGAIN_S


def others_may_record(state: State, _: float) -> bool:
    """other instances are known, and the gateway has not let us in"""
    return state.has_peers and not state.is_admitted


def is_anothers(state: State, now: float) -> bool:
    """it is not a dying connection of our own; where no other instance is known, it has been so for 5 s"""
    return state.held_since is not None and (state.has_peers or now - state.held_since >= OWN_LEASE_S)


def is_over(state: State, now: float) -> bool:
    """others are known, whose words we need, and for 2.5 s neither Postgres nor all of them have given theirs; or
    Postgres has not answered for 2.5 s, and one of them says that it has had it for 3 s"""
    return quorum.is_over(state, now)


def has_servers_word(state: State, now: float) -> bool:
    """the server said that it goes down, all instances are the same client, 0.3 s are over"""
    return quorum.has_servers_word(state, now)


def has_others_word(state: State, now: float) -> bool:
    """Postgres has not answered for 2.5 s, and it is not over"""
    return quorum.has_others_word(state, now)


def was_given_up(state: State, _: float) -> bool:
    """we have given it up to an instance that records fewer"""
    return state.given_up_at == state.since


Note = Callable[[State, float], State]


def _leads(state: State, _: float) -> State:
    """has led; no other records; needs the others' words again"""
    return replace(state, has_led=True, must_hold_off=False, needs_nobodys_word=False)


def _forgets_what_others_said(state: State, _: float) -> State:
    """what the others said before counts no more"""
    return replace(state, somebody_has_it=False)


def _needs_nobodys_word(state: State, _: float) -> State:
    """need not hear from all others"""
    return replace(state, needs_nobodys_word=True)


def _has_held_off(state: State, _: float) -> State:
    """holds off once"""
    return replace(state, must_hold_off=False)


def _gives_up(state: State, now: float) -> State:
    """when it was given up"""
    return replace(state, given_up_at=now)


def _will_hold_off(state: State, _: float) -> State:
    """another may be recording"""
    return replace(state, must_hold_off=True)


def _has_rested(state: State, _: float) -> State:
    """if Postgres was away meanwhile: another may be recording"""
    return replace(state, must_hold_off=state.registered_since > state.given_up_at)


def _begins_anew(state: State, _: float) -> State:
    """Postgres has not been away yet"""
    return replace(state, away_since=None, held_since=None, is_admitted=False, needs_nobodys_word=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """In one of these modes, on this event, if the guard says so: go there, note that, and do this."""

    name: str
    modes: tuple[Mode, ...]
    event: type[Event]
    to: Mode
    guard: Guard | None = None
    note: Note | None = None
    actions: tuple[Action, ...] = ()
    why: str = ""


_FOLLOWING, _LEADING, _IN_DOUBT = (Mode.FOLLOWING,), (Mode.LEADING,), (Mode.IN_DOUBT,)
_DOUBTFUL = (Mode.IN_DOUBT, Mode.STANDING_IN)
_LEAVING = (Mode.LEAVING, Mode.LEADING, *_DOUBTFUL)
_ELECTED, _STANDS_IN = (Action.LOG_ELECTED, Action.RECORD), (Action.LOG_STANDS_IN, Action.RECORD)
_YIELDS, _GOES_ON, _STOPS = (Action.LOG_YIELDS, Action.STOP), (Action.LOG_STANDS_IN,), (Action.STOP,)
_FEWER = "another instance records fewer gateways"
_PERHAPS_RECORDING = "Postgres was away, and another instance may be recording"
_ANOTHER = "another instance was elected"
_PERHAPS_ELECTED = "Postgres is away, and another instance may be elected"

# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("hold off", _FOLLOWING, Reached, Mode.HOLDING_OFF, another_may_be_recording, _has_held_off),
    Rule("held off", (Mode.HOLDING_OFF,), Passed, Mode.FOLLOWING, others_have_had_time),
    Rule("lost again", (Mode.HOLDING_OFF,), Unreachable, Mode.FOLLOWING, None, _will_hold_off),
    Rule("elected", _FOLLOWING, Leased, Mode.LEADING, None, _leads, _ELECTED),
    Rule("stand in", _FOLLOWING, Said, Mode.STANDING_IN, may_stand_in, _needs_nobodys_word, _STANDS_IN),
    Rule("yield", _LEADING, Leased, Mode.LEAVING, should_yield, _gives_up, _YIELDS, _FEWER),
    Rule("lost", _LEADING, Unreachable, Mode.IN_DOUBT, None, _forgets_what_others_said),
    Rule("regained", _IN_DOUBT, Leased, Mode.LEADING, None, _leads),
    Rule("elected late", (Mode.STANDING_IN,), Leased, Mode.LEADING, None, _leads, (Action.LOG_ELECTED,)),
    Rule("make room", _DOUBTFUL, Reached, Mode.LEAVING, others_may_record, _will_hold_off, _STOPS, _PERHAPS_RECORDING),
    Rule("deposed", _DOUBTFUL, Held, Mode.LEAVING, is_anothers, None, _STOPS, _ANOTHER),
    Rule("step down", _DOUBTFUL, Passed, Mode.LEAVING, is_over, None, _STOPS, _PERHAPS_ELECTED),
    Rule("server's word", _IN_DOUBT, Passed, Mode.STANDING_IN, has_servers_word, _needs_nobodys_word, _GOES_ON),
    Rule("others' word", _IN_DOUBT, Passed, Mode.STANDING_IN, has_others_word, None, _GOES_ON),
    Rule("rest", (Mode.LEAVING,), Left, Mode.RESTING, was_given_up, _begins_anew),
    Rule("left", _LEAVING, Left, Mode.FOLLOWING, None, _begins_anew),
    Rule("rested", (Mode.RESTING,), Passed, Mode.FOLLOWING, has_rested, _has_rested),
)
# fmt: on


Decide = Callable[[State, Event, float], tuple[State, tuple[Action, ...]]]


def deciding(rules: Sequence[Rule]) -> Decide:
    """What gives the next state and what is to be done, of a state, an event, and the time by the same clock."""
    table: dict[tuple[Mode, type[Event]], list[Rule]] = defaultdict(list)
    for rule in rules:
        for mode in rule.modes:
            table[mode, rule.event].append(rule)

    def step(state: State, event: Event, now: float) -> tuple[State, tuple[Action, ...] | None]:
        """For this event alone; no actions, not even an empty tuple, if no rule fits."""
        state = _heard(state, event, now)
        for rule in table.get((state.mode, type(event)), ()):
            if rule.guard is None or rule.guard(state, now):
                moved = replace(state, mode=rule.to, since=now, why=rule.why or state.why)
                return (moved if rule.note is None else rule.note(moved, now)), rule.actions
        return state, None

    def decide(state: State, event: Event, now: float) -> tuple[State, tuple[Action, ...]]:
        state, actions = step(state, event, now)
        done = actions or ()
        while True:
            state, more = step(state, _PASSED, now)
            if more is None:
                return state, done
            done = (*done, *more)

    return decide


decide = deciding(RULES)
_PASSED = Passed()


def _heard(state: State, event: Event, now: float) -> State:
    """The state with what the event says in it."""
    changes: dict[str, Any] = {}
    match event:
        case Reached():
            changes = {"away_since": None, "has_servers_word": False}
        case Leased(asked_at):
            changes = {"sure_at": asked_at, "away_since": None, "held_since": None}
        case Held(by_us):
            changes = {"held_since": None if by_us else _since(state.held_since, now)}
        case Unreachable(word):
            must = state.must_hold_off or state.mode is Mode.FOLLOWING
            changes = {"held_since": None, "has_servers_word": word, "must_hold_off": must}
            changes["away_since"] = _since(state.away_since, now)
        case Said():
            return quorum.counted(state, event)
        case Beat():
            changes = {field.name: getattr(event, field.name) for field in fields(event)}
        case NotTaken():
            changes = {"not_taken_at": now}
        case Admitted() | Dropped():
            changes = {"is_admitted": isinstance(event, Admitted)}
    return replace(state, **changes) if changes else state


def _since(moment: float | None, now: float) -> float:
    return now if moment is None else moment


# Each moment is reckoned in one place: by another sum of the same figures a guard could be missed by a rounding, and
# nothing would wake the state again.
def _held_off_at(state: State) -> float:
    return state.since + quorum.HOLD_OFF_S


def _rested_at(state: State) -> float:
    return state.given_up_at + REST_S


def _stand_in_at(state: State) -> float:
    if state.away_since is None:
        return float("inf")
    return state.away_since + (STAND_IN_S if state.has_led else OTHERS_STAND_IN_S)


def wake_at(state: State, now: float) -> float | None:
    """The next moment at which time alone moves the state, if nothing is heard before."""
    moments: list[float | None] = []
    match state.mode:
        case Mode.HOLDING_OFF:
            moments = [_held_off_at(state)]
        case Mode.RESTING:
            moments = [_rested_at(state)]
        case Mode.IN_DOUBT | Mode.STANDING_IN:
            moments = [quorum.deadline(state), quorum.silent_at(state), quorum.servers_word_at(state)]
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def ask_others_at(state: State) -> float | None:
    """From when on the others are to be asked whether they have Postgres; None: not at all."""
    if state.mode in _DOUBTFUL:
        return state.since
    if state.mode is Mode.FOLLOWING and state.are_same_client and state.away_since is not None:
        return _stand_in_at(state)
    return None


def wonders_who_led(state: State, now: float) -> bool:
    """Whether it is to be found out, before an election, if somebody has taken the gateway that we gave up."""
    return state.mode is Mode.FOLLOWING and now - state.given_up_at < YIELD_AGAIN_S
