"""The program with a second report, added by files of its own and one registry line: run, built again, upgraded."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.families.tree import make_tree
from tests.faults.lab import Simulators
from tests.faults.upgrading import Upgrade
from tests.processes import Process, accounts, get, process
from tests.projecting import Stream, record, value
from tests.waiting import wait_for

FAMILIES = "SELECT account_code, family_code FROM v_family ORDER BY 1"
VERSION = "SELECT version FROM families.projection"


class World(Upgrade):
    """A database without a gateway: what is recorded is made by the tests."""

    def start(self, version: str, verb: str) -> Process:
        """Start a part of the service."""
        settings = {**self._settings(f"{version}-{verb}"), "HOST": "127.0.0.1", "PORT": "0", "INSTANCE": version}
        log = self._directory / f"{version}-{verb}.log"
        return self._stack.enter_context(process(log, verb, root=self.roots[version], **settings))

    def record(self, account: str, family: str, told: str = "1") -> None:
        """A session in which both reports learn of an account."""
        stream = Stream(f"{account}:4002")
        stream.refresh({account: [value("NetLiquidation", "1.00", "USD", account)]})
        stream.message("78", told, account, family, timed=True)
        record(self.url, stream.events)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    roots = {"one": make_tree(tmp_path / "one"), "two": make_tree(tmp_path / "two", version=2)}
    with Simulators(0) as simulators, ExitStack() as stack:
        yield World(database_url, tmp_path, simulators, stack, roots)


@pytest.mark.slow
def test_it_is_kept_up_built_again_and_upgraded_by_itself(world: World) -> None:
    world.record("DU1", "F1")
    old, api = world.start("one", "project"), world.start("one", "api")
    wait_for(
        lambda: "family" in str(world.rows("SELECT to_regclass('public.v_family')")), "its tables and views are made"
    )
    wait_for(lambda: world.rows(FAMILIES) == [("DU1", "F1")], "it is projected")
    latest = accounts(api.url(), 1)
    world.record("DU2", "F2", told="7")
    check_verbs(world, api)
    with world.reading("v_family"):
        new = world.start("two", "project")
        world.wait_for_swap("v_family")
        world.record("DU3", "F3")
        accounts(api.url(), 3, after={})
        assert (world.rows(VERSION), world.rows(FAMILIES)) == ([(1,)], [("DU1", "F1"), ("DU3", "F3")])
        assert get(f"{api.url()}/v1/accounts/DU1/{latest['DU1']}")[0] == 200
    wait_for(lambda: world.rows(VERSION) == [(2,)], "its next version is live")
    assert new.output.count("are rebuilt") == 1
    assert '"reports": "families"' in new.output or '"reports":"families"' in new.output
    world.record("DU4", "F4")
    accounts(api.url(), 4)
    wait_for(lambda: world.rows("SELECT is_new FROM v_family") == [(True,)] * 3, "the next version is kept up")
    for each in (old, new, api):
        each.stop()
        assert (each.popen.returncode, "Traceback" in each.output) == (0, False)


def check_verbs(world: World, api: Process) -> None:
    """Each verb can be for one report, and is for both by default."""
    for report in ("directory", "families"):
        aside = f"SELECT count(*) FROM {report}.poison_event"
        wait_for(lambda aside=aside: world.rows(aside) == [(1,)], "an event is set aside")
    assert "2 events could not be applied" in str(get(f"{api.url()}/readyz")[1]["Reasons"])
    code, output = world.run("one", "set-aside")
    assert (code, sorted(json.loads(line)["Report"] for line in output.splitlines())) == (1, ["directory", "families"])
    assert world.run("one", "set-aside", "list", "accounts") == (0, "")
    code, output = world.run("one", "set-aside", "retry", "families")
    assert (code, "1 events were set aside; 1 still are" in output) == (1, True)
    code, output = world.run("one", "rebuild")
    assert (code, "the family tables" in output) == (0, True)
    code, output = world.run("one", "rebuild", "trades")
    assert (code, "there is no report 'trades'; the reports are accounts," in output) == (1, True)
    world.do("DELETE FROM families.poison_event")
