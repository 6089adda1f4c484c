"""An advisor's groups and aliases (requestFA), as XML; other logins are refused."""

from xml.sax.saxutils import escape

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import READ_ONLY, Message, Part, Request, Sorting, number, refused
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.source import Question, Recordings, Refusal
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.frames import Fields
from ibconnect.simulator.wire.messages import ascii_text

NOT_ADVISOR = (321, "Error validating request.-'cd' : cause - FA data operations ignored for non FA customers.")
"""What a gateway says to requestFA on a login that is no advisor's."""


def _by_scenario(scenario: Scenario, kind: int) -> Fields:
    if not scenario.world.plan.advisor:
        raise Refusal(*NOT_ADVISOR)
    return ("16", "1", str(kind), _groups_xml(scenario) if kind == 1 else _aliases_xml(scenario))


def _by_recordings(recordings: Recordings, kind: int) -> Fields:
    for recorded in recordings.rows("advisor"):
        if recorded[2:3] == (str(kind),):
            return recorded
    raise Refusal(*NOT_ADVISOR)


ADVISOR_DATA = Question(_by_scenario, _by_recordings)


def _groups_xml(scenario: Scenario) -> str:
    groups = "".join(
        f'<Group><name>{escape(group.name)}</name><ListOfAccts varName="list">'
        + "".join(f"<String>{escape(code)}</String>" for code in group.members)
        + f"</ListOfAccts><defaultMethod>{escape(group.method)}</defaultMethod></Group>"
        for group in scenario.world.groups().values()
    )
    return ascii_text(f'<?xml version="1.0" encoding="UTF-8"?><ListOfGroups>{groups}</ListOfGroups>')


def _aliases_xml(scenario: Scenario) -> str:
    alias = scenario.world.firm.alias
    aliases = "".join(
        f"<AccountAlias><account>{escape(code)}</account><alias>{escape(alias(code))}</alias></AccountAlias>"
        for code in scenario.codes()
    )
    return ascii_text(f'<?xml version="1.0" encoding="UTF-8"?><ListOfAccountAliases>{aliases}</ListOfAccountAliases>')


def _advisor_data(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    connection.send((subscriptions.source.answer(ADVISOR_DATA, number(fields, 2, "FA Data Type")),))


PART = Part(
    requests={
        "18": Request("requestFA", _advisor_data, "16; 321 without an advisor's login", kind="advisor", about=(2,)),
        "19": refused("replaceFA", 321, READ_ONLY, 4),
    },
    messages={"16": Message("receiveFA", "advisor", Sorting.ALONE, is_end=True, about=lambda fields: fields[2:3])},
)
