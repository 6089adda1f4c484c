"""What are we worth, what has changed; how did an account do; is it near a margin call: as a user's hands find out.

Every figure that is compared is the text of the API, digit by digit: titles hold all of its digits.
"""

import re
from decimal import Decimal, localcontext
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Locator, expect

from tests.web.conftest import AUDITOR, Recorded, Sit
from tests.web.desk import PATIENCE_MS, Desk
from tests.web.exact import asked

pytestmark = pytest.mark.timeout(600)


def moment(recorded: Recorded) -> str:
    """One that stays as it is: of the newest report of all."""
    newest: str = max(row["Latest"] for row in recorded.get("accounts") if row["Latest"])
    return newest


def overview_of(recorded: Recorded, at: str, **query: str) -> Any:
    """What the page asks for, in the zone of the browser."""
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return asked(recorded, f"overview?at={quote(at)}&tz=Europe/Zurich&limit=10000{more}")


def query(desk: Desk) -> dict[str, str]:
    """What the address says behind the question mark."""
    _, _, search = urlsplit(desk.page.url).fragment.partition("?")
    return {name: values[-1] for name, values in parse_qs(search).items()}


def row(desk: Desk, code: str) -> Locator:
    """The row of an account."""
    return desk.region("Accounts").get_by_role("row").filter(has=desk.page.get_by_role("link", name=code, exact=True))


def codes(desk: Desk) -> list[str]:
    """The accounts in the order that they stand in."""
    return desk.region("Accounts").get_by_role("rowheader").get_by_role("link").all_inner_texts()


def has_exactly(place: Locator, figure: str, unit: str | None = None) -> None:
    """A figure stands there, with every digit."""
    title = figure if unit is None else f"{figure} {unit}"
    expect(place.get_by_title(title, exact=True).first).to_be_visible(timeout=PATIENCE_MS)


# ── What are we worth, what changed? ─────────────────────────────────────────────────────────────────────────────────


def test_the_total_and_each_account_have_every_digit_of_the_api(looked: Desk, recorded: Recorded) -> None:
    at = moment(recorded)
    looked.open("overview", at=at, currency="EUR")
    told = overview_of(recorded, at, currency="EUR")
    main = looked.page.get_by_role("main")
    has_exactly(main, told["Total"]["NetLiquidation"], "EUR")
    has_exactly(main, told["Total"]["Cash"], "EUR")
    for account in told["Accounts"]:
        line = row(looked, account["AccountCode"])
        has_exactly(line, account["NetLiquidation"], account["BaseCurrency"])
        has_exactly(line, account["NetLiquidationIn"], "EUR")
        for name in ("Cushion", "Cash", "Leverage", "ChangeSinceClose", "ChangeYearToDate"):
            if account[name] is not None:
                has_exactly(line, account[name])
        if account["Alias"]:
            expect(line).to_contain_text(account["Alias"])
        expect(line.get_by_role("img", name=re.compile("last 30 days"))).to_be_visible()


def test_the_last_day_that_statements_tell_of_stands_beside_today(looked: Desk, recorded: Recorded) -> None:
    """Of today no return is known: its share is in parentheses, which is explained; of that day it is, to the digit."""
    looked.open("overview", currency="USD")
    total = asked(recorded, "overview?currency=USD&tz=Europe/Zurich")["Total"]
    day = total["FlowsUntil"]
    told = asked(recorded, f"performance?currency=USD&from={day}&to={day}&step=1y")
    main = looked.page.get_by_role("main")
    has_exactly(main, told["Gain"], "USD")
    has_exactly(main, told["TimeWeightedReturn"])
    looked.see(re.compile("In parentheses: the change as a share"))
    code = recorded.codes[1]
    looked.open("account", code)
    of_account = asked(recorded, f"accounts/{code}/performance?from={day}&to={day}")
    has_exactly(main, of_account["TimeWeightedReturn"])


