"""Statements of the simulated Flex service agree with themselves, and with the books of the simulated gateway."""

import copy
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.errors import SimulatorError
from ibconnect.simulator import Scenario
from ibconnect.simulator.flex import BulkPlan, Query, ScenarioBooks, bulk
from ibconnect.simulator.flex.closes import close_of
from ibconnect.simulator.flex.returns import linked, of_day, percent
from ibconnect.simulator.scenario.figures import account_values
from ibconnect.simulator.scenario.payments import Payment, give, hand_over, pay
from ibconnect.simulator.scenario.world import World
from tests.flex_books import NOT_A_CHANGE, Statement, check, number

DAILY = Query("1")
EVENING = datetime(2026, 1, 10, 4, 50, tzinfo=UTC)
"""Ten minutes before midnight in New York, on a Friday."""
PLANS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "accounts": st.integers(1, 4),
        "positions": st.integers(0, 12),
        "advisor": st.booleans(),
    }
)


def texts(books: ScenarioBooks, query: Query = DAILY, first: date = date.min, last: date = date.max) -> list[str]:
    books.prepare()
    return list(books.statements(first, last, query, False))


@settings(max_examples=12, deadline=None)
@given(PLANS, st.booleans(), st.integers(1, 150))
def test_every_history_holds_together_and_leads_to_the_books(
    plan: dict[str, Any], every_day: bool, history: int
) -> None:
    world = Scenario(**plan).world
    books = ScenarioBooks(world, history, every_day=every_day)
    count = check(texts(books))
    assert count == len(world.accounts) * len(books.days(next(iter(world.accounts))))
    for code, account in world.accounts.items():
        days = books.days(code)
        if days:
            opening = close_of(account, world.market)
            assert (days[-1].after.total, days[-1].after.cash.get(account.base)) == (
                opening.total,
                opening.cash[account.base],
            )
            assert days[-1].after.holdings == opening.holdings


def test_two_years_have_everything_that_can_happen() -> None:
    books = ScenarioBooks(Scenario.demo().world)
    made = texts(books)
    assert check(made) > 3000
    whole = "".join(made)
    for element in ("CashTransaction", "Transfer", "Trade", "OptionEAE", "CorporateAction", "ChangeInDividendAccrual"):
        assert f"<{element} accountId" in whole, element
    for words in (
        *("Deposits/Withdrawals", "Dividends", "Withholding Tax", "Broker Interest Received", "Advisor Fees"),
        *(
            "Other Fees",
            'type="INTERNAL"',
            'direction="OUT"',
            "Assignment",
            "Expiration",
            "Exercise",
            "System Transfer",
        ),
        *('type="FOP"', 'type="ACATS"', "SalesTax ", "TransactionTax ", "CarbonEstimate"),
    ):
        assert words in whole, words


def test_the_same_seed_gives_the_same_statements_and_another_one_others() -> None:
    made = [texts(ScenarioBooks(Scenario(seed=seed).world, 60)) for seed in (5, 5, 6)]
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_history_changes_nothing_of_the_world() -> None:
    plain, watched = Scenario(seed=3, activity=50).world, Scenario(seed=3, activity=50).world
    texts(ScenarioBooks(watched, 30))
    for _ in range(300):
        plain.beat()
        watched.beat()
    for code, account in plain.accounts.items():
        assert account_values(account, plain.market) == account_values(watched.accounts[code], watched.market)


def test_there_is_no_history_of_a_world_that_has_begun() -> None:
    world = Scenario(seed=3).world
    world.beat()
    with pytest.raises(SimulatorError, match="has begun"):
        ScenarioBooks(world)


def test_days_of_the_live_world_end_with_what_the_gateway_says() -> None:
    """Through a midnight: trades, corrections, payments, transfers, accounts that open and close."""
    world = Scenario(seed=11, accounts=4, advisor=True, activity=60, payments=60, start=EVENING).world
    books = ScenarioBooks(world, 20, every_day=True)
    told: dict[str, str] = {}
    midnight = datetime(2026, 1, 10, 5, tzinfo=UTC)
    _move_things(world)
    for _ in range(1500):
        if world.now == midnight - timedelta(seconds=1):
            told = {code: _net_liquidation(world, code) for code in world.accounts}
        world.beat()
    made = texts(books)
    check(made)
    for words in ('"Dividends"', '"Other Fees"', "Broker Interest", 'positionAmount="-', 'type="INTERNAL"'):
        assert words in "".join(made[-8:]), words
    statements = {(each.account, each.day): each for each in map(Statement, made)}
    assert told
    for code, value in told.items():
        total = statements[code, "20260109"].member("endingValue")
        assert f"{total.quantize(Decimal('0.01'))}" == value, code


