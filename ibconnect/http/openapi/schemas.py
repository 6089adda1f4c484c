"""JSON Schemas (2020-12) of everything that the API answers, by name, for the OpenAPI document."""

from typing import Any

from ibconnect.codes import CODE_PATTERN
from ibconnect.http.resources.balance import MONEY_TAGS
from ibconnect.http.resources.remarks import REMARKS
from ibconnect.http.server.limits import CONFLICTS_SHOWN
from ibconnect.http.server.parameters import EVENT_TYPES
from ibconnect.http.server.problems import TYPE_PREFIX, Code
from ibconnect.roles import ORDER

Schema = dict[str, Any]

_TIME: Schema = {"type": "string", "format": "date-time", "description": "RFC 3339, UTC, up to microseconds"}
_TEXT: Schema = {"type": "string"}
_FIGURE: Schema = {
    "type": ["number", "null"],
    "description": "All digits that IB sent; read it with a decimal parser where that matters",
}


def _nullable(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _object(description: str, members: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": [name for name in members if name not in optional],
        "properties": members,
        "additionalProperties": False,
    }


def _list(description: str, item: str) -> Schema:
    return {"type": "array", "description": description, "items": {"$ref": f"#/components/schemas/{item}"}}


_ACCOUNT_CODE: Schema = {"type": "string", "pattern": CODE_PATTERN}
_MONEY: Schema = {
    "type": ["string", "null"],
    "pattern": r"^[A-Z0-9]{2,8} -?[0-9]+(\.[0-9]+)?$",
    "description": "ISO code of the base currency, a space, and the amount with all digits that IB sent",
}

_ACCOUNT = _object(
    "An account and its latest report",
    {
        "AccountCode": _ACCOUNT_CODE,
        "Latest": {**_nullable(_TIME), "description": "null before the first snapshot"},
        "Listed": {"type": "boolean", "description": "Whether any gateway lists the account now"},
        "Ready": {
            "type": ["boolean", "null"],
            "description": "Whether the figures of the latest report can be relied on; null before the first snapshot",
        },
    },
)

_BALANCE = _object(
    "Figures of the whole account; null: IB did not send it",
    {
        "AccountType": _nullable(_TEXT),
        "Cushion": _FIGURE,
        "LookAheadNextChange": {**_FIGURE, "description": "Seconds since 1970, or 0"},
        **dict.fromkeys(MONEY_TAGS, _MONEY),
    },
)

_CONTRACT_NUMBER: Schema = {
    "type": ["number", "string", "null"],
    "description": "A number where IB's text is one",
}
_POSITION = _object(
    "A position; a size of 0 was closed that day",
    {
        "IbContractId": {
            "type": ["integer", "null"],
            "description": "0: a combination, which has none of its own; null: what came is no id (see Remarks)",
        },
        "Symbol": _nullable(_TEXT),
        "LocalSymbol": _nullable(_TEXT),
        "SecurityType": {**_nullable(_TEXT), "description": "STK, OPT, FUT, FOP, CASH, BOND, CFD, FUND ..."},
        "Exchange": _nullable(_TEXT),
        "Position": _FIGURE,
        "Iso4217Code": {"type": ["integer", "null"], "description": "Numeric code of the currency"},
        "Currency": {**_nullable(_TEXT), "description": "Name of the currency"},
        "CurrencyCode": _nullable(_TEXT),
        "MarketPrice": _FIGURE,
        "MarketValue": _FIGURE,
        "AverageCost": {**_FIGURE, "description": "With commission, and times the multiplier"},
        "UnrealizedPNL": _FIGURE,
        "RealizedPNL": _FIGURE,
        "Multiplier": _CONTRACT_NUMBER,
        "Strike": _CONTRACT_NUMBER,
        "Right": {**_nullable(_TEXT), "description": "C, P, or IB's filler"},
        "Expiry": {**_nullable(_TEXT), "description": "Last trade date, usually YYYYMMDD"},
        "TradingClass": _nullable(_TEXT),
        "ModelCode": {
            **_nullable(_TEXT),
            "description": "Of a portfolio under this model; null: of the account, which may hold the same again",
        },
        "MarketValueBase": {**_FIGURE, "description": "MarketValue times ExchangeRate"},
        "ExchangeRate": {
            **_FIGURE,
            "description": "From the contract's currency to the base currency, of the ledger; null where IB gave none",
        },
    },
)

_VALUE = _object(
    "One account value as IB sent it",
    {
        "Tag": _TEXT,
        "Segment": _nullable(_TEXT),
        "Currency": _nullable(_TEXT),
        "Value": _TEXT,
        "ModelCode": {**_TEXT, "description": "Of a portfolio under this model; absent: of the account"},
    },
    optional=("ModelCode",),
)

_REMARK = _object(
    "Something to be said of a report's figures",
    {
        "Code": {"type": "string", "enum": sorted(REMARKS), "description": " ".join(REMARKS.values())},
        "Detail": _TEXT,
        "Position": {"type": "integer", "minimum": 1, "description": "Of the event that it is about (/v1/events)"},
    },
    optional=("Position",),
)

_REPORT = _object(
    "A snapshot of one account",
    {
        "AccountCode": _ACCOUNT_CODE,
        "Timestamp": _TIME,
        "Gateway": _TEXT,
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
        "Positions": _list("By market value, largest first, then by contract id", "Position"),
        "Values": _list("By tag, segment and currency; those of models last", "Value"),
        "Completed": {**_TIME, "description": "When its last figure arrived"},
        "AsOf": {
            **_nullable(_TEXT),
            "description": "IB's own time of update: hours and minutes as the gateway sent them, its zone if known",
        },
        "Remarks": _list("What is to be said of its figures; empty if nothing is", "Remark"),
    },
)

_HISTORY = _object(
    "Values over time",
    {
        "AccountCode": _ACCOUNT_CODE,
        "Segment": _nullable(_TEXT),
        "Currency": {**_nullable(_TEXT), "description": "The one asked for, else the base currency"},
        "Step": _nullable(_TEXT),
        "Points": {
            "type": "array",
            "items": {
                "type": "object",
                "description": "One member for each tag asked for; null is a gap",
                "required": ["Timestamp"],
                "properties": {
                    "Timestamp": _TIME,
                    "Currency": {**_TEXT, "description": "Where the base currency was another one then"},
                    "Ready": {"type": "boolean", "description": "With ready=any"},
                },
                "additionalProperties": {"type": ["number", "string", "boolean", "null"]},
            },
        },
    },
)

_POSITION_HISTORY = _object(
    "A position over time",
    {
        "AccountCode": _ACCOUNT_CODE,
        "IbContractId": {"type": "integer"},
        "Step": _nullable(_TEXT),
        "Points": {
            "type": "array",
            "items": _object(
                "null: not held at that time",
                {
                    "Timestamp": _TIME,
                    "Position": _FIGURE,
                    "MarketPrice": _FIGURE,
                    "MarketValue": _FIGURE,
                    "AverageCost": _FIGURE,
                    "UnrealizedPNL": _FIGURE,
                    "RealizedPNL": _FIGURE,
                    "Ready": {"type": "boolean", "description": "With ready=any"},
                },
                optional=("Ready",),
            ),
        },
    },
)

_EVENT = _object(
    "One line of the answer. Message, Payload, Frames or Facts: one of them",
    {
        "Position": {"type": "integer", "minimum": 1, "description": "Grows with every event; resume after it"},
        "Session": {"type": "string", "format": "uuid"},
        "Version": {"type": "integer", "minimum": 1, "description": "Counts the events of the session"},
        "Timestamp": {**_TIME, "description": "When it arrived"},
        "Type": {"type": "string", "enum": sorted(EVENT_TYPES)},
        "Message": {"type": "array", "items": _TEXT, "description": "The wire fields, message id first"},
        "Payload": {"type": "string", "description": "Base64 of a frame that is not text"},
        "Frames": {"type": "string", "description": "Base64 of small frames in a row, lengths included: no messages"},
        "Facts": {"type": "object", "description": "What ibconnect itself did or noticed"},
    },
    optional=("Message", "Payload", "Frames", "Facts"),
)

_GATEWAY = _object(
    "A gateway",
    {
        "Gateway": _TEXT,
        "Connected": {"type": "boolean"},
        "State": _TEXT,
        "Detail": {**_nullable(_TEXT), "description": "Why it is not connected, or is stale"},
        "Since": _nullable(_TIME),
        "Session": _nullable({"type": "string", "format": "uuid"}),
        "ServerVersion": _nullable(_TEXT),
        "Leader": {**_nullable(_TEXT), "description": "The instance that records it"},
        "Heartbeat": _nullable(_TIME),
        "LastRefresh": {
            **_object(
                "The newest refresh; to a token that is limited to accounts, as if it had been for these alone",
                {
                    "Created": _TIME,
                    "Started": _TIME,
                    "Ended": _nullable(_TIME),
                    "Outcome": _nullable(_TEXT),
                    "Trigger": {**_nullable(_TEXT), "description": "null for a token that is limited to accounts"},
                    "Missing": {
                        "type": "object",
                        "additionalProperties": _TEXT,
                        "description": "Why, for each account without figures that can be relied on",
                    },
                    "Scope": {
                        "type": "string",
                        "enum": ["all", "some"],
                        "description": "some: for these accounts alone",
                    },
                    "Done": {"type": ["integer", "null"], "description": "Accounts that have been asked for"},
                    "Total": {"type": ["integer", "null"], "description": "Accounts that are to be asked for"},
                    "Detail": {**_nullable(_TEXT), "description": "Why, where it concerns no account"},
                },
            ),
            "type": ["object", "null"],
        },
        "LastNotice": {
            **_object("IB's last error or notice", {"Code": _TEXT, "Text": _nullable(_TEXT), "At": _nullable(_TIME)}),
            "type": ["object", "null"],
        },
        "Conflicts": {
            "type": "array",
            "maxItems": CONFLICTS_SHOWN,
            "description": "The first of the accounts that it lists and that are not its own",
            "items": _object(
                "An account that belongs to other gateways",
                {
                    "AccountCode": _TEXT,
                    "Owners": {"type": "array", "items": _TEXT, "description": "Of the gateways that have named it"},
                    "Pinned": {"type": "boolean", "description": "IB_GW says so; else the first to name it keeps it"},
                },
            ),
        },
    },
)

_INSTANCE = _object(
    "One or several processes of the service",
    {
        "Instance": {**_TEXT, "description": "Its name (INSTANCE)"},
        "Version": {**_nullable(_TEXT), "description": "Of the program; null: an earlier one, which does not say"},
        "Address": {**_nullable(_TEXT), "description": "Where the others can ask it"},
        "Gateways": {"type": "array", "items": _TEXT, "description": "Those that it could record (IB_GW)"},
        "Records": {"type": "array", "items": _TEXT, "description": "Those that it records now"},
        "Since": {**_TIME, "description": "When it began"},
        "Heartbeat": {**_TIME, "description": "When it last said that it lives"},
        "Alive": {"type": "boolean", "description": "Whether that is less than 15 s ago"},
        "Roles": {
            **_nullable({"type": "array", "items": {"type": "string", "enum": [*ORDER]}}),
            "description": "What of it runs: null for one of an earlier version, which does all of that",
        },
    },
)

_PROBLEM = _object(
    "RFC 9457",
    {
        "type": {"type": "string", "enum": [TYPE_PREFIX + code.value.code for code in Code]},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "error_id": {"type": "string", "description": "Also stands in the log"},
        "details": {"type": "string", "description": "Only with ERR_INFO=true, and only for status 500"},
    },
    optional=("details",),
)

SCHEMAS: dict[str, Schema] = {
    "Account": _ACCOUNT,
    "AccountList": _list("Every account ever seen, by code", "Account"),
    "Balance": _BALANCE,
    "Position": _POSITION,
    "Value": _VALUE,
    "Remark": _REMARK,
    "Report": _REPORT,
    "TimestampList": {"type": "array", "items": _TIME, "description": "Newest first"},
    "History": _HISTORY,
    "PositionHistory": _POSITION_HISTORY,
    "Event": _EVENT,
    "Gateway": _GATEWAY,
    "GatewayList": _list("By name", "Gateway"),
    "Instance": _INSTANCE,
    "InstanceList": _list("By name", "Instance"),
    "Alive": _object(
        "The process answers",
        {
            "Alive": {"type": "boolean"},
            "Instance": {"type": "string", "description": "Which one it is"},
            "DatabaseSeconds": {
                "type": "number",
                "minimum": 0,
                "description": "For how long Postgres has answered what records here, without a break; 0: it does not",
            },
            "Silent": {"type": "array", "items": _TEXT, "description": "Processes that run and do not answer"},
        },
        optional=("Silent",),
    ),
    "Ready": _object(
        "Whether requests can be answered",
        {"Ready": {"type": "boolean"}, "Reasons": {"type": "array", "items": _TEXT}},
    ),
    "OpenApi": {"type": "object", "description": "An OpenAPI 3.1 document"},
    "Problem": _PROBLEM,
    "Text": {"type": "string"},
}
