"""Every fault, driven over the control port, as the bytes show it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ibconnect.errors import SimulatorError
from ibconnect.simulator import Gateway, Scenario
from ibconnect.simulator.control import ControlPort
from ibconnect.simulator.faults.registry import FAULTS
from tests.acceptance.clients.raw import RawClient
from tests.waiting import DEADLINE_S, until


class Control:
    """A caller of the control port."""

    def __init__(self, gateway: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.gateway = gateway
        self.account = gateway.source.codes()[0]
        self._reader = reader
        self._writer = writer

    async def say(self, line: str) -> dict[str, Any]:
        self._writer.write(line.encode() + b"\n")
        answer: dict[str, Any] = json.loads(await asyncio.wait_for(self._reader.readline(), DEADLINE_S))
        return answer

    async def do(self, name: str, **params: Any) -> dict[str, Any]:
        answer = await self.say(json.dumps({"do": name, **params}))
        assert answer.pop("ok"), answer
        return answer


@pytest.fixture
async def control() -> AsyncIterator[Control]:
    source = Scenario(accounts=2, positions=3, frozen=True)
    async with Gateway(source, pacing="off") as gateway, ControlPort(gateway) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
        yield Control(gateway, reader, writer)
        writer.close()


@pytest.mark.parametrize("name", ["drop", "reset"])
async def test_the_connection_ends(control: Control, name: str) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do(name)
        if name == "drop":
            await client.ended()
        else:
            with pytest.raises(ConnectionResetError):
                await client.ended()


@pytest.mark.parametrize("name", ["drop-mid-message", "reset-mid-message"])
async def test_the_connection_ends_within_a_message(control: Control, name: str) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do(name, skip=3)
        client.send("6", "2", "1", control.account)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)) as broken:
            await client.until("54")
        if name == "drop-mid-message":
            assert len(client.seen) == 5 + 3
            assert isinstance(broken.value, asyncio.IncompleteReadError)
            assert broken.value.partial


async def test_drop_after_so_many_messages(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("drop", skip=10)
        client.send("6", "2", "1", control.account)
        with pytest.raises(asyncio.IncompleteReadError) as broken:
            await client.until("54")
        assert (len(client.seen), broken.value.partial) == (5 + 10, b"")


async def test_silence_keeps_the_socket_open(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        began = asyncio.get_running_loop().time()
        await control.do("silence", seconds=0.2)
        client.send("49", "1")
        await client.until("49")
        assert asyncio.get_running_loop().time() - began > 0.15


async def test_silence_of_the_next_connection(control: Control) -> None:
    await control.do("silence")
    reader, writer = await asyncio.open_connection("127.0.0.1", control.gateway.port)
    writer.write(b"API\0\0\0\0\x09v157..178")
    answer = asyncio.create_task(reader.read(4))
    async with RawClient(control.gateway.port, 2) as other:
        await other.logged_in()
    assert not answer.done(), "somebody who came later has got everything"
    await control.do("clear")
    assert await asyncio.wait_for(answer, DEADLINE_S) != b""
    writer.close()


async def test_slow_bytes_arrive_all_the_same(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("slow", interval=0.0001)
        began = asyncio.get_running_loop().time()
        answer = (await client.ask("49", "1", end="49"))[-1]
        assert asyncio.get_running_loop().time() - began > 0.002
        assert answer[0] == "49"
        client.send("6", "2", "1", control.account)
        await client.read()
        await control.do("clear")
        assert (await client.until("54"))[-1][0] == "54"


async def test_a_short_length(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("short-length", by=2)
        client.send("104", "5")
        assert await client.read_bytes(4) == (5).to_bytes(4, "big")
        assert await client.read_bytes(7) == b"107\x005\0\0"


async def test_a_long_length(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("long-length")
        client.send("104", "5")
        assert await client.read_bytes(4) == b"\x7f\xff\xff\xff"


async def test_bytes_that_are_no_utf8(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("non-utf8", count=2)
        rows = await client.ask("6", "2", "1", control.account, end="54")
        assert [m[3] == "\udcff\udcfe\udc80" for m in rows[:3]] == [True, True, False]


async def test_random_bytes_in_a_frame(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("random-bytes", bytes=33)
        assert int.from_bytes(await client.read_bytes(4), "big") == 33
        await client.read_bytes(33)
        assert (await client.ask("49", "1", end="49"))[-1][0] == "49"


async def test_an_unknown_id(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("unknown-id", id=4711)
        assert (await client.read())[0] == "4711"
        await control.do("unknown-id", skip=1)
        rows = await client.ask("6", "2", "1", control.account, end="54")
        assert [m[0] for m in rows[:3]] == ["6", "9999", "6"]


async def test_values_that_are_unset(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("unset")
        profit = (await client.ask("92", "3", control.account, "", end="94"))[-1]
        assert profit[2] == "1.7976931348623157E308" not in profit[3:]


@pytest.mark.parametrize(("name", "fields"), [("missing-field", 5), ("extra-field", 7)])
async def test_fields_too_few_and_too_many(control: Control, name: str, fields: int) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do(name, skip=2)
        rows = await client.ask("6", "2", "1", control.account, end="54")
        assert [len(m) for m in rows[:4]] == [6, 6, fields, 6]


async def test_messages_of_another_account(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("foreign-account")
        assert [(m[0], m[-1], len(m)) for m in [await client.read(), await client.read()]] == [
            ("6", "DU9999999", 6),
            ("7", "DU9999999", 20),
        ]


async def test_an_account_that_is_not_ready_and_is_so_again(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("account-not-ready")
        ready = []
        for _ in range(2):
            rows = await client.ask("6", "2", "1", control.account, end="54")
            ready += [m[3] for m in rows if m[2:3] == ["AccountReady"]]
        assert ready == ["false", "true"]


async def test_a_download_that_never_ends(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("no-end")
        client.send("6", "2", "1", control.account)
        client.send("49", "1")
        assert "54" not in {m[0] for m in await client.until("49")}
        await client.ask("6", "2", "1", control.account, end="54")


@pytest.mark.parametrize(("data_lost", "code"), [(True, "1101"), (False, "1102")])
async def test_connectivity_lost_and_restored(control: Control, data_lost: bool, code: str) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.ask("6", "2", "1", control.account, end="54")
        await control.do("connectivity", seconds=0.05, data_lost=data_lost)
        notices = [(await client.until("4"))[-1][3] for _ in range(2)]
        assert notices == ["1100", code]
        assert bool(control.gateway.subscriptions.holders) == (not data_lost)


async def test_a_farm_comes_and_goes(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("farm-flap", seconds=0.05, farm="eufarm")
        assert [(await client.until("4"))[-1][3:5] for _ in range(2)] == [
            ["2103", "Market data farm connection is broken:eufarm"],
            ["2104", "Market data farm connection is OK:eufarm"],
        ]


async def test_any_notice(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("notice", code=2110, text="Broken.")
        assert await client.error() == (-1, 2110, "Broken.")


@pytest.mark.parametrize("name", ["restart", "competing-login"])
async def test_closed_for_a_while(control: Control, name: str) -> None:
    port = control.gateway.port
    async with RawClient(port) as client:
        await client.logged_in()
        await control.do(name, seconds=3600)
        if name == "competing-login":
            assert (await client.error())[1] == 1100
        await client.ended()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize("name", ["restart", "competing-login", "refuse"])
async def test_open_again_after_a_while(control: Control, name: str) -> None:
    began = asyncio.get_running_loop().time()
    await control.do(name, seconds=0.2)
    await until(lambda: control.gateway.listening, "the port is open again")
    assert asyncio.get_running_loop().time() - began > 0.15
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()


async def test_a_closed_port_with_open_connections(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("refuse", seconds=3600)
        await until(lambda: not control.gateway.listening, "the port is closed")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", control.gateway.port)
        await client.ask("49", "1", end="49")


async def test_logins_are_refused(control: Control) -> None:
    await control.do("client-id-in-use", count=1)
    async with RawClient(control.gateway.port) as client:
        assert (await client.error())[1] == 326
        await client.ended()
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()


async def test_somebody_else_holds_the_subscription(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await control.do("subscription-held", client=44)
        client.send("6", "2", "1", control.account)
        code, text = (await client.error())[1:]
        assert code == 2101
        assert text.endswith("{44}")
        await control.do("clear")
        await client.ask("6", "2", "1", control.account, end="54")


async def test_a_fault_can_wait_for_every_later_connection(control: Control) -> None:
    await control.do("drop", skip=2, every=True)
    for client_id in (1, 2):
        async with RawClient(control.gateway.port, client_id) as client:
            with pytest.raises(asyncio.IncompleteReadError):
                await client.logged_in()
            assert len(client.seen) == 2
    await control.do("clear")
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()


async def test_a_fault_can_come_later(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        await control.do("drop", after=0.05)
        await client.ended()


async def test_the_accounts_can_be_acted_on(control: Control) -> None:
    status = await control.do("status")
    one, two = status["accounts"]
    async with RawClient(control.gateway.port, 3) as client:
        download = await client.ask("6", "2", "1", one, end="54")
        status = await control.do("status")
        assert [(c["client"], c["account"]) for c in status["connections"]] == [(3, one)]
        await control.do("deposit", account=one, amount="-12.34", currency="USD")
        news = await client.until("8")
        before = {(m[2], m[4]): m[3] for m in download if m[0] == "6"}
        cash = next(m for m in news if m[2:5:2] == ["CashBalance", "USD"])
        assert cash[3] != before.get(("CashBalance", "USD"))
        con_id = next(int(m[2]) for m in download if m[0] == "7")
        await control.do("close-position", account=one, con_id=con_id)
        closed = (await client.until("7"))[-1]
        assert (closed[2], closed[13]) == (str(con_id), "0")
        await control.do("trade", account=one)
        await client.until("8")
        opened = (await control.do("open-account"))["account"]
        assert opened in (await client.until("15"))[-1][2]
        await control.do("close-account", account=two)
        assert two not in (await client.until("15"))[-1][2]
        assert (await control.do("advance", seconds=500))["beat"] >= 500


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        pytest.param("[" * 60_000, "not JSON", id="deep"),
        ("[1]", "a JSON object"),
        ('{"do": "explode"}', "neither an action"),
        ('{"do": "drop", "colour": 1}', "no parameter colour"),
        ('{"do": "drop", "fault": "reset"}', "no parameter fault"),
        ('{"do": "drop", "self": 1}', "no parameter self"),
        ('{"do": "slow", "interval": "x"}', "not a float"),
        ('{"do": "notice", "code": 1e999}', "not a int"),
        ('{"do": "drop", "after": "x"}', "not a number of seconds"),
        ('{"do": "advance", "seconds": -1}', "seconds"),
        ('{"do": "deposit", "account": "DU", "amount": "x", "currency": "USD"}', "amount"),
        ('{"do": "deposit", "account": "DU", "amount": "NaN", "currency": "USD"}', "amount"),
        ('{"do": "deposit", "account": "DU", "amount": "-Infinity", "currency": "USD"}', "amount"),
        ('{"do": "deposit", "account": "DU", "amount": "1e40", "currency": "USD"}', "amount"),
        ('{"do": "deposit", "account": "DU", "amount": "1", "currency": "USD"}', "not one of"),
        ('{"do": "close-position", "account": "DU"}', "con_id"),
    ],
)
async def test_commands_that_make_no_sense_are_told(control: Control, line: str, complaint: str) -> None:
    answer = await control.say(line)
    assert not answer["ok"]
    assert complaint in answer["error"]


async def test_a_number_that_makes_no_sense_is_refused_when_it_is_used(control: Control) -> None:
    async with RawClient(control.gateway.port) as client:
        await client.logged_in()
        assert not (await control.say('{"do": "random-bytes", "bytes": -1}'))["ok"]
        await client.ask("49", "1", end="49")
    await control.do("status")


async def test_an_unknown_fault_is_an_error_in_a_program(control: Control) -> None:
    with pytest.raises(SimulatorError, match="no fault 'nothing'"):
        control.gateway.inject("nothing")


def test_every_fault_is_tested_here_or_with_the_market() -> None:
    source = Path(__file__).read_text() + Path(__file__).with_name("test_simulator_market.py").read_text()
    assert [name for name in FAULTS if f'"{name}"' not in source] == []
