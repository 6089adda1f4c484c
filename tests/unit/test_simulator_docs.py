"""docs/simulator.md names every message, option, fault and action; its script records what a gateway sends."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

from ibconnect.simulator import Captures, Gateway

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "simulator.md").read_text()


def test_the_tables_are_those_of_the_code() -> None:
    """Every request, message, option, fault and action."""
    module = runpy.run_path(str(ROOT / "tools" / "simulator.py"))
    assert set(re.findall(r"<!-- (\w+): make docs -->", DOCS)) == set(module["tables"]())
    assert module["render"](DOCS) == DOCS, "run make docs"


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
