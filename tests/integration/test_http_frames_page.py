"""docs/frames.md: what it has people paste into Python runs, and prints what it says."""

import asyncio
import re
import sys
from pathlib import Path

import orjson

from tests.paths import ROOT
from tests.serving import serving
from tests.waiting import DEADLINE_S

PAGE = ROOT / "docs" / "frames.md"
TOKEN = "frames-token-0123456789"
_BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
# Reads the blocks as JSON, runs them one after the other as a reader would, and prints what each has printed.
_RUN = """
import contextlib, io, json, sys
names, printed = {}, []
for code in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(code, "docs/frames.md", "exec"), names)
    printed.append(said.getvalue())
json.dump(printed, sys.stdout)
"""


async def test_python_prints_what_the_page_says(world_url: str, tmp_path: Path) -> None:
    blocks = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) > 4
    async with serving(world_url, API_TOKENS=f"{TOKEN}@*") as served:
        codes = [code.replace("http://localhost:3000", served.url) for code, _ in blocks]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _RUN,
            cwd=tmp_path,
            env={"TOKEN": TOKEN, "HOME": str(tmp_path)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(2 * DEADLINE_S):
            printed, failed = await process.communicate(orjson.dumps(codes))
    assert process.returncode == 0, failed.decode()
    assert orjson.loads(printed) == [said for _, said in blocks]
