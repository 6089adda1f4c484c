"""The scenario's figures: consistent to the last digit, and the same for the same seed."""

import collections
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.errors import SimulatorError
from ibconnect.simulator import Scenario
from ibconnect.simulator.scenario.accounts import ACCOUNT_SUMMARY, POSITIONS, UPDATES
from ibconnect.simulator.scenario.book import CENT, MONEY, Account, Market, trade
from ibconnect.simulator.scenario.figures import LEDGER, NET_PARTS
from ibconnect.simulator.scenario.instruments import KINDS, make_pools
from ibconnect.simulator.scenario.plan import BASES, START, Plan
from ibconnect.simulator.scenario.world import World
from ibconnect.simulator.source import Pulse, Refusal

PERIOD = Pulse(period=True)
Book = dict[tuple[str, str], Decimal]


def _ledger(scenario: Scenario, code: str) -> Book:
    texts = ("Currency", "AccountOrGroup", "RealCurrency")
    values = [v for v in scenario.values(code) if v.level == LEDGER and v.key not in texts]
    return {(v.key, v.currency): Decimal(v.text) for v in values}


def _money(scenario: Scenario, code: str) -> dict[str, Decimal]:
    return {v.key: Decimal(v.text) for v in scenario.values(code) if v.level != LEDGER and v.currency}


def _check_ledger(book: Book) -> None:
    currencies = sorted({c for _, c in book} - {"BASE"})
    for key in {k for k, _ in book} - {"ExchangeRate"}:
        rated = [(book[key, c] * book["ExchangeRate", c]).quantize(MONEY) for c in currencies]
        assert book[key, "BASE"] == sum(rated), key
    for currency in currencies:
        assert book["NetLiquidationByCurrency", currency] == sum(book[k, currency] for k in NET_PARTS)
        assert book["TotalCashBalance", currency] == book["CashBalance", currency] + book["FuturesPNL", currency]


def _check_account(scenario: Scenario, code: str) -> None:
    book, money = _ledger(scenario, code), _money(scenario, code)
    _check_ledger(book)
    assert money["NetLiquidation"] == book["NetLiquidationByCurrency", "BASE"].quantize(CENT)
    for key in ("NetLiquidation", "EquityWithLoanValue", "AvailableFunds", "InitMarginReq", "TotalCashValue"):
        assert money[key] == sum(money.get(f"{key}-{s}", Decimal(0)) for s in "CSP"), key
    assert money["AvailableFunds"] == money["EquityWithLoanValue"] - money["InitMarginReq"]
    assert money["ExcessLiquidity"] == money["EquityWithLoanValue"] - money["MaintMarginReq"]


def _check_positions(scenario: Scenario, code: str) -> None:
    """Each row of message 7, recomputed from its own text, and the ledger from the rows."""
    sums: dict[tuple[str, str], Decimal] = collections.defaultdict(Decimal)
    for row in scenario.answer(UPDATES, code).first():
        if row[0] != "7":
            continue
        kind, factor, currency = row[4], Decimal(row[8] or 1), row[10]
        size, price, value, cost, unrealized = (Decimal(text) for text in row[13:18])
        assert value == (size * price * factor).quantize(CENT), row
        assert unrealized == (value - size * cost).quantize(CENT), row
        sums[kind, currency] += unrealized if kind == "FUT" else value
    book = _ledger(scenario, code)
    keys = {"STK": "StockMarketValue", "OPT": "OptionMarketValue", "FOP": "FutureOptionValue", "FUT": "FuturesPNL"}
    keys |= {"BOND": "CorporateBondValue", "CRYPTO": "Cryptocurrency"}
    for (kind, currency), total in sums.items():
        if kind in keys:
            assert book[keys[kind], currency] == total


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_figures_agree_with_each_other_at_any_time(seed: int, advisor: bool) -> None:
    scenario = Scenario(seed=seed, accounts=5, positions=10, advisor=advisor, activity=200.0)
    for _ in range(3):
        for _ in range(60):
            scenario.advance()
        codes = [*scenario.codes(), *scenario._aggregates()]
        for code in codes:
            _check_account(scenario, code)
            _check_positions(scenario, code)


