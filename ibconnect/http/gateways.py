"""The gateways: connected or why not, session, leader, last refresh, last notice."""

from typing import Any

import orjson
from aiohttp import web
from psycopg.rows import TupleRow

from ibconnect.database.sql import queries
from ibconnect.http import reads
from ibconnect.http.calls import JSON, Call
from ibconnect.http.documents import Document
from ibconnect.http.limits import CONFLICTS_SHOWN, GATEWAY_FRESH_SECONDS, GATEWAY_WATCHED_SECONDS
from ibconnect.times import format_rfc3339

_SQL = queries("http/gateways")


async def list_gateways(call: Call) -> web.StreamResponse:
    """Every gateway that this instance, or another one that was alive lately, is configured with, by name."""
    visible = call.principal.accounts
    asked = {
        "own": [str(address) for address in call.services.config.ib_gw],
        "watched": GATEWAY_WATCHED_SECONDS,
        "fresh": GATEWAY_FRESH_SECONDS,
        "conflicts": CONFLICTS_SHOWN,
        "codes": None if visible is None else sorted(visible),
    }
    found = await reads.rows(call.services.pool, _SQL["list_gateways"], asked)
    body = orjson.dumps([_gateway(row, visible) for row in found])
    return Document(body, JSON, "private, no-cache").response(call.request)


def _gateway(row: TupleRow, visible: frozenset[str] | None) -> dict[str, Any]:
    name, connected, state, detail, since, session, server_version, leader, heartbeat, *rest = row
    notice_code, notice_text, notice_at, created, started, ended, outcome, trigger, missing, *progress = rest
    scope, done, total, refresh_detail, conflicts = progress
    notice = {"Code": notice_code, "Text": notice_text, "At": notice_at and format_rfc3339(notice_at)}
    refresh = {
        "Created": created and format_rfc3339(created),
        "Started": started and format_rfc3339(started),
        "Ended": ended and format_rfc3339(ended),
        "Outcome": outcome,
        "Trigger": trigger,
        "Missing": _missing(missing or {}, visible),
        "Scope": scope or "all",
        "Done": done if visible is None else None,
        "Total": total if visible is None else None,
        "Detail": refresh_detail if visible is None else None,
    }
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
        "LastRefresh": refresh if created else None,
        "LastNotice": notice if notice_code else None,
        "Conflicts": conflicts or [],
    }


def _missing(why: dict[str, str], visible: frozenset[str] | None) -> dict[str, str]:
    """Why accounts have no snapshot. IB's own words may name others: a limited token hears what stands before them."""
    if visible is None:
        return why
    return {account: text.partition(":")[0] for account, text in why.items() if account in visible}
