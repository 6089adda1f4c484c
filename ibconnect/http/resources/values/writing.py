"""Values by steps as JSON, which has a row for each account, and as a table, which has one for each account and step.

In: what was read and summed up. Out: columns, rows of cells, the document. Called by the handler. Figures are texts
with every digit.
"""

from collections.abc import Callable, Iterator, Sequence

import orjson

from ibconnect.http.openapi.schemas import FIGURE, TEXT, list_of, nullable, object_of, row_of
from ibconnect.http.resources.performance.writing import plain
from ibconnect.http.resources.values.reading import SOURCES, Valued
from ibconnect.http.resources.values.spans import Span
from ibconnect.http.resources.values.totals import Totals
from ibconnect.http.server.columns import Column, Row, Type
from ibconnect.http.server.resource import Schema

_VALUES: Schema = {"type": "array", "items": FIGURE}

ACCOUNTS = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Currency", Type.TEXT, "What its values are in: its base currency"),
    Column(
        "Values",
        Type.JSON,
        "One for each of `Days`; null: there is none of the step, or it is in another currency",
        is_nullable=False,
        schema=_VALUES,
    ),
)
EACH = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Day", Type.DATE, "The last day of the step", is_nullable=False),
    Column("Value", Type.FIGURE, "What it was worth at its end", is_nullable=False),
    Column("Currency", Type.TEXT, "The base currency of the account then"),
    Column("Source", Type.TEXT, "statement, recorder", is_nullable=False),
    Column("Running", Type.BOOLEAN, "Whether the step is not over", is_nullable=False),
)
TOTAL = (
    Column("Day", Type.DATE, "The last day of the step", is_nullable=False),
    Column("Value", Type.FIGURE, "What the accounts were worth together; null: one has no rate, or there is none"),
    Column("Currency", Type.TEXT, "The currency asked for, else the base currency where all have the same"),
    Column("Accounts", Type.INTEGER, "How many accounts count", is_nullable=False),
    Column("Running", Type.BOOLEAN, "Whether the step is not over", is_nullable=False),
)


def account_rows(found: Sequence[Valued]) -> list[Row]:
    """A row for each account."""
    return [(each.code, each.base or None, _array(_of_base(each))) for each in found]


def _of_base(account: Valued) -> Iterator[str]:
    for text, currency in zip(account.values[1:], account.currencies[1:], strict=True):
        yield text if currency in ("", account.base) else ""


def _array(texts: Iterator[str]) -> str:
    return f"[{','.join([text or 'null' for text in texts])}]"


def each_row(found: Sequence[Valued], spans: Sequence[Span]) -> list[Row]:
    """A row for each account and step that it has a value in."""
    return [
        (each.code, span.day, text, currency or each.base or None, SOURCES[source], span.is_running)
        for each in found
        for span, text, currency, source in zip(
            spans, each.values[1:], each.currencies[1:], each.sources[1:], strict=True
        )
        if text
    ]


def total_rows(totals: Totals, spans: Sequence[Span], currency: str | None) -> list[Row]:
    """A row for each step."""
    cells = zip(spans, _texts(totals), totals.accounts, strict=True)
    return [(span.day, text, currency, count, span.is_running) for span, text, count in cells]


def _texts(totals: Totals) -> list[str | None]:
    return [None if value is None else plain(value) for value in totals.values]


def document(
    totals: Totals, spans: Sequence[Span], currency: str | None, step: str
) -> Callable[[orjson.Fragment], object]:
    """What stands around the rows."""
    total = {
        "Currency": currency,
        "Values": orjson.Fragment(_array(text or "" for text in _texts(totals))),
        "Accounts": totals.accounts,
    }
    days = [span.day.isoformat() for span in spans]
    is_running = bool(spans) and spans[-1].is_running
    return lambda rows: {"Step": step, "Days": days, "Running": is_running, "Total": total, "Accounts": rows}


SCHEMAS: dict[str, Schema] = {
    "Values": object_of(
        "What accounts were worth at the end of steps",
        {
            "Step": TEXT,
            "Days": {
                "type": "array",
                "description": "The last day of each step, oldest first",
                "items": {"type": "string", "format": "date"},
            },
            "Running": {"type": "boolean", "description": "Whether the last step is not over: its values are of now"},
            "Total": {"$ref": "#/components/schemas/ValuesTotal"},
            "Accounts": list_of("By code, those that have a value; with total=only none", "ValuesOfAccount"),
        },
    ),
    "ValuesTotal": object_of(
        "The accounts together, each with its last value, of at most ten days before",
        {
            "Currency": {**nullable(TEXT), "description": "null: they have several base currencies, and none is named"},
            "Values": {**_VALUES, "description": "One for each of `Days`; null: an account that counts has no rate"},
            "Accounts": {
                "type": "array",
                "description": "How many count, for each of `Days`",
                "items": {"type": "integer"},
            },
        },
    ),
    "ValuesOfAccount": row_of("An account", ACCOUNTS),
}
