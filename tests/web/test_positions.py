"""What does it hold, what makes or loses money? The positions, as somebody looks at them with hands and eyes."""

import re
from collections import defaultdict
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, expect

from tests.web.desk import PATIENCE_MS, Desk
from tests.web.exact import asked, plain, written

if TYPE_CHECKING:
    from tests.web.conftest import Recorded


class Held:
    """One account at the time of its newest report, so that nothing moves; and what the API says of it."""

    def __init__(self, recorded: "Recorded", code: str) -> None:
        self.recorded, self.code = recorded, code
        self.at: str = recorded.get(f"accounts/{code}/snapshots?limit=1")[0]
        self.rows: list[dict[str, Any]] = asked(recorded, f"positions?{urlencode({'account': code, 'at': self.at})}")
        self.held = [row for row in self.rows if Decimal(row["Position"]) != 0]

    def report(self) -> Any:
        """The report, its numbers as text."""
        return asked(self.recorded, f"accounts/{self.code}/{self.rows[0]['Timestamp']}")


@pytest.fixture(scope="session")
def held(recorded: "Recorded") -> Held:
    """The account that holds most positions."""
    every = [Held(recorded, code) for code in recorded.codes]
    return max(every, key=lambda each: len(each.held))


def table(looked: Desk, name: str) -> Locator:
    """A table by its name."""
    found = looked.page.get_by_role("table", name=name, exact=True)
    expect(found).to_be_visible(timeout=PATIENCE_MS)
    return found


def cells(found: Locator) -> dict[str, list[tuple[str, list[str]]]]:
    """Rows by what they lead to, else by their name: of each cell its text, and the exact figures behind it."""
    rows: list[dict[str, Any]] = found.evaluate(
        """table => [...table.querySelectorAll("tbody tr, tfoot tr")].map(row => ({
            key: row.querySelector("a")?.getAttribute("href") ?? row.cells[0].innerText,
            cells: [...row.cells].map(cell => [cell.innerText.trim(),
                [...cell.querySelectorAll("[title]")].map(each => each.title)]),
        }))"""
    )
    return {row["key"]: [(text, titles) for text, titles in row["cells"]] for row in rows}


def columns(found: Locator) -> list[str]:
    """The titles of the columns."""
    return [re.sub("[↑↓]", "", each).strip() for each in found.locator("thead th").all_inner_texts()]


def of_contract(rows: dict[str, Any], contract: str) -> Any:
    """The row that leads to a contract."""
    return next(cells for key, cells in rows.items() if re.search(rf"/{contract}(\?|$)", key))


def test_sizes_prices_and_values_are_the_api_s_digit_by_digit(looked: Desk, held: Held) -> None:
    looked.open("positions", held.code, at=held.at)
    found = table(looked, "Positions")
    titles, rows = columns(found), cells(found)
    base = held.rows[0]["BaseCurrency"]
    assert held.held
    for row in held.held:
        shown = of_contract(rows, row["IbContractId"])
        size, price = shown[titles.index("Size")], shown[titles.index("Price")]
        assert size[0] == written(row["Position"], least=0, most=18) and size[1] == [row["Position"]]
        assert price[1] == [f"{row['MarketPrice']} {row['CurrencyCode']}"]
        assert price[0].replace("\n", " ").startswith(written(row["MarketPrice"], most=8))
        assert shown[titles.index("Value")][0] == written(row["MarketValue"])
        assert shown[titles.index(f"Value, {base}")][0] == written(row["MarketValueBase"])
        assert shown[titles.index(f"Value, {base}")][1][0].split(" (")[0] == row["MarketValueBase"]


def test_a_weight_is_the_exact_share_of_the_net_liquidation_value(looked: Desk, held: Held) -> None:
    net = Decimal(held.report()["Balance"]["NetLiquidation"].split()[1])
    looked.open("positions", held.code, at=held.at)
    found = table(looked, "Positions")
    titles, rows = columns(found), cells(found)
    for row in held.held:
        text, exact = of_contract(rows, row["IbContractId"])[titles.index("Weight")]
        share = Decimal(row["MarketValueBase"]) / net
        assert abs(Decimal(exact[0]) - share) <= Decimal("5e-9"), row["Symbol"]
        assert text == written(plain(Decimal(exact[0]) * 100)) + "%"


@pytest.mark.parametrize(("name", "member"), [("Class", "SecurityType"), ("Currency", "CurrencyCode")])
def test_sums_of_groups_are_exact_and_the_grouping_is_kept_in_the_address(
    looked: Desk, held: Held, name: str, member: str
) -> None:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in held.held:
        sums[row[member]] += Decimal(row["MarketValueBase"])
    looked.open("positions", held.code, at=held.at)
    looked.page.get_by_role("group", name="Group by").get_by_role("button", name=name, exact=True).click()
    looked.click("Sums only")
    assert f"by={name.lower()}" in looked.page.url and "sums=1" in looked.page.url
    looked.page.reload()
    looked.settle()
    found = table(looked, "Positions")
    column = columns(found).index(f"Value, {held.rows[0]['BaseCurrency']}")
    rows = cells(found)
    heads = {key: each for key, each in rows.items() if "held" not in key}
    exact = sorted(Decimal(each[column][1][0].split(" (")[0]) for each in heads.values())
    assert exact == sorted(sums.values())
    total = next(each for key, each in rows.items() if key.endswith("held"))
    assert Decimal(total[column][1][0]) == sum(sums.values())


