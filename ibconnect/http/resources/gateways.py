"""The gateways: connected or why not, session, leader, last refresh, last notice.

In: what leaders report and what the snapshot tables know. Out: ``/v1/gateways``. Called by the pipeline.
"""

import math
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from psycopg.rows import TupleRow

from ibconnect.database.sql import queries
from ibconnect.http.openapi.schemas import TEXT, TIME, list_of, nullable, object_of
from ibconnect.http.openapi.shared import IF_NONE_MATCH, NOT_MODIFIED, RECORDER
from ibconnect.http.resources.own_refresh import own_refresh
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.db import Pool
from ibconnect.http.server.limits import CONFLICTS_SHOWN, GATEWAY_FRESH_SECONDS, GATEWAY_WATCHED_SECONDS
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.tokens import Right
from ibconnect.times import format_rfc3339

_SQL = queries("http/gateways")

Refreshes = dict[str, dict[str, Any] | None]


async def list_gateways(call: Call) -> web.StreamResponse:
    """Every gateway that this instance, or another one that was alive lately, is configured with, by name."""
    visible = call.principal.accounts
    codes = None if visible is None else sorted(visible)
    asked = {
        "own": call.services.gateways,
        "watched": GATEWAY_WATCHED_SECONDS,
        "fresh": GATEWAY_FRESH_SECONDS,
        "conflicts": CONFLICTS_SHOWN,
        "codes": codes,
    }
    found = await db.rows(call.services.pool, _SQL["list_gateways"], asked)
    own = None if codes is None else await _own_refreshes(call.services.pool, codes)
    body = orjson.dumps([_gateway(row, own) for row in found])
    return CachedResponse(body, JSON, "private, no-cache").response(call.request)


async def _own_refreshes(pool: Pool, codes: list[str]) -> Refreshes:
    """Of each gateway the last refresh, as far as some accounts know of it."""
    rows = await db.rows(pool, _SQL["refreshes_of"], {"codes": codes})
    return {name: own_refresh([row[1:] for row in group]) for name, group in groupby(rows, itemgetter(0))}


def _gateway(row: TupleRow, own: Refreshes | None) -> dict[str, Any]:
    """A gateway; ``own``: to whom some accounts are shown, nothing is shown of the refreshes of others."""
    name, connected, state, detail, since, session, server_version, leader, heartbeat, *rest = row
    notice_code, notice_text, notice_at, *refresh, conflicts = rest
    notice = {"Code": notice_code, "Text": notice_text, "At": notice_at and format_rfc3339(notice_at)}
    return {
        "Gateway": name,
        "Connected": connected,
        "State": state,
        "Detail": detail,
        "Since": since and format_rfc3339(since),
        "Session": session and str(session),
        "ServerVersion": server_version,
        "Leader": leader,
        "Heartbeat": heartbeat and format_rfc3339(heartbeat),
        "LastRefresh": _refresh(*refresh) if own is None else own.get(name),
        "LastNotice": notice if notice_code else None,
        "Conflicts": conflicts or [],
    }


def _refresh(created: Any, started: Any, ended: Any, *rest: Any) -> dict[str, Any] | None:
    outcome, trigger, missing, scope, done, total, detail, pace = rest
    shown = {
        "Created": created and format_rfc3339(created),
        "Started": started and format_rfc3339(started),
        "Ended": ended and format_rfc3339(ended),
        "Outcome": outcome,
        "Trigger": trigger,
        "Missing": missing or {},
        "Scope": scope or "all",
        "Done": done,
        "Total": total,
        "Detail": detail,
        "SecondsLeft": _seconds_left(done, total, pace),
    }
    return shown if created else None


def _seconds_left(done: int | None, total: int | None, pace: float | None) -> int | None:
    """How long a refresh will go on, if the rest takes as long for each account; None where that is not known."""
    if pace is None or done is None or total is None:
        return None
    return max(0, math.ceil(pace * (total - done)))


_GATEWAY = object_of(
    "A gateway",
    {
        "Gateway": TEXT,
        "Connected": {"type": "boolean"},
        "State": TEXT,
        "Detail": {**nullable(TEXT), "description": "Why it is not connected, or is stale"},
        "Since": nullable(TIME),
        "Session": nullable({"type": "string", "format": "uuid"}),
        "ServerVersion": nullable(TEXT),
        "Leader": {**nullable(TEXT), "description": "The instance that records it"},
        "Heartbeat": nullable(TIME),
        "LastRefresh": {
            **object_of(
                "The newest refresh; to a token that is limited to accounts, as if it had been for these alone",
                {
                    "Created": TIME,
                    "Started": TIME,
                    "Ended": nullable(TIME),
                    "Outcome": nullable(TEXT),
                    "Trigger": {**nullable(TEXT), "description": "null for a token that is limited to accounts"},
                    "Missing": {
                        "type": "object",
                        "additionalProperties": TEXT,
                        "description": "Why, for each account without figures that can be relied on",
                    },
                    "Scope": {
                        "type": "string",
                        "enum": ["all", "some"],
                        "description": "some: for these accounts alone",
                    },
                    "Done": {"type": ["integer", "null"], "description": "Accounts that have been asked for"},
                    "Total": {"type": ["integer", "null"], "description": "Accounts that are to be asked for"},
                    "Detail": {**nullable(TEXT), "description": "Why, where it concerns no account"},
                    "SecondsLeft": {
                        "type": ["integer", "null"],
                        "minimum": 0,
                        "description": "While it runs: how long it will take, by what it has taken so far. null for a "
                        "token that is limited to accounts",
                    },
                },
            ),
            "type": ["object", "null"],
        },
        "LastNotice": {
            **object_of("IB's last error or notice", {"Code": TEXT, "Text": nullable(TEXT), "At": nullable(TIME)}),
            "type": ["object", "null"],
        },
        "Conflicts": {
            "type": "array",
            "maxItems": CONFLICTS_SHOWN,
            "description": "The first of the accounts that it lists and that are not its own",
            "items": object_of(
                "An account that belongs to other gateways",
                {
                    "AccountCode": TEXT,
                    "Owners": {"type": "array", "items": TEXT, "description": "Of the gateways that have named it"},
                    "Pinned": {"type": "boolean", "description": "IB_GW says so; else the first to name it keeps it"},
                },
            ),
        },
    },
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/gateways",
        name="listGateways",
        handler=list_gateways,
        tag=RECORDER,
        right=Right.READ,
        summary="The gateways",
        description=(
            "Each gateway that a living instance has configured: connected or why not, its session, who records it, "
            "last refresh, last notice."
        ),
        parameters=(IF_NONE_MATCH,),
        answers={200: Answer("The gateways", {JSON: "GatewayList"}, ("ETag",)), 304: NOT_MODIFIED},
        reports=("accounts",),
    ),
)

RESOURCE = Resource(
    ROUTES,
    {"Gateway": _GATEWAY, "GatewayList": list_of("By name", "Gateway")},
    Path(__file__).with_suffix(".json"),
)
