"""The simulated market over TCP: real clients, unmodified, see what its books say, also from a replay or a capture."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ibconnect.simulator import Captures, Gateway, Scenario
from ibconnect.simulator.control import perform
from ibconnect.simulator.replay.server import Replay
from ibconnect.simulator.scenario.blotter import Fill
from ibconnect.simulator.wire.layouts import UNSET_DOUBLE
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


@pytest.mark.parametrize("version", [200, pytest.param(178, marks=pytest.mark.slow)])
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


async def test_a_replay_tells_the_profits_of_accounts_apart(database_url: str) -> None:
    """Answers to reqPnL name no account; the recorder has noted whom it asked about."""
    stream = Stream()
    stream.message("15", "1", "DU1,DU2", timed=True)
    stream.message("9", "1", "1")
    for number, account in enumerate(("DU1", "DU2"), 51):
        stream.own("qa", report="pnl", request=number, account=account)
    stream.own("qa", report="pnl", request=53, account="DU2", contract=265598)
    for number in (52, 51, 51):
        stream.message("94", str(number), UNSET_DOUBLE if number == 52 else "1.50", "2.00", str(number))
    stream.message("95", "53", "10", "1.00", "2.00", "3.00", "40.00")
    store(database_url, stream.events)
    async with (
        Replay(database_url, sessions_of(database_url), speed=math.inf, patience=0.1) as replay,
        RawClient(replay.port) as client,
    ):
        await client.until("9")
        for number, (account, recorded) in enumerate((("DU1", "51"), ("DU2", "52"), ("DU1", "51"))):
            client.send("92", str(number), account, "")
            row = (await client.until(lambda m, number=number: m[:2] == ["94", str(number)]))[-1]
            assert row[4] == recorded
        assert (await client.ask("94", "8", "DU2", "", "265598", end="95"))[-1][1:3] == ["8", "10"]
        for request in (("92", "9", "DU3", ""), ("94", "9", "DU2", "", "1")):
            client.send(*request)
            assert (await client.error())[:2] == (9, 322)


async def test_a_capture_answers_what_it_holds(tmp_path: Path) -> None:
    scenario = busy()
    contracts = contracts_of(scenario)
    path = tmp_path / "market.jsonl"
    path.write_text("".join(json.dumps(message) + "\n" for message in await conversation(scenario, 200)))
    async with Gateway(Captures.load(path)) as gateway:
        _, seen = await official(gateway.port, contracts)
    check(seen, books(scenario, contracts))


EXECUTIONS = ("7", "3", "150", "0", *[""] * 6, "", "0")


async def test_duplicates_late_commissions_and_a_cut_in_the_middle() -> None:
    scenario = busy()
    async with Gateway(scenario, speed=1e-6) as gateway, RawClient(gateway.port) as client:
        await client.logged_in()
        usual = await client.ask(*EXECUTIONS, end="55")
        assert {message[0] for message in usual} >= {"11", "59"}
        gateway.inject("twice", only="11+59", count=len(usual))
        twice = await client.ask(*EXECUTIONS, end="55")
        assert twice[:-1:2] == twice[1::2]
        assert twice[::2] == usual
        gateway.clear_faults()
        gateway.inject("late-commissions")
        await client.ask(*EXECUTIONS, end="55")
        client.send("49", "1")
        late = [message for message in await client.until("49") if message[0] == "59"]
        assert late == [message for message in usual if message[0] == "59"]
        gateway.clear_faults()
        gateway.inject("drop", only="11", skip=3)
        client.send(*EXECUTIONS)
        assert [(await client.read())[0] for _ in range(3)].count("11") >= 1
        await client.ended()


async def test_answers_to_several_requests_may_be_mixed() -> None:
    scenario = busy()
    async with Gateway(scenario, speed=1e-6) as gateway, RawClient(gateway.port) as client:
        await client.logged_in()
        alone = {end: await client.ask(*fields, end=end) for fields, end in asking([])[:3]}
        gateway.inject("mixed")
        for fields, _ in asking([])[:3]:
            client.send(*fields)
        mixed = [await client.read() for _ in range(sum(map(len, alone.values())))]
        for answer in alone.values():
            assert [message for message in mixed if message in answer] == answer
        kinds = [message[0] for message in mixed]
        assert kinds.index("11") < kinds.index("53") < kinds.index("55")
        assert kinds.index("101") < kinds.index("53")


async def test_read_only_refuses_orders_and_nothing_else() -> None:
    scenario = busy()
    async with Gateway(scenario, speed=1e-6, read_only=True) as gateway, RawClient(gateway.port) as client:
        await client.logged_in()
        for fields in (["16", "1"], ["5", "1"], ["99", "0"], ["15", "1", "1"]):
            client.send(*fields)
            request, code, words = await client.error()
            assert (request, code) == (-1, 321)
            assert "Read-Only mode" in words
        await client.ask("7", "3", "150", "0", *[""] * 6, end="55")
        await client.ask("92", "1", scenario.codes()[0], "", end="94")
        await client.ask("61", "1", end="62")


async def test_what_happens_is_pushed_to_client_0_and_the_master_client_only() -> None:
    scenario = Scenario(accounts=2, positions=4, activity=0.0, orders=0.0)
    world = scenario.world
    async with (
        Gateway(scenario, speed=1e-6, master_client=77) as gateway,
        RawClient(gateway.port, 0) as zero,
        RawClient(gateway.port, 77) as master,
        RawClient(gateway.port, 5) as other,
    ):
        for client in (zero, master, other):
            await client.logged_in()
        world.trade_something(world.clients()[0])
        gateway.publish()
        for client in (zero, master):
            client.send("49", "1")
            told = (await client.until("49"))[:-1]
            assert {message[0] for message in told} == {"3", "5", "11", "59"}
            assert [m[14] for m in told if m[0] == "11"] == [fill.exec_id for fill in world.fills]
            assert [m[2] for m in told if m[0] == "3"][-1] == "Filled"
            assert {m[1] for m in told if m[0] == "11"} == {"-1"}
        other.send("49", "1")
        assert [message[0] for message in await other.until("49")] == ["49"]


@pytest.mark.parametrize(
    ("place", "value", "keep"),
    [
        (3, "7", lambda fill: fill.client_id == 7),
        (4, "U0011002", lambda fill: fill.account == "U0011002"),
        (5, "20260105-14:33:00", lambda fill: fill.at >= datetime(2026, 1, 5, 14, 33, tzinfo=UTC)),
        (5, "20260105 09:33:00", lambda fill: fill.at >= datetime(2026, 1, 5, 14, 33, tzinfo=UTC)),
        (5, "20260105 15:33:00 MET", lambda fill: fill.at >= datetime(2026, 1, 5, 14, 33, tzinfo=UTC)),
        (6, "AAPL", lambda fill: fill.instrument.symbol == "AAPL"),
        (7, "OPT", lambda fill: fill.instrument.sec_type == "OPT"),
        (8, "CBOE", lambda fill: fill.exchange == "CBOE"),
        (9, "SELL", lambda fill: fill.side == "SLD"),
    ],
)
async def test_a_filter_is_obeyed(place: int, value: str, keep: Callable[[Fill], bool]) -> None:
    scenario = busy()
    expected = [f.exec_id for fill in scenario.world.fills if keep(fill) for f in (*fill.earlier, fill)]
    assert 0 < len(expected) < len(scenario.world.fills)
    request = list(EXECUTIONS)
    request[place] = value
    async with Gateway(scenario, speed=1e-6) as gateway, RawClient(gateway.port, versions="v200") as client:
        await client.until("9")
        found = [message[14] for message in await client.ask(*request, end="55") if message[0] == "11"]
        assert found == expected


async def test_executions_of_today_or_of_some_days() -> None:
    scenario = Scenario(accounts=2, positions=4, activity=0.0, start=datetime(2026, 1, 5, 20, tzinfo=UTC))
    world = scenario.world
    for day in range(4):
        world.beats = day * 86_400
        world.trade_something(world.clients()[0])
    times = {fill.exec_id: world.days.local(fill.at) for fill in world.fills}
    cases = {("", "0"): (8,), ("1", "0"): (8,), ("3", "0"): (6, 7, 8), ("", "2", "20260105", "20260107"): (5, 7)}
    async with Gateway(scenario, speed=1e-6) as gateway, RawClient(gateway.port, versions="v200") as client:
        await client.until("9")
        for asked, days in cases.items():
            rows = [m for m in await client.ask(*EXECUTIONS[:10], *asked, end="55") if m[0] == "11"]
            assert [row[14] for row in rows] == [key for key, at in times.items() if at.day in days]
            assert all(row[15] == f"{times[row[14]]:%Y%m%d %H:%M:%S} US/Eastern" for row in rows)
        async with RawClient(gateway.port, 2, versions="v199") as older:
            await older.until("9")
            rows = [m for m in await older.ask(*EXECUTIONS[:10], end="55") if m[0] == "11"]
            assert all(row[15] == f"{times[row[14]]:%Y%m%d  %H:%M:%S}" for row in rows)


async def test_a_filter_that_cannot_be_read_is_error_320() -> None:
    async with Gateway(Scenario(), speed=1e-6) as gateway, RawClient(gateway.port) as client:
        await client.logged_in()
        for time in ("yesterday", "20261301-00:00:00", "20260105 10:00:00 No/Where", "20260105 10:00:00 ../x"):
            client.send("7", "3", "9", "0", "", time, "", "", "", "")
            assert (await client.error())[1] == 320


async def test_a_message_can_be_lost() -> None:
    async with Gateway(busy(), speed=1e-6) as gateway, RawClient(gateway.port) as client:
        await client.logged_in()
        usual = await client.ask(*EXECUTIONS, end="55")
        gateway.inject("lost", only="59", skip=1)
        reports = [message for message in usual if message[0] == "59"]
        seen = [message for message in await client.ask(*EXECUTIONS, end="55") if message[0] == "59"]
        assert seen == [reports[0], *reports[2:]]


async def test_the_directory_and_the_books_can_be_acted_on_and_read() -> None:
    scenario = Scenario(accounts=2, positions=3, advisor=True, activity=0.0)
    async with Gateway(scenario, speed=1e-6) as gateway, RawClient(gateway.port) as client:
        await client.logged_in()
        _, one, two = scenario.codes()
        con_id = contracts_of(scenario)[0]
        for line in (
            {"do": "set-alias", "account": one, "alias": "A & B"},
            {"do": "set-group", "group": "Mine", "accounts": [two], "method": "NetLiq"},
            {"do": "remove-group", "group": "First"},
            {"do": "rename-contract", "con_id": con_id, "name": "OTHER INC"},
            {"do": "trade", "account": one},
            {"do": "skip", "seconds": 3600},
        ):
            assert perform(gateway, json.dumps(line)) == {"ok": True}
        groups = (await client.ask("18", "1", "1", end="16"))[-1][3]
        assert f'<name>Mine</name><ListOfAccts varName="list"><String>{two}</String></ListOfAccts>' in groups
        assert "<name>First</name>" not in groups
        assert "<alias>A &amp; B</alias>" in (await client.ask("18", "1", "3", end="16"))[-1][3]
        details = asking([con_id])[3][0]
        assert "OTHER INC" in (await client.ask(*details, end="52"))[-2]
        told = perform(gateway, '{"do": "books"}')
        assert [fill["exec_id"] for fill in told["fills"]] == [fill.exec_id for fill in scenario.world.fills]
        assert [Decimal(fill["shares"]) for fill in told["fills"]] == [fill.shares for fill in scenario.world.fills]
        assert [order["states"][-1]["status"] for order in told["orders"]] == ["Filled"]
        assert {row["account"] for row in told["profits"]} == set(scenario.codes())
        assert scenario.world.beats == 3600


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"do": "set-alias", "account": "DU1", "alias": "x"}', "not one of"),
        ('{"do": "set-group", "group": "x", "accounts": "DU1"}', "a list"),
        ('{"do": "set-group", "group": "x", "accounts": [], "method": 1}', "method"),
        ('{"do": "set-group", "group": "x", "accounts": ["DU1"]}', "not one of"),
        ('{"do": "remove-group", "group": "x"}', "no group"),
        ('{"do": "rename-contract", "con_id": 1, "name": "x"}', "con_id"),
        ('{"do": "rename-contract", "con_id": [], "name": "x"}', "con_id"),
        ('{"do": "skip", "seconds": 0}', "seconds"),
    ],
)
async def test_commands_that_make_no_sense_are_told(line: str, complaint: str) -> None:
    async with Gateway(Scenario(), speed=1e-6) as gateway:
        answer = perform(gateway, line)
    assert not answer["ok"]
    assert complaint in answer["error"]
