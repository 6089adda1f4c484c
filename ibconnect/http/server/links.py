"""The URLs that answers lead to, and whether a request says plainly enough for whom it was meant.

In: ``PUBLIC_URL``, a request. Out: absolute URLs for ``Location`` and ``Link``; or what is wrong with the request's
version, target or ``Host``. Called by the pipeline before anything else is looked at, and by whatever leads elsewhere.

A URL that a stranger could choose leads whoever follows it to the stranger: so ``Host`` has to be a plain
``host[:port]``, and no other header but ``X-Forwarded-Proto`` is heeded.
"""

from functools import lru_cache

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion10, HttpVersion11
from yarl import URL

from ibconnect.http.server.problems import Code, Problem
from ibconnect.setting_values import is_authority

_SCHEMES = ("http", "https")
_USUAL_PORTS = (":80", ":443")


class Links:
    """Makes absolute URLs.

    :param public_url: where clients reach this server (``PUBLIC_URL``); empty: as each request says
    """

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    def absolute(self, request: web.BaseRequest, path_and_query: str) -> str:
        """The absolute URL of a path, under the name by which the client knows this server."""
        return (self._public_url or self._named(request)) + path_and_query

    def origins(self, request: web.BaseRequest) -> tuple[str, str]:
        """The origins that our page may have: that of ``PUBLIC_URL``, and as the request names this server."""
        named = self._named(request)
        return (_origin(self._public_url or named), _origin(named))

    def is_secure(self, request: web.BaseRequest) -> bool:
        """Whether the client reaches this server by TLS."""
        return self.absolute(request, "").startswith("https:")

    @property
    def base_path(self) -> str:
        """The path below which clients see this server, with a slash at its end only if that is all."""
        return "/" + self._public_url.partition("://")[2].partition("/")[2]

    def _named(self, request: web.BaseRequest) -> str:
        forwarded = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
        scheme = forwarded if forwarded in _SCHEMES else request.scheme
        return f"{scheme}://{request.headers.get(hdrs.HOST) or _bound(request)}"


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3]).lower()


def _bound(request: web.BaseRequest) -> str:
    """The address that a request came to which names no host, as those of HTTP/1.0 may."""
    place = None if request.transport is None else request.transport.get_extra_info("sockname")
    host, port = place[:2] if place else ("localhost", 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unclear(request: web.BaseRequest) -> Problem | None:
    """What keeps a request from being answered at all; None, as a rule."""
    host = request.headers.get(hdrs.HOST)
    if request.version != HttpVersion11 and (request.version != HttpVersion10 or host is None):
        return None if request.version == HttpVersion10 else _other_version(request)
    if host is None or not is_plain(host):
        return Problem(Code.BAD_HOST, "the header Host has to be a host, or a host:port, and nothing else")
    return None if request.raw_path.startswith("/") else _other_target(request, host)


@lru_cache(maxsize=1024)
def is_plain(host: str) -> bool:
    """Whether the text is a host or a host:port, and nothing else."""
    return is_authority(host)


def _other_version(request: web.BaseRequest) -> Problem:
    major, minor = request.version
    return Problem(Code.BAD_REQUEST, f"HTTP/{major}.{minor} is not spoken here: use HTTP/1.1")


def _other_target(request: web.BaseRequest, host: str) -> Problem | None:
    """A target is a path; ``*`` for OPTIONS; or a URL of this server, which proxies are sent."""
    if request.raw_path == "*" and request.method == hdrs.METH_OPTIONS:
        return None
    try:
        url = URL(request.raw_path, encoded=True)
        is_ours = url.scheme in _SCHEMES and _same(url.raw_authority) == _same(host)
    except ValueError:
        is_ours = False
    if is_ours and request.method != hdrs.METH_CONNECT:
        return None
    return Problem(Code.BAD_REQUEST, "the target of a request is a path, or a URL of the host that Host names")


def _same(authority: str) -> str:
    """One spelling: a usual port may be left away."""
    bare = authority.lower()
    for port in _USUAL_PORTS:
        bare = bare.removesuffix(port)
    return bare
