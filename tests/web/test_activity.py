"""What was traded, paid in, paid out, earned? Executions, orders, cash flows, statements: each with files of it."""

import re
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

import pytest
from playwright.sync_api import Locator, expect

from tests.web.desk import PATIENCE_MS, Desk
from tests.web.exact import asked, written

if TYPE_CHECKING:
    from tests.web.conftest import Recorded

KINDS = (
    "executions",
    "orders",
    "cash-flows",
    "earned",
    "transfers",
    "corporate-actions",
    "option-events",
    "accruals",
    "statements",
)
EARNED = {"Dividends": "Dividends", "Payment In Lieu Of Dividends": "Dividends", "Withholding Tax": "Taxes"}


@pytest.fixture(scope="session")
def code(recorded: "Recorded") -> str:
    """An account."""
    return recorded.codes[1]


@pytest.fixture(scope="session")
def at(recorded: "Recorded", code: str) -> str:
    """A moment that is over, so that nothing comes meanwhile."""
    found: str = recorded.get(f"accounts/{code}/snapshots?limit=1")[0]
    return found


def table(looked: Desk, name: str) -> Locator:
    """A table by its name."""
    found = looked.page.get_by_role("table", name=name, exact=True)
    expect(found).to_be_visible(timeout=PATIENCE_MS)
    return found


def columns(found: Locator) -> list[str]:
    """The titles of the columns."""
    return [re.sub("[↑↓]", "", each).strip() for each in found.locator("thead th").all_inner_texts()]


def rows(found: Locator) -> list[list[tuple[str, str, list[str]]]]:
    """Of each cell its text, where it leads, and the exact figures behind it."""
    read: list[list[tuple[str, str, list[str]]]] = found.evaluate(
        """table => [...table.querySelectorAll("tbody tr:not([aria-hidden])")].map(row => [...row.cells].map(cell => [
            cell.innerText.trim(), cell.querySelector("a")?.getAttribute("href") ?? "",
            [...cell.querySelectorAll("[title]")].map(each => each.title)]))"""
    )
    return read


def opened(href: str) -> str:
    """Which row a link opens."""
    return unquote(re.sub(r".*[?&]row=([^&]*).*", r"\1", href))


def test_executions_are_the_api_s_digit_by_digit(looked: Desk, recorded: "Recorded", code: str, at: str) -> None:
    told = asked(recorded, f"accounts/{code}/executions?{urlencode({'to': at, 'limit': 1000})}")
    by_id = {row["ExecutionId"]: row for row in told if row["ExecutionId"]}
    looked.open("activity", account=code, kind="executions", at=at)
    found = table(looked, "Executions")
    titles, shown = columns(found), rows(found)
    assert shown
    for row in shown:
        of = by_id[opened(row[0][1])]
        cells = dict(zip(titles, row, strict=True))
        assert cells["Size"][2] == [of["Shares"]]
        assert cells["Price"][2] == [f"{of['Price']} {of['CurrencyCode']}"]
        assert cells["Price"][0].replace("\n", " ").startswith(written(of["Price"], most=8))
        if of["Commission"] is not None:
            assert cells["Commission"][2] == [of["Commission"]]
        if of["RealizedPNL"] is not None:
            assert cells["Realised"][2] == [of["RealizedPNL"]]
        assert cells["Side"][0] == {"BOT": "Bought", "SLD": "Sold"}[of["Side"]]
        assert cells["Witnesses"][0].startswith(of["Source"])


def test_totals_of_executions_are_exact_in_each_currency(
    looked: Desk, recorded: "Recorded", code: str, at: str
) -> None:
    told = asked(recorded, f"accounts/{code}/executions?{urlencode({'to': at, 'limit': 1000})}")
    paid: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    fees: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in told:
        if row["SecurityType"] == "BAG":
            continue
        value = Decimal(row["Shares"]) * Decimal(row["Price"]) * Decimal(row["Multiplier"] or 1)
        key = ("Bought" if row["Side"] == "BOT" else "Sold", row["CurrencyCode"])
        paid[key] += -value if row["Side"] == "BOT" else value
        fees[key] += Decimal(row["Commission"] or 0)
    looked.open("activity", account=code, at=at)
    found = table(looked, "Totals of executions")
    titles = columns(found)
    totals = {
        (row[0][0], row[1][0]): (row[titles.index("Amount")][2], row[titles.index("Commission")][2])
        for row in rows(found)
    }
    assert totals.keys() == paid.keys()
    for key, (amount, commission) in totals.items():
        assert Decimal(amount[0]) == paid[key]
        assert commission == ["none"] or Decimal(commission[0]) == fees[key]


def test_an_execution_leads_to_its_message_its_order_and_its_position(
    looked: Desk, recorded: "Recorded", code: str, at: str
) -> None:
    told = asked(recorded, f"accounts/{code}/executions?{urlencode({'to': at, 'limit': 1000})}")
    orders = {
        row["PermId"] for row in asked(recorded, f"accounts/{code}/orders?{urlencode({'to': at, 'limit': 1000})}")
    }
    of = next(row for row in told if row["Source"] != "statement" and row["PermId"] in orders and row["IbContractId"])
    looked.open("activity", account=code, kind="executions", at=at, row=of["ExecutionId"])
    detail = looked.region(re.compile("^(Bought|Sold) "))
    message = detail.locator("code").first
    expect(message).to_contain_text(of["ExecutionId"])
    expect(message).to_contain_text(of["Price"])
    link = detail.locator(f"a[href*='#/position/{code}/{of['IbContractId']}']")
    expect(link).to_be_visible()
    detail.get_by_role("link", name=of["PermId"], exact=True).click()
    looked.settle()
    states = table(looked, "States")
    last = asked(recorded, f"accounts/{code}/orders/states?permid={of['PermId']}")[0]
    assert last["Status"] in [row[columns(states).index("Status")][0] for row in rows(states)]
    looked.page.go_back()
    looked.settle()
    looked.click("Close")
    assert "row=" not in looked.page.url


