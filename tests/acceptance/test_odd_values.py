"""Values that break other recorders, from the wire to the report: nothing is rounded, dropped or made up."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from ibconnect.simulator import Captures, Gateway
from tests.acceptance.conftest import Start
from tests.acceptance.test_captures_to_rest import exact, report_of

pytestmark = pytest.mark.with_tables

ACCOUNT = "U7654321"
UNSET = "1.7976931348623157E308"


def value(key: str, text: str, currency: str = "") -> list[str]:
    return ["6", "2", key, text, currency, ACCOUNT]


def position(contract: str, *figures: str, symbol: str = "X", account: str = ACCOUNT) -> list[str]:
    start = ["7", "8", contract, symbol, "STK", "", "0", "0", "", "NYSE", "USD", symbol, "NMS"]
    return [*start, *figures, account]


def capture(folder: Path, *account_messages: list[str], end: bool = True) -> Path:
    lines = [["15", "1", ACCOUNT], ["9", "1", "1"], *account_messages, *([["54", "1", ACCOUNT]] if end else [])]
    path = folder / "odd.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


async def reported(start: Start, folder: Path, *account_messages: list[str]) -> dict[str, Any]:
    source = Captures.load(capture(folder, *account_messages))
    async with Gateway(source) as gateway, aiohttp.ClientSession() as session:
        service = await start(gateway.port)
        return await report_of(session, service.urls[0], ACCOUNT)


def texts(report: dict[str, Any], tag: str) -> list[tuple[Any, Any, str]]:
    return [(row["Segment"], row["Currency"], row["Value"]) for row in report["Values"] if row["Tag"] == tag]


async def test_amounts_keep_sign_and_digits(start: Start, tmp_path: Path) -> None:
    report = await reported(
        start,
        tmp_path,
        value("AvailableFunds", "62.6", "USD"),
        value("BuyingPower", "-0.50", "USD"),
        value("NetLiquidation", "7421167.7441", "USD"),
        value("MaintMarginReq", "-0.00", "USD"),
        value("InitMarginReq", "1E5", "USD"),
        value("TotalCashValue", "123456789012345678901234567890.123456789", "USD"),
        value("TotalCashBalance", "10.5", "BASE"),
    )
    balance = report["Balance"]
    assert balance["AvailableFunds"] == "USD 62.6"
    assert balance["BuyingPower"] == "USD -0.50"
    assert balance["NetLiquidation"] == "USD 7421167.7441"
    assert balance["TotalCashValue"] == "USD 123456789012345678901234567890.123456789"
    assert balance["TotalCashBalance"] == "USD 10.5"
    assert balance["EquityWithLoanValue"] is None
    assert texts(report, "MaintMarginReq") == [(None, "USD", "-0.00")]
    assert texts(report, "InitMarginReq") == [(None, "USD", "1E5")]


async def test_unset_is_null_and_its_text_is_kept(start: Start, tmp_path: Path) -> None:
    report = await reported(
        start,
        tmp_path,
        value("NetLiquidation", "5.00", "USD"),
        value("BuyingPower", UNSET, "USD"),
        value("Cushion", ""),
        position("11", "1", UNSET, "0", "", UNSET, "0"),
    )
    assert report["Balance"]["BuyingPower"] is None
    assert report["Balance"]["Cushion"] is None
    assert texts(report, "BuyingPower") == [(None, "USD", UNSET)]
    assert texts(report, "Cushion") == [(None, None, "")]
    (held,) = report["Positions"]
    assert [
        held[name] for name in ("Position", "MarketPrice", "MarketValue", "AverageCost", "UnrealizedPNL", "RealizedPNL")
    ] == [
        "1",
        None,
        "0",
        None,
        None,
        "0",
    ]


async def test_the_same_key_twice_is_the_accounts_figure_and_then_the_ledgers(
    start: Start, tmp_path: Path, database_url: str
) -> None:
    report = await reported(
        start,
        tmp_path,
        value("AccruedCash", "543", "BASE"),
        value("AccruedCash", "543.10", "USD"),
        value("AccruedCash", "543", "USD"),
        value("NetLiquidation", "5.00", "USD"),
    )
    assert report["Balance"]["AccruedCash"] == "USD 543.10"
    assert texts(report, "AccruedCash") == [(None, "BASE", "543"), (None, "USD", "543.10"), (None, "USD", "543")]
    with psycopg.connect(database_url) as connection:
        query = """
            SELECT s.accrued_cash::text, l.accrued_cash::text
            FROM accounts.account_segment AS s
            JOIN accounts.account_ledger AS l USING (account_snapshot_id)
            JOIN accounts.currency AS c ON c.id = l.currency_id
            WHERE s.segment = '' AND c.code = 'USD'
        """
        assert connection.execute(query).fetchall() == [("543.10", "543")]


async def test_positions_fractional_closed_repeated_and_of_others(start: Start, tmp_path: Path) -> None:
    report = await reported(
        start,
        tmp_path,
        value("NetLiquidation", "5.00", "USD"),
        position("1", "0", "0", "0", "0", "0", "5.00", symbol="OLD"),
        position("1", "4.04838291", "10.00000001", "40.48", "341.55066219512196", "-1.20", "0.00"),
        position("2", "0", "1.00", "0.00", "0.00", "0.00", "-73.07", symbol="GONE"),
        position("3", "-1", "0.07", "-7.00", "103.5", "96.50", "0.00", symbol="SHRT"),
        position("4", "1", "1", "1", "1", "1", "1", account="DU0000009"),
    )
    assert [row["IbContractId"] for row in report["Positions"]] == ["1", "2", "3"]
    first, closed, short = report["Positions"]
    assert (first["Position"], first["AverageCost"], first["MarketPrice"]) == (
        "4.04838291",
        "341.55066219512196",
        "10.00000001",
    )
    assert (closed["Position"], closed["RealizedPNL"]) == ("0", "-73.07")
    assert short["MarketValue"] == "-7.00"


async def test_unknown_keys_and_odd_text_are_kept(start: Start, tmp_path: Path) -> None:
    report = await reported(
        start,
        tmp_path,
        value("NetLiquidation", "5.00", "CHF"),
        value("BrandNewKey-X", "7.125", "CHF"),
        value("SettledCashByDate", "20260101:5.00;20260102:6.00"),
        value("SegmentTitle-S", 'Say "hi"\\ \u00e9'),
        value("NetLiquidation-S", "4.00", "CHF"),
        value("CashBalance", "1.5", "CNH"),
        value("CashBalance", "2.5", "BTC"),
    )
    assert texts(report, "BrandNewKey") == [("X", "CHF", "7.125")]
    assert texts(report, "SettledCashByDate") == [(None, None, "20260101:5.00;20260102:6.00")]
    assert texts(report, "SegmentTitle") == [("S", None, 'Say "hi"\\ \u00e9')]
    assert texts(report, "NetLiquidation") == [(None, "CHF", "5.00"), ("S", "CHF", "4.00")]
    assert texts(report, "CashBalance") == [(None, "BTC", "2.5"), (None, "CNH", "1.5")]
    assert report["Balance"]["NetLiquidation"] == "CHF 5.00"


async def test_an_empty_account_has_an_empty_report(start: Start, tmp_path: Path) -> None:
    report = await reported(start, tmp_path)
    assert (report["Values"], report["Positions"]) == ([], [])
    assert set(report["Balance"].values()) == {None}
    assert report["Ended"] == "download-end"


def test_exact_keeps_number_texts() -> None:
    assert exact("[1.50, 10]") == ["1.50", "10"]
