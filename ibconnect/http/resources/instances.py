"""The instances on this database: which version, where it can be asked, what it could record and what it does.

In: what their processes report. Out: ``/v1/instances``. Called by the pipeline.
"""

from pathlib import Path

import orjson
from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.http.openapi.schemas import TEXT, TIME, list_of, nullable, object_of
from ibconnect.http.openapi.shared import IF_NONE_MATCH, NOT_MODIFIED, RECORDER
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.limits import GATEWAY_FRESH_SECONDS
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.tokens import Right
from ibconnect.roles import ORDER
from ibconnect.times import format_rfc3339

_SQL = queries("http/instances")


async def list_instances(call: Call) -> web.StreamResponse:
    """Every instance that was alive within the last day, by name; to a limited token none, since they name gateways."""
    found = []
    if call.principal.accounts is None:
        found = await db.rows(call.services.pool, _SQL["list_instances"], {"fresh": GATEWAY_FRESH_SECONDS})
    body = [
        {
            "Instance": name,
            "Version": version,
            "Address": address,
            "Gateways": gateways,
            "Records": records,
            "Since": format_rfc3339(started),
            "Heartbeat": format_rfc3339(heartbeat),
            "Alive": is_alive,
            "Roles": roles,
        }
        for name, version, address, gateways, records, started, heartbeat, is_alive, roles in found
    ]
    return CachedResponse(orjson.dumps(body), JSON, "private, no-cache").response(call.request)


_INSTANCE = object_of(
    "One or several processes of the service",
    {
        "Instance": {**TEXT, "description": "Its name (INSTANCE)"},
        "Version": {**nullable(TEXT), "description": "Of the program; null: an earlier one, which does not say"},
        "Address": {**nullable(TEXT), "description": "Where the others can ask it"},
        "Gateways": {"type": "array", "items": TEXT, "description": "Those that it could record (IB_GW)"},
        "Records": {"type": "array", "items": TEXT, "description": "Those that it records now"},
        "Since": {**TIME, "description": "When it began"},
        "Heartbeat": {**TIME, "description": "When it last said that it lives"},
        "Alive": {"type": "boolean", "description": f"Whether that is less than {GATEWAY_FRESH_SECONDS} s ago"},
        "Roles": {
            **nullable({"type": "array", "items": {"type": "string", "enum": [*ORDER]}}),
            "description": "What of it runs: null for one of an earlier version, which does all of that",
        },
    },
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/instances",
        name="listInstances",
        handler=list_instances,
        tag=RECORDER,
        right=Right.READ,
        summary="The instances",
        description=(
            "The instances that were alive within the last day: version, address, the gateways that each could record "
            "and those that it does. A token that is limited to accounts sees none."
        ),
        parameters=(IF_NONE_MATCH,),
        answers={200: Answer("The instances", {JSON: "InstanceList"}, ("ETag",)), 304: NOT_MODIFIED},
    ),
)

RESOURCE = Resource(
    ROUTES,
    {"Instance": _INSTANCE, "InstanceList": list_of("By name", "Instance")},
    Path(__file__).with_suffix(".json"),
)
