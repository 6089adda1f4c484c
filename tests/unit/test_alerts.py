"""Whatever may be amiss for a while has an alert of its own, and so has what ends the process."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ibconnect.observe import Trouble

ROOT = Path(__file__).parents[2]
GROUPS = YAML(typ="safe").load(ROOT / "deploy" / "prometheus" / "alerts.yml")["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]


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