def test_another_currency_is_another_total_and_stays_in_the_address(looked: Desk, recorded: Recorded) -> None:
    at = moment(recorded)
    looked.open("overview", at=at, currency="EUR")
    looked.page.get_by_label("Currency").select_option("USD")
    looked.settle()
    has_exactly(
        looked.page.get_by_role("main"), overview_of(recorded, at, currency="USD")["Total"]["NetLiquidation"], "USD"
    )
    assert query(looked)["currency"] == "USD"
    looked.page.reload()
    looked.settle()
    has_exactly(
        looked.page.get_by_role("main"), overview_of(recorded, at, currency="USD")["Total"]["NetLiquidation"], "USD"
    )


def test_accounts_are_sorted_by_what_they_are_worth_in_one_currency(looked: Desk, recorded: Recorded) -> None:
    at = moment(recorded)
    looked.open("overview", at=at, currency="USD")
    told = overview_of(recorded, at, currency="USD", sort="-NetLiquidation")
    looked.click("Net liquidation")
    assert codes(looked) == [each["AccountCode"] for each in told["Accounts"]]
    looked.click("Net liquidation")
    assert codes(looked) == [each["AccountCode"] for each in reversed(told["Accounts"])]
    assert query(looked)["sort"] == "NetLiquidation"


def test_accounts_are_found_by_text_and_by_group(looked: Desk, recorded: Recorded) -> None:
    at = moment(recorded)
    told = overview_of(recorded, at, currency="USD")
    wanted = next(each for each in told["Accounts"] if each["Alias"])
    looked.open("overview", at=at, currency="USD")
    looked.page.get_by_label("Filter accounts").fill(wanted["Alias"].lower())
    expect(row(looked, wanted["AccountCode"])).to_be_visible()
    looked.see(re.compile(rf"^\d+ of {len(told['Accounts'])} accounts$"))
    looked.page.get_by_label("Filter accounts").fill("nobody is called so")
    looked.see("No account has “nobody is called so”")
    looked.click("Show all")
    group = next(name for each in told["Accounts"] for name in each["Groups"] if name != "Everyone")
    looked.page.get_by_label("Group").select_option(group)
    looked.settle()
    members = overview_of(recorded, at, currency="USD", group=group)
    expect(looked.region("Accounts").get_by_role("rowheader").get_by_role("link")).to_have_count(
        len(members["Accounts"])
    )
    has_exactly(looked.page.get_by_role("main"), members["Total"]["NetLiquidation"], "USD")


def test_what_is_found_is_added_up_to_the_last_digit(looked: Desk, recorded: Recorded) -> None:
    at = moment(recorded)
    found = [each for each in overview_of(recorded, at, currency="EUR")["Accounts"] if each["BaseCurrency"] != "USD"]
    wanted = next(each["BaseCurrency"] for each in found)
    looked.open("overview", at=at, currency="EUR", filter=wanted)
    same = [each["NetLiquidationIn"] for each in found if each["BaseCurrency"] == wanted]
    with localcontext(prec=60):
        total = sum((Decimal(each) for each in same), Decimal(0))
    has_exactly(looked.region("Accounts").get_by_role("row").last, f"{total:f}", "EUR")


def test_the_curve_of_the_total_has_ranges_and_says_what_came_of_it(looked: Desk, recorded: Recorded) -> None:
    at = moment(recorded)
    looked.open("overview", at=at, currency="USD")
    panel = looked.region("Value over time")
    expect(panel.get_by_role("img", name=re.compile("What the accounts were worth together, in USD"))).to_be_visible()
    panel.get_by_role("button", name="YTD", exact=True).click()
    looked.settle()
    assert query(looked)["range"] == "ytd"
    told = asked(recorded, f"performance?step=1y&currency=USD&from={at[:4]}-01-01&to={quote(at)}&tz=Europe/Zurich")
    has_exactly(panel, told["TimeWeightedReturn"])
    has_exactly(panel, told["Gain"], "USD")


