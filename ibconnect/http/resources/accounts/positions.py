"""The ``Positions`` of a report: figures from the snapshot, contract texts made once per contract."""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from typing import NamedTuple

import orjson
from psycopg.rows import TupleRow

from ibconnect.tags import UNSET_TEXTS, is_canonical

FIGURES = 7
"""How many texts each position is: its contract's row, and what is held of it."""

# More digits than the product of any two figures of the tables has.
_EXACT = Context(prec=1000)


class Contract(NamedTuple):
    """A contract's members of a position's JSON object, cut where its size, its other figures, and its model come;
    the code of its currency; and the columns of query ``contracts``, from ``ib_contract_id`` on.
    """

    head: str
    middle: str
    tail: str
    currency: str
    columns: TupleRow

    @property
    def ib_contract_id(self) -> int | None:
        """IB's id; 0: a combination, None: what came is no id."""
        number: int | None = self.columns[0]
        return number


def contract(row: TupleRow) -> Contract:
    """A contract of the columns of query ``contracts``, from ``ib_contract_id`` on."""
    (ib_contract_id, symbol, local_symbol, security_type, exchange, iso_code, currency, currency_code) = row[:8]
    multiplier, strike, right, expiry, trading_class = row[8:]
    named = _members(
        IbContractId=ib_contract_id,
        Symbol=symbol or None,
        LocalSymbol=local_symbol or None,
        SecurityType=security_type or None,
        Exchange=exchange or None,
    )
    currencies = _members(Iso4217Code=iso_code, Currency=currency, CurrencyCode=currency_code or None)
    terms = _members(
        Multiplier=_number(multiplier),
        Strike=_number(strike),
        Right=right or None,
        Expiry=expiry or None,
        TradingClass=trading_class or None,
    )
    return Contract(
        f'{{{named},"Position":',
        f',{currencies},"MarketPrice":',
        f',{terms},"ModelCode":',
        currency_code,
        row,
    )


def _members(**fields: object) -> str:
    return orjson.dumps(fields).decode()[1:-1]


def _number(text: str) -> object:
    """A JSON number with IB's digits where the text is one, null where IB sent none, else the text."""
    if not text or text in UNSET_TEXTS:
        return None
    return orjson.Fragment(text) if is_canonical(text) else text


def contract_ids(figures: Sequence[str], models: Sequence[Sequence[str]]) -> list[str]:
    """The ids of the contracts' rows among the figures of positions."""
    return [*figures[::FIGURES], *(row[1] for row in models)]


def positions(
    figures: Sequence[str],
    models: Sequence[Sequence[str | None]],
    contracts: Mapping[str, Contract],
    rates: Mapping[str, str],
) -> str:
    """The JSON array of positions in the order given, those of models last.

    :param figures: for each position one after the other: the id of its contract's row, size, price, value, average
        cost, unrealized and realized profit; ``null`` where one is unknown
    :param models: the same for each position of a model, after the model's code; None where a figure is unknown
    :param rates: from each currency to the base currency, as far as IB gave them
    """
    rows = [_position(None, row, contracts, rates) for row in zip(*[iter(figures)] * FIGURES, strict=True)]
    rows += [_position(row[0], [text or "null" for text in row[1:]], contracts, rates) for row in models]
    return f"[{','.join(rows)}]"


def _position(
    model: str | None, row: Sequence[str], contracts: Mapping[str, Contract], rates: Mapping[str, str]
) -> str:
    number, position, price, value, cost, unrealized, realized = row
    head, middle, tail, currency = contracts[number][:4]
    rate = rates.get(currency)
    in_base = "null" if rate is None or value == "null" else product(value, rate)
    return (
        f'{head}{position}{middle}{price},"MarketValue":{value},"AverageCost":{cost},'
        f'"UnrealizedPNL":{unrealized},"RealizedPNL":{realized}{tail}'
        f'{"null" if model is None else orjson.dumps(model).decode()},"MarketValueBase":{in_base},'
        f'"ExchangeRate":{rate or "null"}}}'
    )


def product(left: str, right: str) -> str:
    """Two decimal numbers multiplied, with every digit."""
    return f"{_EXACT.multiply(Decimal(left), Decimal(right)):f}"
