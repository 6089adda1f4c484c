"""Captures of real gateways, played over TCP to the whole service: the page shows their very digits."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.paths import CAPTURES
from tests.processes import accounts, process
from tests.web.desk import Desk, desk

pytestmark = pytest.mark.timeout(600)

# Figures of the balance, in IB's names, that every account of a capture has.
TAGS = {"NetLiquidation", "TotalCashValue", "GrossPositionValue", "BuyingPower", "ExcessLiquidity", "Cushion"}
_KEY, _VALUE = 2, 3
_TYPE, _SIZE, _PRICE, _WORTH = 4, 13, 14, 15


def sent(capture: Path, number: str) -> list[list[str]]:
    """The messages of one kind."""
    lines = map(json.loads, capture.read_text(encoding="utf-8").splitlines())
    return [fields for fields in lines if fields[0] == number]


def words(at: Desk) -> set[str]:
    """The exact figures that stand behind those that are shown."""
    return {word for title in at.titles() for word in title.split()}


@pytest.mark.parametrize("name", ["eur-commodities-fx", "portfolio-stk-opt-fx", "usd-demo-universal"])
def test_what_a_gateway_sent_stands_on_the_page_digit_by_digit(
    opened: Browser, database_url: str, tmp_path: Path, name: str
) -> None:
    capture = CAPTURES / f"{name}.jsonl"
    with process(tmp_path / "gateway", "simulate", "--capture", str(capture), "--complete", "--port", "0") as gateway:
        port = gateway.said(r"127\.0\.0\.1:(\d+)")[1]
        ours = {"DB_URL": database_url, "DATA_DIR": str(tmp_path / "data"), "PORT": "0", "IB_GW": f"127.0.0.1:{port}"}
        with process(tmp_path / "log", "serve", **ours) as serve:
            url = serve.url()
            (code,) = accounts(url, 1)
            with desk(opened, url) as at:
                at.open("account", code, tab="balance")
                seen = words(at)
                values = {fields[_KEY]: fields[_VALUE] for fields in sent(capture, "6") if fields[_KEY] in TAGS}
                assert {tag: text for tag, text in values.items() if text not in seen} == {}
                at.open("positions", code)
                seen = words(at)
                # Pairs of currencies are in the cash.
                held = [fields for fields in sent(capture, "7") if fields[_TYPE] != "CASH" and float(fields[_SIZE])]
                for fields in held:
                    assert {fields[each] for each in (_SIZE, _PRICE, _WORTH)} <= seen, fields
                assert values or held