def test_a_new_day_keeps_the_figures_consistent() -> None:
    scenario = Scenario(accounts=2, positions=6)
    scenario.world.beats = 86_390
    for _ in range(20):
        scenario.advance()
    for code in scenario.codes():
        _check_account(scenario, code)
        realized = {row[18] for row in scenario.answer(UPDATES, code).first() if row[0] == "7"}
        assert realized <= {"0.00"}


def _transcript(seed: int) -> list[object]:
    scenario = Scenario(seed=seed, accounts=3, positions=9, activity=100.0)
    feeds = [scenario.answer(POSITIONS), *(scenario.answer(UPDATES, code) for code in scenario.codes())]
    said: list[object] = [list(feed.first()) for feed in feeds]
    for beat in range(1, 200):
        pulse = scenario.advance()
        said += [list(f.more(PERIOD if beat % 180 == 0 else pulse)) for f in feeds]
    return said


def test_the_same_seed_says_the_same() -> None:
    assert _transcript(5) == _transcript(5)
    assert _transcript(5) != _transcript(6)


def test_accounts_have_all_base_currencies_and_kinds_of_contracts() -> None:
    scenario = Scenario(accounts=5, positions=10)
    accounts = scenario.world.clients()
    assert {account.base for account in accounts} == set(BASES)
    kinds = {p.instrument.sec_type for account in accounts for p in account.positions.values()}
    assert kinds == set(KINDS)
    sizes = [p.quantity for account in accounts for p in account.positions.values()]
    assert any(size != size.to_integral_value() for size in sizes)
    assert any(size < 0 for size in sizes)


def test_a_closed_position_is_sent_with_size_0_and_its_profit() -> None:
    scenario = Scenario(accounts=1, positions=6, frozen=True)
    (code,) = scenario.codes()
    feed = scenario.answer(UPDATES, code)
    feed.first()
    position = next(p for p in scenario.world.account(code).positions.values() if p.instrument.sec_type == "STK")
    scenario.world.close_position(code, position.instrument.con_id)
    rows = [row for row in feed.more(scenario.pulse()) if row[0] == "7"]
    assert [row[2] for row in rows] == [str(position.instrument.con_id)]
    assert (rows[0][13], rows[0][15], rows[0][16], rows[0][17]) == ("0", "0.00", "0", "0.00")
    assert Decimal(rows[0][18]) == position.realized.quantize(CENT) != 0


def test_only_what_changed_is_sent_at_a_period() -> None:
    scenario = Scenario(accounts=1, positions=4, activity=0.0)
    (code,) = scenario.codes()
    feed = scenario.answer(UPDATES, code)
    everything = list(feed.first())
    assert feed.more(PERIOD) == ()
    for _ in range(40):
        scenario.advance()
    news = list(feed.more(PERIOD))
    assert 0 < len(news) < len(everything)
    assert {row[0] for row in news} <= {"6", "7", "8"}
    assert not {tuple(r) for r in news if r[0] != "8"} & {tuple(r) for r in everything}


def test_the_two_spellings_of_per_currency_keys() -> None:
    old, new = Scenario(accounts=1), Scenario(accounts=1, ledger_prefix=True)
    (code,) = old.codes()
    keys_of = [[row[2:5:2] for row in s.answer(UPDATES, code).first() if row[0] == "6"] for s in (old, new)]
    base = old.world.account(code).base
    twice = [key for key, n in collections.Counter(map(tuple, keys_of[0])).items() if n == 2]
    assert twice == [("AccruedCash", base)]
    assert len(set(map(tuple, keys_of[1]))) == len(keys_of[1])
    assert keys_of[1].index(("$LEDGER-AccruedCash", base)) < keys_of[1].index(("AccruedCash", base))
    assert sorted(k.removeprefix("$LEDGER-") for k, _ in keys_of[1]) == sorted(k for k, _ in keys_of[0])


