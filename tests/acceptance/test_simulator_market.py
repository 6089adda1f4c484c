"""The simulated market over TCP: real clients, unmodified, see what its books say, also from a replay or a capture."""

import json
import math
from pathlib import Path

import pytest

from ibconnect.simulator import Captures, Gateway, Scenario
from ibconnect.simulator.replay.server import Replay
from tests.acceptance.clients.raw import Message, RawClient
from tests.acceptance.market_books import CLIENTS, Books, books, busy, contracts_of, ib_async, official, stoqey
from tests.acceptance.test_replay import sessions_of
from tests.npm import installed
from tests.projecting import Stream
from tests.projecting import record as store


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The JavaScript client."""
    return installed(CLIENTS)


def check(seen: Books, expected: Books) -> None:
    """Each table in turn, so that a failure names its row."""
    for table, rows in expected.items():
        assert seen[table].keys() == rows.keys(), table
        for key, row in rows.items():
            assert seen[table][key] == row, (table, key)


def asking(contracts: list[int]) -> list[tuple[list[str], str]]:
    """The requests for everything, each with the message that ends its answer."""
    none = [""] * 11
    details = [["9", "8", str(200 + n), str(con_id), *none, "0", "", "", ""] for n, con_id in enumerate(contracts)]
    return [
        (["16", "1"], "53"),
        (["99", "0"], "102"),
        (["7", "3", "150", "0", *[""] * 6, "", "0"], "55"),
        *((fields, "52") for fields in details),
        (["18", "1", "1"], "16"),
        (["18", "1", "3"], "16"),
        (["80"], "78"),
    ]


async def conversation(scenario: Scenario, version: int) -> list[Message]:
    """Everything that a gateway says to one who asks for everything."""
    async with Gateway(scenario, speed=1e-6) as gateway, RawClient(gateway.port, 41, f"v157..{version}") as client:
        await client.until("9")
        for fields, end in asking(contracts_of(scenario)):
            await client.ask(*fields, end=end)
        return client.seen


async def test_every_client_sees_what_the_books_say(node_modules: Path) -> None:
    scenario = busy()
    contracts = contracts_of(scenario)
    expected = books(scenario, contracts)
    assert all(len(rows) > 1 for rows in expected.values())
    async with Gateway(scenario, speed=1e-6) as gateway:
        version, seen = await official(gateway.port, contracts)
        assert version == 200
        check(seen, expected)
        version, seen = await ib_async(gateway.port, contracts)
        assert version == 178
        check(seen, expected)
        version, seen = await stoqey(gateway.port, contracts, node_modules)
        assert version == 193
        check(seen, expected)


@pytest.mark.parametrize("version", [178, 200])
async def test_a_replay_answers_what_was_recorded(database_url: str, node_modules: Path, version: int) -> None:
    scenario = busy()
    contracts = contracts_of(scenario)
    stream = Stream(server_version=str(version), connection_time="20260105 09:35:00 EST")
    for message in await conversation(scenario, version):
        stream.message(*message, timed=message[0] == "9")
    store(database_url, stream.events)
    expected = books(scenario, contracts)
    async with Replay(database_url, sessions_of(database_url), speed=math.inf, patience=0.2) as replay:
        seen_version, seen = await official(replay.port, contracts)
        assert seen_version == version
        check(seen, expected)
        _, seen = await ib_async(replay.port, contracts)
        check(seen, expected)
        _, seen = await stoqey(replay.port, contracts, node_modules)
        check(seen, expected)


async def test_a_capture_answers_what_it_holds(tmp_path: Path) -> None:
    scenario = busy()
    contracts = contracts_of(scenario)
    path = tmp_path / "market.jsonl"
    path.write_text("".join(json.dumps(message) + "\n" for message in await conversation(scenario, 200)))
    async with Gateway(Captures.load(path)) as gateway:
        _, seen = await official(gateway.port, contracts)
    check(seen, books(scenario, contracts))
