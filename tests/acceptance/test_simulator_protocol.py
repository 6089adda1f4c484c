"""The simulated gateway's rules, as a client sees them that reads every byte."""

import asyncio
import json
from pathlib import Path

import pytest

from ibconnect.errors import SimulatorError
from ibconnect.simulator import Captures, Gateway, Scenario
from ibconnect.simulator.scenario.registry import MESSAGES, REQUESTS
from tests.acceptance.clients.raw import RawClient
from tests.waiting import DEADLINE_S, until

CAPTURES = sorted((Path(__file__).parents[1] / "fixtures" / "captures").glob("*.jsonl"))


def _recorded(path: Path) -> list[list[str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _frozen(**plan: object) -> Scenario:
    return Scenario(frozen=True, **{"accounts": 2, "positions": 4, **plan})


async def test_a_login_begins_as_a_real_one() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port) as client:
        messages = await client.until(lambda m: m[:4] == ["4", "2", "-1", "2158"])
        assert client.version == 178
        assert [m[0] for m in messages] == ["15", "9", "4", "4", "4"]
        assert messages[0] == ["15", "1", ",".join(gateway.source.codes())]
        assert messages[1] == ["9", "1", "1"]
        assert [m[3] for m in messages[2:]] == ["2104", "2106", "2158"]
        assert gateway.sent == [messages]


@pytest.mark.parametrize(
    ("offered", "newest", "agreed"),
    [
        ("v157..178", 178, 178),
        ("v157..178", 176, 176),
        ("v100..225", 178, 178),
        ("v100..165", 200, 165),
        ("v194", 200, 194),
    ],
)
async def test_the_newest_common_version_is_agreed(offered: str, newest: int, agreed: int) -> None:
    async with (
        Gateway(_frozen(), server_version=newest) as gateway,
        RawClient(gateway.port, versions=offered) as client,
    ):
        assert client.version == agreed
        notice = (await client.until("4"))[-1]
        assert len(notice) == (5 if agreed < 166 else 6)
        assert "Market data farm connection is OK:usfarm" in notice


@pytest.mark.parametrize(
    ("offered", "text"),
    [
        ("v100..150", "The socket client is out of date and needs to be upgraded."),
        ("v201..225", "The TWS is out of date and must be upgraded."),
    ],
)
async def test_a_version_that_cannot_be_spoken_is_refused(offered: str, text: str) -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port, client_id=None, versions=offered) as client:
        assert text in await client.read()
        await client.ended()


async def test_what_is_no_api_client_is_refused() -> None:
    async with Gateway(_frozen()) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
        assert b"503" in answer
        writer.close()


async def test_one_account_at_a_time_over_all_clients() -> None:
    async with (
        Gateway(_frozen()) as gateway,
        RawClient(gateway.port, 1) as first,
        RawClient(gateway.port, 7) as second,
    ):
        one, two = gateway.source.codes()
        await first.ask("6", "2", "1", one, end="54")
        second.send("6", "2", "1", two)
        assert await second.error() == (
            -1,
            2101,
            "Unable subscribe to account as the following clients are subscribed to a different account.{1}",
        )
        assert (await second.ask("6", "2", "1", one, end="54"))[-1] == ["54", "1", one]
        second.send("6", "2", "0", one)
        first.send("6", "2", "0", one)
        first.send("49", "1")
        await first.until("49")
        assert (await second.ask("6", "2", "1", two, end="54"))[-1] == ["54", "1", two]


async def test_a_client_that_leaves_frees_the_account() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port, 2) as second:
        one, two = gateway.source.codes()
        async with RawClient(gateway.port, 1) as first:
            await first.ask("6", "2", "1", one, end="54")
        await until(lambda: not gateway.subscriptions.holders, "the account is free")
        await second.ask("6", "2", "1", two, end="54")


@pytest.mark.parametrize("notice", [False, True])
async def test_a_second_subscription_of_one_client_replaces_the_first(notice: bool) -> None:
    async with Gateway(_frozen(), replace_notice=notice) as gateway, RawClient(gateway.port) as client:
        one, two = gateway.source.codes()
        await client.ask("6", "2", "1", one, end="54")
        answer = await client.ask("6", "2", "1", two, end="54")
        assert (answer[0][:4] == ["4", "2", "-1", "2100"]) == notice
        assert {m[5] for m in answer if m[0] == "6"} == {two}


