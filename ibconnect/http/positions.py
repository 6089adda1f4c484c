"""The ``Positions`` of a report: figures from the snapshot, contract texts from a small cache.

A row of table ``contract`` never changes within one build of the tables, so its JSON is made once. A build is
told apart by the oid of its tables.
"""

from dataclasses import dataclass
from decimal import Decimal

import orjson
from psycopg.rows import TupleRow

from ibconnect.database.sql import queries
from ibconnect.http import reads
from ibconnect.tags import UNSET_TEXTS, is_canonical

_SQL = queries("http/report")
_MAX_CONTRACTS = 20_000


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract's members of a position's JSON object, cut where the figures go."""

    ib_contract_id: int
    head: str
    middle: str
    tail: str


class Contracts:
    """The contracts of the current build, by the id of their row."""

    def __init__(self) -> None:
        self._generation = 0
        self._known: dict[int, Contract] = {}

    async def of(self, pool: reads.Pool, generation: int, ids: list[int]) -> dict[int, Contract] | None:
        """The contracts with these ids; None if the tables were swapped meanwhile."""
        if generation != self._generation or len(self._known) > _MAX_CONTRACTS:
            self._generation, self._known = generation, {}
        known = self._known
        missing = [number for number in ids if number not in known]
        if missing:
            found = await reads.rows(pool, _SQL["contracts"], {"ids": missing})
            if len(found) < len(missing) or any(row[0] != generation for row in found):
                return None
            known.update({row[1]: _contract(row) for row in found})
        return known


def _contract(row: TupleRow) -> Contract:
    (_, _, ib_contract_id, symbol, local_symbol, security_type, exchange, iso_code, currency, currency_code) = row[:10]
    multiplier, strike, right, expiry, trading_class = row[10:]
    return Contract(
        ib_contract_id,
        _members(
            IbContractId=ib_contract_id,
            Symbol=symbol or None,
            LocalSymbol=local_symbol or None,
            SecurityType=security_type or None,
            Exchange=exchange or None,
        ),
        _members(Iso4217Code=iso_code, Currency=currency, CurrencyCode=currency_code or None),
        _members(
            Multiplier=_number(multiplier),
            Strike=_number(strike),
            Right=right or None,
            Expiry=expiry or None,
            TradingClass=trading_class or None,
        ),
    )


def _members(**fields: object) -> str:
    return orjson.dumps(fields).decode()[1:-1]


def _number(text: str) -> object:
    """A JSON number with IB's digits where the text is one, null where IB sent none, else the text."""
    if not text or text in UNSET_TEXTS:
        return None
    return orjson.Fragment(text) if is_canonical(text) else text


def positions(held: list[str], contracts: dict[int, Contract]) -> str:
    """The JSON array, by market value descending (unknown values last), then by contract id.

    :param held: composites "(contract,position,price,value,cost,unrealized,realized)"
    """
    rows = []
    for composite in held:
        figures = composite[1:-1].split(",")
        contract, value = contracts[int(figures[0])], figures[3]
        if "" in figures:
            figures = [figure or "null" for figure in figures]
        rank = -Decimal(value) if value else 0
        rows.append((not value, rank, contract.ib_contract_id, figures[0], _position(contract, figures)))
    rows.sort()
    return f"[{','.join([row[-1] for row in rows])}]"


def _position(contract: Contract, figures: list[str]) -> str:
    _, position, price, value, cost, unrealized, realized = figures
    return (
        f'{{{contract.head},"Position":{position},{contract.middle},"MarketPrice":{price},"MarketValue":{value},'
        f'"AverageCost":{cost},"UnrealizedPNL":{unrealized},"RealizedPNL":{realized},{contract.tail}}}'
    )


def held_contracts(held: list[str]) -> list[int]:
    """The contract ids of such composites."""
    return [int(composite[1 : composite.index(",")]) for composite in held]
