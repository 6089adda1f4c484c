"""A report's part of the simulated gateway is one file and one line: family codes, taken out and put in again."""

import ast
import asyncio
from pathlib import Path

import pytest
from ib_async import IB
from ib_async.objects import FamilyCode

from ibconnect.simulator.scenario.registry import MESSAGES, PARTS, REQUESTS
from tests.acceptance.clients.raw import RawClient
from tests.families.tree import add_part, copy_program, remove_part
from tests.paths import CAPTURES, ROOT
from tests.processes import process
from tests.waiting import DEADLINE_S, until

SCENARIO = ROOT / "ibconnect" / "simulator" / "scenario"


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program without the part: a file less, and the two places of its line in the registry."""
    root = copy_program(tmp_path_factory.mktemp("without"))
    remove_part(root)
    return root


@pytest.fixture(scope="module")
def with_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a part of the tests' own: one file, one line."""
    root = copy_program(tmp_path_factory.mktemp("with"))
    add_part(root)
    return root


async def family_codes(port: int) -> list[FamilyCode]:
    """What ib_async gets."""
    ib = IB()
    got: list[FamilyCode] = []
    ib.wrapper.familyCodes = got.extend
    await ib.connectAsync("127.0.0.1", port, clientId=3, timeout=DEADLINE_S)
    try:
        ib.client.reqFamilyCodes()
        await until(lambda: got, "the family codes have come")
        return got
    finally:
        ib.disconnect()


async def test_a_scenario_answers_by_the_new_part(with_toy: Path, tmp_path: Path) -> None:
    arguments = ("simulate", "--port", "0", "--accounts", "2", "--frozen")
    with process(tmp_path / "log", *arguments, root=with_toy) as gateway:
        got = await family_codes(int(await asyncio.to_thread(lambda: gateway.said(r"127\.0\.0\.1:(\d+)")[1])))
    assert got == [FamilyCode("DU0001001", "F1"), FamilyCode("DU0001002", "F2")]


async def test_recordings_answer_by_the_new_part(with_toy: Path, tmp_path: Path) -> None:
    recording = tmp_path / "recording.jsonl"
    lines = (CAPTURES / "eur-cfd.jsonl").read_text().splitlines()
    recording.write_text("\n".join(['["78", "1", "DU0000001", "Smith"]', *lines]))
    with process(tmp_path / "log", "simulate", "--port", "0", "--capture", str(recording), root=with_toy) as gateway:
        got = await family_codes(int(await asyncio.to_thread(lambda: gateway.said(r"127\.0\.0\.1:(\d+)")[1])))
    assert got == [FamilyCode("DU0000001", "Smith")]


async def test_without_the_part_nothing_knows_the_request(without: Path, tmp_path: Path) -> None:
    with process(tmp_path / "log", "simulate", "--port", "0", "--accounts", "1", root=without) as gateway:
        port = int(await asyncio.to_thread(lambda: gateway.said(r"127\.0\.0\.1:(\d+)")[1]))
        async with RawClient(port) as client:
            await client.logged_in()
            client.send("80", "1")
            assert (await client.error())[:2] == (-1, 320)


def test_each_part_is_a_module_of_its_own_that_imports_no_other() -> None:
    modules = {
        path.stem: {
            name.name if isinstance(node, ast.Import) else f"{node.module}.{name.name}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
        }
        for path in SCENARIO.glob("*.py")
        if "\nPART = Part(" in path.read_text()
    }
    assert len(modules) == len(PARTS)
    for name, imported in modules.items():
        others = {f"ibconnect.simulator.scenario.{other}" for other in modules if other != name}
        assert not {each for each in imported if each.startswith(tuple(others))} - {
            f"ibconnect.simulator.scenario.{name}_recorded"
        }, name


def test_the_tables_hold_what_all_parts_have() -> None:
    assert len(REQUESTS) == sum(len(part.requests) for part in PARTS)
    assert len(MESSAGES) == sum(len(part.messages) for part in PARTS)
