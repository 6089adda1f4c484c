"""JSON Schemas of returns, for the OpenAPI document."""

from typing import Any

from ibconnect.http.openapi.schemas import ACCOUNT_CODE, FIGURE, TEXT, columns_of, list_of, nullable, object_of, row_of
from ibconnect.http.resources.performance.day_series import DAY_COLUMNS
from ibconnect.http.resources.performance.writing import COLUMNS, GAPS_MAX
from ibconnect.http.server.resource import Schema
from ibconnect.returns.figures import MEANINGS, Flows, Method, Source
from ibconnect.returns.money_weighted import Solutions

DAY: Schema = {"type": "string", "format": "date"}
_COUNT: Schema = {"type": "integer"}


def _share(description: str) -> Schema:
    return {**FIGURE, "description": f"{description}; a share, 0.01 is one percent"}


def _amount(description: str) -> Schema:
    return {**FIGURE, "description": description}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_EXTREME = object_of("A return, and the last day of its period", {"Day": DAY, "Return": _share("The return")})

_PERIOD = object_of(
    "A month or a year",
    {
        "Period": {**TEXT, "description": "2026-01, or 2026"},
        "Return": _share("Time-weighted; null: a day has none"),
        "Gain": FIGURE,
        "Flows": FIGURE,
    },
)

_DRAWDOWN = object_of(
    "The deepest fall of the linked return from its highest before",
    {
        "Depth": _share("-0.2: by a fifth"),
        "Peak": DAY,
        "Trough": DAY,
        "Recovered": {**nullable(DAY), "description": "When it was as high again; null: not yet"},
    },
)

_RATE = object_of(
    "The rate at which values and flows are worth nothing at the start (XIRR)",
    {
        "Solutions": {**TEXT, "enum": [each.value for each in Solutions], "description": "Given if there is one"},
        "Annual": _share("A year"),
        "Period": _share("Over the whole span"),
    },
)

_METHOD = object_of(
    "How the figures came about; more in docs/performance-figures.md",
    {
        "TimeWeighted": TEXT,
        "MoneyWeighted": TEXT,
        "Flows": {**TEXT, "enum": [each.value for each in Flows], "description": "When in its day a flow counts"},
        "LargeFlow": _share("From which a flow is valued at its time"),
        "Days": {
            "type": "object",
            "description": f"How many days came about how: {', '.join(each.value for each in Method)}",
            "additionalProperties": _COUNT,
        },
        "RiskFreeRate": _share("A year"),
        "DaysOfYear": {**_COUNT, "description": "Of annual returns"},
        "TradingDaysOfYear": {**_COUNT, "description": "Of volatility and what is divided by it"},
    },
)

_GAP = object_of(
    "Days of which something is to be said, both included",
    {
        "Code": {
            **TEXT,
            "enum": sorted(code.value for code in MEANINGS),
            "description": " ".join(f"{code.value}: {text}." for code, text in MEANINGS.items()),
        },
        "From": DAY,
        "To": DAY,
        "Days": _COUNT,
        "Detail": {**nullable(TEXT), "description": "An account, a currency, amounts"},
    },
)

_SOURCE = object_of(
    "From when until when values come from where",
    {"Source": {**TEXT, "enum": [each.value for each in Source]}, "From": DAY, "To": DAY, "Days": _COUNT},
)


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_PERFORMANCE = object_of(
    "Returns over a span. All members of the span are null if no day has a return",
    {
        "AccountCodes": {"type": "array", "items": ACCOUNT_CODE, "description": "The accounts, where they are named"},
        "Accounts": {**_COUNT, "description": "How many they are"},
        "Currency": {**nullable(TEXT), "description": "What amounts are in"},
        "Since": {**nullable(DAY), "description": "The day at whose end the span begins"},
        "Until": {**nullable(DAY), "description": "The day at whose end it ends"},
        "StartValue": _amount("What it begins with"),
        "EndValue": _amount("What it ends with"),
        "Flows": _amount("External flows, and accounts that joined the set or left it: EndValue - StartValue - Gain"),
        "Inflows": _amount("Days on which more came in"),
        "Outflows": _amount("Days on which more went out"),
        "Gain": _amount("The change of value that is no flow"),
        "TimeWeightedReturn": _share("Linked by day; null: a day has no return"),
        "AnnualizedReturn": _share("As of a year; null for less than a year"),
        "MoneyWeightedReturn": _or_null(_RATE),
        "Observations": {**nullable(_COUNT), "description": "Daily returns that the next three are of"},
        "Volatility": _share("Of daily returns, a year"),
        "SharpeRatio": _amount("Mean daily return less the risk-free one, a year, by volatility"),
        "SortinoRatio": _amount("The same by downside deviation"),
        "MaximumDrawdown": _or_null(_DRAWDOWN),
        "BestDay": _or_null(_EXTREME),
        "WorstDay": _or_null(_EXTREME),
        "BestMonth": _or_null(_EXTREME),
        "WorstMonth": _or_null(_EXTREME),
        "Months": list_of("Oldest first", "PerformanceOfPeriod"),
        "Years": list_of("Oldest first", "PerformanceOfPeriod"),
        "Method": _reference("PerformanceMethod"),
        "Source": list_of("Oldest first", "PerformanceSource"),
        "Gaps": list_of(f"What is to be said of days: the first {GAPS_MAX:,}", "PerformanceGap"),
        "GapsInAll": {**_COUNT, "description": "How many there are"},
        "Series": {
            "description": "Oldest first: by steps; with series=days a column of days each",
            "anyOf": [list_of("By steps", "PerformanceStep"), _reference("PerformanceDays")],
        },
    },
)

SCHEMAS: dict[str, Schema] = {
    "Performance": _PERFORMANCE,
    "PerformanceDays": columns_of("Days as columns of one length", DAY_COLUMNS),
    "PerformanceStep": row_of("The returns of a step", COLUMNS),
    "PerformanceOfPeriod": _PERIOD,
    "PerformanceMethod": _METHOD,
    "PerformanceSource": _SOURCE,
    "PerformanceGap": _GAP,
}