def _net_liquidation(world: World, code: str) -> str:
    values = account_values(world.accounts[code], world.market)
    return next(value.text for value in values if value.key == "NetLiquidation")


def _move_things(world: World) -> None:
    """Payments of all kinds, and transfers, on a world."""
    source, target = [account.code for account in world.clients()][:2]
    now = world.now
    for kind, amount in (("Dividends", "120.5"), ("Withholding Tax", "-18.07"), ("Other Fees", "-4.5")):
        pay(world, Payment(now, source, kind, "USD", Decimal(amount)))
    give(world, source, target, Decimal("1000.25"), "EUR")
    held = world.account(source).positions.values()
    other = world.account(target).positions
    position = next(p for p in held if p.instrument.sec_type == "STK" and p.instrument.con_id not in other)
    hand_over(world, source, target, position.instrument.con_id, position.quantity)


def test_what_a_statement_says_of_fills_is_what_the_gateway_says() -> None:
    world = Scenario(seed=4, accounts=2, activity=200, orders=0, start=EVENING).world
    books = ScenarioBooks(world, 5, every_day=True)
    for _ in range(700):
        world.beat()
    told = {
        row.attrib["ibExecID"]: (row.attrib["tradePrice"], row.attrib["quantity"], row.attrib["ibCommission"])
        for each in map(Statement, texts(books, first=date(2026, 1, 9)))
        for row in each.rows("Trades", "Trade")
    }
    fills = [fill for fill in world.fills if world.days.local(fill.at).day == 9]
    assert len(fills) > 5
    assert told.keys() == {fill.exec_id for fill in fills}
    for fill in fills:
        assert fill.commission is not None
        sign = 1 if fill.side == "BOT" else -1
        ours = (fill.price, sign * fill.shares, -fill.commission.amount)
        assert tuple(map(Decimal, told[fill.exec_id])) == ours


def test_a_corrected_fill_is_taken_back_and_told_again() -> None:
    """One that the statement of its own day had already."""
    world = Scenario(seed=4, accounts=1, activity=0, start=EVENING).world
    books = ScenarioBooks(world, 0, every_day=True)
    (account,) = world.clients()
    stock = next(i for i in world.pools["STK"] if not account.holds(i) and i.currency == account.base)
    world.traders.at_market(account, stock, Decimal(10))
    for key, fill in list(world.trading.fills.items()):
        if fill.commission is None:
            pending = world.traders.unreported(key)
            assert pending is not None
            world.trading.report(key, pending)
    world.skip(1200)
    key, fill = next(iter(world.trading.fills.items()))
    corrected = world.trading.correct_price(account, key, fill.price + stock.tick)
    assert corrected is not None
    world.trading.correct_commission(account, key, Decimal("2.5"))
    world.skip(86_400)
    made = texts(books)
    check(made)
    saturday = next(each for each in map(Statement, made) if each.day == "20260110")
    rows = [(row.attrib["notes"], row.attrib["ibExecID"]) for row in saturday.rows("Trades", "Trade")]
    assert rows == [("Ca", fill.exec_id), ("Co", corrected.exec_id)]


def test_a_commission_that_is_corrected_later_is_an_adjustment() -> None:
    world = Scenario(seed=4, accounts=1, activity=0, orders=0, start=EVENING).world
    books = ScenarioBooks(world, 0, every_day=True)
    (account,) = world.clients()
    stock = next(i for i in world.pools["STK"] if not account.holds(i) and i.currency == account.base)
    world.traders.at_market(account, stock, Decimal(10))
    world.skip(1200)
    key, fill = next(iter(world.trading.fills.items()))
    assert fill.commission is not None
    world.trading.correct_commission(account, key, fill.commission.amount + Decimal("0.15"))
    world.skip(86_400)
    check(texts(books))
    saturday = next(each for each in map(Statement, texts(books)) if each.day == "20260110")
    (row,) = saturday.rows("CashTransactions", "CashTransaction")
    assert (row.attrib["type"], row.attrib["amount"]) == ("Commission Adjustments", "-0.15")


