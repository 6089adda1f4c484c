"""The instances on this database: which version, where it can be asked, what it could record and what it does."""

import orjson
from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.call import JSON, Call
from ibconnect.http.server.limits import GATEWAY_FRESH_SECONDS
from ibconnect.http.server.response_cache import CachedResponse
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
