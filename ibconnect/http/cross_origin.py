"""Which web pages of other origins a browser may let read the API (``CORS_ORIGINS``; none by default)."""

import aiohttp_cors
from aiohttp import web

_READABLE = ("Content-Encoding", "ETag", "Link", "Location", "Retry-After", "WWW-Authenticate")
_SENDABLE = ("Accept", "Authorization", "Cache-Control", "If-None-Match", "Last-Event-ID")
_PREFLIGHT_SECONDS = 600


def allow_origins(app: web.Application, origins: tuple[str, ...]) -> None:
    """Let pages of these origins read every route; tokens travel in a header, so cookies are of no use."""
    if not origins:
        return
    options = aiohttp_cors.ResourceOptions(
        allow_credentials=False,
        expose_headers=_READABLE,
        allow_headers=_SENDABLE,
        allow_methods=("GET", "HEAD"),
        max_age=_PREFLIGHT_SECONDS,
    )
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in list(app.router.routes()):
        cors.add(route)
