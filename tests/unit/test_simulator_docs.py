"""docs/simulator.md names every message, option, fault and action; its script records what a gateway sends."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ibconnect.simulator import Captures, Gateway
from ibconnect.simulator.control import ACTIONS
from ibconnect.simulator.faults.registry import FAULTS
from ibconnect.simulator.options import OPTION_HELP
from ibconnect.simulator.scenario.registry import MESSAGES, REQUESTS

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "simulator.md").read_text()


def _rows(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


@pytest.mark.parametrize("number", REQUESTS)
def test_every_request_is_in_the_docs(number: str) -> None:
    request = REQUESTS[number]
    assert _rows(number, f"`{request.name}`", request.answer) in DOCS


@pytest.mark.parametrize("number", MESSAGES)
def test_every_message_sent_is_in_the_docs(number: str) -> None:
    assert _rows(number, f"`{MESSAGES[number].name}`") in DOCS


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_in_the_docs(name: str) -> None:
    fault = FAULTS[name]
    params = ", ".join(f"`{key}={value}`" for key, value in fault.params.items())
    assert _rows(f"`{name}`", fault.help, params) in DOCS


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_is_in_the_docs(name: str) -> None:
    assert _rows(f"`{name}`", ACTIONS[name].help) in DOCS


@pytest.mark.parametrize("name", [name for name in OPTION_HELP if name != "record"])
def test_every_option_is_in_the_docs(name: str) -> None:
    assert f"| `--{name.replace('_', '-')}` |" in DOCS
    assert f"| {OPTION_HELP[name]} |" in DOCS


async def test_the_recording_script_of_the_docs_records_what_was_sent(tmp_path: Path) -> None:
    (script,) = (block for block in re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL) if "def record" in block)
    namespace: dict[str, Any] = {"__name__": "script"}
    exec(compile(script, "docs/simulator.md", "exec"), namespace)
    path = ROOT / "tests" / "fixtures" / "captures" / "eur-commodities-fx.jsonl"
    async with Gateway(Captures.load(path)) as gateway:
        recording = tmp_path / "recorded.jsonl"
        await namespace["record"](gateway.port, "DU0000001", str(recording))
        recorded = [json.loads(line) for line in recording.read_text().splitlines()]
        assert recorded == gateway.sent[0]
    assert recorded == [json.loads(line) for line in path.read_text().splitlines()]