def test_accounts_that_open_and_close_come_and_go_with_all_they_have() -> None:
    world = Scenario(seed=9, accounts=2, activity=0, start=EVENING).world
    books = ScenarioBooks(world, 5, every_day=True)
    opened = world.open_account(6)
    closed = world.clients()[0].code
    world.close_account(closed)
    world.skip(1200)
    made = texts(books)
    check(made)
    found = {each.account: each for each in map(Statement, made) if each.day == "20260109"}
    assert found[opened.code].member("startingValue") == 0
    assert found[closed].member("endingValue") == 0
    world.skip(86_400)
    days = {each.account for each in map(Statement, texts(books)) if each.day == "20260110"}
    assert closed not in days
    assert opened.code in days


def test_a_weekend_is_in_the_statement_of_monday() -> None:
    world = Scenario(seed=9, accounts=1, activity=0, start=EVENING).world
    books = ScenarioBooks(world, 0)
    for _ in range(4):
        world.skip(86_400)
        world.deposit(world.clients()[0].code, Decimal(10), "USD")
    found = list(map(Statement, texts(books)))
    assert [each.day for each in found] == ["20260109", "20260112"]
    assert len(found[1].rows("CashTransactions", "CashTransaction")) == 3


def test_the_running_day_can_be_had_as_it_stands() -> None:
    world = Scenario(seed=9, accounts=1, activity=0, frozen=True).world
    books = ScenarioBooks(world, 5, every_day=True, today=True)
    code = world.clients()[0].code
    for amount in (1, 2):
        world.deposit(code, Decimal(amount), "USD")
        last = Statement(texts(books)[-1])
        assert last.day == "20260105"
        assert f"{last.member('endingValue').quantize(Decimal('0.01'))}" == _net_liquidation(world, code)


def test_a_mistake_is_corrected_by_a_later_statement() -> None:
    world = Scenario(seed=9, accounts=1).world
    books = ScenarioBooks(world, 10, every_day=True)
    code, day = world.clients()[0].code, date(2026, 1, 1)
    right = Statement(texts(books, first=day, last=day)[0])
    books.mistake(code, day, Decimal("12.5"))
    wrong = Statement(texts(books, first=day, last=day)[0])
    check(texts(books, first=day, last=day))
    books.correct(code, day)
    again = Statement(texts(books, first=day, last=day)[0])
    assert wrong.member("endingValue") == right.member("endingValue") + Decimal("12.5")
    assert again.member("endingValue") == right.member("endingValue")
    assert again.root.attrib["whenGenerated"] > wrong.root.attrib["whenGenerated"]


def test_a_period_adds_up_its_days() -> None:
    books = ScenarioBooks(Scenario(seed=2, accounts=2).world, 40, every_day=True)
    daily = list(map(Statement, texts(books)))
    periods = [ET.fromstring(text) for text in texts(books, Query("2", breakout=False))]
    assert [each.attrib["accountId"] for each in periods] == list(dict.fromkeys(each.account for each in daily))
    for period in periods:
        days = [each for each in daily if each.account == period.attrib["accountId"]]
        change = period.find("ChangeInNAV")
        assert change is not None
        assert (change.attrib["startingValue"], change.attrib["endingValue"]) == (
            days[0].change.attrib["startingValue"],
            days[-1].change.attrib["endingValue"],
        )
        factor = Fraction(1)
        for each in days:
            factor *= 1 + each.twr() / 100
        assert Fraction(change.attrib["twr"]) == Fraction(round((factor - 1) * 100 * 10**9), 10**9)
        assert len(period.findall("EquitySummaryInBase/*")) == len(days)


@pytest.mark.parametrize(
    ("query", "day", "moment"),
    [
        (Query("1"), "20260109", "20260109;234501"),
        (Query("1", dates="yyyy-MM-dd", times="HH:mm:ss", separator="space"), "2026-01-09", "2026-01-09 23:45:01"),
        (Query("1", dates="MM/dd/yyyy", separator="comma"), "01/09/2026", "01/09/2026,234501"),
        (Query("1", dates="dd/MM/yyyy", times="none"), "09/01/2026", "09/01/2026"),
        (Query("1", dates="MM/dd/yy", separator="none"), "01/09/26", "01/09/26234501"),
        (Query("1", dates="dd-MMM-yy", times="HH:mm:ss zone", separator="T"), "09-Jan-26", "09-Jan-26T23:45:01 EST"),
    ],
)
def test_a_query_prints_days_and_moments_as_it_was_told(query: Query, day: str, moment: str) -> None:
    assert query.text(date(2026, 1, 9)) == day
    assert query.text(datetime(2026, 1, 9, 23, 45, 1, tzinfo=ZoneInfo("US/Eastern"))) == moment


