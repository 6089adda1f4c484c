"""The simulated Flex Web Service over HTTP, asked by a bare client: the protocol, its errors, its faults."""

import json
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from ibconnect.errors import SimulatorError
from ibconnect.simulator import Gateway, Scenario
from ibconnect.simulator.control import perform
from ibconnect.simulator.flex import BulkPlan, BulkSource, FlexService, Query, ScenarioBooks
from ibconnect.simulator.flex.codes import CODES
from ibconnect.simulator.flex.faults import FAULTS
from ibconnect.simulator.flex.queries import parse
from ibconnect.simulator.flex.service import PATH
from tests.acceptance.clients.raw import RawClient

PLAN = BulkPlan(accounts=2, first=date(2024, 1, 1), last=date(2025, 12, 31))
DAYS = {"fd": "20250601", "td": "20250630"}


class Client:
    """Asks as IBKR's guide says."""

    def __init__(self, service: FlexService, session: aiohttp.ClientSession) -> None:
        self.service = service
        self.session = session

    async def ask(self, url: str, **params: str) -> str:
        given = {"t": self.service.options.token, "v": "3", **params}
        async with self.session.get(url, params=given) as response:
            assert response.status == 200
            return await response.text()

    async def order(self, **params: str) -> ET.Element:
        """SendRequest; the answer."""
        return ET.fromstring(await self.ask(f"{self.service.url}/SendRequest", **{"q": "910001", **params}))

    async def take(self, ordered: ET.Element) -> str:
        """GetStatement, at the address that was named; the answer."""
        url, reference = ordered.findtext("Url"), ordered.findtext("ReferenceCode")
        assert url is not None
        assert reference is not None
        return await self.ask(url, q=reference)

    async def text(self, **params: str) -> str:
        """Both; the document."""
        return await self.take(await self.order(**params))

    async def statements(self, **params: str) -> list[ET.Element]:
        document = ET.fromstring(await self.text(**params))
        assert document.tag == "FlexQueryResponse"
        found = document.findall("FlexStatements/FlexStatement")
        assert document.find("FlexStatements").attrib == {"count": str(len(found))}  # type: ignore[union-attr]
        return found


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Client]:
    async with (
        FlexService(BulkSource(PLAN), **{"pacing": False, **options}) as service,
        aiohttp.ClientSession() as session,
    ):
        yield Client(service, session)


def code(answer: ET.Element) -> str | None:
    return answer.findtext("ErrorCode")


async def test_a_window_comes_as_one_statement_for_each_day_and_account() -> None:
    async with serving() as client:
        found = await client.statements(**DAYS)
    assert len(found) == 2 * 21
    assert {each.attrib["accountId"] for each in found} == set(PLAN.codes())
    assert all(each.attrib["fromDate"] == each.attrib["toDate"] for each in found)


