"""An advisor's directory is asked for at connection and when other accounts are listed; no other login is bothered."""

from pathlib import Path

from ibconnect.projections.directory.projection import DIRECTORY
from ibconnect.simulator import Gateway, Scenario
from tests.collecting import Small, detail, lines_of, of_number
from tests.projecting import project_report, read_columns
from tests.recording import ask_for_refresh, recording
from tests.serving import logged
from tests.small_gateway import listening_here, notice
from tests.waiting import until

ALONE = {"COLLECT": "directory"}
ENTRIES = ("kind", "coalesce(group_name, '')", "coalesce(account_code, '')", "coalesce(value, '')")


async def test_the_tables_say_what_the_advisor_says(database_url: str, tmp_path: Path) -> None:
    scenario = Scenario(accounts=3, advisor=True, frozen=True)
    world = scenario.world
    async with Gateway(scenario) as gateway, recording(database_url, tmp_path, gateway.port, **ALONE) as seen:
        await until(lambda: len(of_number(seen, 16)) == 2 and of_number(seen, 78), "all three answers")
        world.firm.rename(scenario.codes()[1], "Somebody <Else>")
        world.firm.regroup("First", scenario.codes()[1:2], "Equal")
        gateway.live[0].close()
        await until(lambda: len(of_number(seen, 16)) == 4 and len(of_number(seen, 78)) == 2, "all three again")
        await seen.writer.flushed()
        assert seen.inbound() == gateway.sent
    assert project_report(database_url, DIRECTORY).set_aside == []
    holding = [
        row[:-1]
        for row in read_columns(database_url, "v_account_directory_entry", *ENTRIES, "until")
        if row[-1] is None
    ]
    aliases = {("alias", "", code, world.firm.alias(code)) for code in scenario.codes()}
    groups = {("group", group.name, "", group.method) for group in world.groups().values()}
    members = {("member", group.name, code, "") for group in world.groups().values() for code in group.members}
    families = {("family", "", code, f"{world.master}A") for code in scenario.codes()}
    assert set(holding) == aliases | groups | members | families
    assert len(holding) == len(set(holding))


class NoAdvisor(Small):
    """Refuses requestFA in one of the ways that gateways have; a case may change the list of accounts."""

    code = 321

    async def asked_for_families(self) -> None:
        await self.say(["78", "0"])

    async def _answer(self, fields: list[str]) -> None:
        if fields[0] == "18":
            await self.say(notice(self.code, "FA data operations ignored for non FA customers."))
        else:
            await super()._answer(fields)

    def asked_for(self, number: str) -> int:
        """How often it was asked for something."""
        return sum(fields[0] == number for fields in self.asked)


async def test_a_login_that_is_no_advisors_is_asked_once_a_connection_and_that_is_no_fault(
    database_url: str, tmp_path: Path
) -> None:
    gateways = [type(f"Refuses{code}", (NoAdvisor,), {"code": code})() for code in (321, 330, 331, 344)]
    with logged() as log:
        async with listening_here(*gateways) as ports, recording(database_url, tmp_path, *ports, **ALONE) as seen:
            await until(lambda: len(of_number(seen, 78)) == len(gateways), "family codes of all")
            # What is asked for while the first refresh runs is served by that one.
            await seen.refreshes(len(gateways))
            for gateway in gateways:
                gateway.accounts = ("DU1", "DU2", "DU3")
            ask_for_refresh(database_url)
            await until(lambda: len(of_number(seen, 78)) == 2 * len(gateways), "family codes of other accounts")
            assert [(each.asked_for("18"), each.asked_for("80")) for each in gateways] == [(1, 2)] * len(gateways)
            await until(lambda: detail(database_url) == ("connected", None), "nothing is wrong")
    assert lines_of(log, "collector_unanswered") == []


async def test_an_individual_with_one_account_is_not_asked(database_url: str, tmp_path: Path) -> None:
    gateway = NoAdvisor()
    gateway.accounts = ("DU1",)
    async with listening_here(gateway) as (port,), recording(database_url, tmp_path, port, **ALONE) as seen:
        await until(lambda: of_number(seen, 78), "family codes")
        await seen.refreshes()
        assert gateway.asked_for("18") == 0
        gateway.accounts = ("F1234567",)
        ask_for_refresh(database_url)
        await until(lambda: gateway.asked_for("18") == 1, "the master of an advisor is")
