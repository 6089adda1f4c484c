"""Orders that the traders of a seeded world place: of what, how many, at which price, for whom.

In: chance and a venue. Out: orders that ``trading`` is yet to number. Called by ``traders``.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from ibconnect.simulator.scenario.blotter import ZERO, Leg, Order
from ibconnect.simulator.scenario.book import COST, MONEY, Account, Market
from ibconnect.simulator.scenario.firm import Group
from ibconnect.simulator.scenario.instruments import Instrument
from ibconnect.simulator.scenario.trading import TWS, Trading


class Venue(Protocol):
    """What a world is to those who trade in it."""

    @property
    def market(self) -> Market: ...

    @property
    def pools(self) -> Mapping[str, list[Instrument]]: ...

    @property
    def master(self) -> str: ...

    def clients(self) -> list[Account]: ...

    def groups(self) -> Mapping[str, Group]: ...


CLIENTS = (TWS, 7, 12)
"""The clients whose orders these are."""
_REFERENCES = ("", "", "rebalance", "hedge #2")
_COMBINATION_ID = 28_812_380
# Units of a new order, by kind; CRYPTO and FRACTION are in parts of a unit.
_MOST = {"STK": 400, "OPT": 8, "FUT": 2, "CASH": 40_000, "FOP": 4, "BOND": 10}


def order(source: random.Random, account: str, instrument: Instrument, quantity: Decimal) -> Order:
    """An order at the market for so many (below 0: to sell)."""
    client = source.choice(CLIENTS)
    return Order(
        0,
        0,
        client,
        account,
        instrument,
        "BUY" if quantity > 0 else "SELL",
        abs(quantity),
        "MKT",
        (),
        order_ref=source.choice(_REFERENCES) if client else "",
        outside_rth=not source.randrange(8),
    )


def something(source: random.Random, venue: Venue) -> list[Order]:
    """One order that will work for a while, or a bracket of two."""
    account = source.choice(venue.clients())
    choice = source.randrange(10)
    if choice == 0:
        return [_combination(source, account, venue)]
    if choice == 1 and venue.master:
        return [_allocated(source, venue)]
    placed = _limited(source, account, venue)
    if choice == 2 and placed.client_id != TWS:
        return [placed, _stop_below(placed)]
    if choice == 3:
        price = off(placed, placed.limit or ZERO)
        return [replace(placed, order_type="STP", limit=None, stop=price, tif="GTC")]
    return [placed]


def _limited(source: random.Random, account: Account, venue: Venue) -> Order:
    held = [position for position in account.positions.values() if position.quantity]
    if held and source.randrange(2):
        position = source.choice(held)
        instrument, quantity = position.instrument, -position.quantity
    else:
        kind = source.choice((*_MOST, "FRACTION", "CRYPTO"))
        instrument = source.choice(venue.pools["STK" if kind == "FRACTION" else kind])
        quantity = _size(source, kind) * source.choice((1, 1, 1, -1))
    placed = order(source, account.code, instrument, quantity)
    price = venue.market.price(instrument) + instrument.tick * source.randrange(-3, 4)
    tif, good_till = source.choice((("DAY", ""), ("DAY", ""), ("GTC", ""), ("GTD", "20301231 23:59:59 UTC")))
    return replace(placed, order_type="LMT", limit=off(placed, price), tif=tif, good_till=good_till)


def _size(source: random.Random, kind: str) -> Decimal:
    if kind == "CRYPTO":
        return Decimal(source.randrange(1, 2 * 10**8)) * COST
    if kind == "FRACTION":
        return Decimal(source.randrange(1, 500_000)) * MONEY
    return Decimal(source.randrange(1, _MOST[kind] + 1))


def _stop_below(parent: Order) -> Order:
    """The order that gets rid of what its parent has bought (or sold), if the price goes against it."""
    is_bought = parent.action == "BUY"
    away = parent.instrument.tick * (-50 if is_bought else 50)
    return replace(
        parent,
        action="SELL" if is_bought else "BUY",
        order_type="STP",
        limit=None,
        stop=off(parent, (parent.limit or ZERO) + away),
        tif="GTC",
        good_till="",
        oca_group=f"bracket-{parent.instrument.con_id}",
    )


def _combination(source: random.Random, account: Account, venue: Venue) -> Order:
    """A call and a put of one stock, bought or sold together."""
    options = venue.pools["OPT"]
    index = source.randrange(len(options) // 2) * 2
    legs = (
        Leg(options[index], 1, "BUY"),
        Leg(options[index + 1], source.choice((1, 2)), source.choice(("BUY", "SELL"))),
    )
    first = options[index]
    bag = Instrument(
        _COMBINATION_ID,
        first.symbol,
        "BAG",
        "SMART",
        first.currency,
        ZERO,
        first.tick,
        local_symbol=str(_COMBINATION_ID),
        trading_class="COMB",
    )
    quantity = Decimal(source.randrange(1, 6))
    placed = replace(order(source, account.code, bag, quantity), legs=legs, order_type="LMT", tif="GTC")
    return replace(placed, limit=price(venue.market, placed))


def _allocated(source: random.Random, venue: Venue) -> Order:
    """An advisor's order for a group, which every account of it has an equal share of."""
    group = source.choice([group for group in venue.groups().values() if group.members])
    share = Decimal(source.randrange(1, 20) * 2)
    instrument = source.choice(venue.pools["STK"])
    placed = order(source, f"{venue.master}A", instrument, share * len(group.members))
    return replace(
        placed,
        order_type="LMT",
        limit=off(placed, venue.market.price(instrument)),
        fa_group=group.name,
        fa_method=group.method,
        allocations=tuple((code, share) for code in group.members),
    )


def off(placed: Order, wanted: Decimal) -> Decimal:
    """The price that is wanted, or the lowest there is."""
    return wanted if placed.legs else max(wanted, placed.instrument.tick)


def price(market: Market, placed: Order) -> Decimal:
    """What the next fill of an order costs: its limit, or what the market says."""
    if placed.legs:
        costs = (market.price(leg.instrument) * leg.ratio * (1 if leg.action == "BUY" else -1) for leg in placed.legs)
        return sum(costs, ZERO)
    return placed.limit if placed.limit is not None else market.price(placed.instrument)


def portions(trading: Trading, placed: Order, is_whole: bool) -> Sequence[tuple[str, Decimal]]:
    """How much the next fill gives each account: all that is left, or about half of it."""
    left = []
    for account, share in placed.allocations or ((placed.account, placed.quantity),):
        left.append((account, share - trading.filled(placed, account)))
    if is_whole:
        return left
    half = [(account, (rest / 2).quantize(_unit(rest))) for account, rest in left]
    return half if all(part for _, part in half) else left


def _unit(quantity: Decimal) -> Decimal:
    """In which steps a quantity may be divided."""
    return Decimal(1) if quantity == quantity.to_integral_value() else COST
