"""Every route, called with what the OpenAPI document allows and with what it forbids.

No 5xx, no status or header that is not documented, no body that does not fit its schema, nothing forbidden that is
accepted, nothing allowed that is refused; also in sequences of calls that use one another's answers.
"""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from ibconnect.http.resources.registry import POSTS, ROUTES
from tests.serving import GATEWAY, Served, admin, build_world, serving, tell_gateway

FULL = "full-token-0123456789"
LIMITED = "limited-token-0123456789@DU1000001"
_CASES = 20_000
"""How many are asked for: what is more depends on how much there is of each route."""
TOKENS = {"none": {}, "full": {"API_TOKENS": FULL}, "limited": {"API_TOKENS": f"{FULL} {LIMITED}"}}


def serve_every_refresh(url: str) -> None:
    """A gateway is connected and has served every request for a refresh there will ever be."""
    with admin(url) as connection:
        tell_gateway(connection)
        connection.execute(
            "UPDATE coordination.gateway SET heartbeat = now() + INTERVAL '1 day' WHERE name = %s", (GATEWAY,)
        )
        connection.execute("UPDATE refresh SET request = 9223372036854775807")


def allowed() -> str:
    """Settings of the run, for what the schema cannot say.

    Something is refused because of another parameter (``from`` after ``to``), there is nothing of that name, or
    what may be said several times makes a line that is too long.
    """
    depend = {"from", "tag", "tz", "account"}
    operations = [route.name for route in ROUTES if depend & {parameter.name for parameter in route.parameters}]
    # What an octet stream holds no schema says.
    operations += [route.name for route in POSTS]
    accepted = '["2xx", "3xx", 400, 401, 403, 404, 409, 415, 422, 429, 431, "5xx"]'
    rejected = '[400, 401, 403, 404, 405, 406, 409, 415, 422, 428, 429, 431, "5xx"]'
    return "".join(
        f'[[operations]]\ninclude-operation-id = "{name}"\n'
        f"checks.positive_data_acceptance.expected-statuses = {accepted}\n"
        f"checks.negative_data_rejection.expected-statuses = {rejected}\n"
        for name in operations
    )


async def schemathesis(served: Served, folder: Path, examples: int, *options: str) -> int:
    """Run all checks and phases; return the number of cases."""
    (folder / "schemathesis.toml").write_text(allowed(), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/v1/openapi.json"),
        *("--checks", "all", "--max-examples", str(examples), "--max-redirects", "0", "--request-timeout", "60"),
        # How long an answer takes says how busy the machine is.
        *("--max-response-time", "60"),
        *("--generation-deterministic", "--no-color", *options),
    ]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode()
    assert process.returncode == 0, text[-20_000:]
    # A pattern that it cannot read is one that it does not test.
    assert "Unsupported regex patterns" not in text, text[-5_000:]
    counted = re.search(r"(\d+) generated", text)
    assert counted is not None, text[-5_000:]
    return int(counted[1])


async def _cases(url: str, token: str, folder: Path, examples: int, *options: str) -> int:
    header = {"none": (), "full": ("-H", f"Authorization: Bearer {FULL}")}
    header["limited"] = ("-H", f"Authorization: Bearer {LIMITED.partition('@')[0]}")
    async with serving(url, **TOKENS[token]) as served:
        return await schemathesis(served, folder, examples, *header[token], *options)


@pytest.mark.timeout(240)
async def test_a_short_round(database_url: str, tmp_path: Path) -> None:
    build_world(database_url)
    serve_every_refresh(database_url)
    assert await _cases(database_url, "full", tmp_path, 3, "--phases", "examples,fuzzing") > 250


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_twenty_thousand_cases(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_world(database_url)
    serve_every_refresh(database_url)
    folders = {token: tmp_path / token for token in TOKENS}
    for folder in folders.values():
        folder.mkdir()
    examples = _CASES // (len(TOKENS) * len(ROUTES))
    # One run after the other would leave a core idle: a run is one process that waits for each answer.
    async with asyncio.TaskGroup() as tasks:
        runs = [
            tasks.create_task(_cases(database_url, token, folder, examples, "--workers", "2"))
            for token, folder in folders.items()
        ]
    counts = [run.result() for run in runs]
    with capsys.disabled():
        print(f"\nschemathesis: {sum(counts)} cases, by token {dict(zip(TOKENS, counts, strict=True))}")
    assert sum(counts) >= 20_000
