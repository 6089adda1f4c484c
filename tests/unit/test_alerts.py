"""Whatever may be amiss for a while has an alert of its own, and the runbook says of each what to do."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ibconnect.events.journal import Journal
from ibconnect.events.types import AccountTimeUpdated, AccountValueUpdated, PortfolioUpdated
from ibconnect.observe import Kind, Trouble

ROOT = Path(__file__).parents[2]
GROUPS = YAML(typ="safe").load(ROOT / "deploy" / "prometheus" / "alerts.yml")["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


def named(rule: dict[str, Any]) -> set[str]:
    """The troubles that a rule asks for."""
    return set(re.findall(r'ibconnect_trouble\{trouble="(\w+)"\} ?\)? == 1', rule["expr"]))


@pytest.mark.parametrize("trouble", [trouble.name.lower() for trouble in Trouble])
def test_every_trouble_has_one_alert(trouble: str) -> None:
    assert len([rule["alert"] for rule in RULES if trouble in named(rule)]) == 1


def test_no_alert_asks_for_what_is_no_trouble() -> None:
    asked = set(re.findall(r'trouble="(\w+)"', " ".join(rule["expr"] for rule in RULES)))
    assert asked == {trouble.name.lower() for trouble in Trouble}


def test_the_spool_is_an_alert_only_while_events_cannot_be_stored() -> None:
    """The gauge is asked when it is scraped: under load there always are some bytes on their way."""
    (rule,) = [rule for rule in RULES if rule["alert"] == "SpoolInUse"]
    assert named(rule) == {"events_wait"}


def test_only_account_data_shows_that_a_gateway_is_recorded() -> None:
    """What this program does itself, and answers to what it asks while IB is lost, are events as well."""
    (rule,) = [rule for rule in RULES if rule["alert"] == "NothingRecorded"]
    (kinds,) = re.findall(r'kind=~"([\w|]+)"', rule["expr"])
    assert set(kinds.split("|")) == {
        kind.__name__ for kind in (AccountTimeUpdated, AccountValueUpdated, PortfolioUpdated)
    }


def test_the_spool_is_an_alert_before_no_session_may_begin(tmp_path: Path) -> None:
    (rule,) = [rule for rule in RULES if rule["alert"] == "SpoolNearlyFull"]
    bound = float(rule["expr"].rpartition("> ")[2])
    journal = Journal(tmp_path, 1 << 20)
    try:
        journal.append(bytes(int(bound * (1 << 20))), 1)
        assert journal.has_room
        journal.append(bytes(int((0.875 - bound) * (1 << 20))), 1)
        assert not journal.has_room
    finally:
        journal.close(is_done=True)


def test_the_runbook_explains_every_alert_and_no_others() -> None:
    alerts, _, _ = RUNBOOK.partition("## Alerts\n")[2].partition("\n## ")
    explained = re.findall(r"^### (\w+)\n\*.+\*\n\n.", alerts, re.MULTILINE)
    assert explained == re.findall(r"^### (.+)$", alerts, re.MULTILINE), "each begins with what it means"
    assert explained == [rule["alert"] for rule in RULES]


def test_every_alert_leads_to_its_place_in_the_runbook() -> None:
    for rule in RULES:
        place = f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook_url"] == "{{ $externalLabels.runbooks }}" + place


def test_the_runbook_explains_every_line_of_the_log_at_warning_or_above_and_no_others() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| .{10,} \|$", RUNBOOK.partition("## Lines of the log")[2], re.MULTILINE)
    loud = [kind for kind in Kind if kind.value.level.value >= logging.WARNING]
    assert rows == [(kind.name.lower(), kind.value.text) for kind in loud]
