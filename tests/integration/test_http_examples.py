"""The programs in examples/ run as their readers would run them."""

import asyncio
import os
import shutil
import sys

import orjson
import pytest

from tests.paths import ROOT
from tests.serving import DU1, Served, at, build_world, serving

TOKEN = "example-token-0123456789"


async def run(*command: str, **environment: str) -> tuple[str, str]:
    """Standard output and error of a command that must succeed."""
    pipe = asyncio.subprocess.PIPE
    environment = {"PATH": os.environ["PATH"], "TOKEN": TOKEN, **environment}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(60):
            output, error = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, error.decode()
    return output.decode(), error.decode()


def program(name: str) -> str:
    """A program that must be on this machine for the test to make sense."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found


async def test_curl(world_url: str) -> None:
    program("curl")
    async with serving(world_url, API_TOKENS=TOKEN) as served:
        output, error = await run("sh", "examples/report.sh", served.url)
    assert "Refresh-Incomplete: " in error, "no gateway is connected: the report is the stored one"
    assert (orjson.loads(output)["AccountCode"], orjson.loads(output)["Timestamp"]) == (DU1, at(4))


async def test_python(database_url: str) -> None:
    build_world(database_url, 3, gap_after=1)
    async with serving(database_url, API_TOKENS=TOKEN) as served:
        output, _ = await run(sys.executable, "examples/equity_curve.py", DU1, served.url)
    figures = [line.split()[-1] for line in output.splitlines() if "Z" in line]
    assert figures
    assert set(figures) <= {"100000.10", "100001.10", "100002.10"}, "with all their digits"


async def test_javascript(served: Served) -> None:
    node = program("node")
    output, _ = await run(node, "examples/follow.mjs", served.url, "5", TOKEN="", AFTER="2")
    lines = output.splitlines()
    assert len(lines) == 5
    assert lines[0].endswith("4 2 -1 2104 farm of DU1000002 is OK ")
