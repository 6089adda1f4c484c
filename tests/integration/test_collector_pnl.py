"""Profit and loss as it is asked for: of each account, one subscription that ends with its first figures."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ibconnect.events.types import QuestionAsked, RefreshEnded, SessionOpened
from tests.collecting import detail, of_number
from tests.profits import UNSET, project, refused, rows
from tests.recording import ask_for_refresh, recording
from tests.small_gateway import SmallGateway, end, listening_here, notice, position, position_multi, values
from tests.waiting import until

NEVER = "0 0 1 1 *"
SILENT, REFUSED, LATE = "DU3", "DU4", "DU5"


class Profits(SmallGateway):
    """Says profit and loss as gateways do: of one account nothing, of one an error, of one no figures at first."""

    accounts = ("DU1", "DU2", SILENT, REFUSED, LATE)

    def __init__(self) -> None:
        super().__init__()
        self.hears = False

    async def subscribed(self, account: str, nth: int) -> None:
        held = [
            position(account, 1, "ONE"),
            position(account, 2, "TWO", size="-0.5"),
            position(account, 3, "X", size="0"),
        ]
        combination = position(account, 0, "", sec_type="BAG")
        await self.say(*values(account), *held, combination, end(account))

    async def _answer(self, fields: list[str]) -> None:
        match fields:
            case ["92", _, account, ""] if account == SILENT and not self.hears:
                pass
            case ["92", number, account, ""] if account == REFUSED:
                await self.say(notice(321, "Invalid account code.", number))
            case ["92", number, account, ""]:
                unset = [["94", number, UNSET, UNSET, UNSET]] if account == LATE else []
                await self.say(*unset, *[["94", number, "1.50", "-2.00", f"{n}.00"] for n in range(3)])
            case ["94", number, _, "", contract]:
                await self.say(["95", number, "100", f"{contract}.00", "2.00", "3.00", "18725.00"])
            case _:
                await super()._answer(fields)

    def requests(self, kind: str) -> Counter[str]:
        """How often each account (of a cancel: each request) was asked about."""
        return Counter(fields[-1] if kind in ("93", "95") else fields[2] for fields in self.asked if fields[0] == kind)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.gateway.collectors.question.ANSWER_S", 1.0)
    monkeypatch.setattr("ibconnect.gateway.collectors.due.AGAIN_S", 0.2)


async def test_each_account_is_asked_and_costs_its_own_wait_alone(database_url: str, tmp_path: Path) -> None:
    gateway = Profits()
    settings = {"COLLECT": "pnl", "PNL_REF": NEVER}
    async with listening_here(gateway) as (port,), recording(database_url, tmp_path, port, **settings) as seen:
        await seen.refreshes()
        # The silent one is asked again, by itself, and refused ones are not before it is due.
        await until(lambda: gateway.requests("92")[SILENT] >= 3, "the silent one is asked again")
        assert gateway.requests("92") == {
            "DU1": 1,
            "DU2": 1,
            REFUSED: 1,
            LATE: 1,
            SILENT: gateway.requests("92")[SILENT],
        }
        state, what = detail(database_url)
        assert (state, (what or "")[:4]) == ("connected", "pnl:")
        gateway.hears = True
        await until(lambda: detail(database_url)[1] in (None, ""), "it has answered")
        asked = seen.of(QuestionAsked)
        assert {(each.report, each.contract) for each in asked} == {("pnl", None)}
        wanted = {str(each.request) for each in asked if each.account != REFUSED}
        await until(lambda: set(gateway.requests("93")) >= wanted, "what was subscribed is ended")
        assert set(gateway.requests("93")) == wanted, "a refused one is not"
        assert max(gateway.requests("93").values()) == 1
        await seen.have(QuestionAsked, len(asked))
    project(database_url)
    assert Counter((row.account, row.daily, row.unrealized, row.realized) for row in rows(database_url)) == {
        (account, "1.50", "-2.00", "0.00"): 1 for account in ("DU1", "DU2", LATE, SILENT)
    }
    assert refused(database_url) == []


async def test_positions_are_asked_for_where_that_is_wanted(database_url: str, tmp_path: Path) -> None:
    """What is held, and once more what was closed; a combination has no id that could be asked for."""
    gateway = Profits()
    gateway.accounts = ("DU1",)
    settings = {"COLLECT": "pnl", "PNL_REF": NEVER, "PNL_POSITIONS": "true"}
    async with listening_here(gateway) as (port,), recording(database_url, tmp_path, port, **settings) as seen:
        await until(lambda: len(of_number(seen, 95)) >= 3, "three positions")
        assert [(each.account, each.contract) for each in seen.of(QuestionAsked)] == [
            ("DU1", None),
            *(("DU1", contract) for contract in (1, 2, 3)),
        ]
        await gateway.say(position("DU1", 2, "TWO", size="0"))
        await until(lambda: of_number(seen, 7)[-1][13] == "0", "it is closed")
        await seen.refreshes()
        ask_for_refresh(database_url)
        await until(lambda: len(of_number(seen, 95)) >= 6, "the three once more")
    project(database_url)
    found = [row for row in rows(database_url) if row.contract]
    assert {(row.contract, row.daily, row.size, row.value) for row in found} == {
        (contract, f"{contract}.00", "100", "18725.00") for contract in (1, 2, 3)
    }


async def test_by_its_schedule_and_after_reconnecting(database_url: str, tmp_path: Path) -> None:
    """Every second here; each tick one sample, whatever the gateway goes on sending, and anew after a break."""
    gateway = Profits()
    gateway.accounts = ("DU1", "DU2")
    settings = {"COLLECT": "pnl", "PNL_REF": "* * * * * *"}
    async with listening_here(gateway) as (port,), recording(database_url, tmp_path, port, **settings) as seen:
        await until(lambda: gateway.requests("92")["DU1"] >= 3, "some ticks")
        assert len(seen.of(RefreshEnded)) == 1, "no refresh is needed for it"
        assert gateway._writer is not None
        gateway._writer.close()
        await seen.have(SessionOpened, 2)
        before = gateway.requests("92")["DU2"]
        await until(lambda: gateway.requests("92")["DU2"] > before, "asked on the new connection")
    project(database_url)
    asked: Any = Counter((each.originator_id, each.request) for each in seen.of(QuestionAsked))
    assert max(asked.values()) == 1
    assert len(rows(database_url)) <= len(asked)
    assert refused(database_url) == []


async def test_positions_of_an_account_without_prices(database_url: str, tmp_path: Path) -> None:
    """Where another program has the subscription they are known from positionMulti; models' are not asked for."""

    class Multi(Profits):
        accounts = ("DU1",)

        async def subscribed(self, account: str, nth: int) -> None:
            await self.say(notice(2101, "Unable to subscribe to account"))

        async def asked_for_values(self, request: str, account: str) -> None:
            await self.say(
                *[["73", "1", request, account, "", *row[2:5]] for row in values(account)], ["74", "1", request]
            )

        async def asked_for_positions(self, request: str, account: str) -> None:
            held = [
                position_multi(request, account, 7, "SEVEN", "5"),
                position_multi(request, account, 8, "M", "5", model="A"),
            ]
            await self.say(*held, ["72", "1", request])

    settings = {"COLLECT": "pnl", "PNL_REF": NEVER, "PNL_POSITIONS": "true"}
    async with listening_here(Multi()) as (port,), recording(database_url, tmp_path, port, **settings) as seen:
        await until(lambda: of_number(seen, 95), "the position")
        assert [each.contract for each in seen.of(QuestionAsked)] == [None, 7]
