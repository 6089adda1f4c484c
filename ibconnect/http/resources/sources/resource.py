"""The route of the sources of a figure, and everything that goes with it.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.schemas import ACCOUNT_CODE, TEXT, TIME, list_of, nullable, object_of
from ibconnect.http.openapi.shared import ACCOUNT, ACCOUNTS, IF_NONE_MATCH, NOT_MODIFIED
from ibconnect.http.resources.accounts.problems import UNKNOWN_SNAPSHOT
from ibconnect.http.resources.sources.figure import NAMES
from ibconnect.http.resources.sources.handler import NOT_THERE, report_sources
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.limits import SOURCES_DEFAULT, SOURCES_MAX
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.parameters import EVENT_TYPES, Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.tokens import Right

_TIMESTAMP = Parameter(
    "Timestamp",
    "path",
    kinds.TIME,
    "RFC 3339, in any offset and with any number of zeros",
    "2014-04-22T04:22:05.776394Z",
    required=True,
)
_PARAMETERS = (
    Parameter("tag", "query", kinds.TAG, "The tag of a value, as in `Values`, or as in `Balance`", "NetLiquidation"),
    Parameter("segment", "query", kinds.SEGMENT, "With `tag`: a segment. Default: the whole account", "S"),
    Parameter(
        "currency",
        "query",
        kinds.CURRENCY,
        "With `tag`: a currency, or BASE. Default: none, or else the base currency, or else BASE",
        "USD",
    ),
    Parameter(
        "level",
        "query",
        kinds.choice("account", "ledger"),
        "With `tag`: which of two of the same name in one currency. Default: the account's, if there is one",
    ),
    Parameter(
        "contract", "query", kinds.integer(0, 2**53 - 1), "Of the position in the contract with this id of IB's", 265598
    ),
    Parameter(
        "figure", "query", kinds.choice(*NAMES), "With `contract`: one figure of it. Default: all that was said of it"
    ),
    Parameter(
        "model",
        "query",
        kinds.pattern(r"^[^\u0000-\u001f\u007f-\u009f]{1,64}$", "a model's code: 1 to 64 printable characters"),
        "With `tag` or `contract`: of a portfolio under this model",
        "Growth",
    ),
    Parameter(
        "limit",
        "query",
        kinds.integer(1, SOURCES_MAX),
        "Most messages on a page",
        SOURCES_DEFAULT,
        default=SOURCES_DEFAULT,
    ),
    Parameter(
        "cursor",
        "query",
        kinds.integer(0, 2**63 - 1),
        "Where the page begins, from an earlier answer's `Link`: behind this position",
    ),
)

_FIGURE = object_of(
    "What is asked about: a value has Tag and what belongs to it, a position IbContractId",
    {
        "Tag": TEXT,
        "Segment": nullable(TEXT),
        "Currency": nullable(TEXT),
        "Level": {"type": ["string", "null"], "enum": ["account", "ledger", None]},
        "IbContractId": {"type": "integer"},
        "Figure": {"type": ["string", "null"], "enum": [*NAMES, None]},
        "ModelCode": nullable(TEXT),
        "Value": {
            **nullable(TEXT),
            "description": "As IB sent it; what reports work out, as they show it; null: nothing was sent that the "
            "report has there, or it is of several positions",
        },
        "Formula": {**TEXT, "description": "How it is worked out, if it was not sent as it stands in the report"},
    },
    optional=("Tag", "Segment", "Currency", "Level", "IbContractId", "Figure", "Formula"),
)

_SOURCE = object_of(
    "An event that a figure was made of, as in /v1/events. Message or Facts: one of them",
    {
        "Position": {"type": "integer", "minimum": 1, "description": "In the store"},
        "Session": {"type": "string", "format": "uuid"},
        "Version": {"type": "integer", "minimum": 1, "description": "Counts the events of the session"},
        "Timestamp": {**TIME, "description": "When it arrived"},
        "Type": {"type": "string", "enum": sorted(EVENT_TYPES)},
        "Message": {"type": "array", "items": TEXT, "description": "The wire fields, message id first"},
        "Facts": {"type": "object", "description": "What ibconnect itself did or noticed"},
        "Sha256": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "Of the bytes of the event as they are stored (stored_events.state)",
        },
        "Holds": {"type": "boolean", "description": "Whether the report's figure was made of this one: the last"},
    },
    optional=("Message", "Facts"),
)

_SOURCES = object_of(
    "The messages that a report, or one figure of it, was made of",
    {
        "AccountCode": ACCOUNT_CODE,
        "Timestamp": {**TIME, "description": "The report's"},
        "Gateway": TEXT,
        "Session": {"type": "string", "format": "uuid", "description": "The stream that holds the messages"},
        "Source": {"type": "string", "enum": ["updates", "multi"]},
        "Figure": {
            "oneOf": [{"$ref": "#/components/schemas/SourcedFigure"}, {"type": "null"}],
            "description": "null: all of the report",
        },
        "Sources": list_of("In the order of the store", "Source"),
    },
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/sources/{Timestamp}",
        name="getSources",
        handler=report_sources,
        tag=ACCOUNTS,
        right=Right.EVENTS,
        summary="What a figure was made of",
        description=(
            "The messages of the gateway that a figure of a report was made of, found in the events themselves; "
            "`Holds` marks the one whose value the report shows, the others came before it. Without `tag` and "
            "`contract`: all messages of the report."
        ),
        parameters=(ACCOUNT, _TIMESTAMP, *_PARAMETERS, IF_NONE_MATCH),
        answers={200: Answer("The messages", {JSON: "Sources"}, ("ETag", "Link")), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_SNAPSHOT, NOT_THERE, Code.TOO_MANY_SCANS),
        reports=("accounts",),
    ),
)

RESOURCE = Resource(
    ROUTES,
    {"Sources": _SOURCES, "Source": _SOURCE, "SourcedFigure": _FIGURE},
    Path(__file__).with_name("examples.json"),
)
