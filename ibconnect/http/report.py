"""One report: a snapshot of an account as JSON, read in one statement and put together without any float.

In: account code and instant. Out: the bytes of the JSON document, or None where there is no such snapshot.
Called by :mod:`ibconnect.http.accounts`, which keeps the result: reports never change.
"""

from datetime import datetime

import orjson
from psycopg.rows import TupleRow

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError
from ibconnect.http import reads
from ibconnect.http.balance import balance
from ibconnect.http.positions import Contracts, held_contracts, positions
from ibconnect.http.values import Shape, TextKey, values
from ibconnect.tags import BASE
from ibconnect.times import format_rfc3339

_REPORT = reads.compact(queries("http/report")["report"])
_TRIES = 3
_TYPE = ("AccountType", None)


async def read_report(pool: reads.Pool, contracts: Contracts, account: str, created: datetime) -> bytes | None:
    """The report of ``account`` at exactly ``created``: one round trip, one more when a contract is new to us.

    :raises ProjectionError: the tables were swapped under every one of several tries
    """
    for _ in range(_TRIES):
        row = await reads.row(pool, _REPORT, {"account": account, "created": created})
        if row is None:
            return None
        held = _parts(row[-1])
        known = await contracts.of(pool, row[0], held_contracts(held))
        if known is not None:
            return _document(account, created, row, positions(held, known))
    raise ProjectionError("the snapshot tables were swapped again and again while a report was read")


def _document(account: str, created: datetime, row: TupleRow, position_array: str) -> bytes:
    (_, gateway, source, ended, ready, base, cushion, next_change, attributes, others, segments, codes, ledger, _) = row
    others, attributes = others or [], attributes or []
    whole = {part.partition("(")[0]: _split(part) for part in _parts(segments)}
    currencies = dict(zip(codes or (), map(_split, _parts(ledger)), strict=True))
    ratios = {"Cushion": cushion, "LookAheadNextChange": next_change}
    texts = [*attributes, *others, *((tag, None, None, text) for tag, text in ratios.items() if text is not None)]
    shape = Shape(
        tuple(whole), tuple(currencies), base, tuple(TextKey(tag, segment, code) for tag, segment, code, *_ in texts)
    )
    figures = [figure for row in (*whole.values(), *currencies.values()) for figure in row]
    head = orjson.dumps(
        {
            "AccountCode": account,
            "Timestamp": format_rfc3339(created),
            "Gateway": gateway,
            "Source": source,
            "Ended": ended,
            "Ready": ready,
        }
    ).decode()
    balance_object = balance(
        account_type=next((value for tag, segment, _, value in attributes if (tag, segment) == _TYPE), None),
        ratios=ratios,
        base=base,
        whole_account=whole.get("", []),
        base_ledger=currencies.get(BASE, []),
        others={(tag, segment, code): (value, amount) for tag, segment, code, value, amount in others},
    )
    value_array = values(shape, figures, [text[3] for text in texts])
    return f'{head[:-1]},"Balance":{balance_object},"Positions":{position_array},"Values":{value_array}}}'.encode()


def _parts(composites: str | None) -> list[str]:
    """The composites of a text such as ``S(1.50,,0);C(2,,)``."""
    return composites.split(";") if composites else []


def _split(composite: str) -> list[str]:
    """The figures of a composite such as ``S(1.50,,0)``: ``["1.50", "", "0"]``."""
    return composite[composite.index("(") + 1 : -1].split(",")
