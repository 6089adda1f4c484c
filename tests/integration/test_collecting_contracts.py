"""Contracts are asked for once each, by whoever names them first; what was asked is known after a restart."""

import asyncio
from pathlib import Path

import pytest

from ibconnect.contracts import request_of_contract
from ibconnect.database.pools import connect
from ibconnect.gateway.collectors import contracts as collector
from ibconnect.projections.contracts.projection import CONTRACTS
from ibconnect.simulator import Gateway, Scenario
from ibconnect.simulator.wire.details import CONTRACT_DETAILS
from tests.collecting import Small, detail, lines_of
from tests.projecting import project_report
from tests.recording import Recording, ask_for_refresh, recording
from tests.serving import logged
from tests.small_gateway import LOST, RESTORED, end, listening_here, notice, position, position_of, values
from tests.waiting import until

ALONE = {"COLLECT": "contracts"}


def asked_of(gateway: Gateway) -> list[str]:
    """The contract ids of all requests for details."""
    return [fields[3] for connection in gateway.connections for fields in connection.requests if fields[0] == "9"]


async def test_each_contract_of_a_login_is_asked_for_once(database_url: str, tmp_path: Path) -> None:
    async with Gateway(Scenario.demo()) as gateway:
        async with recording(database_url, tmp_path, gateway.port, **ALONE) as seen:
            await seen.refreshes()
            held = {fields[2] for fields in gateway.sent[0] if fields[0] == "7"}
            await until(lambda: len(ends(seen)) == len(held), lambda: f"{len(held)} answers, not {len(ends(seen))}")
            ask_for_refresh(database_url)
            await seen.refreshes(2)
            gateway.live[0].close()
            await seen.refreshes(3)
            assert sorted(asked_of(gateway)) == sorted(held)
            await seen.writer.flushed()
            assert seen.inbound() == gateway.sent
        project_report(database_url, CONTRACTS)
        async with recording(database_url, tmp_path, gateway.port, **ALONE) as seen:
            await seen.refreshes(4)
            ask_for_refresh(database_url)
            await seen.refreshes(5)
            assert sorted(asked_of(gateway)) == sorted(held), "what was asked before is known after a restart"


def ends(seen: Recording) -> list[tuple[str, ...]]:
    return [fields for session in seen.inbound() for fields in map(tuple, session) if fields[0] == "52"]


class Knows(Small):
    """Knows two contracts, and no third; says what a case has it say of its first account."""

    def __init__(self, *rows: list[str]) -> None:
        super().__init__()
        self.rows = list(rows)
        self.is_silent = False

    async def subscribed(self, account: str, nth: int) -> None:
        rows = self.rows if account == "DU1" else []
        await self.say(*values(account), *rows, end(account))

    @property
    def details(self) -> list[str]:
        """The contracts that it was asked for."""
        return [fields[3] for fields in self.asked if fields[0] == "9"]

    async def _answer(self, fields: list[str]) -> None:
        if fields[0] != "9":
            await super()._answer(fields)
        elif not self.is_silent:
            await self.say(*self.answer(fields[2], fields[3]))

    def answer(self, number: str, contract: str) -> list[list[str]]:
        """What it says of a contract."""
        if contract == "404":
            return [notice(200, "No security definition has been found for the request", number)]
        said = {"conId": contract, "secType": "STK", "symbol": "AAPL", "reqId": number}
        return [list(CONTRACT_DETAILS.encode(int(self.version), said)), ["52", "1", number]]


async def test_whatever_names_a_contract(database_url: str, tmp_path: Path) -> None:
    order, completed, execution = ["5", "7", "102"], ["101", "103"], ["11", "-1", "7", "104"]
    others = [position_of("DU1", 101, "A"), ["71", "1", "9", "DU1", "105", "B"], order, completed, execution]
    odd = [["61", "3"], ["11"], ["5", "1"], ["7", "8", "x"], ["61", "3", "DU1", "0"], ["61", "3", "DU1", "-5"]]
    gateway = Knows(position("DU1", 100, "AAPL"), *others, *odd)
    async with listening_here(gateway) as (port,), recording(database_url, tmp_path, port, **ALONE) as seen:
        await seen.refreshes()
        await until(lambda: len(gateway.details) >= 6, lambda: f"six, not {gateway.details}")
        ask_for_refresh(database_url)
        await seen.refreshes(2)
        assert sorted(gateway.details) == ["100", "101", "102", "103", "104", "105"]
        numbers = {fields[3]: fields[2] for fields in gateway.asked if fields[0] == "9"}
        assert numbers["100"] == str(request_of_contract(100))