def test_message_6_is_sorted_as_a_gateway_sorts() -> None:
    scenario = Scenario(accounts=1, positions=10)
    rows = [row for row in scenario.answer(UPDATES, scenario.codes()[0]).first() if row[0] == "6"]
    order = [(row[2], row[4] != "BASE", row[4]) for row in rows]
    assert order == sorted(order)


def test_an_advisor_sees_all_clients_as_one() -> None:
    scenario = Scenario(accounts=3, positions=5, advisor=True)
    total = scenario.account(f"{scenario.world.master}A")
    assert total is not None
    for client in scenario.world.clients():
        for con_id in client.positions:
            assert con_id in total.positions
    cash = sum(client.cash.get("USD", Decimal(0)) for client in scenario.world.clients())
    assert total.cash["USD"] == cash


def test_an_advisor_of_many_may_not_ask_for_all() -> None:
    scenario = Scenario(accounts=51, positions=0, advisor=True)
    with pytest.raises(Refusal, match="10275"):
        scenario.answer(POSITIONS)
    with pytest.raises(Refusal, match="321"):
        scenario.answer(ACCOUNT_SUMMARY, 1, "All", ["NetLiquidation"])


def test_accounts_come_and_go_within_bounds() -> None:
    world = World(Plan(accounts=4, positions=1, activity=3_000.0))
    counts, codes = set(), set()
    for _ in range(2_000):
        world.beat()
        counts.add(len(world.accounts))
        codes |= set(world.accounts)
    assert len(codes) > 4
    assert min(counts) >= 2
    assert max(counts) <= 8
    assert len(counts) > 2


def test_accounts_open_and_close() -> None:
    world = World(Plan(accounts=2, positions=2))
    opened = world.open_account(3)
    assert (world.listed, len(opened.positions)) == (True, 3)
    world.close_account(opened.code)
    assert opened.code not in world.accounts
    with pytest.raises(SimulatorError, match="not one of"):
        world.deposit(opened.code, Decimal(1), "USD")
    with pytest.raises(SimulatorError, match="currency"):
        world.deposit(next(iter(world.accounts)), Decimal(1), "XXX")


_SIZES = st.lists(st.integers(-20, 20).filter(bool), min_size=1, max_size=8)


@given(st.sampled_from(KINDS), _SIZES, st.integers(1, 500))
def test_a_trade_at_the_market_costs_its_commission_and_no_more(kind: str, sizes: list[int], cents: int) -> None:
    """Buying, selling, closing and going through zero: what the account is worth falls by the commissions."""
    instrument = make_pools(START.date(), 1)[kind][0]
    market = Market({instrument.currency: Decimal(1), instrument.symbol: market_price(kind, instrument.price)})
    account = Account("DU1", instrument.currency, cash={instrument.currency: Decimal(1_000_000)})
    commission = Decimal(cents) / 100
    for size in sizes:
        trade(account, instrument, Decimal(size), instrument.price, commission)
    worth = sum(amount * market.dollars[currency] for currency, amount in account.cash.items())
    for position in account.positions.values():
        if kind == "FUT":
            worth += market.unrealized(position)
        elif kind != "CASH":
            worth += market.value(position)
    assert abs(worth - (1_000_000 - commission * len(sizes))) <= CENT * len(sizes)


def market_price(kind: str, price: Decimal) -> Decimal:
    """What the bought currency of a pair is worth in the other; of no use for other kinds."""
    return price if kind == "CASH" else Decimal(1)


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(SimulatorError):
        Plan(accounts=0)
    with pytest.raises(SimulatorError):
        Plan(activity=float("nan"))
