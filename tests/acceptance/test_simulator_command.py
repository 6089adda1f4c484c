"""``ibconnect simulate`` as a process: its arguments, its faults, its end."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree

import aiohttp
import pytest

from ibconnect.cli.simulate import parse_fault
from ibconnect.simulator.faults.registry import FAULTS
from tests.acceptance.clients.raw import RawClient
from tests.waiting import DEADLINE_S

CAPTURES = Path(__file__).parents[1] / "fixtures" / "captures"


@asynccontextmanager
async def _simulate(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ibconnect",
        "simulate",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)).decode().strip()


def _port(line: str) -> int:
    return int(line.split("127.0.0.1:")[1].split(":", maxsplit=1)[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_plays_captures_until_a_signal(number: signal.Signals) -> None:
    files = [str(CAPTURES / f"{name}.jsonl") for name in ("eur-margin", "usd-demo-universal")]
    arguments = [argument for file in files for argument in ("--capture", file)]
    async with _simulate("--port", "0", *arguments) as process:
        line = await _line(process)
        assert line.endswith(": DU0000001, DU0000002")
        async with RawClient(_port(line)) as client:
            rows = await client.ask("6", "2", "1", "DU0000002", end="54")
            assert ["6", "2", "AccountCode", "DU0000002", "", "DU0000002"] in rows
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), DEADLINE_S) == 0


async def test_faults_and_the_control_port_by_arguments() -> None:
    arguments = ("--seed", "3", "--accounts", "2", "--fault", "drop:skip=4", "--control-port", "0", "--rate", "max")
    async with _simulate("--port", "0", *arguments) as process:
        control = await _line(process)
        assert control.startswith("control port: 127.0.0.1:")
        async with RawClient(_port(await _line(process))) as client:
            with pytest.raises(asyncio.IncompleteReadError):
                await client.logged_in()
            assert len(client.seen) == 4
        reader, writer = await asyncio.open_connection("127.0.0.1", int(control.rsplit(":", 1)[1]))
        writer.write(b'{"do": "status"}\n')
        assert b'"accounts": ["DU0003001", "DU0003002"]' in await asyncio.wait_for(reader.readline(), DEADLINE_S)
        writer.close()


async def test_a_trace_tells_what_clients_do() -> None:
    async with _simulate("--port", "0", "--trace", "--seed", "3") as process:
        port = _port(await _line(process))
        async with RawClient(port, 8) as client:
            await client.logged_in()
            await client.ask("49", "1", end="49")
        told = [await _line(process) for _ in range(3)]
    assert told == [
        "client 8 logged in, server version 178",
        "client 8 reqCurrentTime: 49,1",
        "client 8 gone after 6 messages",
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--capture", "/nothing.jsonl"], "/nothing.jsonl: No such file or directory"),
        (["--fault", "explode"], "no fault 'explode'"),
        (["--fault", "drop:what=1"], "no parameter what"),
        (["--server-version", "201"], "157 to 200 are spoken"),
        (["--accounts", "0"], "at least 1 account"),
        (["--flex-port", "0", "--capture", str(CAPTURES / "eur-margin.jsonl")], "recordings have no books"),
        (["--flex-port", "0", "--flex-fault", "explode"], "Flex fault 'explode'"),
        (["--flex-port", "0", "--flex-query", "1:dates=never"], "'never' is not one of yyyyMMdd"),
    ],
)
async def test_what_cannot_be_done_is_said_on_one_line(arguments: list[str], complaint: str) -> None:
    async with _simulate("--port", "0", *arguments) as process:
        _, error = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode == 1
        assert complaint in error.decode()
        assert error.decode().count("\n") == 1


async def test_statements_of_a_scenario_can_be_had_beside_its_gateway() -> None:
    arguments = ("--flex-port", "0", "--flex-history", "30d", "--flex-every-day", "--no-flex-pacing")
    query = ("--flex-query", "5:dates=yyyy-MM-dd,sections=ChangeInNAV+Trades")
    start = ("--start", "2026-03-05T12:00Z", "--control-port", "0", "--accounts", "2")
    async with _simulate("--port", "0", *arguments, *query, *start) as process, aiohttp.ClientSession() as session:
        told = re.fullmatch(r"Flex service: (\S+), queries 5, token (\w+)", await _line(process))
        assert told is not None
        control = await _line(process)
        _port(await _line(process))
        params = {"t": told[2], "q": "5", "v": "3", "fd": "20260101", "td": "20260601"}
        async with session.get(f"{told[1]}/SendRequest", params=params) as response:
            ordered = ElementTree.fromstring(await response.text())
        params["q"] = ordered.findtext("ReferenceCode", "")
        async with session.get(ordered.findtext("Url", ""), params=params) as response:
            document = ElementTree.fromstring(await response.text())
        days = [each.attrib["toDate"] for each in document.findall("FlexStatements/FlexStatement")]
        assert len(days) == 60
        assert (min(days), max(days)) == ("2026-02-03", "2026-03-04")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(control.rsplit(":", 1)[1]))
        writer.write(b'{"do": "flex-asked"}\n')
        answer = json.loads(await reader.readline())
        assert [each["code"] for each in answer["asked"]] == [0, 0]
        writer.close()


async def test_help_names_every_fault() -> None:
    async with _simulate("--help") as process:
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert [name for name in FAULTS if f"  {name}  " not in out.decode()] == []
    assert "next free code (DU0000001" in " ".join(out.decode().split())


def test_faults_are_read_from_text() -> None:
    assert parse_fault("drop") == ("drop", {})
    assert parse_fault("slow:interval=0.1,seconds=3") == ("slow", {"interval": "0.1", "seconds": "3"})