async def test_asked_again_when_it_is_called_otherwise(database_url: str, tmp_path: Path) -> None:
    gateway = Knows(position("DU1", 100, "AAPL"), position("DU1", 101, "IBM"))
    async with listening_here(gateway) as (port,):
        async with recording(database_url, tmp_path, port, **ALONE) as seen:
            await seen.refreshes()
            await until(lambda: len(gateway.details) == 2, "both")
            gateway.rows[0] = position("DU1", 100, "APPL")
            ask_for_refresh(database_url)
            await until(lambda: gateway.details[2:] == ["100"], "the one with a new name")
            await until(lambda: len(ends(seen)) == 3, "its answer")
            await seen.writer.flushed()
        project_report(database_url, CONTRACTS)
        # IB called it AAPL when it was asked; the other one's name is another, too.
        async with recording(database_url, tmp_path, port, **ALONE) as seen:
            await until(lambda: sorted(gateway.details[3:]) == ["100", "101"], lambda: f"again: {gateway.details}")


async def test_asked_again_after_a_month(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "AGAIN_S", 0.0)
    gateway = Knows(position("DU1", 100, "AAPL"))
    async with listening_here(gateway) as (port,), recording(database_url, tmp_path, port, **ALONE) as seen:
        await seen.refreshes()
        await until(lambda: gateway.details == ["100"], "once")
        await until(lambda: len(ends(seen)) == 1, "its answer")
        ask_for_refresh(database_url)
        await until(lambda: gateway.details == ["100", "100"], "again, as it is named again")


async def test_what_ib_does_not_know_is_no_fault_and_is_remembered(database_url: str, tmp_path: Path) -> None:
    gateway = Knows(position("DU1", 404, "GONE"), position("DU1", 100, "AAPL"))
    async with listening_here(gateway) as (port,):
        with logged() as log:
            async with recording(database_url, tmp_path, port, **ALONE) as seen:
                await until(lambda: gateway.details == ["404", "100"], "both")
                await until(lambda: len(ends(seen)) == 1, "the end of the second")
                await until(lambda: detail(database_url) == ("connected", None), "nothing is wrong")
                await seen.writer.flushed()
        assert lines_of(log, "collector_unanswered") == []
        project_report(database_url, CONTRACTS)
        with connect(database_url, name="test", search_path="public") as connection:
            query = "SELECT ib_contract_id, is_known FROM v_contract_request ORDER BY 1"
            assert connection.execute(query).fetchall() == [(100, True), (404, False)]
        async with recording(database_url, tmp_path, port, **ALONE) as seen:
            await seen.refreshes(2)
            ask_for_refresh(database_url)
            await seen.refreshes(3)
            assert gateway.details == ["404", "100"]


async def test_silence_and_a_lost_feed_hold_up_no_refresh_and_are_over_when_they_are(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.collectors.question.ANSWER_S", 0.2)
    monkeypatch.setattr(collector, "FIRST_S", 0.1)
    gateway = Knows(position("DU1", 100, "AAPL"), position("DU1", 101, "IBM"))
    gateway.is_silent = True
    async with listening_here(gateway) as (port,), recording(database_url, tmp_path, port, **ALONE) as seen:
        await seen.refreshes()
        await until(lambda: {"100", "101"} <= set(gateway.details), "both are asked for")
        await gateway.say(LOST)
        await until(lambda: detail(database_url)[0] == "stale", "the feed is lost")
        await asyncio.sleep(0)
        gateway.is_silent = False
        await gateway.say(RESTORED)
        await until(lambda: len(ends(seen)) >= 2, "both are answered")
        await until(lambda: detail(database_url) == ("connected", None), "nothing is wrong any more")
