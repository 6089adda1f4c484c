"""JSON Schemas of the overview, for the OpenAPI document."""

from ibconnect.http.openapi.schemas import ACCOUNT_CODE, FIGURE, TEXT, TIME, list_of, nullable, object_of, row_of
from ibconnect.http.resources.overview.making import CASH, CHANGES, GROSS, NET, PERIODS, REASONS
from ibconnect.http.resources.overview.writing import COLUMNS, MOMENTS
from ibconnect.http.server.resource import Schema

_REASON: Schema = {
    "type": "string",
    "enum": sorted(REASONS),
    "description": " ".join(f"{code}: {meaning}" for code, meaning in sorted(REASONS.items())),
}

_TOTAL = object_of(
    "Over the accounts that count: those that are ready, are listed still, and have a rate to the currency",
    {
        "Currency": nullable(TEXT),
        "Accounts": {"type": "integer", "description": "How many count"},
        "Complete": {"type": "boolean", "description": "Whether all do, but for those that no gateway lists any more"},
        NET: FIGURE,
        **{
            name: {**FIGURE, "description": "At each moment with the rates of then; over the accounts that have both"}
            for name in CHANGES
        },
        **{
            f"Return{period}": {**FIGURE, "description": "Of the accounts taken together, to the end of FlowsUntil"}
            for period in PERIODS
        },
        CASH: FIGURE,
        GROSS: FIGURE,
        "Leverage": FIGURE,
        "Excluded": {
            "type": "array",
            "description": "What is not in which figure; what is not in NetLiquidation is in none",
            "items": object_of(
                "Accounts that are not in a figure",
                {"Figure": TEXT, "Why": _REASON, "AccountCodes": {"type": "array", "items": ACCOUNT_CODE}},
            ),
        },
        "FlowsUntil": {
            "type": ["string", "null"],
            "format": "date",
            "description": "The last day that is over and of which statements tell the values and flows of all",
        },
        "Why": {
            "type": "object",
            "description": "Why returns are null",
            "additionalProperties": _REASON,
        },
    },
)

_RATE = object_of(
    "A rate that was used",
    {
        "Moment": {"type": "string", "enum": [*MOMENTS], "description": "Of which moment: `At`, or one of `Closes`"},
        "From": TEXT,
        "To": TEXT,
        "Rate": {
            **FIGURE,
            "description": "One unit of From in To: as a ledger gives it, or a quotient of 12 significant digits",
        },
        "Ledgers": {
            "type": "array",
            "description": "The one or two rates of ledgers that it is made of",
            "items": object_of(
                "The newest rate of these two currencies: one unit of Currency in BaseCurrency",
                {
                    "Currency": TEXT,
                    "BaseCurrency": TEXT,
                    "ExchangeRate": FIGURE,
                    "AccountCode": ACCOUNT_CODE,
                    "Timestamp": {**TIME, "description": "The report that it stands in"},
                    "Gateway": TEXT,
                },
            ),
        },
    },
)

_OVERVIEW = object_of(
    "All accounts at a moment",
    {
        "At": {**nullable(TIME), "description": "The moment asked for; null: now"},
        "Closes": object_of("The moments that changes are counted from", dict.fromkeys(PERIODS, TIME)),
        "Currency": {
            **nullable(TEXT),
            "description": "The one asked for, or the base currency of all accounts; null: they have several",
        },
        "Accounts": list_of("As asked for by `sort`", "OverviewRow"),
        "Total": {"$ref": "#/components/schemas/OverviewTotal"},
        "Rates": list_of("The exchange rates that were used", "OverviewRate"),
        "Why": {
            "type": "object",
            "description": "Why figures are null of which the row does not say why",
            "additionalProperties": _REASON,
        },
    },
)

SCHEMAS: dict[str, Schema] = {
    "Overview": _OVERVIEW,
    "OverviewRow": row_of("An account; money in its base currency", COLUMNS),
    "OverviewTotal": _TOTAL,
    "OverviewRate": _RATE,
}