def test_filters_are_kept_in_the_address_and_hold_for_files(
    looked: Desk, recorded: "Recorded", code: str, at: str
) -> None:
    told = asked(recorded, f"accounts/{code}/executions?{urlencode({'to': at, 'limit': 1000})}")
    symbol = next(row["Symbol"] for row in told if row["SecurityType"] == "STK")
    looked.open("activity", account=code, kind="executions", at=at)
    looked.page.get_by_label("Symbol").fill(symbol)
    looked.page.get_by_label("Symbol").press("Enter")
    looked.page.wait_for_url(re.compile(f"symbol={symbol}"))
    looked.page.reload()
    looked.settle()
    wanted = asked(recorded, f"accounts/{code}/executions?{urlencode({'to': at, 'symbol': symbol, 'limit': 1000})}")
    looked.see(re.compile(f"^{len(wanted)} rows?"))
    with looked.page.expect_download() as downloading:
        looked.region("Executions").get_by_role("link", name="CSV").click()
    lines = downloading.value.path().read_text().splitlines()
    assert len(lines) - 1 == len(wanted)
    column = lines[0].split(",").index("ExecutionId")
    assert [line.split(",")[column] for line in lines[1:]] == [row["ExecutionId"] for row in wanted]


def test_orders_have_their_states_and_more_of_them_are_appended(looked: Desk, recorded: "Recorded", at: str) -> None:
    looked.open("activity", kind="orders", at=at)
    told = asked(recorded, f"orders?{urlencode({'to': at, 'limit': 1000})}")
    looked.see(re.compile(f"^{min(200, len(told))} rows?"))
    if len(told) > 200:
        looked.click("More")
        looked.see(re.compile(f"^{min(400, len(told))} rows?"))
    first = table(looked, "Orders").locator("tbody tr:not([aria-hidden]) a").first
    first.click()
    looked.settle()
    assert len(rows(table(looked, "States"))) == int(told[0]["StateCount"])


def test_cash_flows_add_up_by_type_and_currency(looked: Desk, recorded: "Recorded", code: str, at: str) -> None:
    told = asked(recorded, f"accounts/{code}/cash-flows?{urlencode({'to': at, 'limit': 1000})}")
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in told:
        sums[row["Type"], row["CurrencyCode"]] += Decimal(row["Amount"])
    looked.open("activity", account=code, kind="cash-flows", at=at)
    shown = {(row[0][0], row[1][0]): Decimal(row[3][2][0]) for row in rows(table(looked, "Totals of cash flows"))}
    assert shown == sums
    looked.page.get_by_label("Type").select_option("Dividends")
    looked.page.wait_for_url(re.compile("type=Dividends"))
    dividends = [row for row in told if row["Type"] == "Dividends"]
    looked.see(re.compile(f"^{len(dividends)} rows?"))


def test_what_was_earned_adds_up_by_month_and_year(looked: Desk, recorded: "Recorded", code: str, at: str) -> None:
    told = asked(recorded, f"accounts/{code}/cash-flows?{urlencode({'to': at, 'limit': 10000})}")
    years: dict[str, Decimal] = defaultdict(Decimal)
    for row in told:
        if row["Type"] in EARNED and EARNED[row["Type"]] == "Dividends":
            years[row["Day"][:4]] += Decimal(row["AmountInBase"])
    looked.open("activity", account=code, kind="earned", at=at)
    found = looked.page.get_by_role("table", name=re.compile("^Earned, "))
    column = columns(found).index("Dividends")
    shown = {row[0][0]: row[column][2] for row in rows(found) if re.fullmatch(r"\d{4}", row[0][0])}
    assert years
    for year, amount in years.items():
        assert Decimal(shown[year][0]) == amount


def test_statements_that_are_recorded_are_listed_and_opened(looked: Desk, recorded: "Recorded", code: str) -> None:
    told = asked(recorded, f"statements?{urlencode({'account': code, 'limit': 1})}")[0]
    looked.open("activity", account=code, kind="statements", row=told["Statement"])
    detail = looked.region(f"Statement {told['Statement']}")
    expect(detail).to_contain_text(told["Sha256"])
    detail.get_by_role("link", name="What is recorded of it").click()
    looked.page.wait_for_url(re.compile(f"statement={told['Id']}"))


def test_what_the_api_has_of_one_account_asks_for_one(looked: Desk, code: str) -> None:
    looked.open("activity", kind="transfers")
    looked.see("Transfers are shown for one account")
    looked.page.get_by_role("main").get_by_label("Account").select_option(code)
    looked.page.wait_for_url(re.compile(f"account={code}"))
    looked.region("Transfers")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_for_everybody_and_fits_a_phone(looked: Desk, code: str, at: str, kind: str) -> None:
    looked.open("activity", account=code, kind=kind, at=at)
    assert looked.violations() == []
    looked.shoot(f"activity-{kind}")
    looked.page.set_viewport_size({"width": 390, "height": 844})
    looked.fits()
