"""The API's own description: the OpenAPI document, and a page to read and try it that needs no other host.

In: the resources that are served; the files of ``docs/``. Out: the document, the page and its parts. Called by the
pipeline; nobody needs a token for it.
"""

from functools import cache
from pathlib import Path
from typing import Self

import orjson
from aiohttp import web

from ibconnect.http.openapi.document import make_document
from ibconnect.http.openapi.shared import IF_NONE_MATCH, NOT_MODIFIED, SERVICE
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import Call
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.resource import SERVED, Answer, Resource, Route
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.services import Part, Services

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


class Description(Part):
    """The OpenAPI document of one application, once it was asked for."""

    def __init__(self, public_url: str) -> None:
        self._server = public_url or "/"
        self._document: CachedResponse | None = None

    @classmethod
    def made(cls, services: Services) -> Self:
        """Of the server that the settings name."""
        return cls(services.config.public_url)

    def of(self, resources: tuple[Resource, ...]) -> CachedResponse:
        """The document of what is served."""
        if self._document is None:
            body = orjson.dumps(make_document(resources, self._server))
            self._document = CachedResponse(body, JSON, _CACHING)
        return self._document


async def openapi(call: Call) -> web.StreamResponse:
    """The OpenAPI document."""
    document = call.services.part(Description).of(call.request.app[SERVED])
    return document.response(call.request)


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


ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/openapi.json",
        name="getOpenApi",
        handler=openapi,
        tag=SERVICE,
        right=None,
        summary="This document",
        description="The description of this API, OpenAPI 3.1.",
        parameters=(IF_NONE_MATCH,),
        answers={200: Answer("The document", {JSON: "OpenApi"}, ("ETag",)), 304: NOT_MODIFIED},
    ),
    Route(
        path="/docs",
        name="getDocs",
        handler=page,
        tag=SERVICE,
        right=None,
        summary="This API to read and try",
        description="A page that needs nothing from any other host.",
        parameters=(IF_NONE_MATCH,),
        answers={200: Answer("The page", {"text/html": "Text"}, ("ETag",)), 304: NOT_MODIFIED},
        media=("text/html",),
    ),
    Route(
        path="/docs/{Asset}",
        name="getDocsAsset",
        handler=asset,
        tag=SERVICE,
        right=None,
        summary="A part of the page",
        description="Its style sheet and its script.",
        parameters=(
            Parameter("Asset", "path", kinds.choice(*ASSETS), "Its name", "docs.css", required=True),
            IF_NONE_MATCH,
        ),
        answers={
            200: Answer("The file", dict.fromkeys(ASSETS.values(), "Text"), ("ETag",)),
            304: NOT_MODIFIED,
        },
        media=("text/css", "text/javascript"),
    ),
)

RESOURCE = Resource(
    ROUTES,
    {"OpenApi": {"type": "object", "description": "An OpenAPI 3.1 document"}},
    parts=(Description,),
)
