"""Family codes as a simulated gateway of the tests makes them up: a family for each account, after its code."""

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import Message, Part, Request, Sorting
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.source import Question, Recordings
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.frames import Fields


def _by_scenario(scenario: Scenario) -> Fields:
    pairs = [field for code in scenario.codes() for field in (code, f"F{code[-1]}")]
    return ("78", str(len(scenario.codes())), *pairs)


def _by_recordings(recordings: Recordings) -> Fields:
    return recordings.single("toy") or ("78", "0")


TOY = Question(_by_scenario, _by_recordings)


def _answer(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    connection.send((subscriptions.source.answer(TOY),))


PART = Part({"80": Request("reqFamilyCodes", _answer, "78")}, {"78": Message("familyCodes", "toy", Sorting.ALONE)})
