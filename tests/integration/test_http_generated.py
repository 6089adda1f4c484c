"""Clients that others generate of the API's description: they are made, and give reports behind redirects."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.npm import environment, installed
from tests.serving import DU1, Served, serving
from tests.waiting import DEADLINE_S

SOURCES = Path(__file__).parent / "generated"
TOKEN = "generated-token-0123456789"


@pytest.fixture
async def guarded(world_url: str) -> AsyncIterator[Served]:
    """A server that wants a token."""
    async with serving(world_url, API_TOKENS=f"{TOKEN}@*") as served:
        served.client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield served


async def run(*command: object, cwd: Path) -> str:
    """What a program prints, which has to end well; the server answers it meanwhile."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env=environment(PATH=os.pathsep.join([str(Path(sys.executable).parent), environment()["PATH"]])),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(2 * DEADLINE_S):
        printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode()


async def answers(served: Served) -> dict[str, Any]:
    """What the clients have to have read."""
    async with served.get("/v1/accounts") as response:
        accounts = [account["AccountCode"] for account in await response.json()]
    async with served.get(f"/v1/accounts/{DU1}", allow_redirects=True) as response:
        report = await response.json()
    async with served.get(f"/v1/accounts/{DU1}/snapshots") as response:
        times = await response.json()
    async with served.get(f"/v1/accounts/{DU1}/history?tag=NetLiquidation") as response:
        points = len((await response.json())["Points"])
    assert accounts[0] == DU1
    return {
        "accounts": accounts,
        "reports": [report["Timestamp"]] * 3,
        "netLiquidation": report["Balance"]["NetLiquidation"],
        "positions": [position["Symbol"] for position in report["Positions"]],
        "values": [value["Value"] for value in report["Values"]],
        "points": points,
        "times": len(times),
        "problem": "urn:ibconnect:problem:unknown-account",
    }


async def described(served: Served, directory: Path) -> Path:
    """The description, as a file."""
    async with served.get("/v1/openapi.json") as response:
        (path := directory / "openapi.json").write_bytes(await response.read())
    return path


async def test_a_client_in_python(guarded: Served, tmp_path: Path) -> None:
    description = await described(guarded, tmp_path)
    package = tmp_path / "ibconnect_client"
    make = ("generate", "--path", description, "--output-path", package, "--meta", "none", "--fail-on-warning")
    await run(Path(sys.executable).parent / "openapi-python-client", *make, cwd=tmp_path)
    shutil.copy(SOURCES / "client.py", tmp_path)
    found = json.loads(await run(sys.executable, "client.py", guarded.url, TOKEN, cwd=tmp_path))
    expected = await answers(guarded)
    assert [time.replace("+00:00", "Z") for time in found.pop("reports")] == expected.pop("reports")
    assert found == expected


async def test_a_client_in_typescript(guarded: Served, tmp_path: Path) -> None:
    modules = installed(SOURCES)
    (tmp_path / "node_modules").symlink_to(modules)
    for name in ("client.ts", "package.json", "tsconfig.json"):
        shutil.copy(SOURCES / name, tmp_path)
    description = await described(guarded, tmp_path)
    await run(modules / ".bin" / "openapi-typescript", description, "-o", "api.d.ts", cwd=tmp_path)
    await run(modules / ".bin" / "tsc", cwd=tmp_path)
    found = json.loads(await run("node", "client.js", guarded.url, TOKEN, cwd=tmp_path))
    assert found == await answers(guarded)
