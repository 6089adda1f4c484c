"""What changed between two moments is what the two reports say otherwise, and its parts add up to the last digit."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from ibconnect.times import to_micros
from tests.conftest import create_database, drop_database
from tests.holdings import ACCOUNTS, build_holdings
from tests.projecting import Stream, position, project, record, value
from tests.serving import FIRST, PROBLEM, Served, at, serving
from tests.tables import exact, pages, rows

PARTS = ("BySize", "ByPrice", "ByCurrency")
SPANS = ((0.5, 1.5), (1.5, 4.2), (3.5, 7.5), (0.5, 7.5), (4.55, 5.5))


@pytest.fixture(scope="module")
def holdings_url(server_url: str, template: str) -> Iterator[str]:
    url = create_database(server_url, "changing", template)
    build_holdings(url, 3)
    yield url
    drop_database(server_url, "changing")


async def report(served: Served, account: str, moment: str) -> dict[str, Any] | None:
    async with served.client.get(f"{served.url}/v1/accounts/{account}/as-of/{moment}") as response:
        if response.status == 404:
            return None
        found: dict[str, Any] = exact(await response.text())
        return found


def is_number(text: str) -> bool:
    try:
        return abs(Decimal(text)) < 10**300
    except ArithmeticError:
        return False


class Witness:
    """A report, read otherwise than by the program: what is held, in cash, and every other value, by what names it."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.base = next(each["Currency"] for each in found["Values"] if each["Tag"] == "NetLiquidation")
        self.positions = {
            (each["IbContractId"] if each["IbContractId"] != "0" else each["LocalSymbol"], each["ModelCode"]): each
            for each in found["Positions"]
        }
        self.cash: dict[str, str] = {}
        self.values: dict[tuple[Any, ...], str] = {}
        for each in found["Values"]:
            key = (each["Tag"], each["Segment"], each["Currency"], each.get("ModelCode"))
            if key[0] == "CashBalance" and key[2] != "BASE":
                self.cash[key[2]] = each["Value"]
            else:
                assert key not in self.values
                self.values[key] = each["Value"]
        self.rates = {key[2]: text for key, text in self.values.items() if key[0] == "ExchangeRate"}

    def worth(self, key: Any) -> tuple[Any, ...]:
        """All of a position that counts: its size, price, value and rate; None: there is none of it."""
        each = self.positions.get(key)
        if each is None or (each["Position"] is not None and not Decimal(each["Position"])):
            return (None,)
        texts = (each["Position"], each["MarketPrice"], each["MarketValue"], each["ExchangeRate"])
        return (*(text and Decimal(text) for text in texts), self.base)


def same(one: str | None, other: str | None) -> bool:
    if one is None or other is None or not (is_number(one) and is_number(other)):
        return one == other
    return Decimal(one) == Decimal(other)


def check_parts(row: dict[str, Any], was: Fraction, now: Fraction) -> None:
    """Digit by digit: as many decimals each, and the sum of three is the whole."""
    texts = [row["DifferenceBase"], *(row[name] for name in PARTS)]
    assert len({len(text.partition(".")[2]) for text in texts}) == 1
    whole, *parts = map(Fraction, texts)
    assert whole == sum(parts) == now - was


def in_base(worth: tuple[Any, ...]) -> Fraction:
    return Fraction(0) if worth == (None,) else Fraction(worth[2]) * Fraction(worth[3])


def check_position(row: dict[str, Any], before: Witness, after: Witness, key: Any) -> None:
    was, now = before.positions.get(key), after.positions.get(key)
    for suffix, each in (("Before", was), ("After", now)):
        assert row.get(suffix) == ("0" if each is None else each["Position"])
        for name in ("MarketPrice", "MarketValue", "ExchangeRate", "MarketValueBase"):
            assert row.get(f"{name}{suffix}") == (each and each[name])
    held = [worth for worth in (before.worth(key), after.worth(key)) if worth != (None,)]
    reasons = {
        "no-size": any(worth[0] is None for worth in held),
        "no-value": any(worth[2] is None for worth in held),
        "no-rate": any(worth[3] is None for worth in held),
        "other-base-currency": len({worth[4] for worth in held}) > 1,
    }
    why = next((reason for reason, holds in reasons.items() if holds), None)
    assert row.get("Why") == why
    if why is None:
        check_parts(row, in_base(before.worth(key)), in_base(after.worth(key)))
    else:
        assert "DifferenceBase" not in row


