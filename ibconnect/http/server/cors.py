"""Which web pages of other origins a browser may let read the API (``CORS_ORIGINS``; none by default), or have it act.

Where no token is needed, a page of any site can make the browser of somebody who may ask send requests here. It cannot
read the answers, but it could have IB asked for figures, hold streams open and keep Postgres busy. Browsers say in
``Sec-Fetch-Site`` where a request comes from; no page can write that header. In: a request. Out: whether a page
elsewhere is behind it, or a refusal. Called by the pipeline for every route that shows anything of accounts.
"""

from collections.abc import Collection

import aiohttp_cors
from aiohttp import hdrs, web

from ibconnect.http.server.problems import Code, Problem

SITE = "Sec-Fetch-Site"
"""The header that says where a request comes from."""
AT_HOME = frozenset({None, "none", "same-origin"})
"""What it says of requests of our own pages, of what somebody typed, and of programs that are no browsers."""

READABLE = (
    "Accept-Ranges",
    "Allow",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Range",
    "ETag",
    "Gaps",
    "Link",
    "Location",
    "Refresh-Incomplete",
    "Retry-After",
    "WWW-Authenticate",
)
"""Which headers of an answer a page of these origins may read."""
SENDABLE = ("Accept", "Authorization", "Cache-Control", "If-None-Match", "If-Range", "Last-Event-ID", "Prefer", "Range")
"""Which headers it may send."""
_PREFLIGHT_SECONDS = 600
# A link that somebody clicks shows him what is there. Browsers that say where from also say how.
_CLICKED = frozenset({None, "navigate"})


def is_from_elsewhere(request: web.BaseRequest, origins: tuple[str, ...]) -> bool:
    """Whether a page of another origin is behind a request, and it is none of ``origins``."""
    return request.headers.get(SITE) not in AT_HOME and request.headers.get(hdrs.ORIGIN) not in origins


def keep_out(request: web.BaseRequest, origins: tuple[str, ...], *, is_more: bool) -> None:
    """Let pages elsewhere do no more than lead somebody here who clicks a link.

    :param is_more: whether the route does more than to show something: it takes a body, or may answer for ever
    :raises Problem: a page of another origin wants more
    """
    if is_from_elsewhere(request, origins) and (is_more or request.headers.get("Sec-Fetch-Mode") not in _CLICKED):
        raise elsewhere()


def ensure_our_page(request: web.BaseRequest, origins: Collection[str], *, is_post: bool) -> None:
    """A cookie counts only for our own page, and for what somebody typed: the browser sends it whoever has it ask.

    Browsers say nothing of the site to servers that they reach without TLS by a name that is not this machine's: there
    the origin counts, which they say of each POST.

    :param origins: by which our page may be reached
    :raises Problem: a page of another origin may be behind it, for all that is known
    """
    site = request.headers.get(SITE)
    origin = request.headers.get(hdrs.ORIGIN) or _origin_of(request.headers.get(hdrs.REFERER, ""))
    is_ours = site == "same-origin" if site is not None else origin in origins
    is_typed = not is_post and (site == "none" or (site is None and not origin))
    if not is_ours and not is_typed:
        raise Problem(Code.ORIGIN_REFUSED, "a session counts for the page of this server alone, by its own requests")


def _origin_of(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def elsewhere() -> Problem:
    """What a page of another origin hears that wants more than it may."""
    return Problem(Code.ORIGIN_REFUSED, "without API tokens, pages of other origins may not do that: see CORS_ORIGINS")


def allow_origins(app: web.Application, origins: tuple[str, ...]) -> None:
    """Let pages of these origins read every route; tokens travel in a header, so cookies are of no use."""
    if not origins:
        return
    options = aiohttp_cors.ResourceOptions(
        allow_credentials=False,
        expose_headers=READABLE,
        allow_headers=SENDABLE,
        allow_methods=("GET", "HEAD"),
        max_age=_PREFLIGHT_SECONDS,
    )
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in list(app.router.routes()):
        if route.method != hdrs.METH_POST:
            cors.add(route)
