"""The page for people: what the build has put into the folder ``web``, and the way to it.

In: the files of the folder, read once. Out: them, compressed, with what lets browsers keep them, and run nothing else.
Called by the pipeline; nobody needs a token for it: whatever it shows of accounts it asks the API for.
"""

import re
from functools import cache
from pathlib import Path

import orjson
from aiohttp import web

from ibconnect.http.openapi.shared import IF_NONE_MATCH, NOT_MODIFIED, SERVICE
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import Call
from ibconnect.http.server.negotiation import COMMON, JSON
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Problem, ProblemType
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.response_cache import CachedResponse

FOLDER = Path(__file__).resolve().parent.parent / "web"
INDEX = "index.html"
HTML = "text/html"
UNKNOWN_FILE = ProblemType("unknown-file", 404, "The page has no such file")

_MEDIA = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".txt": "text/plain",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_TEXTS = frozenset({".js", ".css", ".txt", ".svg"})
_HASHED = re.compile(r"-[0-9A-Za-z_]{8,}\.[a-z]+")
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_ASKED_AGAIN = "no-cache"
# The page's own scripts, styles and pictures, requests to this server, nothing else.
_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    # Not by the cookie: who signs in need not load it again.
    "Vary": "Accept, Accept-Encoding",
}
_NOT_BUILT = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>IB Connect</title></head>
<body><h1>IB Connect</h1>
<p>The page was not built in this installation: run <code>make setup</code> in the checkout and start the service again,
or install a released package, which holds it.</p>
<p>The API answers as ever: <a href="docs">its description</a>.</p></body></html>
"""


@cache
def files() -> dict[str, CachedResponse]:
    """The files of the page by their names; none if it was not built."""
    if not (FOLDER / INDEX).is_file():
        return {}
    named = (FOLDER / name for name in orjson.loads((FOLDER / "manifest.json").read_bytes()))
    return {each.name: _file(each) for each in named if each.name == INDEX or each.suffix in _MEDIA}


def _file(path: Path) -> CachedResponse:
    if path.name == INDEX:
        return _of_texts(path.read_bytes(), HTML, _ASKED_AGAIN)
    media = _MEDIA[path.suffix]
    caching = _FOR_A_YEAR if _HASHED.search(path.name) else _ASKED_AGAIN
    if path.suffix in _TEXTS:
        return _of_texts(path.read_bytes(), media, caching)
    return CachedResponse(path.read_bytes(), media, caching, _POLICY, is_compressible=False)


def _of_texts(body: bytes, media: str, caching: str) -> CachedResponse:
    return CachedResponse(body, f"{media}; charset=utf-8", caching, _POLICY)


@cache
def _not_built() -> CachedResponse:
    return _of_texts(_NOT_BUILT, HTML, "no-store")


async def home(call: Call) -> web.StreamResponse:
    """The page, for browsers, which name what they show; for others, and without it, the way to the description."""
    is_shown = call.media == HTML and HTML in call.request.headers.get("Accept", "").lower()
    if not is_shown or not call.services.config.web:
        to = call.absolute("/docs")
        return web.Response(status=303, headers={**COMMON, "Location": to, "Cache-Control": _ASKED_AGAIN})
    return _sent(call, files().get(INDEX) or _not_built())


async def asset(call: Call) -> web.StreamResponse:
    """One of its files."""
    name = call.arguments["Asset"]
    found = files().get(name) if call.services.config.web and name != INDEX else None
    if found is None:
        raise Problem(UNKNOWN_FILE, "another version may be served now: load the page anew")
    return _sent(call, found)


def _sent(call: Call, file: CachedResponse) -> web.StreamResponse:
    return file.part(call.request) or file.response(call.request)


_NAME = Parameter(
    "Asset",
    "path",
    kinds.pattern(r"^[A-Za-z0-9._-]{1,100}$", "1 to 100 letters, digits and . _ -"),
    "Its name",
    "app-0123ABCD.js",
    required=True,
)
_RANGE_ANSWER = Answer("The part of it that a header `Range` asks for", headers=("Content-Range",))

ROUTES: tuple[Route, ...] = (
    Route(
        path="/",
        name="getHome",
        handler=home,
        tag=SERVICE,
        right=None,
        summary="The page",
        description=(
            "The page for people, to whoever asks for `text/html`, as browsers do; others are led to the description "
            "of the API, and with `WEB=false` all."
        ),
        parameters=(IF_NONE_MATCH,),
        answers={
            200: Answer("The page", {HTML: "Text"}, ("ETag",)),
            206: _RANGE_ANSWER,
            303: Answer("The description is at the URL in `Location`", headers=("Location",)),
            304: NOT_MODIFIED,
        },
        media=(HTML, JSON),
    ),
    Route(
        path="/page/{Asset}",
        name="getPageAsset",
        handler=asset,
        tag=SERVICE,
        right=None,
        summary="A part of the page",
        description="Its scripts, styles and pictures. Those with a digest in their name never change.",
        parameters=(_NAME, IF_NONE_MATCH),
        answers={
            200: Answer("The file", dict.fromkeys(_MEDIA.values(), "Binary"), ("ETag",)),
            206: _RANGE_ANSWER,
            304: NOT_MODIFIED,
        },
        problems=(UNKNOWN_FILE,),
        media=tuple(_MEDIA.values()),
    ),
)

RESOURCE = Resource(ROUTES)
