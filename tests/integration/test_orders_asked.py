"""Orders are asked for at connection, with each refresh and by the schedule; a read-only gateway is asked once."""

from pathlib import Path

import pytest

from ibconnect.events.types import SessionOpened
from ibconnect.gateway.collectors.orders import Orders
from tests.collecting import Small, Use, detail, lines_of, of_number
from tests.orders import COMPLETED_END, OPEN_END, completed_order, open_order, order_status
from tests.recording import ask_for_refresh, recording
from tests.serving import logged
from tests.small_gateway import listening_here, notice
from tests.waiting import until

READ_ONLY = notice(321, "Error validating request.-'bM' : cause - The API interface is currently in Read-Only mode.")
OTHER = notice(321, "Error validating request.-'bM' : cause - something about DU1.")
SECONDLY = {"EXEC_REF": "* * * * * *"}


class Ordering(Small):
    """Answers questions about orders, or refuses them."""

    refusal: list[str] | None = None

    @property
    def questions(self) -> list[str]:
        return [fields[0] for fields in self.asked if fields[0] in ("5", "15", "16", "99")]

    def hang_up(self) -> None:
        """End the connection."""
        assert self._writer is not None
        self._writer.close()

    async def _answer(self, fields: list[str]) -> None:
        if fields[0] in ("16", "99") and self.refusal is not None:
            await self.say(self.refusal)
        elif fields == ["16", "1"]:
            await self.say(open_order(), order_status(), OPEN_END)
        elif fields == ["99", "0"]:
            await self.say(completed_order(permId="72"), COMPLETED_END)
        else:
            await super()._answer(fields)


@pytest.fixture(autouse=True)
def _orders(use: Use) -> None:
    use(Orders)


async def test_they_are_asked_for_and_recorded_and_nothing_is_bound(database_url: str, tmp_path: Path) -> None:
    gateway = Ordering()
    async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports, COLLECT="orders") as seen:
        await seen.refreshes()
        await until(lambda: len(of_number(seen, 102)) == 2, "at connection, and after the refresh")
        ask_for_refresh(database_url)
        await until(lambda: len(of_number(seen, 102)) == 3, "with each refresh")
    assert gateway.questions == ["16", "99"] * 3
    assert [len(of_number(seen, number)) for number in (5, 3, 53, 101)] == [3, 3, 3, 3]


async def test_they_are_asked_for_by_the_schedule(database_url: str, tmp_path: Path) -> None:
    gateway = Ordering()
    async with (
        listening_here(gateway) as ports,
        recording(database_url, tmp_path, *ports, COLLECT="orders", **SECONDLY) as seen,
    ):
        await until(lambda: len(of_number(seen, 102)) >= 4, "more answers than connections and refreshes")
        assert len(seen.of(SessionOpened)) == 1


async def test_a_read_only_gateway_is_asked_once_on_each_connection(database_url: str, tmp_path: Path) -> None:
    gateway = Ordering()
    gateway.refusal = READ_ONLY
    with logged() as log:
        async with (
            listening_here(gateway) as ports,
            recording(database_url, tmp_path, *ports, COLLECT="orders", **SECONDLY) as seen,
        ):
            await seen.refreshes()
            shown = f"orders: refused: 321: {READ_ONLY[4]}"
            await until(lambda: detail(database_url) == ("connected", shown), lambda: str(detail(database_url)))
            for count in (2, 3):
                ask_for_refresh(database_url)
                await seen.refreshes(count)
            assert gateway.questions == ["16"]
            gateway.hang_up()
            await until(lambda: gateway.questions == ["16", "16"], "it is asked on the next connection")
            gateway.refusal = None
            gateway.hang_up()
            await until(lambda: lines_of(log, "collector_answered"), "the API is writable again")
            await until(lambda: detail(database_url) == ("connected", None), "nothing is shown any more")
    assert [each["reason"] for each in lines_of(log, "collector_unanswered")] == ["refused (321)"]
    assert "DU1" not in log.text()


async def test_any_other_refusal_is_of_that_once(database_url: str, tmp_path: Path) -> None:
    gateway = Ordering()
    gateway.refusal = OTHER
    async with (
        listening_here(gateway) as ports,
        recording(database_url, tmp_path, *ports, COLLECT="orders", **SECONDLY) as seen,
    ):
        await until(lambda: gateway.questions[:4] == ["16", "99"] * 2, "both are asked again")
        gateway.refusal = None
        await until(lambda: of_number(seen, 102), "and answered at last")
        assert len(seen.of(SessionOpened)) == 1