# ── How did this account do? ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_a_click_away_and_has_its_returns(looked: Desk, recorded: Recorded) -> None:
    at, code = moment(recorded), recorded.codes[0]
    looked.open("overview", at=at, currency="USD")
    row(looked, code).get_by_role("link", name=code, exact=True).click()
    looked.see_title(code)
    looked.settle()
    assert query(looked)["at"] == at
    looked.click("All")
    told = asked(recorded, f"accounts/{code}/performance?to={quote(at)}&tz=Europe/Zurich")
    panel = looked.region("Returns")
    has_exactly(panel, told["TimeWeightedReturn"])
    has_exactly(panel, told["MoneyWeightedReturn"]["Period"])
    has_exactly(panel, told["Gain"], told["Currency"])
    expect(panel).to_contain_text("says how the investments did")
    expect(panel).to_contain_text("says how your money did")
    risk = looked.region("Risk, best and worst")
    for figure in (told["Volatility"], told["SharpeRatio"], told["MaximumDrawdown"]["Depth"]):
        has_exactly(risk, figure)
    for extreme in ("BestDay", "WorstDay", "BestMonth", "WorstMonth"):
        has_exactly(risk, told[extreme]["Return"])
    months = looked.region("Monthly returns")
    for period in (*told["Months"], *told["Years"]):
        has_exactly(months, period["Return"])


