"""The short way of a report: recognized before it is routed.

In: a request, as the pipeline gets it. Out: account and instant of the report that it asks for, if routing it and
reading its arguments would come to nothing else, or None, and then those are asked. Dashboards ask for reports all the
time: the long way costs two fifths as much again as sending a kept one, and a twelfth of the service's time for
another.
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from aiohttp import hdrs, web

from ibconnect.http.server.auth import Guard
from ibconnect.http.server.call import JSON
from ibconnect.http.server.cors import AT_HOME, SITE
from ibconnect.http.server.negotiation import best_media
from ibconnect.times import parse_rfc3339

ROUTE = "/v1/accounts/{AccountCode}/{Timestamp}"

_PATH = re.compile(r"/v1/accounts/([A-Za-z0-9]{1,32})/([0-9T:.-]{19,30}Z)", re.ASCII)

ReportKey = tuple[str, datetime]


def shortcut(guard: Guard) -> Callable[[web.Request], ReportKey | None]:
    """What recognizes requests for a report in their plain form, of those who may see it."""

    def recognize(request: web.Request) -> ReportKey | None:
        report = _report_of(request.raw_path)
        if report is None or request.method != hdrs.METH_GET:
            return None
        headers = request.headers
        # CORS headers, pages elsewhere and a first answer before the answer need the long way.
        if hdrs.ORIGIN in headers or headers.get(SITE) not in AT_HOME:
            return None
        if hdrs.EXPECT in headers or not _takes_json(headers.get(hdrs.ACCEPT)):
            return None
        principal = guard.known(request)
        return report if principal is not None and principal.may_read(report[0]) else None

    return recognize


@lru_cache(maxsize=8192)
def _report_of(path: str) -> ReportKey | None:
    """The account and instant of a report's path in its plain form."""
    match = _PATH.fullmatch(path)
    try:
        return None if match is None else (match[1], parse_rfc3339(match[2]))
    except ValueError:
        return None


def _takes_json(accept: str | None) -> bool:
    return accept is None or best_media(accept, (JSON,)) is not None