def check(found: list[dict[str, Any]], before: Witness, after: Witness) -> set[str]:
    """Compare the rows of an account with what two reports say; which sorts of changes there were."""
    by_kind = {kind: [row for row in found if row["Kind"] == kind] for kind in ("position", "cash", "value")}
    positions = {
        (row["IbContractId"] if row["IbContractId"] != "0" else row["LocalSymbol"], row.get("ModelCode")): row
        for row in by_kind["position"]
    }
    keys = set(before.positions) | set(after.positions)
    assert set(positions) == {key for key in keys if before.worth(key) != after.worth(key)}
    for key, row in positions.items():
        check_position(row, before, after, key)
    cash = {row["Currency"]: row for row in by_kind["cash"]}
    for currency in set(before.cash) | set(after.cash):
        was, now = (Fraction(each.cash.get(currency, "0")) for each in (before, after))
        row, rates = cash.pop(currency, None), [each.rates.get(currency) for each in (before, after)]
        if was == now == 0 or (was == now and same(*rates) and before.base == after.base):
            assert row is None
            continue
        assert row is not None
        assert (Fraction(row["Before"]), Fraction(row["After"]), Fraction(row["Difference"])) == (was, now, now - was)
        if "Why" not in row:
            first, last = (Fraction(rate or "0") for rate in rates)
            check_parts(row, was * first, now * last)
            assert Fraction(row["ByPrice"]) == 0
            if was and now:
                assert Fraction(row["ByCurrency"]) == now * (last - first)
    assert not cash
    values = {
        tuple(row.get(name) for name in ("Tag", "Segment", "Currency", "ModelCode")): row for row in by_kind["value"]
    }
    assert len(values) == len(by_kind["value"])
    named = set(before.values) | set(after.values)
    assert set(values) == {key for key in named if not same(before.values.get(key), after.values.get(key))}
    for key, row in values.items():
        was, now = before.values.get(key), after.values.get(key)
        assert row["Change"] == ("appeared" if was is None else "gone" if now is None else "changed")
        for suffix, text in (("Before", was), ("After", now)):
            shown = row.get(suffix, row.get(f"Text{suffix}"))
            assert same(shown, text)
    return {row["Change"] for row in found} | {row["Why"] for row in found if "Why" in row}


async def test_they_are_what_two_reports_say_otherwise(holdings_url: str) -> None:
    seen = set[str]()
    async with serving(holdings_url) as served:
        for first, last in SPANS:
            query = f"?from={at(first)}&to={at(last)}"
            everything = await rows(served, f"/v1/changes{query}")
            for account in (*ACCOUNTS, "DU4"):
                found = await rows(served, f"/v1/accounts/{account}/changes{query}")
                assert found == [row for row in everything if row["AccountCode"] == account]
                before, after = [await report(served, account, at(each)) for each in (first, last)]
                if before is None or after is None:
                    why = "no-report" if after is None else "no-report-before"
                    assert [(row["Kind"], row["Change"], row["Why"]) for row in found] == [("account", "unknown", why)]
                    continue
                for row in found:
                    assert (row["From"], row["To"]) == (before["Timestamp"], after["Timestamp"])
                    assert row["Ready"] == (before["Ready"] and after["Ready"])
                seen |= check(found, Witness(before), Witness(after))
    assert seen >= {"opened", "closed", "resized", "revalued", "appeared", "gone", "changed", "unknown"}
    assert seen >= {"no-size", "no-value", "no-rate"}


async def test_the_largest_differences_come_first(holdings_url: str) -> None:
    async with serving(holdings_url) as served:
        for kind in ("position", "cash"):
            found = await rows(served, f"/v1/accounts/DU1/changes?from={at(0.5)}&to={at(6.5)}&kind={kind}")
            assert {row["Kind"] for row in found} == {kind}
            sizes = [abs(Decimal(row["DifferenceBase"])) if "DifferenceBase" in row else -1 for row in found]
            assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("limit", [1, 5, 40])
