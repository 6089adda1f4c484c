"""The rules of deploy/prometheus/alerts.yml have the times that they should have: test_monitoring makes them shorter.

By promtool, on series that are made up: nobody waits for hours.
"""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.faults.prometheus import DEPLOY, promtool

AS_THEY_STAND: list[tuple[str, dict[str, str], dict[str, bool]]] = [
    # Alert, series (a value each minute), and whether it fires when. A gateway restarts itself each night, for minutes.
    ("GatewayDisconnected", {"ibconnect_gateway_connected": "1x9 0x11 1x20"}, {"21m": False}),
    ("GatewayDisconnected", {"ibconnect_gateway_connected": "0x30"}, {"14m": False, "16m": True}),
    ("IbConnectDown", {"up": "1x9 0x30"}, {"11m": False, "13m": True}),
    # Due an hour after the beginning.
    ("NoCompleteRefresh", {"ibconnect_refresh_due_timestamp_seconds": "3600x300"}, {"3h5m": False, "3h15m": True}),
    # A bound of 1000 bytes, whatever the default is.
    (
        "SpoolNearlyFull",
        {
            "ibconnect_spool_max_bytes": "1000x9",
            "ibconnect_spool_bytes": "190 210x8",
            "ibconnect_spool_leftover_bytes": "200x9",
        },
        {"0m": False, "1m": True},
    ),
    # Started again after five, nine and thirteen minutes.
    (
        "KeepsDying",
        {"process_start_time_seconds": "0x4 300x3 540x3 780x30", "up": "1x40"},
        {"12m": False, "14m": True, "25m": False},
    ),
    (
        "ProjectionLagging",
        {"ibconnect_projection_lag_seconds": "61x9 59x9"},
        {"4m": False, "6m": True, "12m": False},
    ),
    ("ProjectionLagging", {"ibconnect_projection_lag_seconds": "59x30"}, {"20m": False}),
    # A night in which IBKR is busy, and a token that has expired.
    (
        "StatementsMissing",
        {'ibconnect_trouble{trouble="statements_missing"}': "0x9 1x110 0x9 1x140"},
        {"2h5m": False, "4h15m": True},
    ),
    ("AccountConflict", {"ibconnect_account_conflicts": "0x4 2x20"}, {"8m": False, "11m": True}),
    # Nobody leads for a moment at each hand-over: the trouble is told after 30 s, the alert has no time of its own.
    (
        "NobodyLeads",
        {"ibconnect_gateway_led": "1 0x9 1x9", 'ibconnect_trouble{trouble="gateway_unled"}': "0x4 1x4 0x9"},
        {"4m": False, "6m": True, "11m": False},
    ),
    # Postgres is away: nobody can be seen to lead, and that is told as what it is.
    (
        "NobodyLeads",
        {"ibconnect_gateway_led": "0x30", 'ibconnect_trouble{trouble="gateway_unled"}': "0x30"},
        {"20m": False},
    ),
]


def series(name: str, labels: str) -> str:
    """A series with these labels beside its own."""
    name, _, own = name.rstrip("}").partition("{")
    return f"{name}{{{', '.join(filter(None, [own, labels]))}}}"


def row(alert: str, values: dict[str, str], fires: dict[str, bool]) -> dict[str, Any]:
    """A test for promtool."""
    labels = 'job="ibconnect", instance="one", gateway="gw"'
    query = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)'
    return {
        "interval": "1m",
        "input_series": [{"series": series(name, labels), "values": each} for name, each in values.items()],
        "promql_expr_test": [
            {"expr": query, "eval_time": at, "exp_samples": [{"labels": "{}", "value": int(does)}]}
            for at, does in fires.items()
        ],
    }


@pytest.mark.slow
def test_the_rules_as_they_stand_have_the_times_that_they_should_have(tmp_path: Path) -> None:
    promtool("check", "rules", DEPLOY / "alerts.yml", cwd=tmp_path)
    with (tmp_path / "tests.yml").open("w") as file:
        YAML().dump({"rule_files": [str(DEPLOY / "alerts.yml")], "tests": [row(*each) for each in AS_THEY_STAND]}, file)
    promtool("test", "rules", "tests.yml", cwd=tmp_path)