def test_sections_that_a_query_does_not_tick_are_not_there() -> None:
    books = ScenarioBooks(Scenario(seed=2, accounts=1).world, 5, every_day=True)
    (first, *_) = texts(books, Query("1", sections=("ChangeInNAV",), columns="few"))
    root = ET.fromstring(first)
    assert [child.tag for child in root] == ["ChangeInNAV"]
    (other, *_) = texts(books, Query("1", sections=("ChangeInNAV", "CorporateActions"), columns="few"))
    assert [child.tag for child in ET.fromstring(other)] == ["ChangeInNAV", "CorporateActions"]
    assert "" not in root[0].attrib.values()


@given(
    st.integers(0, 10**12),
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(-(10**6), 10**6)), min_size=1, max_size=20),
)
def test_returns_are_linked_and_printed_exactly(seed: int, days: list[tuple[int, int]]) -> None:
    returns = [of_day(start, start + gain, 0) for start, gain in days]
    product = Fraction(1)
    for each in returns:
        product *= 1 + (each or 0)
    if None not in returns:
        assert linked(returns) == product - 1
        assert Fraction(percent(product - 1)) == Fraction(round((product - 1) * 100 * 10**9), 10**9)


def test_a_day_that_begins_with_what_is_paid_in_or_ends_with_nothing_has_a_return() -> None:
    assert of_day(0, 110, 100) == Fraction(1, 10)
    assert of_day(100, 0, -90) == Fraction(-1, 10)
    assert of_day(0, 0, 0) is None
    assert of_day(-5, 10, 0) is None
    assert percent(None) == "0"


def test_bulk_statements_agree_with_themselves() -> None:
    plan = BulkPlan(accounts=2, first=date(2024, 1, 1), last=date(2024, 6, 30), flows=0.2)
    former: dict[str, Decimal] = {}
    for code, text in ((plan.codes()[n], text) for n in range(2) for _, text in bulk.of_account(plan, n)):
        statement = Statement(text)
        change = [name for name in statement.change.attrib if name not in NOT_A_CHANGE]
        whole = statement.member("startingValue") + sum(map(statement.member, change))
        assert whole == statement.member("endingValue") == number(statement.summary(), "total")
        assert statement.member("startingValue") == former.get(code, 0)
        assert statement.paid()["depositsWithdrawals"] == statement.member("depositsWithdrawals")
        assert Fraction(statement.change.attrib["twr"]) == Fraction(round(statement.twr() * 10**9), 10**9)
        former[code] = statement.member("endingValue")


def test_bulk_files_are_the_same_each_time(tmp_path: Path) -> None:
    plan = BulkPlan(accounts=2, first=date(2023, 6, 1), last=date(2024, 6, 30))
    made = [[path.read_bytes() for path in bulk.write_files(plan, tmp_path / name)] for name in ("a", "b")]
    assert made[0] == made[1]
    assert len(made[0]) == 4
    assert {ET.fromstring(each).tag for each in made[0]} == {"FlexQueryResponse"}


def test_a_copy_of_a_world_is_not_what_statements_are_about() -> None:
    """A gateway under load copies its world to see what it would say next."""
    world = Scenario(seed=4, accounts=2, start=EVENING).world
    books = ScenarioBooks(world, 5, every_day=True, today=True)
    before = texts(books)
    other = copy.deepcopy(world)
    other.deposit(other.clients()[0].code, Decimal(1), "USD")
    other.open_account(1)
    other.close_account(other.clients()[0].code)
    other.skip(86_400)
    assert texts(books) == before


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_two_years_of_many_worlds_hold_together(seed: int) -> None:
    world = Scenario(seed=seed, accounts=3, positions=9, advisor=bool(seed % 2)).world
    assert check(texts(ScenarioBooks(world, every_day=not seed % 5))) > 1500
