"""What is asked of a gateway beside its accounts: recorded, and of no harm to them whatever the gateway answers."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from ib_async import ExecutionFilter

from ibconnect.database.pools import connect
from ibconnect.events.types import AccountConcluded, RefreshEnded, SessionOpened
from ibconnect.gateway.collectors.due import At, Cron, Every
from ibconnect.gateway.collectors.question import Question
from ibconnect.gateway.collectors.scheduled import Scheduled
from ibconnect.gateway.connection import Connection
from ibconnect.simulator import Gateway, Scenario
from tests.collecting import Small, Use, detail, lines_of, of_number
from tests.families.collector import Families
from tests.families.tree import add_collector, copy_program
from tests.processes import process
from tests.recording import ask_for_refresh, recording
from tests.serving import logged
from tests.small_gateway import LOST, RESTORED, end, listening_here, notice, position, values
from tests.waiting import until


async def test_what_a_collector_gets_is_recorded(database_url: str, tmp_path: Path, use: Use) -> None:
    use(Families)
    async with Gateway(Scenario.demo()) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        await seen.refreshes()
        (codes,) = await until(lambda: of_number(seen, 78), "the family codes")
        assert list(codes) in gateway.sent[0]
        ask_for_refresh(database_url)
        await seen.refreshes(2)
        assert len(of_number(seen, 78)) == 1, "they are asked for at connection, and not with each refresh"
        gateway.live[0].close()
        await until(lambda: len(of_number(seen, 78)) == 2, "they are asked for at the next connection")
        await seen.refreshes(3)
        await seen.writer.flushed()
        assert seen.inbound() == gateway.sent


async def test_with_each_refresh(database_url: str, tmp_path: Path, use: Use) -> None:
    class AfterRefresh(Families):
        due = (At.REFRESH,)

    use(AfterRefresh)
    async with Gateway(Scenario.demo()) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        for number in (1, 2):
            await until(lambda count=number: len(of_number(seen, 78)) == count, f"{number} family codes")
            assert len(seen.of(RefreshEnded)) == number
            ask_for_refresh(database_url)


@pytest.mark.parametrize("due", [Every(0.3), Cron("* * * * * *")], ids=["every so many seconds", "by cron"])
async def test_asked_again_on_one_connection(database_url: str, tmp_path: Path, use: Use, due: Every | Cron) -> None:
    use(type("Timed", (Families,), {"due": (due,)}))
    async with Gateway(Scenario.demo()) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
        await until(lambda: len(of_number(seen, 78)) >= 3, "three answers")
        assert len(seen.of(SessionOpened)) == 1


def test_a_collector_is_a_file_and_a_line(database_url: str, tmp_path: Path) -> None:
    """The program as it is with one collector more; nothing else is changed."""
    root = copy_program(tmp_path / "program")
    add_collector(root)

    async def record() -> None:
        async with Gateway(Scenario.demo()) as gateway:
            settings = {"IB_GW": f"127.0.0.1:{gateway.port}", "DATA_DIR": str(tmp_path / "data"), "PORT": "0"}
            with process(tmp_path / "log", "record", root=root, DB_URL=database_url, **settings) as running:
                await until(lambda: stored(database_url), lambda: f"the family codes are stored:\n{running.output}")

    asyncio.run(record())


def stored(url: str) -> list[Any]:
    query = "SELECT 1 FROM stored_events WHERE topic = 'm' AND convert_from(state, 'UTF8') LIKE '%\"78\",%'"
    with connect(url, name="test") as connection:
        return connection.execute(query).fetchall()


REFUSAL = notice(321, "Error validating request.-'cd' : cause - not for DU1.")


class RefusesLate(Small):
    """Refuses family codes when the account subscription has been sent, and before the first row of it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = asyncio.Event()

    async def asked_for_families(self) -> None:
        self.is_asked.set()

    async def subscribed(self, account: str, nth: int) -> None:
        await self.is_asked.wait()
        if account == "DU1" and nth == 1:
            await self.say(REFUSAL)
        await self.say(*values(account), position(account, 265598, "AAPL"), end(account))


@pytest.mark.parametrize("is_asked", [True, False])
async def test_a_refusal_without_a_number_ends_no_download_of_an_account(
    database_url: str, tmp_path: Path, use: Use, is_asked: bool
) -> None:
    gateway = RefusesLate()
    if is_asked:
        use(Families)
    else:
        gateway.is_asked.set()
    with logged() as log:
        async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
            await seen.refreshes()
            first = seen.of(AccountConcluded)[0]
            assert (first.account, first.ended) == ("DU1", "download-end" if is_asked else "rejected")
            found = await until(lambda: lines_of(log, "collector_unanswered"), "it is logged") if is_asked else []
            assert [(each["collector"], each["reason"]) for each in found] == [("families", "refused (321)")] * is_asked
            if is_asked:
                shown = ("connected", "families: refused: 321: Error validating request.-'cd' : cause - not for DU1.")
                await until(lambda: detail(database_url) == shown, lambda: f"{shown}, but {detail(database_url)}")
                ask_for_refresh(database_url)
                await seen.refreshes(2)
                assert len([each for each in gateway.asked if each[0] == "80"]) == 1, "it is not asked again"
    assert "DU1" not in log.text(), "no log names an account"


