"""The small world for elections in steps of half a second, and what goes wrong in it.

In: what goes wrong, one fault at a time. Out: the world a step later; :class:`Broken` if a promise of mechanisms.md
does not hold in it. The instances decide by ``ibconnect.cluster.decision`` itself; Postgres, the gateway and the lines
between are modelled: how long a lease outlives its connection, how long a question goes unanswered, who is let in.
"""

from collections.abc import Iterator, Sequence

from ibconnect.cluster.decision import ask_others_at
from ibconnect.cluster.states import (
    NEVER,
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
from tests.cluster_promises import check_lead, check_pairs, check_silence, check_stands_in, check_stop
from tests.cluster_world import ANSWER_S, CONNECT_S, LEASE_OUTLIVES_S, REUNION_S, SEEN_S, STEP_S, Instance, Situation


class World(Situation):
    """See the module; :meth:`step` lets half a second pass."""

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
                    if self.has_pg(each):
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
                    else:
                        one.hung_up_at = self.now
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
        check_silence(self)
        check_pairs(self)

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
            self._tell(one, Said(self.now, tuple(self.seconds(number) for number in sorted(one.known))))
        has_place = self.gateway_is_up and not (self.same_client and self.admitted)
        if one.records and one.number not in self.admitted and has_place:
            self.admitted |= {one.number}
            self._tell(one, Admitted())

    def _register(self, one: Instance) -> None:
        """The beat: who is there, as the table says."""
        if not self.has_pg(one):
            one.registered_since = None
            return
        self.had_pg_at[one.number] = self.now
        one.beaten_at = self.now
        if one.registered_since is None:
            one.registered_since = self.now
        found = {each.number for each in self.instances if each is not one and self.now - each.beaten_at <= SEEN_S}
        is_reunion = self.now - one.registered_since < REUNION_S
        one.known = frozenset(found | (one.known if is_reunion else set()))

    def _ask_postgres(self, one: Instance) -> None:
        mode = one.state.mode
        if mode is Mode.RESTING:
            self._close(one)
        if mode in (Mode.RESTING, Mode.LEAVING):
            return
        if one.line == "silent" or (self.server == "silent" and one.line == "ok"):
            patience = ANSWER_S if one.session else CONNECT_S
            one.waits_since = self.now if one.waits_since is None else one.waits_since
            if self.now - one.waits_since >= patience:
                self._fail(one)
        elif not self.has_pg(one):
            self._fail(one)
        else:
            one.waits_since = None
            if mode is Mode.HOLDING_OFF and one.session:
                one.has_pg_since = self.now if one.has_pg_since is None else one.has_pg_since
            elif mode is Mode.HOLDING_OFF:
                self._fail(one)
            else:
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
            if self.has_pg(one):
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
                check_stop(self, one, before, each)
                self.admitted -= {one.number}
                one.state, _ = self.decide(one.state, Dropped(), self.now)
                one.leaves_at, one.is_surplus = self.now + STEP_S, False
            if one.state.mode is not before.mode and one.state.mode is Mode.LEADING:
                check_lead(self, one)
            if Action.LOG_STANDS_IN in actions:
                check_stands_in(self, one, before)
