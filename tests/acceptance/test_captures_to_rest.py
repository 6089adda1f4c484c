"""The captures of real gateways, played over TCP, come out of the REST API exact: every value, every position."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ibconnect.simulator import Captures, Gateway
from tests.acceptance.conftest import Start
from tests.paths import CAPTURES
from tests.recording import hurry
from tests.waiting import until

pytestmark = pytest.mark.with_tables

ALL_CAPTURES = sorted(CAPTURES.glob("*.jsonl"))
LEDGER_AND_ACCOUNT = "AccruedCash"
"""The only key that is both a figure of the account and one of the ledger: it is sent twice for the base currency."""
POSITION_FIELDS = {
    "IbContractId": 2,
    "Symbol": 3,
    "SecurityType": 4,
    "Right": 7,
    "Exchange": 9,
    "CurrencyCode": 10,
    "LocalSymbol": 11,
    "TradingClass": 12,
    "Position": 13,
    "MarketPrice": 14,
    "MarketValue": 15,
    "AverageCost": 16,
    "UnrealizedPNL": 17,
    "RealizedPNL": 18,
}


class Wire(str):
    """A JSON number by its very text."""


def exact(text: str) -> Any:
    """Parse JSON with every number kept as it is written."""
    return json.loads(text, parse_float=Wire, parse_int=Wire)


def messages(capture: Path, number: str) -> list[list[str]]:
    lines = capture.read_text(encoding="utf-8").splitlines()
    return [fields for fields in map(json.loads, lines) if fields[0] == number]


def expected_values(capture: Path) -> Counter[tuple[str, str]]:
    """(IB's key and currency, text) for each value: the last of its kind, but both of one that is sent twice."""
    last: dict[tuple[str, str, int], str] = {}
    times: Counter[tuple[str, str]] = Counter()
    for _, _, key, value, currency, _ in messages(capture, "6"):
        nth = min(times[key, currency], 1) if key == LEDGER_AND_ACCOUNT and currency not in ("", "BASE") else 0
        last[key, currency, nth] = value
        times[key, currency] += 1
    return Counter((f"{key} {currency}", value) for (key, currency, _), value in last.items())


def reported_values(report: dict[str, Any]) -> Counter[tuple[str, str]]:
    def key(row: dict[str, Any]) -> str:
        return row["Tag"] if row["Segment"] is None else f"{row['Tag']}-{row['Segment']}"

    return Counter((f"{key(row)} {row['Currency'] or ''}", row["Value"]) for row in report["Values"])


async def report_of(session: aiohttp.ClientSession, root: str, account: str) -> dict[str, Any]:
    """The latest report, once there is one."""

    async def latest() -> str | None:
        async with session.get(f"{root}/v1/accounts") as response:
            return {row["AccountCode"]: row["Latest"] for row in await response.json()}.get(account)

    await until(latest, f"a report of {account}")
    async with session.get(f"{root}/v1/accounts/{account}") as response:
        assert response.status == 200, await response.text()
        return exact(await response.text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("capture", ALL_CAPTURES, ids=lambda path: path.stem)
async def test_every_value_and_position_of_a_capture_is_reported_exactly(
    start: Start, capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, capture)
    async with Gateway(Captures.load(capture)) as gateway, aiohttp.ClientSession() as session:
        service = await start(gateway.port)
        report = await report_of(session, service.urls[0], "DU0000001")
    assert list(report)[:2] == ["AccountCode", "Timestamp"]
    assert reported_values(report) == expected_values(capture)
    has_end = bool(messages(capture, "54"))
    downloads = bool(messages(capture, "6") or messages(capture, "7"))
    positions = {row["IbContractId"]: row for row in report["Positions"]}
    if not downloads and messages(capture, "61"):
        # It tells of positions only when it is asked for all: the answers that there are none are not believed.
        assert (report["Ready"], {remark["Code"] for remark in report["Remarks"]}) == (False, {"incomplete"})
        return
    assert report["Ended"] == ("download-end" if has_end or not downloads else "quiet")
    assert report["Source"] == "updates"
    rows = {fields[2]: fields for fields in messages(capture, "7")}
    assert set(positions) == set(rows)
    for contract, fields in rows.items():
        assert {name: positions[contract][name] for name in POSITION_FIELDS} == {
            name: fields[index] for name, index in POSITION_FIELDS.items()
        }


async def test_balance_amounts_carry_the_base_currency_and_all_digits(start: Start) -> None:
    capture = CAPTURES / "eur-commodities-fx.jsonl"
    sent = {(key, currency): value for _, _, key, value, currency, _ in messages(capture, "6")}
    async with Gateway(Captures.load(capture)) as gateway, aiohttp.ClientSession() as session:
        service = await start(gateway.port)
        balance = (await report_of(session, service.urls[0], "DU0000001"))["Balance"]
    assert balance.pop("AccountType") == sent["AccountType", ""]
    assert balance.pop("Cushion") == sent["Cushion", ""]
    assert balance.pop("LookAheadNextChange") == sent["LookAheadNextChange", ""]
    assert balance.pop("TotalCashBalance") == f"EUR {sent['TotalCashBalance', 'BASE']}"
    assert len(balance) == 18
    assert balance == {tag: f"EUR {sent[tag, 'EUR']}" for tag in balance}


def with_prefix(capture: Path, target: Path) -> Path:
    """The capture as a gateway sends it that prefixes the keys of its ledger."""
    ledger = {fields[2] for fields in messages(capture, "6") if fields[4] == "BASE"}
    lines = []
    for line in capture.read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        if (
            fields[0] == "6"
            and fields[2] in ledger
            and fields[4]
            and (fields[2] != "AccruedCash" or fields[4] == "BASE")
        ):
            fields[2] = f"$LEDGER-{fields[2]}"
        lines.append(json.dumps(fields))
    path = target / "prefixed.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


async def test_both_spellings_of_ledger_keys_report_the_same(start: Start, tmp_path: Path) -> None:
    plain = CAPTURES / "eur-cfd.jsonl"
    async with (
        Gateway(Captures.load(plain)) as old,
        Gateway(Captures.load(with_prefix(plain, tmp_path))) as new,
        aiohttp.ClientSession() as session,
    ):
        first = await report_of(session, (await start(old.port)).urls[0], "DU0000001")
        service = await start(new.port)

        # The account belongs to the first gateway, so that of the second has to be asked for.
        url = f"{service.urls[0]}/v1/accounts/DU0000001?gateway=127.0.0.1:{new.port}"

        async def of_the_other() -> dict[str, Any] | None:
            async with session.get(url) as response:
                return exact(await response.text()) if response.status == 200 else None

        second = await until(of_the_other, "a report of the other gateway")
    assert second["Gateway"] != first["Gateway"]
    assert second["Balance"] == first["Balance"]
    assert second["Values"] == first["Values"]


async def test_a_refresh_answers_with_the_new_data(start: Start) -> None:
    async with (
        Gateway(Captures.load(CAPTURES / "eur-cfd.jsonl", CAPTURES / "eur-margin.jsonl")) as gateway,
        aiohttp.ClientSession() as session,
    ):
        service = await start(gateway.port)
        root = service.urls[0]
        before = await report_of(session, root, "DU0000001")
        await report_of(session, root, "DU0000002")
        async with session.get(f"{root}/v1/accounts", headers={"Cache-Control": "max-age=0"}) as response:
            assert response.status == 200
            rows = await response.json()
        assert [row["AccountCode"] for row in rows] == ["DU0000001", "DU0000002"]
        assert all(row["Latest"] > before["Timestamp"] for row in rows)
        assert len({row["Latest"] for row in rows}) == 1


async def test_an_account_that_vanishes_keeps_its_reports(start: Start) -> None:
    source = Captures.load(CAPTURES / "eur-cfd.jsonl", CAPTURES / "eur-margin.jsonl")
    async with Gateway(source) as gateway, aiohttp.ClientSession() as session:
        service = await start(gateway.port)
        root = service.urls[0]
        gone = await report_of(session, root, "DU0000002")
        source.managed_accounts = lambda: ("15", "1", "DU0000001")  # type: ignore[method-assign]
        async with session.get(f"{root}/v1/accounts", headers={"Cache-Control": "no-cache"}) as response:
            latest = {row["AccountCode"]: row["Latest"] for row in await response.json()}
    assert latest["DU0000002"] == gone["Timestamp"]
    assert latest["DU0000001"] > gone["Timestamp"]


async def test_figures_of_a_gateway_that_is_resetting_are_marked(start: Start) -> None:
    async with Gateway(Captures.load(CAPTURES / "eur-cfd.jsonl")) as gateway, aiohttp.ClientSession() as session:
        service = await start(gateway.port)
        root = service.urls[0]
        good = await report_of(session, root, "DU0000001")
        gateway.inject("account-not-ready", count=1000)
        async with session.get(f"{root}/v1/accounts", headers={"Cache-Control": "max-age=0"}) as response:
            assert response.status == 200
        async with session.get(f"{root}/v1/accounts/DU0000001/snapshots") as response:
            *_, marked, first = await response.json()
        async with session.get(f"{root}/v1/accounts/DU0000001/{marked}") as response:
            assert (await response.json())["Ready"] is False
        preferred = await report_of(session, root, "DU0000001")
    assert (good["Ready"], good["Timestamp"]) == (True, first)
    assert preferred["Timestamp"] == good["Timestamp"]


async def test_no_gateway_is_said_at_once_and_forever_tried(start: Start) -> None:
    async with Gateway(Captures.load(CAPTURES / "eur-cfd.jsonl")) as gateway, aiohttp.ClientSession() as session:
        gateway.inject("refuse", seconds=3600.0)
        await until(lambda: not gateway.listening, "the gateway is gone")
        service = await start(gateway.port)
        root = service.urls[0]
        async with session.get(f"{root}/v1/accounts") as response:
            assert (response.status, await response.json()) == (200, [])
        async with session.get(f"{root}/v1/accounts", headers={"Cache-Control": "max-age=0"}) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0
            assert response.content_type == "application/problem+json"
        gateway.clear_faults()
        await gateway.listen()
        assert (await report_of(session, root, "DU0000001"))["AccountCode"] == "DU0000001"
