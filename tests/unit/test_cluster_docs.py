"""The drawing of docs/cluster.md and the rules of the code are the same."""

import re
from pathlib import Path
from typing import get_args

from ibconnect.cluster.decision import RULES, Rule
from ibconnect.cluster.states import RECORDING, Action, Event, Mode

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")


def said(what: object) -> str:
    """What its docstring says, on one line."""
    return " ".join((what.__doc__ or "").split()) if what is not None else ""


def row(rule: Rule) -> str:
    """A rule as the table has it."""
    modes = ", ".join(mode.value for mode in rule.modes)
    does = "; ".join((*(action.value for action in rule.actions), *([f"“{rule.why}”"] if rule.why else [])))
    cells = (rule.name, modes, rule.event.__name__, said(rule.guard), rule.to.value, does, said(rule.note))
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"


def rows_below(heading: str) -> list[str]:
    table = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in table.splitlines() if line.startswith("| ")][1:]


def test_each_rule_is_a_row_in_its_order() -> None:
    assert rows_below("Moves") == [row(rule) for rule in RULES]


def test_each_event_is_there() -> None:
    assert rows_below("Events") == [f"| {event.__name__} | {said(event)} |" for event in get_args(Event)]


def test_each_state_is_there_and_whether_it_records() -> None:
    found = {cells[1].strip(): cells[2].strip() for line in rows_below("States") if (cells := line.split("|"))}
    assert found == {mode.value: "yes" if mode in RECORDING else "no" for mode in Mode}


def test_the_drawing_has_each_move_and_no_other() -> None:
    drawn = set(re.findall(r"^ +(\w+) --> (\w+): (.+)$", PAGE, re.MULTILINE))
    assert drawn == {(mode.name.lower(), rule.to.name.lower(), rule.name) for rule in RULES for mode in rule.modes}


def test_recording_begins_and_ends_where_the_states_say() -> None:
    for rule in RULES:
        entered = rule.to in RECORDING
        left = {mode in RECORDING for mode in rule.modes}
        assert (Action.RECORD in rule.actions) == (entered and left == {False}), rule.name
        if Action.STOP in rule.actions:
            assert (left, rule.to, bool(rule.why)) == ({True}, Mode.LEAVING, True), rule.name
        elif left == {True} and not entered:
            assert rule.name == "left", rule.name
