"""Long runs of real elections by chance, on a clock of their own: what is promised holds at every moment."""

from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ibconnect.cluster import decision, quorum
from tests.cluster_promises import Broken
from tests.election_lab import Lab


class Elections(RuleBasedStateMachine):
    """One to three instances to which anything happens."""

    lab: Lab

    @initialize(count=st.integers(1, 3), same_client=st.booleans(), seed=st.integers(0, 2**16), wait=st.floats(0, 9))
    def begin(self, count: int, same_client: bool, seed: int, wait: float) -> None:
        self.lab = Lab(count, same_client=same_client, seed=seed)
        self.lab.pass_time(wait)

    @rule(seconds=st.floats(0.01, 4) | st.floats(4, 30))
    def pass_time(self, seconds: float) -> None:
        self.lab.pass_time(seconds)

    @rule(server=st.sampled_from(["up", "down", "silent"]))
    def turn(self, server: str) -> None:
        if server != self.lab.server:
            self.lab.turn(server)

    @rule(is_up=st.booleans())
    def turn_gateway(self, is_up: bool) -> None:
        self.lab.turn_gateway(is_up=is_up)

    @rule(data=st.data(), line=st.sampled_from(["ok", "ok", "cut", "silent"]))
    def part(self, data: st.DataObject, line: str) -> None:
        self.lab.part(data.draw(st.sampled_from(sorted(self.lab.lines))), line)

    @rule(data=st.data(), is_open=st.booleans())
    def turn_port(self, data: st.DataObject, is_open: bool) -> None:
        self.lab.ports[data.draw(st.sampled_from(sorted(self.lab.lines)))] = is_open

    @precondition(lambda self: self.lab.running)
    @rule(data=st.data(), cleanly=st.booleans())
    def end(self, data: st.DataObject, cleanly: bool) -> None:
        self.lab.end(data.draw(st.sampled_from(sorted(self.lab.running))), cleanly=cleanly)

    @precondition(lambda self: len(self.lab.running) < len(self.lab.lines))
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        self.lab.start(data.draw(st.sampled_from(sorted(set(self.lab.lines) - set(self.lab.running)))))

    @precondition(lambda self: self.lab.running and self.lab.server == "up")
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.lab.running)))
        others = set(self.lab.running) - {name}
        if others and all(self.lab.has_pg(other) for other in others):
            self.lab.running[name].registry.surplus = "gateway"
            self.lab.pass_time(2.0)
            if name in self.lab.running:
                self.lab.running[name].registry.surplus = None

    def teardown(self) -> None:
        if hasattr(self, "lab"):
            self.lab.close()


def run(examples: int, steps: int, **chances: Any) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **chances,
    )
    run_state_machine_as_test(Elections, settings=chosen)


def test_what_is_promised_holds_whatever_happens() -> None:
    run(12, 20)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_promised_holds_for_long() -> None:
    run(60, 40)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("module", "name", "seconds"), [(quorum, "STEP_DOWN_S", 4.0), (decision, "REST_S", 60.0)])
def test_what_is_promised_would_break(
    module: ModuleType, name: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, seconds)
    with pytest.raises(Broken):
        run(200, 30, phases=[Phase.generate], database=None, derandomize=True)