async def test_an_account_that_is_not_there_is_an_error() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port) as client:
        client.send("6", "2", "1", "DU999")
        text = "Error validating request.-'bp' : cause - Invalid account code 'DU999'."
        assert await client.error() == (-1, 321, text)
        client.send("6", "2", "1", "")
        assert (await client.error())[1] == 321


async def test_a_single_account_needs_no_name() -> None:
    async with Gateway(_frozen(accounts=1)) as gateway, RawClient(gateway.port) as client:
        assert (await client.ask("6", "2", "1", "", end="54"))[-1][2] == gateway.source.codes()[0]


async def test_a_client_id_in_use_is_refused_and_closed() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port, 5), RawClient(gateway.port, 5) as twin:
        assert (await twin.error())[1] == 326
        await twin.ended()
        assert [c.client_id for c in gateway.live] == [5]


async def test_two_summaries_at_most() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port) as client:
        for request in ("1", "2"):
            await client.ask("62", "1", request, "All", "NetLiquidation", end="64")
        client.send("62", "1", "3", "All", "NetLiquidation")
        request, code, text = await client.error()
        assert (request, code) == (3, 322)
        assert "Maximum number of account summary requests exceeded" in text
        client.send("63", "1", "1")
        rows = await client.ask("62", "1", "3", "All", "AccountType,NetLiquidation,$LEDGER:ALL", end="64")
        assert rows[-1] == ["64", "1", "3"]
        assert {m[3] for m in rows[:-1]} == {*gateway.source.codes(), "All"}
        client.send("63", "1", "1")
        assert (await client.error())[:2] == (1, 300)


async def test_a_summary_has_the_tags_that_were_asked_for() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port) as client:
        await client.logged_in()
        code = gateway.source.codes()[0]
        rows = await client.ask("62", "1", "9", code, "NetLiquidation,AccountType,Cushion", end="64")
        assert [m[4] for m in rows[:-1]] == ["AccountType", "Cushion", "NetLiquidation"]
        client.send("63", "1", "9")
        rows = await client.ask("62", "1", "10", code, "$LEDGER", end="64")
        assert {m[6] for m in rows[:-1]} == {"BASE"}


async def test_updates_for_many_accounts_go_on_beside_a_subscription() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port) as client, RawClient(gateway.port, 2) as other:
        one, two = gateway.source.codes()
        await other.ask("6", "2", "1", one, end="54")
        rows = await client.ask("76", "1", "4", two, "", "0", end="74")
        assert {tuple(m[:4]) for m in rows[:-1] if m[0] == "73"} == {("73", "1", "4", two)}
        ledger = await client.ask("76", "1", "5", two, "", "1", end="74")
        keys = {m[5] for m in ledger if m[0] == "73"}
        assert "NetLiquidation" in keys
        assert "AvailableFunds" not in keys
        rows = await client.ask("74", "1", "6", two, "", end="72")
        assert len(rows) == 5
        assert all(len(m) == 18 for m in rows[:-1])


async def test_periodic_updates_come_at_the_speed_asked_for() -> None:
    source = Scenario(accounts=1, positions=4, activity=0.0)
    async with Gateway(source, speed=3600) as gateway, RawClient(gateway.port) as client:
        await client.ask("6", "2", "1", source.codes()[0], end="54")
        first = await client.until("8")
        later = await client.until("6")
        assert first
        assert later
        assert gateway.beat >= 180


async def test_the_end_may_come_again() -> None:
    source = Scenario(accounts=1, positions=4, activity=0.0)
    async with Gateway(source, repeat_end=True, speed=1e-6) as gateway, RawClient(gateway.port) as client:
        await client.ask("6", "2", "1", source.codes()[0], end="54")
        gateway.advance(180)
        assert (await client.until("54"))[-1] == ["54", "1", source.codes()[0]]


async def test_a_refused_subscription_may_end() -> None:
    async with (
        Gateway(_frozen(), end_after_refusal=True) as gateway,
        RawClient(gateway.port, 1) as first,
        RawClient(gateway.port, 2) as second,
    ):
        one, two = gateway.source.codes()
        await first.ask("6", "2", "1", one, end="54")
        assert [m[0] for m in await second.ask("6", "2", "1", two, end="54")][-2:] == ["4", "54"]


