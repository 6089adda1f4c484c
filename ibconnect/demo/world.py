"""The demo's world: five clients in five base currencies, who hold most of what they own in stocks.

In: when it begins. Out: a scenario and the statements of its two years. The same beginning gives the same world, and
so the same history, in any process. Called by the verb ``demo`` and by ``past``.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from ibconnect.simulator import Scenario
from ibconnect.simulator.flex import ScenarioBooks
from ibconnect.simulator.flex.books import TWO_YEARS
from ibconnect.simulator.flex.drama import FALL_AND_RECOVERY, Drama
from ibconnect.simulator.flex.history import History, Opening
from ibconnect.simulator.flex.story import fee_of
from ibconnect.simulator.scenario.book import Account, begin_day
from ibconnect.simulator.scenario.figures import equity, ledger
from ibconnect.simulator.scenario.world import World

# By base currency: symbols, and how much of the account is in each.
_HELD: Mapping[str, Mapping[str, str]] = {
    "USD": {"SPY": "0.35", "AAPL": "0.20", "MSFT": "0.20", "NVDA": "0.10"},
    "EUR": {"SAP": "0.25", "ASML": "0.30", "BMW": "0.15", "SPY": "0.15"},
    "GBP": {"SPY": "0.30", "NESN": "0.25", "IBM": "0.15", "MSFT": "0.15"},
    "CHF": {"NESN": "0.40", "NOVN": "0.30", "ASML": "0.15"},
    "JPY": {"7203": "0.35", "6758": "0.30", "SPY": "0.20"},
}
_SCARED = 1
_HUSH_S = 150
_BOUGHT = 1


def make(start: datetime, history: int = TWO_YEARS) -> tuple[Scenario, ScenarioBooks]:
    """The login as it is at the beginning, and its statements, of so many calendar days before it."""
    scenario = Scenario(
        seed=7,
        accounts=len(_HELD),
        positions=7,
        advisor=True,
        activity=0.5,
        orders=1.0,
        payments=2.0,
        bases=tuple(_HELD),
        hush=_HUSH_S,
        start=start,
    )
    world = scenario.world
    drama = Drama(FALL_AND_RECOVERY, world.clients()[_SCARED].code)
    _invest(world, drama, history)
    statements = ScenarioBooks(world, history, drama=drama)
    # Whoever asks what has been traded in two years is told, as of what is traded now.
    for each in statements.traded():
        world.instruments.setdefault(each.con_id, each)
    return scenario, statements


def _invest(world: World, drama: Drama, history: int) -> None:
    """Every client has bought stocks when the history began, at their prices of that day."""
    days = ScenarioBooks(world, history, drama=drama).past_days
    world.watchers.clear()
    paths = History(Opening.of(world), days, drama).paths
    stocks = {each.symbol: each for each in world.pools["STK"]}
    for client in world.clients():
        if all(each.currency != client.base for each in stocks.values()):
            # Nothing pays a dividend in it that could be owed.
            client.dividends.clear()
        worth = ledger(client, world.market)["BASE"]["NetLiquidationByCurrency"]
        for symbol, share in _HELD[client.base].items():
            stock = stocks[symbol]
            if client.holds(stock):
                continue
            rate = world.market.rate(client.base, stock.currency)
            size = Decimal(int(worth * Decimal(share) * rate / world.market.price(stock)))
            price = paths.price(stock, _BOUGHT)
            world.book(client, stock, size, price, fee_of(stock, size))
        _settle(client, world)


def _settle(client: Account, world: World) -> None:
    begin_day(client, world.market)
    client.previous_equity = equity(client, world.market)
