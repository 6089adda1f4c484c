"""Two moments compared: the changes are those of /v1/changes, and the difference in value is told to the last digit."""

from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from ibconnect.times import to_micros
from tests.conftest import create_database, drop_database
from tests.holdings import ACCOUNTS, build_holdings
from tests.projecting import Stream, position, project_all, record, value
from tests.serving import DU1, DU2, PROBLEM, Served, at, serving
from tests.statements import cash, document, flows, nav, navs, statement, take
from tests.tables import exact, rows, rows_of

PARTS = ("Flows", "Positions", "Currencies", "Cash", "Trading", "Moved", "Rest")
SPANS = ((0.5, 1.5), (1.5, 4.2), (3.5, 7.5), (0.5, 7.5), (4.55, 5.5), (5.2, 5.4))


@pytest.fixture(scope="module")
def holdings_url(server_url: str, template: str) -> Iterator[str]:
    url = create_database(server_url, "compared", template)
    build_holdings(url, 3)
    project_all(url)
    yield url
    drop_database(server_url, "compared")


async def compared(served: Served, account: str, first: str, last: str, more: str = "") -> Any:
    async with served.get(f"/v1/accounts/{account}/compare?from={first}&to={last}{more}") as response:
        assert response.status == 200, await response.text()
        return exact(await response.text())


def check_sum(difference: dict[str, Any]) -> None:
    parts = [Fraction(difference[name]) for name in PARTS if difference[name] is not None]
    whole = Fraction(difference["ValueAfter"]) - Fraction(difference["ValueBefore"])
    assert sum(parts) == whole == Fraction(difference["Value"])


@pytest.mark.parametrize("account", ACCOUNTS)
async def test_the_parts_of_any_two_reports_add_up(holdings_url: str, account: str) -> None:
    told = set()
    async with serving(holdings_url) as served:
        for first, last in SPANS:
            span = f"from={at(first)}&to={at(last)}"
            found = await compared(served, account, at(first), at(last))
            changes = await rows(served, f"/v1/accounts/{account}/changes?{span}&kind=position,cash")
            assert found["Changes"] == [row for row in changes if row["Kind"] != "account"]
            in_csv = await rows_of(served, f"/v1/accounts/{account}/compare?{span}")
            assert [row["DifferenceBase"] for row in in_csv] == [
                row.get("DifferenceBase", "") for row in found["Changes"]
            ]
            told.add(found["Why"])
            if found["Difference"] is not None:
                check_sum(found["Difference"])
                assert found["Difference"]["Why"] == "no-statement"
    assert None in told


def build(url: str, sections: list[str] | None) -> None:
    """Two reports of an account on Monday and Tuesday, and statements of these days: what Tuesday's lists; None: no
    statements."""
    stream = Stream()
    stream.message("15", "1", f"{DU1},{DU2}", timed=True)
    worths = (("7100", "5000", "1.1", "100", "1000"), ("8473", "5473", "1.2", "150", "1800"))
    for day, (worth, dollars, rate, size, held) in zip((5, 6), worths, strict=True):
        created = to_micros(datetime(2026, 1, day, 21, 30, tzinfo=UTC))
        stream.at = created + 1000
        fields = position(265598, size=size, price="1", account=DU1)
        fields[15] = held
        values = [
            ("NetLiquidation", worth, "USD"),
            ("CashBalance", dollars, "USD"),
            ("CashBalance", "1000", "EUR"),
            ("ExchangeRate", "1.00", "USD"),
            ("ExchangeRate", rate, "EUR"),
        ]
        stream.refresh({DU1: [*(value(*each, DU1) for each in values), fields]}, created=created)
    record(url, stream.events)
    for day, inside in (("20260105", []), ("20260106", sections)) if sections is not None else ():
        take(url, document(statement(navs(nav("1", day)), flows(*inside), account=DU1, days=day)), name=day)
    project_all(url)


TUESDAY = {"reportDate": "20260106", "dateTime": "20260106;120000", "levelOfDetail": "DETAIL"}
DEPOSIT = cash("Deposits/Withdrawals", "1000", transactionID="1", **TUESDAY)
DIVIDEND = cash("Dividends", "30", transactionID="2", **TUESDAY)
TAX = cash("Withholding Tax", "-6", transactionID="3", **TUESDAY)
LATER = cash("Dividends", "99", transactionID="4", **{**TUESDAY, "dateTime": "20260106;202000"})
SPAN = ("2026-01-05T22:00:00Z", "2026-01-06T22:00:00Z")


async def test_statements_tell_flows_income_and_trading_apart(database_url: str) -> None:
    build(database_url, [DEPOSIT, DIVIDEND, TAX, LATER])
    async with serving(database_url) as served:
        found = await compared(served, DU1, *SPAN)
        other = await compared(served, DU1, "2026-01-05", "2026-01-06", "&tz=America/New_York")
        late = await compared(served, DU1, SPAN[0], "2026-01-12T22:00:00Z")
    assert (found["BaseCurrency"], found["Why"], found["Ready"]) == ("USD", None, False)
    assert (found["From"], found["To"]) == ("2026-01-05T21:30:00Z", "2026-01-06T21:30:00Z")
    difference = found["Difference"]
    check_sum(difference)
    expected = {"Flows": "1000", "Positions": "300", "Currencies": "100", "Cash": "24", "Trading": "-51", "Rest": "0"}
    assert difference["Moved"] is None
    assert {name: Fraction(difference[name]) for name in expected} == {k: Fraction(v) for k, v in expected.items()}
    by_type = [(each["Type"], Fraction(each["Amount"])) for each in difference["CashByType"]]
    assert by_type == [("Dividends", 30), ("Withholding Tax", -6)]
    assert [row["Change"] for row in found["Changes"]] == ["resized", "resized", "revalued"]
    assert other["Why"] == "no-report-before"
    assert late["Difference"] == difference, "it is the reports that are compared, whenever they are asked for"


@pytest.mark.parametrize(
    ("sections", "why"),
    [
        ([DEPOSIT.replace('fxRateToBase="1"', "").replace("USD", "CHF")], "no-amount"),
        (None, "no-statement"),
    ],
)
async def test_what_is_not_known_says_why(database_url: str, sections: list[str] | None, why: str) -> None:
    build(database_url, sections)
    async with serving(database_url) as served:
        difference = (await compared(served, DU1, *SPAN))["Difference"]
    assert difference["Why"] == why
    assert [difference[name] for name in ("Flows", "Cash", "Trading")] == [None] * 3
    assert Fraction(difference["Moved"]) == 973
    check_sum(difference)


async def test_the_parameters_are_looked_at_and_others_accounts_are_not_there(holdings_url: str) -> None:
    tokens = "sees-everything-0@* sees-one-account@DU1"
    async with serving(holdings_url, API_TOKENS=tokens) as served:
        for path, token, status in (
            ("DU1/compare", "sees-everything-0", 400),
            ("DU1/compare?from=sometime", "sees-everything-0", 400),
            ("DU9/compare?from=-1d", "sees-everything-0", 404),
            ("DU2/compare?from=-1d", "sees-one-account", 404),
            ("DU1/compare?from=-1d&gateway=127.0.0.1:9", "sees-one-account", 404),
        ):
            headers = {"Authorization": f"Bearer {token}"}
            async with served.get(f"/v1/accounts/{path}", headers=headers) as response:
                assert (response.status, response.content_type) == (status, PROBLEM)
