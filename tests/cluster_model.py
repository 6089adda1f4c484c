"""A small world for elections: one gateway, one Postgres, some instances, in steps of half a second.

In: what goes wrong, one fault at a time. Out: the world a step later; :class:`Broken` if a promise of mechanisms.md
does not hold in it. The instances decide by ``ibconnect.cluster.decision`` itself; Postgres, the gateway and the lines
between are modelled: how long a lease outlives its connection, how long a question goes unanswered, who is let in.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field

from ibconnect.cluster.decision import Decide, ask_others_at, decide
from ibconnect.cluster.states import (
    NEVER,
    RECORDING,
    Action,
    Admitted,
    Beat,
    Dropped,
    Event,
    Held,
    Leased,
    Left,
    Mode,
    Passed,
    Reached,
    Said,
    State,
    Unreachable,
)

STEP_S = 0.5
# Of the server (sql/cluster/lease.sql, watch_settings), of Lease, and of the registry.
LEASE_OUTLIVES_S, ANSWER_S, CONNECT_S, SEEN_S, REUNION_S = 3.0, 1.0, 4.0, 5.0, 5.0
# What is promised (docs/mechanisms.md, section 5); a step is added, for this world knows no shorter time.
DEPOSED_S, TAKEN_OVER_S = 2.5 + STEP_S, 5.0 + STEP_S
STANDS_IN_S = CONNECT_S + 15.0 + 3 * STEP_S
LEFT_TO_WHO_RECORDS_S, LEFT_TO_OTHERS_S = 3.0, 5.0
_LONG_S, _RECENT_S = 70.0, 20.0


class Broken(AssertionError):
    """A promise that does not hold."""


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
    """What it was last told by its registry."""
    leaves_at: float | None = None
    cut_off_at: float = NEVER
    """When it last lost Postgres, in truth."""
    hung_up_at: float = NEVER
    """When the server last learnt at once that it lost it."""
    has_servers_word: bool = False
    """Whether the server told it before that it goes down, in truth."""

    @property
    def records(self) -> bool:
        return self.is_running and self.state.mode in RECORDING


@dataclass
class World:
    """All of it; :meth:`step` lets half a second pass."""

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

    def copied(self) -> "World":
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

    # What goes wrong, and right again.

    def faults(self) -> Iterator[tuple[str, int]]:
        """All that can happen next."""
        yield from ((name, -1) for name in self._server_faults())
        yield ("gateway lost" if self.gateway_is_up else "gateway back", -1)
        for one in self.instances:
            yield from ((name, one.number) for name in self._instance_faults(one))

    def _server_faults(self) -> tuple[str, ...]:
        return ("server stops", "server falls silent") if self.server == "up" else ("server back",)

    def _instance_faults(self, one: Instance) -> Iterator[str]:
        if not one.is_running:
            yield "start"
            return
        yield from ("stop", "die", "die with its machine")
        yield from ("cut", "swallow") if one.line == "ok" else ("mend",)
        if len(self.instances) > 1:
            yield "port closes" if one.can_be_asked else "port opens"
            if one.state.mode is Mode.LEADING and not one.is_surplus:
                yield "surplus"

    def happen(self, fault: str, number: int = -1) -> None:
        """Let it happen, now."""
        self.quiet_since = self.now
        if number < 0:
            self._happen_to_all(fault)
            return
        one = self.instances[number]
        match fault:
            case "stop":
                self._end(one)
                for each in self.instances:
                    if self._has_pg(each):
                        each.known -= {number}
                one.beaten_at = NEVER
            case "die":
                self._end(one)
            case "die with its machine":
                one.line = "silent"
                self._end(one)
            case "start":
                self.instances[number] = Instance(number, line="ok", can_be_asked=one.can_be_asked)
                self.had_pg_at.pop(number, None)
            case "cut" | "swallow":
                one.line = "cut" if fault == "cut" else "silent"
                one.cut_off_at = self.now
                if fault == "cut":
                    one.hung_up_at = self.now
                    self._server_ends(number)
                    self._client_ends(one)
            case "mend":
                one.line = "ok"
            case "port closes" | "port opens":
                one.can_be_asked = fault == "port opens"
            case "surplus":
                one.is_surplus = True

    def _happen_to_all(self, fault: str) -> None:
        match fault:
            case "server stops":
                self.server, self.holder = "down", None
                for one in self.instances:
                    has_heard = one.session and one.line == "ok" and one.is_running
                    one.cut_off_at = self.now
                    one.has_servers_word = has_heard
                    if has_heard:
                        self._client_ends(one, has_servers_word=True)
            case "server falls silent":
                self.server = "silent"
                for one in self.instances:
                    one.cut_off_at = self.now
            case "server back":
                self.server = "up"
            case "gateway lost":
                self.gateway_is_up = False
                for number in self.admitted:
                    self._tell(self.instances[number], Dropped())
                self.admitted = frozenset()
            case "gateway back":
                self.gateway_is_up = True

    def _end(self, one: Instance) -> None:
        one.is_running = False
        one.known = frozenset()
        one.has_pg_since = one.registered_since = one.waits_since = None
        self.admitted -= {one.number}
        if one.line != "silent":
            self._server_ends(one.number)
        one.session, one.state = False, State()

    def _server_ends(self, number: int) -> None:
        if self.holder == number and self.server == "up":
            self.holder = None

    def _client_ends(self, one: Instance, *, has_servers_word: bool = False) -> None:
        """The connection for the lease breaks, as the instance sees it."""
        if one.session:
            one.session, one.waits_since, one.has_pg_since = False, None, None
            if self.holder == one.number:
                self.holder_is_dying = True
            self._tell(one, Unreachable(has_servers_word))

    # How time passes.

    def step(self, order: Sequence[int]) -> None:
        """Half a second; ``order``: who is served first.

        :raises Broken: a promise does not hold
        """
        self.now += STEP_S
        if self.holder is not None and self.server == "up":
            line = self.instances[self.holder].line if self.instances[self.holder].is_running else "silent"
            lives = line == "ok" and not self.holder_is_dying
            if lives:
                self.heard_at = self.now
            elif self.now - self.heard_at >= LEASE_OUTLIVES_S:
                self.holder = None
        for number in order:
            one = self.instances[number]
            if one.is_running:
                self._live(one)
        self._check_silence()
        self._check_pairs()

    def _has_pg(self, one: Instance) -> bool:
        return one.is_running and self.server == "up" and one.line == "ok"

    def _live(self, one: Instance) -> None:
        self._register(one)
        self._tell(one, Passed())
        if one.leaves_at is not None:
            if self.now < one.leaves_at:
                return
            one.leaves_at = None
            self._close(one)
            self._tell(one, Left())
        self._ask_postgres(one)
        due = ask_others_at(one.state)
        if due is not None and due <= self.now:
            self._tell(one, Said(self.now, tuple(self._seconds(number) for number in sorted(one.known))))
        has_place = self.gateway_is_up and not (self.same_client and self.admitted)
        if one.records and one.number not in self.admitted and has_place:
            self.admitted |= {one.number}
            self._tell(one, Admitted())

    def _register(self, one: Instance) -> None:
        """The beat: who is there, as the table says."""
        if not self._has_pg(one):
            one.registered_since = None
            return
        self.had_pg_at[one.number] = self.now
        one.beaten_at = self.now
        if one.registered_since is None:
            one.registered_since = self.now
        found = {each.number for each in self.instances if each is not one and self.now - each.beaten_at <= SEEN_S}
        is_reunion = self.now - one.registered_since < REUNION_S
        one.known = frozenset(found | (one.known if is_reunion else set()))

    def _seconds(self, number: int) -> float | None:
        other = self.instances[number]
        if not other.is_running or not other.can_be_asked:
            return None
        return 0.0 if other.has_pg_since is None else self.now - other.has_pg_since

    def _ask_postgres(self, one: Instance) -> None:
        mode = one.state.mode
        if mode in (Mode.HOLDING_OFF, Mode.RESTING):
            self._close(one)
        if mode in (Mode.HOLDING_OFF, Mode.RESTING, Mode.LEAVING):
            return
        if one.line == "silent" or (self.server == "silent" and one.line == "ok"):
            patience = ANSWER_S if one.session else CONNECT_S
            one.waits_since = self.now if one.waits_since is None else one.waits_since
            if self.now - one.waits_since >= patience:
                self._fail(one)
        elif not self._has_pg(one):
            self._fail(one)
        else:
            one.waits_since = None
            self._answer(one)

    def _fail(self, one: Instance) -> None:
        one.waits_since = one.has_pg_since = None
        if one.session and self.holder == one.number:
            self.holder_is_dying = True
        one.session = False
        self._tell(one, Unreachable(one.state.has_servers_word))

    def _answer(self, one: Instance) -> None:
        if one.state.mode is not Mode.LEADING or not one.session:
            if one.state.mode is Mode.LEADING:
                self._tell(one, Unreachable())
            before = one.state.mode
            one.session = True
            self._tell(one, Reached())
            if one.state.mode is not before:
                return
        is_ours = self.holder == one.number and not self.holder_is_dying
        if self.holder is None:
            self.holder, self.heard_at, self.holder_is_dying, is_ours = one.number, self.now, False, True
        one.has_pg_since = self.now if one.has_pg_since is None else one.has_pg_since
        self._tell(one, Leased(self.now) if is_ours else Held(by_us=self.holder == one.number))

    def _close(self, one: Instance) -> None:
        if one.session and self.holder == one.number and not self.holder_is_dying:
            if self._has_pg(one):
                self.holder = None
            else:
                self.holder_is_dying = True
        one.session = False

    def _tell(self, one: Instance, event: Event) -> None:
        """Let it decide; do what it says."""
        registered = float("inf") if one.registered_since is None else one.registered_since
        beat = Beat(bool(one.known), self.same_client or not one.known, one.is_surplus, registered)
        for each in (beat, event):
            before = one.state
            if each is beat and beat == one.beat:
                continue
            one.state, actions = self.decide(before, each, self.now)
            one.beat = beat
            if Action.STOP in actions:
                self._check_stop(one, before, each)
                self.admitted -= {one.number}
                one.state, _ = self.decide(one.state, Dropped(), self.now)
                one.leaves_at, one.is_surplus = self.now + STEP_S, False
            if one.state.mode is not before.mode and one.state.mode is Mode.LEADING:
                self._check_lead(one)
            if Action.LOG_STANDS_IN in actions:
                self._check_stands_in(one, before)

    # What is promised.

    def _check_stop(self, one: Instance, before: State, event: Event) -> None:
        """A leader that may go on goes on."""
        if one.is_surplus and isinstance(event, Leased):
            return
        if self.holder not in (None, one.number):
            return
        others = [each for each in self.instances if each is not one and each.is_running]
        if not others and not one.known:
            raise Broken(f"{one.number} is alone and stops: {one.state.why}")
        nobody_had_it = all(self.had_pg_at.get(each.number, NEVER) < one.cut_off_at for each in others)
        can_be_asked = all(self.instances[each].is_running and self.instances[each].can_be_asked for each in one.known)
        may_go_on = self.same_client and one.number in self.admitted and not self._has_pg(one)
        if may_go_on and nobody_had_it and can_be_asked:
            raise Broken(f"{one.number} stops although nobody has Postgres, as all say: {one.state.why}")
        if may_go_on and nobody_had_it and one.has_servers_word:
            raise Broken(f"{one.number} stops although the server said that it goes down: {one.state.why}")

    def _check_lead(self, one: Instance) -> None:
        """When Postgres is back, whoever records goes on, and is left alone for 3 s."""
        others = [each for each in self.instances if each is not one and each.number in self.admitted]
        is_back = one.registered_since is not None and one.registered_since > one.cut_off_at > NEVER
        could = [each for each in self.instances if each is not one and self._has_pg(each) and each.number in one.known]
        if could and self.now - one.state.given_up_at < LEFT_TO_OTHERS_S:
            raise Broken(f"{one.number} takes what it has just given up")
        is_soon = self.now - (one.registered_since or 0.0) < LEFT_TO_WHO_RECORDS_S
        if others and is_back and is_soon and one.known and one.number not in self.admitted:
            raise Broken(f"{one.number} takes the lease before {others[0].number}, which records, can have it")

    def _check_stands_in(self, one: Instance, before: State) -> None:
        if not self.same_client and one.known:
            raise Broken(f"{one.number} stands in, whom the gateway cannot keep apart from the others")
        told = [self._seconds(number) or 0.0 for number in one.known]
        if before.mode is Mode.FOLLOWING and max(told, default=0.0) >= LEFT_TO_WHO_RECORDS_S:
            raise Broken(f"{one.number} stands in although another says that it has Postgres")

    def _check_silence(self) -> None:
        """Nobody is silent for longer than is said."""
        running = [each for each in self.instances if each.is_running]
        if not self.gateway_is_up or not running or self.admitted:
            self.silent_since = None
            return
        if self.silent_since is None:
            self.silent_since = self.now
        lasting = self.now - max(self.silent_since, self.quiet_since)
        has_pg = any(self._has_pg(each) for each in running)
        if lasting > (TAKEN_OVER_S if has_pg else STANDS_IN_S) and (has_pg or self.same_client):
            raise Broken(f"nobody has recorded for {lasting} s: {[each.state.mode.value for each in running]}")

    def _check_pairs(self) -> None:
        """A deposed leader stops in time; there is no second one but while the gateway judges."""
        for one in self.instances:
            if one.is_surplus and one.state.mode is Mode.LEADING and self.now - self.quiet_since > DEPOSED_S:
                raise Broken(f"{one.number} keeps a gateway that another should have")
            is_elected = self._has_pg(one) and self.holder == one.number and not self.holder_is_dying
            if is_elected and one.state.mode is not Mode.LEADING and self.now - self.quiet_since > DEPOSED_S:
                raise Broken(f"{one.number} has the lease, and is {one.state.mode.value}")
            if not one.records or not one.known:
                continue
            silence = self.now - one.state.sure_at
            if one.state.mode is Mode.IN_DOUBT and silence >= DEPOSED_S:
                raise Broken(f"{one.number} takes itself for elected after {silence} s")
            other = None if self.holder in (None, one.number) or self.holder_is_dying else self.instances[self.holder]
            if other is not None and other.state.mode is Mode.LEADING:
                self._check_pair(one, other, silence)

    def _check_pair(self, one: Instance, elected: Instance, silence: float) -> None:
        is_swallowed = one.line == "silent" and self.now - one.hung_up_at >= DEPOSED_S
        if not self.same_client and (silence >= DEPOSED_S or is_swallowed):
            raise Broken(f"{one.number} records beside {elected.number}, which is elected, after {silence} s")
        began = max(elected.state.since, self.quiet_since)
        if self._has_pg(one) and self.now - began > DEPOSED_S:
            raise Broken(f"{one.number} records beside {elected.number}, which is elected, although it has Postgres")
        since = elected.has_pg_since
        if since is None or not elected.can_be_asked or elected.number not in one.known:
            return
        if self.now - max(began, since + LEFT_TO_WHO_RECORDS_S) > DEPOSED_S:
            raise Broken(f"{one.number} does not make room for {elected.number}, which has Postgres")
