"""Who records a gateway, whatever goes wrong, deeper; and that each rule is needed for what is promised."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from ibconnect.cluster import decision, quorum
from ibconnect.cluster.decision import RULES, Decide, decide, deciding
from tests.cluster_model import World
from tests.cluster_promises import Broken
from tests.exploring import Found, explore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

What = tuple[str, int] | float
STOPS, SILENT, BACK = ("server stops", -1), ("server falls silent", -1), ("server back", -1)
PORTS = (("port closes", 0), ("port closes", 1))
# What happens first, each time to instances that have known one another for a while; 0 leads. Numbers: seconds.
BEGINNINGS: dict[str, tuple[What, ...]] = {
    "nothing": (),
    "the server stops": (STOPS,),
    "the server stops, nobody can be asked": (*PORTS, STOPS),
    "the server falls silent": (SILENT,),
    "the server has been silent for long": (SILENT, 20.0),
    "the server stops again as soon as it is back": (SILENT, 4.0, BACK, 2.0, STOPS),
    "the leader is cut off": (("cut", 0),),
    "the leader's packets are swallowed": (("swallow", 0),),
    "the leader is cut off from a server that said that it stops": (*PORTS, STOPS, ("cut", 0), 1.0, BACK, 6.0),
}
# Without their condition they do more often what does no harm.
HARMLESS = {"rest"}


def begun(count: int, same_client: bool, beginning: Sequence[What], decide: Decide = decide) -> World:
    world = World(count, same_client, decide)
    for what in (8.0, *beginning):
        if isinstance(what, float):
            for _ in range(int(2 * what)):
                world.step(tuple(range(count)))
        else:
            world.happen(*what)
    return world


@pytest.mark.parametrize("same_client", [True, False])
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_what_is_promised_holds_of_two(beginning: str, same_client: bool) -> None:
    found = explore(begun(2, same_client, BEGINNINGS[beginning]), 1)
    assert (found.broken, found.way) == ("", ())


@pytest.mark.parametrize("beginning", ["the server falls silent", "the leader's packets are swallowed"])
def test_what_is_promised_holds_of_three(beginning: str) -> None:
    found = explore(begun(3, True, BEGINNINGS[beginning]), 1)
    assert (found.broken, found.way) == ("", ())


def test_what_is_promised_holds_of_one_alone() -> None:
    assert explore(World(1), 3).broken == ""


def changed() -> Iterator[tuple[str, Decide]]:
    """The machine, each time with a rule less, or with one that asks for nothing."""
    for rule in RULES:
        yield f"without {rule.name}", deciding([each for each in RULES if each is not rule])
        if rule.guard is not None and rule.name not in HARMLESS:
            free = replace(rule, guard=None)
            yield f"{rule.name} without its condition", deciding([free if each is rule else each for each in RULES])


def explored(decide: Decide) -> Found:
    """The first broken promise, of some worlds; the smaller ones first."""
    found = Found(0)
    for count, same_client in ((1, True), (2, True), (2, False)):
        for name, beginning in BEGINNINGS.items():
            if count > 1 or "port closes" not in str(beginning):
                try:
                    found = explore(begun(count, same_client, beginning, decide), 1)
                except Broken as exc:
                    found = Found(0, f"{name}: {exc}")
            if found.broken:
                return found
    return found


@pytest.mark.parametrize("machine", [pytest.param(machine, id=name) for name, machine in changed()])
def test_each_rule_and_each_condition_is_needed(machine: Decide) -> None:
    assert explored(machine).broken


@pytest.mark.parametrize(
    ("module", "name", "seconds"),
    [
        (quorum, "STEP_DOWN_S", 3.5),
        (quorum, "HOLD_OFF_S", 1.0),
        (quorum, "HOLD_OFF_S", 9.0),
        (decision, "STAND_IN_S", 30.0),
        (decision, "REST_S", 20.0),
        (decision, "REST_S", 1.0),
    ],
)
def test_each_time_is_needed(module: object, name: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, name, seconds)
    assert explored(decide).broken
