"""Write the tables of docs/simulator.md: its options, requests, messages, faults and actions, as the code has them.

Called by ``make docs``; a test holds the page against :func:`render`.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from ibconnect.simulator.control import ACTIONS
from ibconnect.simulator.faults.registry import FAULTS
from ibconnect.simulator.flex.actions import FLEX_ACTIONS
from ibconnect.simulator.flex.faults import FAULTS as FLEX_FAULTS
from ibconnect.simulator.flex.options import FLEX_HELP, FlexOptions
from ibconnect.simulator.flex.queries import DATES, PERIODS, SECTIONS, SEPARATORS, TIMES, Query
from ibconnect.simulator.options import OPTION_HELP, Options
from ibconnect.simulator.scenario.registry import MESSAGES, REQUESTS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "simulator.md"
_BLOCK = re.compile(r"(<!-- (\w+): make docs -->\n).*?(<!-- end of \2 -->\n)", re.DOTALL)


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    columns = head.count("|") - 1
    lines = [head, "|" + "---|" * columns, *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


def _requests(is_refused: bool) -> str:
    chosen = {number: each for number, each in REQUESTS.items() if each.answer.startswith("error ") == is_refused}
    rows = ((number, f"`{each.name}`", each.answer) for number, each in chosen.items())
    return _table("| id | request | answered with |", rows)


def _options() -> str:
    defaults = Options()
    rows = ((f"`--{name.replace('_', '-')}`", str(getattr(defaults, name)), text) for name, text in OPTION_HELP.items())
    return _table("| option | default | meaning |", rows)


def _faults() -> str:
    rows = (
        (f"`{each.name}`", each.help, ", ".join(f"`{key}={value}`" for key, value in each.params.items()))
        for each in FAULTS.values()
    )
    return _table("| fault | what happens | parameters |", rows)


def _flex_options() -> str:
    defaults = FlexOptions()
    rows = (
        (f"`--flex-{name.replace('_', '-')}`", str(getattr(defaults, name)), text) for name, text in FLEX_HELP.items()
    )
    return _table("| option | default | meaning |", rows)


def _flex_keys() -> str:
    default = Query("1")
    known = {
        "name": "any",
        "sections": ", ".join(SECTIONS) + "; joined by `+`",
        "breakout": "true: a statement a day; false: one for the period",
        "dates": ", ".join(DATES),
        "times": ", ".join(TIMES),
        "separator": ", ".join(SEPARATORS),
        "period": ", ".join(PERIODS),
        "columns": "all; few: without empty ones",
        "accounts": "codes, joined by `+`; none: all",
        "repeat": "how often each statement comes in the same document",
    }
    rows = (
        (f"`{key}`", "all" if key == "sections" else str(getattr(default, key) or "all"), known[key]) for key in known
    )
    return _table("| key | default | values |", rows)


def _flex_faults() -> str:
    rows = (
        (f"`{name}`", each.help, each.on, ", ".join(f"`{key}={value}`" for key, value in each.params.items()))
        for name, each in FLEX_FAULTS.items()
    )
    return _table("| fault | what happens | on | parameters |", rows)


def tables() -> dict[str, str]:
    """Each table by the name of its place in the page."""
    messages = ((number, f"`{each.name}`") for number, each in MESSAGES.items())
    actions = ((f"`{name}`", each.help) for name, each in {**ACTIONS, **FLEX_ACTIONS}.items())
    return {
        "options": _options(),
        "requests": _requests(is_refused=False),
        "refused": _requests(is_refused=True),
        "messages": _table("| id | message |", messages),
        "faults": _faults(),
        "flexkeys": _flex_keys(),
        "flexoptions": _flex_options(),
        "flexfaults": _flex_faults(),
        "actions": _table("| action | what it does |", actions),
    }


def render(page: str) -> str:
    """The page with its tables as they have to be."""
    made = tables()
    return _BLOCK.sub(lambda match: match[1] + made[match[2]] + match[3], page)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
