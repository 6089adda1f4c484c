"""Tables that an earlier version made in the schema snapshots, taken over and rebuilt by this one while that version
works on."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ibconnect.projections.accounts.projection import ACCOUNTS
from tests import releases
from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators
from tests.faults.rolling import traffic
from tests.faults.upgrading import Upgrade
from tests.paths import ROOT
from tests.processes import accounts, get

# The last one before each report had a schema of its own name.
FORMER_MIGRATION = 9
VIEWS = (
    "SELECT account_code, created, ready, net_liquidation, total_cash_balance FROM v_account_amount ORDER BY 1, 2",
    "SELECT account_code, created, tag, segment, currency, is_ledger, value FROM v_account_value"
    " ORDER BY 1, 2, 3, 4, 5, 6",
)


@pytest.fixture
def upgrade(empty_database_url: str, tmp_path: Path) -> Iterator[Upgrade]:
    former = tmp_path / "former"
    former.mkdir()
    try:
        releases.version_with(former, FORMER_MIGRATION)
    except LookupError as exc:
        pytest.skip(str(exc))
    with Simulators(1, rate=200) as simulators, ExitStack() as stack:
        yield Upgrade(empty_database_url, tmp_path, simulators, stack, {"old": former, "new": ROOT})


@pytest.mark.slow
def test_tables_of_the_former_schema_are_taken_over_and_nothing_is_lost(upgrade: Upgrade) -> None:
    assert upgrade.run("old", "migrate")[0] == 0
    judge = Judge(upgrade.url, upgrade.simulators.gateways)
    old = upgrade.serve("old")
    account, latest = sorted(accounts(old.url(), 2).items())[0]
    with traffic(old.url(), account, latest) as of_old, ExitStack() as stack:
        of_old.wait_for(True)
        seen = [upgrade.rows(view) for view in VIEWS]
        new = upgrade.serve("new")
        new.said("are taken over")
        new.said("rebuilt tables of reports are live")
        accounts(new.url(), 2)
        of_new = stack.enter_context(traffic(new.url(), account, latest))
        of_new.wait_for(True)
        of_old.wait_for(False)
        assert all(set(rows) <= set(upgrade.rows(view)) for rows, view in zip(seen, VIEWS, strict=True))
        # What the old one records from now on, this one projects.
        upgrade.go_on()
        accounts(new.url(), 1, after={account: latest})
        status, problem = get(f"{old.url()}/v1/accounts")
        assert (status, f"of version {ACCOUNTS.version + 1}, this program reads" in problem["detail"]) == (503, True)
        code, output = upgrade.run("old", "rebuild")
        assert code == 1
        assert "newer ibconnect" in output or "upgrade it" in output
        of_old.stop()
        position = upgrade.store.position()
        old.stop()
        upgrade.store.wait_for_sessions(position, 1)
        upgrade.go_on()
        of_new.wait_for(True)
        of_new.stop()
        new.stop()
    of_old.check((True, False))
    of_new.check((True,))
    assert judge.check().messages
    assert [(each.instance, each.reason) for each in sessions(upgrade.url)] == [("old", "stopped"), ("new", "stopped")]
    assert upgrade.rows("SELECT version FROM accounts.projection") == [(ACCOUNTS.version,)]
    assert upgrade.store.check_snapshots()
    for each in (old, new):
        assert "Traceback" not in each.output
        assert "set aside" not in each.output
