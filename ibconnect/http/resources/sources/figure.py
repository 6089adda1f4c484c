"""The figure that is asked about: what it is called, its text, and of which messages it was made.

In: the outline of a download, the parameters of a request. Out: a :class:`Figure`. Called by the handler. A figure is
as sent, but for those that reports work out: then both factors have sources.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ibconnect.downloads.messages import CURRENCY, FIGURES, NUMBERS
from ibconnect.http.resources.accounts.positions import product
from ibconnect.http.resources.sources.outline import Held, Last, Name, Outline, Value
from ibconnect.tags import BASE
from ibconnect.wire_numbers import number_of

RATE, IN_BASE = "ExchangeRate", "MarketValueBase"
NAMES = (*FIGURES, IN_BASE, RATE)
"""Figures of a position."""
# What answers to requests with numbers give of a position.
_WITHOUT_PRICES = ("Position", "AverageCost")
_FORMULAS = {IN_BASE: f"MarketValue × {RATE}", RATE: f"{RATE} of the ledger"}


class Figure(NamedTuple):
    """``shown``: what the answer says of it. ``names``: whose messages are its sources; None: all that there are.

    ``holding``: the positions of the events whose value stands in the report.
    """

    shown: dict[str, Any] | None
    names: frozenset[Name] | None
    holding: frozenset[int]


def whole(outline: Outline) -> Figure:
    """Everything that a report is made of."""
    last = (*outline.values().values(), *outline.held.values())
    return Figure(None, None, frozenset(each.position for each in last))


def of_value(outline: Outline, arguments: Mapping[str, Any]) -> Figure:
    """One of ``Values``, or of ``Balance``."""
    model = arguments["model"] or ""
    found = [
        (name, last)
        for name, last in outline.values().items()
        if (name.model, name.tag, name.segment) == (model, arguments["tag"], arguments["segment"] or "")
    ]
    order = [arguments["currency"]] if arguments["currency"] is not None else ["", outline.base(model), BASE]
    levels = [False, True] if arguments["level"] is None else [arguments["level"] == "ledger"]
    ranked = [
        (order.index(name.currency), name.is_ledger, name, last)
        for name, last in found
        if name.currency in order and name.is_ledger in levels
    ]
    _, _, name, held = min(ranked, default=(0, False, None, None), key=lambda each: each[:2])
    shown = {
        "Tag": arguments["tag"],
        "Segment": arguments["segment"],
        "Currency": arguments["currency"] if name is None else name.currency or None,
        "Level": arguments["level"] if name is None else _level(name),
        "ModelCode": arguments["model"],
        "Value": None if held is None else held.fields[1],
    }
    names: frozenset[Name] = frozenset() if name is None else frozenset((name,))
    return Figure(shown, names, frozenset() if held is None else frozenset((held.position,)))


def _level(name: Value) -> str:
    return "ledger" if name.is_ledger else "account"


def of_position(outline: Outline, arguments: Mapping[str, Any], *, is_multi: bool) -> Figure:
    """A position, or one figure of it."""
    model, name = arguments["model"] or "", arguments["figure"]
    contract = str(arguments["contract"])
    held = {each: last for each, last in outline.held.items() if (each.model, each.number) == (model, contract)}
    shown = {"IbContractId": arguments["contract"], "Figure": name, "ModelCode": arguments["model"]}
    names: set[Name] = set(held)
    if name in (IN_BASE, RATE):
        rates = _rates(outline, held)
        text = _worked_out(name, held, rates)
        parts: list[Mapping[Any, Last]] = [rates, held] if name == IN_BASE else [rates]
        last = frozenset(each.position for part in parts for each in part.values())
        more = {"Value": text, "Formula": _FORMULAS[name]}
        names = {each for part in parts for each in part}
        return Figure({**shown, **more}, frozenset(names), last if text is not None else frozenset())
    is_sent = name is None or not is_multi or name in _WITHOUT_PRICES
    texts = [last.fields[NUMBERS][FIGURES.index(name)] for last in held.values()] if name and is_sent else []
    holding = frozenset(last.position for last in held.values()) if is_sent else frozenset()
    return Figure({**shown, "Value": texts[0] if len(texts) == 1 else None}, frozenset(names), holding)


def _rates(outline: Outline, held: Mapping[Held, Last]) -> dict[Name, Last]:
    """The ledger's exchange rates of the currencies that some contracts are in."""
    currencies = {last.fields[CURRENCY] for last in held.values()}
    return {
        name: last
        for name, last in outline.values().items()
        if (name.model, name.tag, name.segment, name.is_ledger) == ("", RATE, "", True) and name.currency in currencies
    }


def _worked_out(name: str, held: Mapping[Held, Last], rates: Mapping[Name, Last]) -> str | None:
    """What the report shows, if it is of one position, and can be worked out."""
    if len(held) != 1 or len(rates) != 1:
        return None
    (rate,), (position,) = rates.values(), held.values()
    factor, worth = _plain(rate.fields[1]), _plain(position.fields[NUMBERS][FIGURES.index("MarketValue")])
    if factor is None or name == RATE:
        return factor
    # A column of numbers knows no zero below zero.
    return None if worth is None else product(worth if Decimal(worth) else worth.lstrip("-"), factor)


def _plain(text: str) -> str | None:
    """A number as reports show it; None if it is none."""
    number = number_of(text)
    return None if number is None else f"{Decimal(number):f}"