async def test_pages_join_without_a_seam(holdings_url: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/changes?from={at(1.5)}&to={at(4.2)}"
    async with serving(holdings_url) as served:
        whole = await rows(served, path)
        assert {row["AccountCode"] for row in whole} == {*ACCOUNTS, "DU4"}
        # Few accounts on a page, too: pages may then have fewer rows than they could, or none.
        monkeypatch.setattr("ibconnect.http.resources.changes.handlers.CHANGES_ACCOUNTS", 2)
        monkeypatch.setattr("ibconnect.http.resources.changes.handlers.CHANGES_AT_ONCE", 1)
        found = await pages(served, f"{path}&limit={limit}")
        assert all(len(page) <= limit for page in found)
        assert [row for page in found for row in page] == whole


def held(size: str, price: str, worth: str, rate: str, cash: str) -> list[Any]:
    each = position(265598, size=size, price=price, currency="EUR")
    each[15] = worth
    return [
        value("AccountCode", "DU1"),
        value("NetLiquidation", "1.00", "USD"),
        value("ExchangeRate", rate, "EUR"),
        value("CashBalance", cash, "EUR"),
        *([each] if size else []),
    ]


async def test_what_people_reckon(database_url: str) -> None:
    """100 at 10.00 and 1.10 become 150 at 12.00 and 1.20: 500 euros more of it, 300 by the price, 10 cents on 1800."""
    stream = Stream(at=to_micros(FIRST))
    for number, holding in enumerate(
        (held("100", "10.00", "1000.00", "1.10", "50"), held("150", "12.00", "1800.00", "1.20", "40.5"))
    ):
        stream.refresh({"DU1": holding}, created=to_micros(FIRST) + number * 3_600_000_000)
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        path = f"/v1/accounts/DU1/changes?from={at(0.5)}&to={at(1.5)}&kind=position,cash"
        async with served.get(path) as response:
            bought, paid = exact(await response.text())
            tag = response.headers["ETag"]
        async with served.get(path, headers={"If-None-Match": tag}) as response:
            assert response.status == 304
        async with served.get(f"{path}&format=csv") as response:
            assert response.headers["Content-Disposition"] == 'attachment; filename="DU1-changes.csv"'
            (cells, _) = csv.DictReader(io.StringIO(await response.text(), newline=""))
    assert bought["Change"] == "resized"
    figures = {"DifferenceBase": "1060.0000", "BySize": "550.0000", "ByPrice": "330.0000", "ByCurrency": "180.0000"}
    assert {name: bought[name] for name in figures} == figures
    assert {name: cells[name] for name in figures} == figures
    assert (bought["MarketValueBaseBefore"], bought["MarketValueBaseAfter"]) == ("1100.0000", "2160.0000")
    assert (bought["Before"], bought["After"], bought["Difference"]) == ("100", "150", "50")
    figures = {"DifferenceBase": "-6.400", "BySize": "-10.450", "ByPrice": "0.000", "ByCurrency": "4.050"}
    assert {name: paid[name] for name in figures} == figures
    assert (paid["Kind"], paid["Currency"], paid["Difference"]) == ("cash", "EUR", "-9.5")


async def test_what_a_token_may_not_see_has_not_changed(holdings_url: str) -> None:
    tokens = "one-token-0123456789@DU2 all-token-0123456789@*"
    limited, full = ({"Authorization": f"Bearer {name}-token-0123456789"} for name in ("one", "all"))
    path = f"/v1/changes?from={at(1.5)}&to={at(6.5)}"
    async with serving(holdings_url, API_TOKENS=tokens) as served:
        everything = await rows(served, path, **full)
        own = await rows(served, path, **limited)
        assert own == [row for row in everything if row["AccountCode"] == "DU2"] != []
        for other in (f"{path}&account=DU1", f"{path}&account=DU9", f"/v1/accounts/DU1/changes?from={at(1)}"):
            async with served.get(other, headers=limited) as response:
                assert (response.status, response.content_type) == (404, PROBLEM)
        # A cursor that somebody has made up, or got of another token, leads nowhere else.
        for code in ("DU1", "", "\0", "DU3"):
            cursor = f"0-2147483647-{code.encode().hex()}"
            found = await rows(served, f"{path}&cursor={cursor}", **limited)
            assert {row["AccountCode"] for row in found} <= {"DU2"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/accounts/DU1/changes", 400, "invalid-parameter"),
        (f"/v1/accounts/DU1/changes?from={at(2)}&to={at(1)}", 400, "invalid-parameter"),
        ("/v1/changes?from=-1d&kind=none", 400, "invalid-parameter"),
        ("/v1/changes?from=-1d&cursor=0-99999999999-", 400, "invalid-parameter"),
        ("/v1/accounts/DU9/changes?from=-1d", 404, "unknown-account"),
        ("/v1/changes?from=-1d&account=DU1,DU9", 404, "unknown-account"),
        ("/v1/accounts/DU1/changes?from=-1d&gateway=nowhere:4002", 404, "unknown-gateway"),
    ],
)
async def test_what_is_wrong_is_refused(holdings_url: str, path: str, status: int, code: str) -> None:
    async with serving(holdings_url) as served, served.get(path) as response:
        problem = await response.json(content_type=PROBLEM)
        assert (response.status, problem["type"]) == (status, f"urn:ibconnect:problem:{code}")


async def test_nothing_has_changed_between_a_report_and_itself(holdings_url: str) -> None:
    async with serving(holdings_url) as served:
        assert await rows(served, "/v1/accounts/DU1/changes?from=-1d") == []
