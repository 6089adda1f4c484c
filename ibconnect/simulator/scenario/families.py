"""Family codes (reqFamilyCodes): which accounts belong together, as an advisor's do."""

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import Message, Part, Request, Sorting
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.source import Question, Recordings
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.frames import Fields


def _by_scenario(scenario: Scenario) -> Fields:
    family = f"{scenario.world.master}A" if scenario.world.master else ""
    return ("78", str(len(scenario.codes())), *(f for code in scenario.codes() for f in (code, family)))


def _by_recordings(recordings: Recordings) -> Fields:
    codes = recordings.codes()
    return recordings.single("family") or ("78", str(len(codes)), *(f for code in codes for f in (code, "")))


FAMILY_CODES = Question(_by_scenario, _by_recordings)


def _family_codes(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    connection.send((subscriptions.source.answer(FAMILY_CODES),))


PART = Part(
    requests={"80": Request("reqFamilyCodes", _family_codes, "78", kind="family")},
    messages={"78": Message("familyCodes", "family", Sorting.ALONE, is_end=True)},
)