async def test_without_days_the_last_day_comes_and_p_asks_for_more() -> None:
    async with serving() as client:
        assert {each.attrib["toDate"] for each in await client.statements()} == {"20251231"}
        assert len({each.attrib["toDate"] for each in await client.statements(p="7")}) == 5
    async with serving(one_day=False) as client:
        assert len({each.attrib["toDate"] for each in await client.statements()}) > 20


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"fd": "20240601", "td": "20250601"}, "1020"),
        ({"fd": "20250602", "td": "20250601"}, "1020"),
        ({"fd": "2025-06-01", "td": "2025-06-02"}, "1020"),
        ({"fd": "20250601"}, "1020"),
        ({"p": "366"}, "1020"),
        ({"fd": "20230101", "td": "20231231"}, "1003"),
        ({"fd": "20260101", "td": "20260201"}, "1003"),
        ({"q": "5"}, "1014"),
        ({"t": "no"}, "1015"),
        ({"v": "2"}, "1020"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_its_code(params: dict[str, str], expected: str) -> None:
    async with serving() as client:
        assert code(await client.order(**params)) == expected


async def test_a_window_that_begins_too_early_begins_with_the_account() -> None:
    async with serving() as client:
        found = await client.statements(fd="20230701", td="20240115")
        assert min(each.attrib["fromDate"] for each in found) == "20240101"


async def test_an_unknown_reference_code_is_refused() -> None:
    async with serving() as client:
        answer = await client.ask(f"{client.service.url}/GetStatement", q="1")
        assert code(ET.fromstring(answer)) == "1017"


async def test_who_does_not_say_what_he_is_gets_nothing() -> None:
    async with serving() as client:
        asked = client.session.get(f"{client.service.url}/SendRequest", headers={"User-Agent": ""})
        async with asked as response:
            assert response.status == 403


async def test_a_second_request_within_a_second_is_one_too_many() -> None:
    async with serving(pacing=True) as client:
        assert code(await client.order(**DAYS)) is None
        assert code(await client.order(**DAYS)) == "1018"
        assert [asked.code for asked in client.service.asked] == [0, 1018]


async def test_a_statement_that_is_being_made_is_not_there_yet() -> None:
    async with serving(slow_tries=2) as client:
        ordered = await client.order(**DAYS)
        answers = [ET.fromstring(await client.take(ordered)) for _ in range(3)]
    assert [answer.findtext("Status") for answer in answers] == ["Warn", "Warn", None]
    assert [code(answer) for answer in answers] == ["1019", "1019", None]


@pytest.mark.parametrize("number", sorted(CODES))
async def test_every_code_can_be_had_of_both_requests(number: int) -> None:
    async with serving() as client:
        client.service.inject("code", code=number, on="send")
        refused = await client.order(**DAYS)
        assert (code(refused), refused.findtext("ErrorMessage")) == (str(number), CODES[number])
        client.service.inject("code", code=number, on="get", skip=1, count=2)
        ordered = await client.order(**DAYS)
        answers = [code(ET.fromstring(await client.take(ordered))) for _ in range(4)]
        assert answers == [None, str(number), str(number), None]


def _is_broken(text: str) -> bool:
    try:
        ET.fromstring(text)
    except ET.ParseError:
        return True
    return False


TEXTS: dict[str, Callable[[str], bool]] = {
    "broken-xml": _is_broken,
    "half-xml": _is_broken,
    "html": lambda text: text.startswith("<!DOCTYPE html>"),
    "empty": lambda text: not text,
    "other-xml": lambda text: ET.fromstring(text).tag == "SomethingElse",
    "doctype": lambda text: "<!ENTITY" in text,
    "silence": lambda text: not _is_broken(text),
    "slow": lambda text: not _is_broken(text),
}
PARAMS: dict[str, dict[str, Any]] = {
    "silence": {"seconds": 0.01},
    "slow": {"seconds": 0.01},
    "endless": {"bytes": 9999},
}


@pytest.mark.parametrize("name", TEXTS)
async def test_an_answer_can_be_of_another_kind(name: str) -> None:
    async with serving() as client:
        ordered = await client.order(**DAYS)
        client.service.inject(name, on="get", **PARAMS.get(name, {}))
        assert TEXTS[name](await client.take(ordered))
        assert not _is_broken(await client.take(ordered))


@pytest.mark.parametrize("name", ["cut", "reset"])
async def test_the_connection_can_end(name: str) -> None:
    async with serving() as client:
        ordered = await client.order(**DAYS)
        client.service.inject(name, on="get", count=0)  # aiohttp asks once more by itself
        with pytest.raises(aiohttp.ClientError):
            await client.take(ordered)
        client.service.clear_faults()
        assert not _is_broken(await client.take(ordered))


async def test_a_document_can_be_without_an_end() -> None:
    async with serving() as client:
        ordered = await client.order(**DAYS)
        client.service.inject("endless", **PARAMS["endless"])
        text = await client.take(ordered)
    assert _is_broken(text)
    assert len(text) > 9999


async def test_the_address_of_the_statement_can_be_of_another_host() -> None:
    async with serving() as client:
        client.service.inject("other-host", url="https://elsewhere.example/GetStatement?a=1&amp;b=2")
        assert (await client.order(**DAYS)).findtext("Url") == "https://elsewhere.example/GetStatement?a=1&b=2"


async def test_an_answer_can_be_a_redirect() -> None:
    async with serving() as client:
        client.service.inject("redirect", to="http://elsewhere.example/")
        url = f"{client.service.url}/SendRequest"
        async with client.session.get(url, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "http://elsewhere.example/")


def test_every_fault_is_tried_here() -> None:
    assert {*TEXTS, "code", "cut", "reset", "endless", "other-host", "redirect"} == set(FAULTS)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("nothing", {}),
        ("code", {"what": 1}),
        ("code", {"code": "x"}),
        ("html", {"on": "never"}),
        ("cut", {"count": -1}),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(name: str, params: dict[str, Any]) -> None:
    with pytest.raises(SimulatorError):
        FlexService(BulkSource(PLAN)).inject(name, **params)


@pytest.mark.parametrize("text", ["x", "1:dates=never", "1:what=1", "1:sections=Nothing", "1:repeat=0", "1:repeat=x"])
def test_a_query_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(SimulatorError):
        parse(text)


async def test_a_query_may_be_for_some_accounts_and_say_them_several_times() -> None:
    wanted = PLAN.codes()[1]
    query = parse(f"7:accounts={wanted},repeat=3,name=Mine")
    assert query == Query("7", "Mine", accounts=(wanted,), repeat=3)
    async with serving(queries=[query]) as client:
        found = await client.statements(q="7", fd="20250602", td="20250602")
    assert [each.attrib["accountId"] for each in found] == [wanted] * 3


async def test_what_is_asked_for_again_is_generated_later_unless_it_is_of_the_night() -> None:
    async with serving() as client:
        stamps = [(await client.statements())[0].attrib["whenGenerated"] for _ in range(2)]
    assert stamps[0] < stamps[1]
    async with serving(stamp="night") as client:
        stamps = [(await client.statements())[0].attrib["whenGenerated"] for _ in range(2)]
    assert stamps == ["20260101;043000"] * 2


async def test_the_control_port_acts_on_the_service_and_on_what_it_tells() -> None:
    scenario = Scenario(seed=13, accounts=2, activity=0, frozen=True)
    books = ScenarioBooks(scenario.world, 10, every_day=True, today=True)
    codes = list(scenario.world.accounts)
    async with (
        Gateway(scenario) as gateway,
        FlexService(books, pacing=False) as service,
        aiohttp.ClientSession() as session,
    ):
        client = Client(service, session)

        def do(what: str, **params: Any) -> dict[str, Any]:
            return dict(perform(gateway, json.dumps({"do": what, **params}), service))

        paid = {"account": codes[0], "kind": "Dividends", "amount": "12.5", "currency": "USD"}
        assert do("pay", **paid) == {"ok": True}
        assert do("transfer", account=codes[0], target=codes[1], amount="7", currency="USD") == {"ok": True}
        held = next(
            each
            for each in scenario.world.accounts[codes[0]].positions.values()
            if each.instrument.sec_type == "STK" and not scenario.world.accounts[codes[1]].holds(each.instrument)
        )
        moved = {"con_id": held.instrument.con_id, "quantity": str(held.quantity)}
        assert do("transfer-position", account=codes[0], target=codes[1], **moved) == {"ok": True}
        found = {each.attrib["accountId"]: each for each in await client.statements()}
        (cash,) = found[codes[0]].findall("CashTransactions/CashTransaction")
        assert (cash.attrib["type"], cash.attrib["amount"]) == ("Dividends", "12.5")
        for each_code, direction in zip(codes, ("OUT", "IN"), strict=True):
            transfers = found[each_code].findall("Transfers/Transfer")
            assert [each.attrib["direction"] for each in transfers] == [direction] * 2
        assert do("flex-mistake", account=codes[0], day="2026-01-02", amount="3") == {"ok": True}
        assert do("flex-correct", account=codes[0], day="2026-01-02") == {"ok": True}
        assert do("flex-fault", fault="code", code=1012, on="send") == {"ok": True}
        assert code(await client.order()) == "1012"
        assert do("flex-fault", fault="html", count=0) == {"ok": True}
        assert do("flex-clear") == {"ok": True}
        assert do("flex-asked")["asked"][-1] == {"path": f"{PATH}/SendRequest", "code": 0}
        for wrong in (
            {"do": "pay", **paid, "kind": "Bribes"},
            {"do": "pay", **paid, "currency": "XXX"},
            {"do": "transfer", "account": codes[0], "target": codes[0], "amount": "7", "currency": "USD"},
            {"do": "transfer-position", "account": codes[0], "target": codes[1], "con_id": 1, "quantity": "1"},
            {"do": "flex-mistake", "account": "nobody", "day": "2026-01-02", "amount": "3"},
            {"do": "flex-mistake", "account": codes[0], "day": "2026-01-02", "amount": "x"},
            {"do": "flex-correct", "account": codes[0], "day": "never"},
            {"do": "flex-fault", "fault": "nothing"},
        ):
            assert perform(gateway, json.dumps(wrong), service)["ok"] is False, wrong
        assert perform(gateway, '{"do": "flex-clear"}')["ok"] is False


async def test_a_statement_says_what_the_gateway_says_over_its_socket() -> None:
    """Net liquidation, cash, positions, prices and fills: two witnesses of one account, asked over the network."""
    scenario = Scenario(seed=17, accounts=3, activity=300, orders=0)
    books = ScenarioBooks(scenario.world, 10, every_day=True, today=True)
    async with (
        Gateway(scenario, speed=1e-6) as gateway,
        FlexService(books, pacing=False) as service,
        aiohttp.ClientSession() as session,
    ):
        gateway.advance(900)
        found = {each.attrib["accountId"]: each for each in await Client(service, session).statements()}
        for account, statement in found.items():
            async with RawClient(gateway.port, 3) as socket:
                await socket.logged_in()
                rows = await socket.ask("6", "2", "1", account, end="54")
                fills = await socket.ask("7", "3", "9", "0", account, *[""] * 5, end="55")
            _compare(statement, rows, fills)


def _compare(statement: ET.Element, rows: list[list[str]], fills: list[list[str]]) -> None:
    values = {(row[2], row[4]): row[3] for row in rows if row[0] == "6"}
    summary = statement.findall("EquitySummaryInBase/*")[-1]
    base = summary.attrib["currency"]
    total = Decimal(summary.attrib["total"])
    assert f"{total.quantize(Decimal('0.01'))}" == values["NetLiquidation", base]
    for column, key in (("stock", "StockMarketValue"), ("bonds", "CorporateBondValue"), ("cash", "TotalCashBalance")):
        assert abs(Decimal(summary.attrib[column]) - Decimal(values[key, "BASE"])) < Decimal("0.01"), column
    positions = statement.findall("OpenPositions/OpenPosition")
    told = {row[2]: (Decimal(row[13]), Decimal(row[14]), Decimal(row[15])) for row in rows if row[0] == "7"}
    held = {con_id: each for con_id, each in told.items() if each[0]}
    names = ("position", "markPrice", "positionValue")
    stated = {
        each.attrib["conid"]: tuple(Decimal(each.attrib[name]) for name in names)
        for each in positions
        if each.attrib["assetCategory"] != "CASH"
    }
    assert stated == {con_id: held[con_id] for con_id in stated}
    assert {each.attrib["conid"] for each in positions} == set(held)
    trades = {each.attrib["ibExecID"] for each in statement.findall("Trades/Trade")}
    assert trades == {row[14] for row in fills if row[0] == "11" and row[6] != "BAG"}