async def test_a_change_of_the_account_list_is_told() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port) as client:
        await client.until("15")
        assert isinstance(gateway.source, Scenario)
        opened = gateway.source.world.open_account(1)
        gateway.publish()
        assert (await client.until("15"))[-1][2].split(",")[-1] == opened.code


async def test_an_account_that_is_closed_falls_silent() -> None:
    source = Scenario(accounts=2, positions=3)
    async with Gateway(source, speed=1e-6) as gateway, RawClient(gateway.port) as client:
        await client.logged_in()
        code = source.codes()[1]
        await client.ask("6", "2", "1", code, end="54")
        await client.ask("92", "3", code, "", end="94")
        source.world.close_account(code)
        gateway.advance(180)
        rest = await client.ask("49", "1", end="49")
        assert [m[0] for m in rest] == ["49"]


async def test_profit_and_loss() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port) as client:
        code = gateway.source.codes()[0]
        rows = await client.ask("92", "3", code, "", end="94")
        assert len(rows[-1]) == 5
        assert isinstance(gateway.source, Scenario)
        con_id = next(iter(gateway.source.world.account(code).positions))
        single = (await client.ask("94", "4", code, "", str(con_id), end="95"))[-1]
        assert len(single) == 7
        client.send("92", "5", "DU999", "")
        assert (await client.error())[:2] == (5, 321)


async def test_the_rest_of_the_account_side() -> None:
    async with Gateway(_frozen(advisor=True)) as gateway, RawClient(gateway.port) as client:
        codes = list(gateway.source.codes())
        assert (await client.ask("17", "1", end="15"))[-1][2] == ",".join(codes)
        assert (await client.ask("8", "1", "1", end="9"))[-1] == ["9", "1", "1"]
        assert (await client.ask("49", "1", end="49"))[-1][2].isdigit()
        family = (await client.ask("80", end="78"))[-1]
        assert family == ["78", "3", *(f for code in codes for f in (code, f"{codes[0]}A"))]
        assert (await client.ask("104", "12", end="107"))[-1] == ["107", "12", ""]
        assert (await client.ask("5", "1", end="53"))[-1] == ["53", "1"]
        assert (await client.ask("99", "0", end="102"))[-1] == ["102"]
        assert (await client.ask("7", "3", "8", "0", *[""] * 6, end="55"))[-1] == ["55", "1", "8"]
        assert "<name>Everyone</name>" in (await client.ask("18", "1", "1", end="16"))[-1][3]
        rows = await client.ask("6", "2", "1", f"{codes[0]}A", end="54")
        assert {m[5] for m in rows if m[0] == "6"} == {f"{codes[0]}A"}


async def test_nothing_is_met_with_silence() -> None:
    quiet = {"6", "14", "15", "63", "64", "75", "77", "93", "94", "95"}
    async with Gateway(_frozen(), pacing="off") as gateway, RawClient(gateway.port) as client:
        await client.logged_in()
        code = gateway.source.codes()[0]
        for number in REQUESTS:
            if number not in quiet:
                client.send(number, "1", "77", code, "", "0", "", "", "")
                answer = await client.read()
                while answer[0] in ("61", "63", "71", "73"):
                    answer = await client.read()
                assert answer[0] not in ("6", "7"), number
        client.send("12345", "1")
        assert (await client.error())[1] == 320
        assert {message[0] for message in gateway.sent[0]} <= set(MESSAGES)


async def test_unreadable_requests_are_told() -> None:
    async with Gateway(_frozen()) as gateway, RawClient(gateway.port) as client:
        client.send("62", "1", "All", "All", "NetLiquidation")
        text = "Error reading request. Unable to parse field: 'Client Req Id' for input string: 'All'"
        assert await client.error() == (-1, 320, text)
        client.send("76", "1")
        assert (await client.error())[1] == 320
        client.send_raw(b"")
        assert (await client.error())[1] == 320
        client.send_raw(b"\xff\xfe\0\0\0")
        assert (await client.error())[1] == 320
        assert (await client.ask("49", "1", end="49"))[-1][0] == "49"


