"""A small world for elections as it stands: one gateway, one Postgres, some instances, and the lines between.

In: nothing. Out: a :class:`Situation`, which ``tests/cluster_promises.py`` judges and ``tests/cluster_model.py`` moves.
"""

from copy import copy
from dataclasses import dataclass, field
from typing import Self

from ibconnect.cluster.decision import Decide, decide
from ibconnect.cluster.states import (
    NEVER,
    RECORDING,
    Beat,
    Mode,
    State,
)

STEP_S = 0.5
# Of the server (sql/cluster/lease.sql, watch_settings), of Lease, and of the registry.
LEASE_OUTLIVES_S, ANSWER_S, CONNECT_S, SEEN_S, REUNION_S = 3.0, 1.0, 4.0, 5.0, 5.0
_LONG_S, _RECENT_S = 70.0, 20.0


@dataclass
class Instance:
    """One process; ``line``: to Postgres (ok, cut: refused at once, silent: swallowed)."""

    number: int
    state: State = field(default_factory=State)
    is_running: bool = True
    line: str = "ok"
    can_be_asked: bool = True
    is_surplus: bool = False
    session: bool = False
    """Whether it has a connection for the lease, as far as it knows."""
    waits_since: float | None = None
    """Since when a question to Postgres has gone unanswered."""
    has_pg_since: float | None = None
    """Since when Postgres has answered it (``Peers.seconds``)."""
    registered_since: float | None = None
    known: frozenset[int] = frozenset()
    beaten_at: float = NEVER
    beat: Beat | None = None
    """What its registry said last."""
    leaves_at: float | None = None
    cut_off_at: float = NEVER
    """When it last lost Postgres, in truth."""
    hung_up_at: float = NEVER
    """When the server last learnt at once that it lost it."""
    has_servers_word: bool = False
    """Whether the server said before that it goes down, in truth."""

    @property
    def records(self) -> bool:
        return self.is_running and self.state.mode in RECORDING


@dataclass
class Situation:
    """All of it, at one moment."""

    count: int
    same_client: bool = True
    decide: Decide = decide
    now: float = 0.0
    server: str = "up"
    """up, down (refuses), silent (answers nothing)."""
    gateway_is_up: bool = True
    instances: list[Instance] = field(default_factory=list)
    holder: int | None = None
    """Whose session has the lease, as the server has it."""
    heard_at: float = NEVER
    """When the server last heard of that session."""
    holder_is_dying: bool = False
    """Whether that session's client has given it up."""
    admitted: frozenset[int] = frozenset()
    silent_since: float | None = None
    quiet_since: float = 0.0
    had_pg_at: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.instances:
            self.instances = [Instance(number) for number in range(self.count)]

    def copied(self) -> Self:
        other = copy(self)
        other.instances = [copy(each) for each in self.instances]
        other.had_pg_at = dict(self.had_pg_at)
        return other

    def key(self) -> object:
        """The same for two worlds that go on in the same way."""
        return (
            self.server,
            self.gateway_is_up,
            self.holder,
            self.holder_is_dying,
            self._ago(self.heard_at, 4.0),
            self._ago(self.quiet_since, 4.0),
            self.admitted,
            None if self.silent_since is None else self._ago(max(self.silent_since, self.quiet_since), 22.0),
            tuple(self._ago(self.had_pg_at.get(each.number), 4.0) for each in self.instances),
            tuple(self._instance_key(each) for each in self.instances),
        )

    def _ago(self, moment: float | None, longest: float = _RECENT_S) -> float | None:
        return None if moment is None else min(self.now - moment, longest)

    def _instance_key(self, one: Instance) -> object:
        state = one.state
        timed = state.mode in (Mode.HOLDING_OFF, Mode.IN_DOUBT, Mode.STANDING_IN, Mode.LEAVING)
        return (
            *(one.has_servers_word, one.is_running, one.line, one.can_be_asked, one.is_surplus, one.session, one.known),
            *(self._ago(one.waits_since), self._ago(one.has_pg_since, 4.0), self._ago(one.registered_since, 6.0)),
            *(
                self._ago(one.beaten_at, 6.0),
                self._ago(one.leaves_at),
                self._ago(one.cut_off_at, 4.0),
                self._ago(one.hung_up_at, 4.0),
            ),
            *(state.mode, state.has_servers_word, state.has_led, state.must_hold_off, state.somebody_has_it),
            *(state.needs_nobodys_word, state.is_admitted, self._ago(state.since, 6.0) if timed else None),
            *(self._ago(state.away_since), self._ago(state.held_since, 6.0), self._ago(state.nobody_had_it_at, 6.0)),
            *(self._ago(state.given_up_at, _LONG_S), self._ago(state.sure_at, 6.0) if one.records else None),
        )

    def has_pg(self, one: Instance) -> bool:
        return one.is_running and self.server == "up" and one.line == "ok"

    def seconds(self, number: int) -> float | None:
        other = self.instances[number]
        if not other.is_running or not other.can_be_asked:
            return None
        return 0.0 if other.has_pg_since is None else self.now - other.has_pg_since
