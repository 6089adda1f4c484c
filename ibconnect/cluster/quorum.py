"""Whether a leader may go on while Postgres is away from it.

In: when Postgres last answered it, what the server said at the end, what the other instances say. Out: until when it
may record. Asked by :mod:`~ibconnect.cluster.decision`.

A leader that loses Postgres without a word cannot tell a dead Postgres from a cut network, behind which another
instance is being elected. So it asks the others whether they have Postgres. As long as all say no, nobody can be
elected and it goes on; if one has it, or cannot be asked, it steps down. A leader to whom the server has said that it
goes down, for everybody, goes on also if the others cannot be asked.
"""

from dataclasses import replace

from ibconnect.cluster.states import NEVER, Said, State

# Well before the server gives the lease to another, which is after 3 s of silence; and well before one that has just
# got Postgres back holds off no longer.
STEP_DOWN_S = 2.5
# When Postgres is back, whoever records goes on; the others let him.
HOLD_OFF_S = 3.0
# Between two questions to the others; so long the server's word waits for a server that is only started again.
ASK_S = 0.3


def counted(state: State, said: Said) -> State:
    """The state with the others' words in it."""
    nobody_has_it = all(each is not None and each < HOLD_OFF_S for each in said.seconds)
    return replace(
        state,
        somebody_has_it=any(each is not None and each >= HOLD_OFF_S for each in said.seconds),
        nobody_had_it_at=said.asked_at if nobody_has_it else state.nobody_had_it_at,
    )


def deadline(state: State) -> float | None:
    """Until when nobody else can be elected, as far as we know; None if that does not matter."""
    if state.needs_nobodys_word or not state.has_peers:
        return None
    may_go_on = state.is_admitted and state.are_same_client
    return max(state.sure_at, state.nobody_had_it_at if may_go_on else NEVER) + STEP_DOWN_S


def silent_at(state: State) -> float:
    """From when on Postgres has not answered for so long that the lease may be another's."""
    return state.sure_at + STEP_DOWN_S


def servers_word_at(state: State) -> float:
    """From when on a server that went down, and would be back at once if it was started again, counts as gone."""
    return state.since + ASK_S


def is_over(state: State, now: float) -> bool:
    """Whether we must step down."""
    until = deadline(state)
    return (until is not None and until <= now) or (state.somebody_has_it and now >= silent_at(state))


def has_servers_word(state: State, now: float) -> bool:
    """Whether the server went down for all, as it said, and does not come back at once."""
    return state.has_peers and state.has_servers_word and state.are_same_client and now >= servers_word_at(state)


def has_others_word(state: State, now: float) -> bool:
    """Whether the lease may be free by now, and all others say that they cannot take it."""
    return state.has_peers and now >= silent_at(state) and not is_over(state, now)
