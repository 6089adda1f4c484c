"""The Flex queries that are fetched by schedule: how far each has got, what went wrong last, when it is due.

In: what the instances that fetch note of it. Out: ``/v1/statements/queries``. Called by the pipeline.
"""

from datetime import datetime
from pathlib import Path

import orjson
from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.http.openapi.schemas import TEXT, TIME, list_of, nullable, object_of
from ibconnect.http.openapi.shared import IF_NONE_MATCH, NOT_MODIFIED, RECORDER
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.tokens import Right
from ibconnect.times import format_rfc3339

_SQL = queries("http/statement_queries")


async def list_queries(call: Call) -> web.StreamResponse:
    """Every query that is fetched, by name; to a limited token none, since one holds any accounts."""
    found = []
    if call.principal.accounts is None:
        found = await db.rows(call.services.pool, _SQL["list_queries"], {})
    body = [
        {
            "Query": query,
            "Name": name,
            "LastTried": _time(tried),
            "LastSuccess": _time(got),
            "UpTo": up_to,
            "Failures": failures,
            "FailingSince": _time(failing_since),
            "Code": code,
            "Error": error,
            "NextDue": _time(due),
        }
        for query, name, tried, got, up_to, failures, failing_since, code, error, due in found
    ]
    return CachedResponse(orjson.dumps(body), JSON, "private, no-cache").response(call.request)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_rfc3339(moment)


_DAY = {"type": "string", "format": "date"}
_QUERY = object_of(
    "A query that is saved at IBKR, and fetched by schedule",
    {
        "Query": {**TEXT, "description": "Its id (FLEX_QUERIES)"},
        "Name": {**TEXT, "description": "What FLEX_QUERIES calls it; its id, if nothing"},
        "LastTried": {**nullable(TIME), "description": "When IBKR was last asked; null: not yet"},
        "LastSuccess": {**nullable(TIME), "description": "When IBKR last gave a statement that is recorded"},
        "UpTo": {**nullable(_DAY), "description": "The last day that is covered"},
        "Failures": {"type": "integer", "minimum": 0, "description": "How often in a row it has failed"},
        "FailingSince": {**nullable(TIME), "description": "Since when"},
        "Code": {**nullable(TEXT), "description": "IBKR's code of the last failure; null: none, or not one of IBKR's"},
        "Error": {**nullable(TEXT), "description": "What went wrong, and what to do, in words"},
        "NextDue": {**TIME, "description": "When it is fetched next"},
    },
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/statements/queries",
        name="listStatementQueries",
        handler=list_queries,
        tag=RECORDER,
        right=Right.READ,
        summary="The Flex queries",
        description=(
            "The Flex queries that are fetched by schedule: when a statement last came, up to which day, what went "
            "wrong last, and when it is fetched next. A token that is limited to accounts sees none."
        ),
        parameters=(IF_NONE_MATCH,),
        answers={200: Answer("The queries", {JSON: "StatementQueryList"}, ("ETag",)), 304: NOT_MODIFIED},
    ),
)

RESOURCE = Resource(
    ROUTES,
    {"StatementQuery": _QUERY, "StatementQueryList": list_of("By name", "StatementQuery")},
    Path(__file__).with_suffix(".json"),
)