def test_rows_are_sorted_by_a_click_as_numbers(looked: Desk, held: Held) -> None:
    looked.open("positions", held.code, at=held.at)
    looked.page.get_by_role("button", name="Size", exact=True).click()
    looked.page.wait_for_url(re.compile("sort=-size"))
    found = table(looked, "Positions")
    column = columns(found).index("Size")
    sizes = [Decimal(row[column][1][0]) for key, row in cells(found).items() if key.startswith("#")]
    assert sizes == sorted(sizes, reverse=True)


def test_cash_by_currency_is_the_ledger_s(looked: Desk, held: Held) -> None:
    ledger = {
        row["Currency"]: row["Value"]
        for row in held.report()["Values"]
        if row["Tag"] == "TotalCashBalance" and row["Segment"] is None
    }
    looked.open("positions", held.code, at=held.at)
    rows = cells(table(looked, "Cash by currency"))
    shown = {each[0][0]: each[1][1] for each in rows.values() if each[0][0] in ledger}
    assert shown == {currency: [value] for currency, value in ledger.items() if currency != "BASE"}


def test_options_stand_under_the_day_on_which_they_expire(looked: Desk, held: Held) -> None:
    options = [row for row in held.held if row["SecurityType"] in ("OPT", "FOP")]
    assert options
    looked.open("positions", held.code, at=held.at)
    found = table(looked, "Options by expiry")
    rows, titles = cells(found), columns(found)
    for row in options:
        shown = of_contract(rows, row["IbContractId"])
        assert shown[titles.index("Right")][0] == {"C": "call", "P": "put"}[row["Right"][0]]
        assert Decimal(shown[titles.index("Strike")][1][0].split()[0]) == Decimal(row["Strike"])
        assert shown[titles.index("Size")][1] == [row["Position"]]
    expect(found).to_contain_text(re.compile(r"in \d+ days|today|tomorrow"))


def test_files_are_of_what_is_seen(looked: Desk, held: Held) -> None:
    symbol = held.held[0]["Symbol"]
    looked.open("positions", held.code, at=held.at, find=held.held[0]["LocalSymbol"])
    contracts = {row["IbContractId"] for row in held.rows if row["Symbol"] == symbol}
    panel = looked.region("Positions")
    with looked.page.expect_download() as downloading:
        panel.get_by_role("link", name="CSV").click()
    lines = downloading.value.path().read_text().splitlines()
    ids = {line.split(",")[lines[0].split(",").index("IbContractId")] for line in lines[1:]}
    assert ids and ids <= contracts
    assert panel.get_by_role("link", name="Parquet").get_attribute("href").endswith("format=parquet")  # type: ignore[union-attr]


def test_all_accounts_are_added_up_in_one_currency(looked: Desk, recorded: "Recorded", held: Held) -> None:
    query = urlencode({"at": held.at, "currency": "EUR"})
    overview = asked(recorded, f"overview?{query}")
    rates = {each["From"]: Decimal(each["Rate"]) for each in overview["Rates"] if each["Moment"] == "At"}
    rates["EUR"] = Decimal(1)
    gone = {
        code
        for each in overview["Total"]["Excluded"]
        if each["Figure"] == "NetLiquidation" and each["Why"] == "not-listed"
        for code in each["AccountCodes"]
    }
    every = asked(recorded, f"positions?{urlencode({'at': held.at, 'limit': 10000})}")
    counted = [row for row in every if row["AccountCode"] not in gone and Decimal(row["Position"]) != 0]
    with localcontext(prec=100):
        total = sum((Decimal(row["MarketValueBase"]) * rates[row["BaseCurrency"]] for row in counted), Decimal())
    looked.open("positions", at=held.at, currency="EUR", by="account", sums="1")
    expect(looked.page.get_by_role("main")).to_contain_text(written(overview["Total"]["NetLiquidation"]))
    found = table(looked, "Positions")
    foot = next(each for key, each in cells(found).items() if key.endswith("held"))
    assert Decimal(foot[columns(found).index("Value, EUR")][1][0]) == total


def test_before_everything_it_says_that_nobody_knows(looked: Desk, held: Held) -> None:
    looked.open("positions", held.code, at="2010-01-01T12:00:00Z")
    looked.see(re.compile(f"nobody has recorded what {held.code} held"))
    expect(looked.page.get_by_role("table", name="Positions", exact=True)).to_have_count(0)


def test_a_position_s_own_history_is_led_to(looked: Desk, held: Held) -> None:
    row = held.held[0]
    looked.open("positions", held.code, at=held.at)
    table(looked, "Positions").locator(f"a[href*='/{row['IbContractId']}']").first.click()
    looked.page.wait_for_url(re.compile(f"#/position/{held.code}/{row['IbContractId']}"))
    looked.settle()
    facts = looked.region("What is held")
    expect(facts).to_contain_text(written(row["MarketValue"]))
    assert f"{row['MarketValue']} {row['CurrencyCode']}" in looked.titles()
    looked.region("Over time").get_by_role("button", name="All", exact=True).click()
    looked.page.get_by_role("group", name="Shown").get_by_role("button", name="Price").click()
    looked.settle()
    expect(looked.page.get_by_role("img", name="Price of the position over time")).to_be_visible(timeout=PATIENCE_MS)
    assert "span=All" in looked.page.url and "curve=price" in looked.page.url
    contract = asked(held.recorded, f"contracts/{row['IbContractId']}")
    expect(looked.region("The contract")).to_contain_text(contract["LongName"])


@pytest.mark.parametrize("view", ["positions", "position"])
def test_it_is_for_everybody_and_fits_a_phone(looked: Desk, held: Held, view: str) -> None:
    contract = [held.held[0]["IbContractId"]] if view == "position" else []
    looked.open(view, held.code, *contract, at=held.at)
    assert looked.violations() == []
    looked.shoot(view)
    looked.page.set_viewport_size({"width": 390, "height": 844})
    looked.fits()
