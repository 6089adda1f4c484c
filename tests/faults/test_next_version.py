"""A version whose snapshot tables, views and reads are really others takes over from one that records and serves."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psycopg
import pytest

from ibconnect.database.pools import connect
from ibconnect.projections.accounts.projection import ACCOUNTS
from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators
from tests.faults.rolling import traffic
from tests.faults.upgrading import REBUILT_S, Upgrade
from tests.next_version import NEXT, make_next_version
from tests.paths import ROOT
from tests.processes import STOPS_S, accounts, get
from tests.projecting import Stream, position, record, value
from tests.waiting import wait_for

PUBLIC = (
    "SELECT * FROM public.v_account_amount ORDER BY account_code, created",
    "SELECT * FROM public.v_account_position ORDER BY account_code, created, ib_contract_id",
    "SELECT * FROM public.v_account_value ORDER BY account_code, created, tag, segment, currency, is_ledger",
)


@pytest.fixture
def upgrade(database_url: str, tmp_path: Path) -> Iterator[Upgrade]:
    with Simulators(1, rate=200) as simulators, ExitStack() as stack:
        roots = {"old": ROOT, "new": make_next_version(tmp_path / "next")}
        yield Upgrade(database_url, tmp_path, simulators, stack, roots)


@pytest.fixture
def reader(upgrade: Upgrade) -> Iterator[str]:
    """A role of an analyst's; gone with the test."""
    name = "reader_of_upgrade"
    upgrade.do(f"CREATE ROLE {name}")
    yield name
    upgrade.do(f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


def contracts_of(upgrade: Upgrade, reader: str) -> tuple[list[str], int]:
    """What an analyst sees: the columns of a view, and how many rows a view upon it has."""
    with connect(upgrade.url, name="test") as connection, connection.transaction():
        connection.execute(f"SET LOCAL ROLE {reader}".encode())
        seen = connection.execute("SELECT * FROM public.v_contract").description or ()
        (count,) = connection.execute("SELECT count(*) FROM public.mine").fetchone() or (0,)
        return [column.name for column in seen], count


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("is_thorough", [False, True])
def test_the_next_version_takes_over_without_a_failed_request_or_a_lost_event(
    upgrade: Upgrade, reader: str, is_thorough: bool
) -> None:
    judge = Judge(upgrade.url, upgrade.simulators.gateways)
    old = upgrade.serve("old")
    account, latest = sorted(accounts(old.url(), 2).items())[0]
    upgrade.do(
        "CREATE VIEW public.mine AS SELECT symbol FROM v_contract",
        "CREATE VIEW public.stubborn AS SELECT currency_name FROM v_contract",
        f"GRANT SELECT ON v_contract, public.mine TO {reader}",
    )
    columns, contracts = contracts_of(upgrade, reader)
    with traffic(old.url(), account, latest) as of_old, ExitStack() as stack:
        of_old.wait_for(True)
        new = upgrade.serve("new")
        new.said(r"public\.stubborn cannot follow")
        with upgrade.reading():
            upgrade.do("DROP VIEW public.stubborn")
            of_new = stack.enter_context(traffic(new.url(), account, latest))
            of_new.wait_for(False)
            upgrade.wait_for_swap()
            upgrade.go_on()
            accounts(old.url(), 1, after={account: latest})
            for version in ("old", "new") if is_thorough else ():
                code, output = upgrade.run(version, "rebuild")
                assert (code, "another rebuild" in output) == (1, True)
                assert upgrade.run(version, "retry-poison")[0] == 0
            assert (upgrade.version(), contracts_of(upgrade, reader)) == (ACCOUNTS.version, (columns, contracts))
            of_old.wait_for(True)
        of_new.wait_for(True)
        of_old.wait_for(False)
        assert upgrade.version() == NEXT
        assert contracts_of(upgrade, reader) == ([each for each in columns if each != "currency_name"], contracts)
        upgrade.go_on()
        if is_thorough:
            assert upgrade.run("new", "rebuild")[0] == 0
            code, output = upgrade.run("old", "rebuild")
            assert (code, "upgrade it" in output) == (1, True)
        of_old.wait_for(False)
        of_old.stop()
        position = upgrade.store.position()
        assert (old.stop() < STOPS_S, old.popen.returncode) == (True, 0)
        upgrade.store.wait_for_sessions(position, 1)
        upgrade.go_on()
        of_new.wait_for(True)
        if is_thorough:
            check_the_way_back(upgrade)
            of_new.wait_for(True)
        of_new.stop()
        new.stop()
    of_old.check((True, False))
    of_new.check((False, True))
    assert judge.check().messages
    assert [(each.instance, each.reason) for each in sessions(upgrade.url)] == [("old", "stopped"), ("new", "stopped")]
    for each in (old, new):
        assert "Traceback" not in each.output
    before = [upgrade.rows(query) for query in PUBLIC]
    assert all(before)
    if is_thorough:
        assert upgrade.run("new", "rebuild")[0] == 0
        assert [upgrade.rows(query) for query in PUBLIC] == before
        check_the_old_tables_again(upgrade, account, latest)


def check_the_way_back(upgrade: Upgrade) -> None:
    """The version before, started again: it says what is the matter, and leaves everything as it is."""
    again = upgrade.serve("old", "again")
    again.said("the tables of a report are of a newer version")
    status, problem = get(f"{again.url()}/v1/accounts")
    assert (status, problem["type"]) == (503, "urn:ibconnect:problem:rebuilding")
    assert f"of version {NEXT}, this program reads {ACCOUNTS.version}" in problem["detail"]
    status, ready = get(f"{again.url()}/readyz")
    assert (status, ready["Reasons"]) == (503, [problem["detail"]])
    again.stop()
    assert (again.popen.returncode, upgrade.version()) == (0, NEXT)


def check_the_old_tables_again(upgrade: Upgrade, account: str, latest: str) -> None:
    """The version before makes its tables again from all events, once those of the next version are dropped."""
    upgrade.do("DROP SCHEMA accounts CASCADE")
    back = upgrade.serve("old", "back")
    accounts(back.url(), 1, after={account: latest})
    wait_for(lambda: get(f"{back.url()}/readyz")[0] == 200, "it is ready")
    assert get(f"{back.url()}/v1/accounts/{account}/{latest}")[0] == 200
    back.stop()
    assert upgrade.version() == ACCOUNTS.version


REFRESHES = 1500
KILLED_WHEN = {
    "its tables are made": "SELECT position >= 0 FROM accounts_next.projection",
    "it loads": "SELECT position > 0 FROM accounts_next.projection",
    "its tables are in place but for the swap": (
        "SELECT true FROM pg_locks WHERE NOT granted AND relation = 'public.v_contract'::regclass"
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_rebuild_killed_at_any_point_is_begun_again_and_of_two_one_does_it(upgrade: Upgrade) -> None:
    judge = Judge(upgrade.url, upgrade.simulators.gateways)
    past = Stream("long.ago:4002")
    for number in range(REFRESHES):
        figures = [value(key, f"{number}.50", "USD") for key in ("NetLiquidation", "BuyingPower", "CashBalance")]
        past.refresh({"DU1": [*figures, *(position(con_id) for con_id in range(1, 15))]})
    past.own("sc", reason="stopped")
    record(upgrade.url, past.events)
    judge._judged.add(past.id)
    old = upgrade.serve("old")
    account, latest = sorted(accounts(old.url(), 2).items())[0]
    with traffic(old.url(), account, latest) as of_old, ExitStack() as stack:
        with upgrade.reading():
            for number, state in enumerate(KILLED_WHEN.values()):
                victim = upgrade.serve("new", f"victim-{number}")
                victim.said("tables of reports are rebuilt")
                wait_for(partial(is_so, upgrade, state), state, REBUILT_S)
                victim.stop(signal.SIGKILL)
                of_old.wait_for(True)
            news = [upgrade.serve("new", name) for name in ("anna", "bert")]
            of_news = [stack.enter_context(traffic(new.url(), account, latest)) for new in news]
            upgrade.wait_for_swap()
            upgrade.go_on()
        for of_new in of_news:
            of_new.wait_for(True)
        of_old.wait_for(False)
        of_old.stop()
        old.stop()
        upgrade.go_on()
        for of_new in of_news:
            of_new.wait_for(True)
            of_new.stop()
            of_new.check((False, True))
        for new in news:
            new.stop()
    of_old.check((True, False))
    assert sum(new.output.count("rebuilt tables of reports are live") for new in news) == 1
    assert sum(new.output.count("tables of reports are rebuilt") for new in news) == 1
    assert judge.check().messages
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^(accounts|snapshots)'"
    assert upgrade.rows(schemas) == [("accounts",)]


def is_so(upgrade: Upgrade, state: str) -> bool:
    """Whether a rebuild has come so far; one that begins drops what another has left."""
    try:
        return upgrade.rows(state)[:1] == [(True,)]
    except psycopg.errors.UndefinedTable:
        return False