async def test_requests_that_come_too_fast_are_rejected_and_cut_off() -> None:
    async with Gateway(_frozen(), pacing="reject", max_rate=5) as gateway, RawClient(gateway.port) as client:
        for _ in range(9):
            client.send("49", "1")
        await client.until("49")
        text = "Max rate of messages per second has been exceeded."
        assert [await client.error() for _ in range(3)] == [(-1, 100, text)] * 3
        await client.ended()


async def test_requests_that_come_too_fast_are_slowed_down_in_order() -> None:
    async with Gateway(_frozen(), max_rate=20) as gateway, RawClient(gateway.port) as client:
        began = asyncio.get_running_loop().time()
        for number in range(30):
            client.send("104", str(number))
        answers = [(await client.until("107"))[-1][1] for _ in range(30)]
        assert answers == [str(number) for number in range(30)]
        assert asyncio.get_running_loop().time() - began >= 0.9


async def test_more_clients_than_allowed_are_closed() -> None:
    async with Gateway(_frozen(), max_clients=1) as gateway, RawClient(gateway.port):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        assert await asyncio.wait_for(reader.read(), DEADLINE_S) == b""
        writer.close()


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with Gateway(_frozen()) as gateway:
        with pytest.raises(SimulatorError, match=f"cannot listen on 127.0.0.1:{gateway.port}"):
            async with Gateway(_frozen(), port=gateway.port):
                pass


@pytest.mark.parametrize("path", CAPTURES, ids=lambda p: p.stem)
async def test_captures_go_out_word_for_word(path: Path) -> None:
    """Everything that was recorded of the account's updates arrives, and nothing else."""
    recorded = _recorded(path)
    account_data = [m for m in recorded if m[0] in ("6", "7", "8", "54")] or [["54", "1", "DU0000001"]]
    async with Gateway(Captures.load(path)) as gateway, RawClient(gateway.port) as client:
        begun = [await client.read() for m in recorded if m[0] in ("15", "9", "4")]
        assert begun == [m for m in recorded if m[0] in ("15", "9", "4")]
        client.send("6", "2", "1", "DU0000001")
        assert [await client.read() for _ in account_data] == account_data
        positions = [m for m in recorded if m[0] in ("61", "62")] or [["62", "1"]]
        client.send("61", "1")
        assert [await client.read() for _ in positions] == positions
        multi = [[*m[:2], "5", *m[3:]] for m in recorded if m[0] in ("73", "74")] or [["74", "1", "5"]]
        client.send("76", "1", "5", "DU0000001", "", "0")
        assert [await client.read() for _ in multi] == multi
        await client.ask("49", "1", end="49")
        assert gateway.sent == [[*begun, *account_data, *positions, *multi, gateway.sent[0][-1]]]


@pytest.mark.parametrize("rate", [2000.0, float("inf")])
async def test_load_comes_at_its_rate_and_stops(rate: float) -> None:
    source = Scenario(accounts=1, positions=5)
    async with Gateway(source, rate=rate, rate_messages=1500) as gateway, RawClient(gateway.port) as client:
        began = asyncio.get_running_loop().time()
        download = await client.ask("6", "2", "1", source.codes()[0], end="54")
        load = [await client.read() for _ in range(1500)]
        assert {m[0] for m in load} == {"6", "7", "8"}
        assert sum(m[0] == "6" for m in load) > 1000
        assert gateway.sent == [[*download, *load]]
        if rate == 2000.0:
            assert asyncio.get_running_loop().time() - began > 0.6
        await client.ask("49", "1", end="49")


async def test_load_waits_for_a_client_that_does_not_read() -> None:
    source = Scenario(accounts=1, positions=5)
    async with Gateway(source, rate=float("inf"), record=False) as gateway, RawClient(gateway.port) as client:
        await client.ask("6", "2", "1", source.codes()[0], end="54")
        connection = gateway.live[0]
        await until(lambda: not connection.writable.is_set(), "the gateway waits for the client")
        sent = connection.sent_count
        async with RawClient(gateway.port, 2) as other:
            for _ in range(20):
                await other.ask("49", "1", end="49")
        assert connection.sent_count == sent