async def test_the_accounts_own_refusal_is_found_beside_a_question_that_hangs(
    database_url: str, tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been meant for the other question, so the rows are waited for, for a moment."""
    monkeypatch.setattr("ibconnect.gateway.collectors.accounts.conclusion.ANSWER_S", 0.3)

    class Refuses(RefusesLate):
        async def subscribed(self, account: str, nth: int) -> None:
            await self.is_asked.wait()
            await self.say(REFUSAL)

    use(Families)
    async with (
        listening_here(Refuses()) as ports,
        recording(database_url, tmp_path, *ports, DOWNLOAD_TIMEOUT="300") as seen,
    ):
        (ended,) = await seen.refreshes()
        assert [each.ended for each in seen.of(AccountConcluded)] == ["rejected", "rejected"]
        assert ended.outcome == "failed"


async def test_a_question_that_hangs_is_logged_once_and_harms_nobody(
    database_url: str, tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.collectors.question.ANSWER_S", 0.1)
    monkeypatch.setattr("ibconnect.gateway.collectors.due.AGAIN_S", 0.1)

    class Answers(Small):
        times = 0

        async def asked_for_families(self) -> None:
            self.times += 1
            if self.times > 3:
                await self.say(["78", "0"])

    use(Families)
    gateway = Answers()
    with logged() as log:
        async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
            (ended,) = await seen.refreshes()
            assert ended.outcome == "complete"
            await until(lambda: lines_of(log, "collector_answered"), "it is logged that it was answered at last")
            await until(lambda: detail(database_url) == ("connected", None), "nothing is shown any more")
            assert gateway.times > 3
    assert [each["reason"] for each in lines_of(log, "collector_unanswered")] == ["unanswered"]


async def test_nothing_is_asked_while_the_gateway_has_lost_ib(
    database_url: str, tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.connectivity.SETTLE_S", 0.1)

    class Stale(Small):
        greeting = (LOST,)

        async def asked_for_families(self) -> None:
            if not of_number(seen, 1102) and len([each for each in self.asked if each[0] == "80"]) == 1:
                await self.say(LOST)

    use(Families)
    gateway = Stale()
    with logged() as log:
        async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
            await seen.refreshes()
            assert [each for each in gateway.asked if each[0] == "80"] == []
            for count in (1, 2):
                # The first time it is lost again before the answer: that is asked for again, and no fault of anybody.
                await gateway.say(RESTORED)
                await until(
                    lambda asked=count: [each[0] for each in gateway.asked].count("80") == asked, f"{count} questions"
                )
    assert lines_of(log, "collector_unanswered") == []


async def test_short_answers_in_a_row_are_answers(
    database_url: str, tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small frames that nobody acts on are recorded as one piece; these are what somebody waits for."""
    monkeypatch.setattr("ibconnect.gateway.collectors.question.ANSWER_S", 5.0)
    names = [f"executions_{each}" for each in "abcdefghij"]

    def questions(_: Scheduled, connection: Connection) -> Iterable[Question]:
        yield Question(lambda transport, number: transport.reqExecutions(number, ExecutionFilter()), 55, 2)

    parts = {"due": (At.CONNECTION,), "messages": {55: 3}, "questions": questions}
    use(*(type(name, (Scheduled,), {"name": name, **parts}) for name in names))

    class AtOnce(Small):
        async def _answer(self, fields: list[str]) -> None:
            await super()._answer(fields)
            requests = [each[2] for each in self.asked if each[0] == "7"]
            if fields[0] == "7" and len(requests) == len(names):
                await self.say(*(["55", "1", request] for request in requests))

    with logged() as log:
        async with listening_here(AtOnce()) as ports, recording(database_url, tmp_path, *ports) as seen:
            await until(lambda: len(of_number(seen, 55)) == len(names), "the end of each answer")
            await seen.refreshes()
    assert lines_of(log, "collector_unanswered") == []


async def test_one_account_that_does_not_answer_holds_up_one_of_several_questions_at_once(
    database_url: str, tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question for each of 40 accounts, four under way: the silent one is waited for beside all others."""
    monkeypatch.setattr("ibconnect.gateway.collectors.question.ANSWER_S", 300.0)
    accounts = [f"DU{number}" for number in range(40)]
    most = []

    def questions(_: Scheduled, connection: Connection) -> Iterable[Question]:
        for account in accounts:
            yield Question(lambda transport, number, each=account: transport.reqPnL(number, each, ""), 94, 1)

    class Profits(Small):
        open_now = 0

        async def _answer(self, fields: list[str]) -> None:
            await super()._answer(fields)
            if fields[0] == "92":
                self.open_now += 1
                most.append(self.open_now)
                if fields[2] != "DU3":
                    await asyncio.sleep(0)
                    self.open_now -= 1
                    await self.say(["94", fields[1], "1.5", "2.5", "0.0"])

    parts = {"due": (At.CONNECTION,), "messages": {94: 2}, "questions": questions, "at_once": 4}
    use(type("EachProfit", (Scheduled,), {"name": "profits", **parts}))
    gateway = Profits()
    async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await until(lambda: len(of_number(seen, 94)) == 39, "the answers of all others")
        asked = [each[2] for each in gateway.asked if each[0] == "92"]
        assert sorted(asked) == sorted(accounts), "each is asked once"
        assert max(most) <= 4
