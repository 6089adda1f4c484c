"""Profit and loss of accounts and positions, as reqPnL and reqPnLSingle give it.

In: an account's books and the market. Out: :class:`~ibconnect.simulator.scenario.blotter.Profit`. That of an account
says what its account values say: UnrealizedPnL and RealizedPnL of BASE, in cents. Called by ``world`` and by ``pnl``.
"""

from collections.abc import Iterator

from ibconnect.simulator.scenario.blotter import ZERO, Profit
from ibconnect.simulator.scenario.book import CENT, MONEY, Account, Market, Position
from ibconnect.simulator.scenario.figures import ledger


def profits(account: Account, market: Market) -> Iterator[Profit]:
    """The account's, then those of its positions."""
    yield of_account(account, market)
    for position in account.positions.values():
        yield of_position(account.code, position, market)


def of_account(account: Account, market: Market) -> Profit:
    """The day's, the unrealized and the realized profit in the base currency."""
    base = ledger(account, market)["BASE"]
    unrealized, realized = base["UnrealizedPnL"], base["RealizedPnL"]
    starts = dict.fromkeys(account.currencies(), ZERO)
    for position in account.positions.values():
        starts[position.instrument.currency] += position.day_start
    start = sum((amount * market.rate(c, account.base) for c, amount in starts.items()), ZERO).quantize(MONEY)
    daily = unrealized + realized - start
    return Profit(account.code, daily.quantize(CENT), unrealized.quantize(CENT), realized.quantize(CENT))


def of_position(account: str, position: Position, market: Market) -> Profit:
    """Those of a position, in the contract's currency, with its size and value."""
    unrealized = market.unrealized(position)
    return Profit(
        account,
        (unrealized + position.realized - position.day_start).quantize(CENT),
        unrealized.quantize(CENT),
        position.realized.quantize(CENT),
        position.instrument.con_id,
        position.quantity,
        market.value(position),
    )
