"""Reports: snapshots of accounts as JSON, read in one statement and made without any float.

In: account code and instant. Out: the bytes of the JSON document, or None where there is no such snapshot.
Called by :mod:`ibconnect.http.resources.accounts.cached`, which keeps the result: reports never change.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

import orjson
from psycopg.rows import TupleRow

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError
from ibconnect.http.resources.accounts.balance import balance
from ibconnect.http.resources.accounts.figures import shown
from ibconnect.http.resources.accounts.positions import Contract, contract, contract_ids, positions
from ibconnect.http.resources.accounts.values import Shape, TextKey, quoted, values
from ibconnect.http.server import db
from ibconnect.http.server.data_loader import DataLoader
from ibconnect.http.server.lookups import Lookup
from ibconnect.http.server.tables import Tables
from ibconnect.http.server.turns import Gate
from ibconnect.tags import BASE, LEDGER_TAGS
from ibconnect.times import format_rfc3339

_SQL = queries("http/report")
_REPORT = db.compact(_SQL["report"])
_TRIES = 3
_RATE = LEDGER_TAGS.index("ExchangeRate")
_TYPE = TextKey("AccountType", None, None)

_Key = tuple[str, datetime]
_Row = dict[str, Any]


class Attributes(NamedTuple):
    """The attributes of a set: their keys, their values as JSON strings, the account's type."""

    keys: tuple[TextKey, ...]
    texts: tuple[str, ...]
    account_type: str | None


class Loaded(NamedTuple):
    """What Postgres says of a report, and what the ids in it stand for."""

    row: dict[str, Any]
    attributes: Attributes
    contracts: Mapping[str, Contract]
    currencies: Mapping[str, str]


class ReportReader:
    """Reads reports; those that are asked for at the same time by one statement.

    :param tables: know whether what was read came of tables of this version
    :param gate: when the event loop has time to make one
    """

    def __init__(self, pool: db.Pool, tables: Tables, gate: Gate) -> None:
        self._gate = gate
        self._pool = pool
        self._tables = tables
        self._snapshots = DataLoader(self._read)
        self._contracts = Lookup(_SQL["contracts"], contract)
        self._attributes = Lookup(_SQL["attribute_sets"], _attributes)
        self._currencies = Lookup(_SQL["currencies"], _code)

    async def read(self, account: str, created: datetime) -> bytes | None:
        """The report of ``account`` at exactly ``created``, None if there is none; fails as :meth:`load` does."""
        loaded = await self.load(account, created)
        if loaded is None:
            return None
        async with self._gate.piece():
            return _document((account, created), *loaded)

    async def load(self, account: str, created: datetime) -> Loaded | None:
        """What a report is made of, None if there is none: one round trip, and one for each lookup that is new.

        :raises ProjectionError: the tables were swapped under every one of several tries
        :raises Problem: it was swapped for tables of another version
        """
        key = (account, created)
        for _ in range(_TRIES):
            row = await self._snapshots.answer(key)
            if row is None:
                return None
            generation, set_id, held = row["generation"], row["attribute_set"], split_figures(row["positions"])
            await self._tables.vouch("accounts", generation)
            attributes = await self._attributes.of(self._pool, generation, [set_id])
            known_ids = contract_ids(held, row["model_positions"] or ())
            names = await self.names(generation, known_ids, _currency_ids(row))
            if attributes is not None and names is not None:
                return Loaded(row, attributes[set_id], *names)
        raise ProjectionError("the snapshot tables were swapped again and again while a report was read")

    async def names(
        self, generation: int, contract_ids: Iterable[str], currency_ids: Iterable[str]
    ) -> tuple[Mapping[str, Contract], Mapping[str, str]] | None:
        """At least these contracts, and the codes of these currencies; None if the tables were swapped meanwhile."""
        contracts = await self._contracts.of(self._pool, generation, contract_ids)
        currencies = await self._currencies.of(self._pool, generation, currency_ids)
        return None if contracts is None or currencies is None else (contracts, currencies)

    async def _read(self, keys: list[_Key]) -> dict[_Key, _Row]:
        wanted = [{"number": number, "account": key[0], "created": key[1]} for number, key in enumerate(keys)]
        found = await db.document(self._pool, _REPORT, {"wanted": orjson.dumps(wanted).decode()})
        return {keys[row["number"]]: row for row in found}