def test_two_days_are_a_span_that_can_be_sent(looked: Desk, recorded: Recorded) -> None:
    at, code = moment(recorded), recorded.codes[0]
    ever = asked(recorded, f"accounts/{code}/performance?series=days")["Series"]["Day"]
    first, last = ever[len(ever) // 3], ever[len(ever) // 2]
    looked.open("account", code, at=at)
    curve = looked.region("Curve")
    curve.get_by_label("From").fill(first)
    curve.get_by_label("To").fill(last)
    looked.settle()
    assert {**query(looked), "from": first, "to": last} == query(looked)
    told = asked(recorded, f"accounts/{code}/performance?from={first}&to={last}&tz=Europe/Zurich")
    has_exactly(looked.region("Returns"), told["TimeWeightedReturn"])
    looked.page.reload()
    looked.settle()
    has_exactly(looked.region("Returns"), told["TimeWeightedReturn"])


def test_the_curve_is_of_value_of_return_or_of_drawdown_and_says_its_flows(looked: Desk, recorded: Recorded) -> None:
    at, code = moment(recorded), recorded.codes[0]
    days = asked(recorded, f"accounts/{code}/performance?series=days&to={quote(at)}&tz=Europe/Zurich")["Series"]
    looked.open("account", code, at=at, range="all", points="days")
    curve = looked.region("Curve")
    curve.get_by_role("button", name="Return", exact=True).click()
    expect(curve).to_contain_text("Deposits and withdrawals do not count")
    curve.get_by_role("button", name="Drawdown", exact=True).click()
    expect(curve).to_contain_text("0 is a new high")
    curve.get_by_role("button", name="Value", exact=True).click()
    plot = curve.get_by_role("img", name=re.compile(code))
    plot.focus()
    looked.press("Home")
    flows = [place for place, flow in enumerate(days["Flow"]) if flow is not None and float(flow)]
    assert flows, "nothing was paid in or out"
    for _ in range(flows[0]):
        looked.press("ArrowRight")
    expect(curve.get_by_text(re.compile("paid (in|out)|estimated flow")).first).to_be_visible(timeout=PATIENCE_MS)


def test_a_short_range_is_drawn_from_snapshots(looked: Desk, recorded: Recorded) -> None:
    at, code = moment(recorded), recorded.codes[0]
    looked.open("account", code, at=at)
    looked.region("Curve").get_by_role("button", name="1W", exact=True).click()
    looked.settle()
    expect(
        looked.page.get_by_role("img", name=re.compile(rf"Net liquidation of {code} by its snapshots"))
    ).to_be_visible()


# ── Am I near a margin call? ─────────────────────────────────────────────────────────────────────────────────────────


def test_margin_is_said_in_words_with_its_figures_and_its_curve(looked: Desk, recorded: Recorded) -> None:
    at, code = moment(recorded), recorded.codes[0]
    balance = asked(recorded, f"accounts/{code}/as-of/{quote(at)}")["Balance"]
    looked.open("account", code, at=at)
    looked.page.get_by_label(f"Parts of {code}").get_by_role("link", name="Margin").click()
    looked.settle()
    panel = looked.region("Margin")
    expect(panel).to_contain_text(re.compile("margin call|At or below the limit"))
    has_exactly(panel, balance["Cushion"])
    for tag in ("ExcessLiquidity", "LookAheadExcessLiquidity", "FullMaintMarginReq", "BuyingPower"):
        unit, figure = balance[tag].split(" ")
        has_exactly(panel, figure, unit)
    expect(looked.region("Margin over time").get_by_role("img", name=re.compile("Cushion in percent"))).to_be_visible()


def test_in_the_days_of_the_scare_the_page_says_that_a_margin_call_is_near(looked: Desk, recorded: Recorded) -> None:
    """Time travel: the lowest cushion of all accounts, as it was then, in the overview and in the account."""
    lowest = min(
        (Decimal(point["Cushion"]), point["Timestamp"], code)
        for code in recorded.codes
        for point in asked(recorded, f"accounts/{code}/history?tag=Cushion")["Points"]
        if point["Cushion"] is not None
    )
    cushion, at, code = lowest
    assert 0 < cushion < Decimal("0.05"), "the demo has no scare"
    looked.open("overview", at=at, currency="USD")
    then = next(each for each in overview_of(recorded, at, currency="USD")["Accounts"] if each["AccountCode"] == code)
    has_exactly(row(looked, code), then["Cushion"])
    looked.open("account", code, at=at, tab="margin")
    expect(looked.region("Margin")).to_contain_text("A margin call is near.")
    has_exactly(looked.region("Margin"), then["Cushion"])


# ── Where does this figure come from? ────────────────────────────────────────────────────────────────────────────────


def test_each_figure_of_the_balance_leads_to_its_messages(looked: Desk, recorded: Recorded) -> None:
    at, code = moment(recorded), recorded.codes[0]
    report = asked(recorded, f"accounts/{code}/as-of/{quote(at)}")
    looked.open("account", code, at=at, tab="balance")
    unit, figure = report["Balance"]["AvailableFunds"].split(" ")
    link = (
        looked.region("Balance")
        .get_by_role("link")
        .filter(has=looked.page.get_by_title(f"{figure} {unit}", exact=True))
    )
    link.first.click()
    looked.settle()
    assert query(looked)["tag"] == "AvailableFunds"
    assert query(looked)["time"] == report["Timestamp"]


def test_who_may_not_see_messages_is_led_to_none(sit: Sit, recorded: Recorded) -> None:
    at, code = moment(recorded), recorded.codes[0]
    desk = sit(AUDITOR)
    desk.open("account", code, at=at, tab="balance")
    has_exactly(desk.region("Balance"), asked(recorded, f"accounts/{code}/as-of/{quote(at)}")["Balance"]["Cushion"])
    expect(desk.page.get_by_role("main").locator("a[href*='#/sources']")).to_have_count(0)


# ── States ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_that_nobody_knows_is_said_to_be_none(looked: Desk) -> None:
    looked.expects(404)
    looked.open("account", "U0000000")
    looked.see("no gateway ever listed an account 'U0000000'")


def test_before_the_first_report_statements_speak(looked: Desk, recorded: Recorded) -> None:
    looked.expects(404)
    code = recorded.codes[0]
    first = asked(recorded, f"accounts/{code}/performance?series=days")["Series"]["Day"][0]
    looked.open("account", code, at=f"{first[:4]}-01-01T00:00:00Z")
    looked.see("No snapshot of this account was recorded by then")
