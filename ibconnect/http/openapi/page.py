"""The API's own description: the OpenAPI document, and a page to read and try it that needs no other host."""

from functools import cache
from pathlib import Path

import orjson
from aiohttp import web

from ibconnect.http.server.call import JSON, Call
from ibconnect.http.server.negotiation import COMMON
from ibconnect.http.server.response_cache import CachedResponse

_FOLDER = Path(__file__).with_name("docs")
_CACHING = "no-cache"

# The parts of the page, with their media types.
ASSETS: dict[str, str] = {"docs.css": "text/css", "docs.js": "text/javascript"}

# The page's own script and style sheet, requests to this server, nothing else.
_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}


async def openapi(call: Call) -> web.StreamResponse:
    """The OpenAPI document."""
    return _openapi(call.services.config.public_url).response(call.request)


@cache
def _openapi(public_url: str) -> CachedResponse:
    # Imported late: the table of routes names this module's handlers.
    from ibconnect.http.openapi.document import make_document
    from ibconnect.http.routes import ROUTES

    return CachedResponse(orjson.dumps(make_document(ROUTES, public_url or "/")), JSON, _CACHING)


async def home(call: Call) -> web.StreamResponse:
    """Whoever opens the server's address in a browser wants to read."""
    return web.Response(status=303, headers={**COMMON, "Location": call.absolute("/docs"), "Cache-Control": _CACHING})


async def page(call: Call) -> web.StreamResponse:
    """The page."""
    return _file("docs.html", "text/html; charset=utf-8").response(call.request)


async def asset(call: Call) -> web.StreamResponse:
    """Its style sheet or script."""
    name = call.arguments["Asset"]
    return _file(name, f"{ASSETS[name]}; charset=utf-8").response(call.request)


@cache
def _file(name: str, media_type: str) -> CachedResponse:
    return CachedResponse((_FOLDER / name).read_bytes(), media_type, _CACHING, _POLICY)