def _code(row: TupleRow) -> str:
    code: str = row[0]
    return code


def _currency_ids(row: _Row) -> list[str]:
    others = [other[2] for other in row["others"] or ()]
    of_models = [value[3] for value in row["model_values"] or ()]
    return list(filter(None, [row["base_currency"], *others, *of_models, *(row["ledger"] or ())]))


def _attributes(row: TupleRow) -> Attributes:
    keys = tuple(TextKey(*attribute[:3]) for attribute in row[0] or ())
    texts = [attribute[3] for attribute in row[0] or ()]
    account_type = dict(zip(keys, texts, strict=True)).get(_TYPE)
    return Attributes(keys, tuple(map(quoted, texts)), account_type)


def _document(
    key: _Key,
    row: _Row,
    attributes: Attributes,
    contracts: Mapping[str, Contract],
    currencies: Mapping[str, str],
) -> bytes:
    ratios = {"Cushion": row["cushion"], "LookAheadNextChange": row["look_ahead_next_change"]}
    base = currencies.get(row["base_currency"])
    others = others_of(row, currencies)
    figures = {other[:4]: figure for other in others if (figure := shown(other.value, other.amount))}
    segments = {segment: split_figures(text[1:-1]) for segment, text in (row["segments"] or {}).items()}
    ledger = {currencies[number]: split_figures(text[1:-1]) for number, text in (row["ledger"] or {}).items()}
    balance_object = balance(
        account_type=attributes.account_type,
        ratios=ratios,
        base=base,
        whole_account=segments.get("", []),
        base_ledger=ledger.get(BASE, []),
        others=figures,
    )
    position_array = positions(
        split_figures(row["positions"]), row["model_positions"] or (), contracts, _rates(ledger, figures)
    )
    texts = [(TextKey(*other[:4]), other.value) for other in others]
    texts += [(TextKey(tag, None, None), text) for tag, text in ratios.items() if text is not None]
    shape = Shape(tuple(segments), tuple(ledger), base, (*attributes.keys, *(key for key, _ in texts)))
    value_array = values(
        shape,
        list(chain(*segments.values(), *ledger.values())),
        [*attributes.texts, *(quoted(text) for _, text in texts)],
        [
            (model, TextKey(tag, segment, currencies.get(number)), value)
            for model, tag, segment, number, _, value in row["model_values"] or ()
        ],
    )
    head, end = _ends(key, row)
    return (
        f'{head[:-1]},"Balance":{balance_object},"Positions":{position_array},"Values":{value_array},{end[1:]}'
    ).encode()


def _ends(key: _Key, row: _Row) -> tuple[str, str]:
    """The members before the figures and those after them, as JSON objects."""
    head = {
        "AccountCode": key[0],
        "Timestamp": format_rfc3339(key[1]),
        "Gateway": row["gateway"],
        "Source": row["source"],
        "Ended": row["ended"],
        "Ready": row["ready"],
    }
    completed = row["completed"]
    end = {
        "Completed": completed and completed.replace("+00:00", "Z"),
        "AsOf": row["as_of"],
        "Remarks": row["remarks"] or [],
    }
    return orjson.dumps(head).decode(), orjson.dumps(end).decode()


class Other(NamedTuple):
    """A value that no column holds exactly. ``amount``: its number, if it is one."""

    tag: str
    segment: str | None
    currency: str | None
    is_ledger: bool
    value: str
    amount: str | None


def others_of(row: _Row, currencies: Mapping[str, str]) -> list[Other]:
    """The values of a report that no column holds exactly."""
    return [
        Other(tag, segment, currencies.get(number), is_ledger == "true", value, amount)
        for tag, segment, number, is_ledger, value, amount in row["others"] or ()
    ]


def _rates(ledger: Mapping[str, list[str]], others: Mapping[tuple[Any, ...], str]) -> dict[str, str]:
    """The exchange rates of the ledger, by currency."""
    rates = {currency: figures[_RATE] for currency, figures in ledger.items() if figures[_RATE]}
    inexact = {key[2]: figure for key, figure in others.items() if key[0] == "ExchangeRate" and key[3] and key[2]}
    return {**rates, **inexact}


def split_figures(text: str | None) -> list[str]:
    """The figures of a composite's text, or of a list of positions."""
    return text.split(",") if text else []
