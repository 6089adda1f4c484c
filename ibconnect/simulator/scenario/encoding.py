"""Books as wire messages: account values in IB's three orders, positions in its two forms.

In: values and positions. Out: wire fields. Called by the parts of the gateway. Formats are those seen in recordings:
in message 7 a contract without strike has ``0``, in 61 ``0.0``; sizes and prices have no trailing zeros.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from ibconnect.simulator.scenario.book import Market, Position
from ibconnect.simulator.scenario.figures import LEDGER, Value, cents
from ibconnect.simulator.wire.frames import Fields
from ibconnect.tags import LEDGER_PREFIX

# What reqAccountSummary may ask for, besides $LEDGER; IB's own constants misspell the two RegT tags.
_SUMMARY_FIRST = ("AccountType", "Cushion", "LookAheadNextChange")


def plain(number: Decimal) -> str:
    """A size, price or cost: no exponent, no trailing zeros."""
    return f"{number.normalize() + 0:f}"


def prefixed(values: Iterable[Value], prefix: bool) -> list[Value]:
    """The values with per-currency keys spelled ``$LEDGER-…`` if the gateway is set so."""
    if not prefix:
        return list(values)
    return [Value(LEDGER_PREFIX + v.key, v.text, v.currency, LEDGER) if v.level == LEDGER else v for v in values]


def value_rows(values: Iterable[Value], account: str) -> list[Fields]:
    """Messages 6: keys in ASCII order, in a key BASE first, then currencies; account level before ledger."""
    ordered = sorted(values, key=lambda v: (v.key, v.currency != "BASE", v.currency, v.level))
    return [("6", "2", v.key, v.text, v.currency, account) for v in ordered]


def multi_rows(values: Iterable[Value], request_id: int, account: str, model: str) -> list[Fields]:
    """Messages 73, in the order of ``values``."""
    head = ("73", "1", str(request_id), account, model)
    return [(*head, v.key, v.text, v.currency) for v in values]


def summary_rows(
    values: Sequence[Value], request_id: int, account: str, tags: Sequence[str], ledger_only: bool
) -> list[Fields]:
    """Messages 63 for the tags that were asked for; ``ledger_only`` for an aggregate's rows."""
    level = [] if ledger_only else _summary_level(values, tags)
    ledger = [v for v in values if v.level == LEDGER and _currency_wanted(v.currency, tags)]
    head = ("63", "1", str(request_id), account)
    return [(*head, v.key, v.text, v.currency) for v in (*level, *ledger)]


def _summary_level(values: Sequence[Value], tags: Sequence[str]) -> list[Value]:
    by_key = {v.key: v for v in values if v.level != LEDGER}
    cash, leverage = by_key["TotalCashValue"], by_key["Leverage-S"]
    by_key["SettledCash"] = Value("SettledCash", cash.text, cash.currency)
    by_key["Leverage"] = Value("Leverage", leverage.text, "")
    by_key["HighestSeverity"] = Value("HighestSeverity", "0", "")
    wanted = [by_key[tag] for tag in dict.fromkeys(tags) if tag in by_key]
    return sorted(wanted, key=lambda v: (v.key not in _SUMMARY_FIRST, v.currency != "", v.key))


def _currency_wanted(currency: str, tags: Sequence[str]) -> bool:
    if "$LEDGER:ALL" in tags or f"$LEDGER:{currency}" in tags:
        return True
    return "$LEDGER" in tags and currency == "BASE"


def portfolio_row(position: Position, market: Market, account: str) -> Fields:
    """Message 7."""
    i = position.instrument
    return (
        "7",
        "8",
        str(i.con_id),
        i.symbol,
        i.sec_type,
        i.expiry,
        i.strike or "0",
        i.right or "0",
        i.multiplier,
        i.exchange,
        i.currency,
        i.local_symbol,
        i.trading_class,
        plain(position.quantity),
        plain(market.price(i)),
        cents(market.value(position)),
        plain(position.average_cost),
        cents(market.unrealized(position)),
        cents(position.realized),
        account,
    )


def _contract(position: Position) -> Fields:
    i = position.instrument
    exchange = i.exchange if i.sec_type in ("STK", "BOND", "CRYPTO") else ""
    head = (str(i.con_id), i.symbol, i.sec_type, i.expiry, i.strike or "0.0", i.right, i.multiplier)
    return (*head, exchange, i.currency, i.local_symbol, i.trading_class)


def position_row(position: Position, account: str) -> Fields:
    """Message 61."""
    size, cost = plain(position.quantity), plain(position.average_cost)
    return ("61", "3", account, *_contract(position), size, cost)


def position_multi_row(position: Position, request_id: int, account: str, model: str) -> Fields:
    """Message 71."""
    size, cost = plain(position.quantity), plain(position.average_cost)
    return ("71", "1", str(request_id), account, *_contract(position), size, cost, model)
