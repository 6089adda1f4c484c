"""JSON Schemas of accounts and their reports, for the OpenAPI document."""

from ibconnect.http.openapi.figures import described
from ibconnect.http.openapi.schemas import ACCOUNT_CODE, FIGURE, TEXT, TIME, list_of, nullable, object_of
from ibconnect.http.resources.accounts.balance import MONEY_TAGS
from ibconnect.http.resources.accounts.remarks import REMARKS
from ibconnect.http.server.resource import Schema

_MONEY: Schema = {
    "type": ["string", "null"],
    "pattern": r"^[A-Z0-9]{2,8} -?[0-9]+(\.[0-9]+)?$",
    "description": "ISO code of the base currency, a space, and the amount with all digits that IB sent",
}

_ACCOUNT = object_of(
    "An account and its latest report",
    {
        "AccountCode": ACCOUNT_CODE,
        "Latest": {**nullable(TIME), "description": "null before the first snapshot"},
        "Listed": {"type": "boolean", "description": "Whether any gateway lists the account now"},
        "Ready": {
            "type": ["boolean", "null"],
            "description": "Whether the figures of the latest report can be relied on; null before the first snapshot",
        },
    },
)

_BALANCE = object_of(
    "Figures of the whole account; null: IB did not send it",
    {
        "AccountType": described("AccountType", nullable(TEXT)),
        "Cushion": described("Cushion", FIGURE),
        "LookAheadNextChange": described("LookAheadNextChange", FIGURE),
        **{tag: described(tag, _MONEY) for tag in MONEY_TAGS},
    },
)

_CONTRACT_NUMBER: Schema = {
    "type": ["number", "string", "null"],
    "description": "A number where IB's text is one",
}
_POSITION = object_of(
    "A position; a size of 0 was closed that day",
    {
        "IbContractId": {
            "type": ["integer", "null"],
            "description": "0: a combination, which has none of its own; null: what came is no id (see Remarks)",
        },
        "Symbol": nullable(TEXT),
        "LocalSymbol": nullable(TEXT),
        "SecurityType": {**nullable(TEXT), "description": "STK, OPT, FUT, FOP, CASH, BOND, CFD, FUND ..."},
        "Exchange": nullable(TEXT),
        "Position": FIGURE,
        "Iso4217Code": {"type": ["integer", "null"], "description": "Numeric code of the currency"},
        "Currency": {**nullable(TEXT), "description": "Name of the currency"},
        "CurrencyCode": nullable(TEXT),
        "MarketPrice": FIGURE,
        "MarketValue": {
            **FIGURE,
            "description": "Size times price times multiplier, in the contract's currency; below zero: held short. Of "
            "a future it is the value of the contracts, and no part of NetLiquidation, which counts FuturesPNL; of "
            "CASH it is what the ledger has as cash already",
        },
        "AverageCost": {**FIGURE, "description": "With commission, and times the multiplier"},
        "UnrealizedPNL": {**FIGURE, "description": "MarketValue less what it cost; of a future since it was opened"},
        "RealizedPNL": {**FIGURE, "description": "Gain of what was closed that day"},
        "Multiplier": _CONTRACT_NUMBER,
        "Strike": _CONTRACT_NUMBER,
        "Right": {**nullable(TEXT), "description": "C, P, or IB's filler"},
        "Expiry": {**nullable(TEXT), "description": "Last trade date, usually YYYYMMDD"},
        "TradingClass": nullable(TEXT),
        "ModelCode": {
            **nullable(TEXT),
            "description": "Of a portfolio under this model; null: of the account, which may hold the same again",
        },
        "MarketValueBase": {**FIGURE, "description": "MarketValue times ExchangeRate"},
        "ExchangeRate": {
            **FIGURE,
            "description": "From the contract's currency to the base currency, of the ledger; null where IB gave none",
        },
    },
)

_VALUE = object_of(
    "One account value as IB sent it",
    {
        "Tag": TEXT,
        "Segment": nullable(TEXT),
        "Currency": nullable(TEXT),
        "Value": TEXT,
        "ModelCode": {**TEXT, "description": "Of a portfolio under this model; absent: of the account"},
    },
    optional=("ModelCode",),
)

_REMARK = object_of(
    "Something to be said of a report's figures",
    {
        "Code": {"type": "string", "enum": sorted(REMARKS), "description": " ".join(REMARKS.values())},
        "Detail": TEXT,
        "Position": {"type": "integer", "minimum": 1, "description": "Of the event that it is about (/v1/events)"},
    },
    optional=("Position",),
)

_REPORT = object_of(
    "A snapshot of one account",
    {
        "AccountCode": ACCOUNT_CODE,
        "Timestamp": TIME,
        "Gateway": TEXT,
        "Source": {"type": "string", "enum": ["updates", "multi"], "description": "multi has no market prices"},
        "Ended": {
            "type": "string",
            "enum": ["download-end", "quiet", "timeout", "interrupted"],
            "description": "quiet: IB never said that this was all, but nothing more came; the others: it is not all",
        },
        "Ready": {
            "type": "boolean",
            "description": "Whether the figures as a whole can be relied on; Remarks say why not",
        },
        "Balance": {"$ref": "#/components/schemas/Balance"},
        "Positions": list_of("By market value, largest first, then by contract id", "Position"),
        "Values": list_of("By tag, segment and currency; those of models last", "Value"),
        "Completed": {**TIME, "description": "When its last figure arrived"},
        "AsOf": {
            **nullable(TEXT),
            "description": "IB's own time of update: hours and minutes as the gateway sent them, its zone if known",
        },
        "Remarks": list_of("What is to be said of its figures; empty if nothing is", "Remark"),
    },
)

SCHEMAS: dict[str, Schema] = {
    "Account": _ACCOUNT,
    "AccountList": list_of("Every account ever seen, by code", "Account"),
    "Balance": _BALANCE,
    "Position": _POSITION,
    "Value": _VALUE,
    "Remark": _REMARK,
    "Report": _REPORT,
    "TimestampList": {"type": "array", "items": TIME, "description": "Newest first"},
}
