"""Sign-in by a token that makes a cookie, sign-out, and who somebody is.

In: calls. Out: what the token may see and do; the cookie, or its end. Called by the pipeline, for the routes of
:mod:`ibconnect.http.resources.session.resource`. Neither the token nor the cookie's secret is in any answer's body, log
or error.
"""

from typing import Any

import orjson
from aiohttp import hdrs, web

from ibconnect.http.server.bodies import received
from ibconnect.http.server.call import Call
from ibconnect.http.server.cors import SITE, ensure_our_page
from ibconnect.http.server.limits import SIGN_IN_BYTES
from ibconnect.http.server.negotiation import COMMON, JSON
from ibconnect.http.server.problems import Problem, ProblemType, invalid
from ibconnect.http.server.resource import Body
from ibconnect.http.server.signed_in import COOKIE, key_of
from ibconnect.http.server.tokens import Principal
from ibconnect.times import format_rfc3339

NO_TOKENS = ProblemType("no-tokens", 409, "No token is needed here, so nobody signs in")
SIGN_IN = Body("A token of API_TOKENS", (JSON,), SIGN_IN_BYTES, "SignIn")
SIGN_OUT = Body("Nothing", (JSON,), SIGN_IN_BYTES, "SignOut")
_NOBODY = "-"
_NEVER_KEPT = {**COMMON, "Cache-Control": "no-store"}
# Reports of whoever was signed in may lie in the browser's cache, on the disk. What it still has of them it shows no
# other session: `Vary` has the cookie.
_FORGET = {"Clear-Site-Data": '"cache"'}


async def who(call: Call) -> web.StreamResponse:
    """What the token or the session may see and do."""
    guard = call.services.guard
    key = guard.session_key(call.request)
    if guard.tokens is None:
        return _answer(_shown(call.principal, "anonymous"))
    if key is None or guard.signed_in is None:
        return _answer(_shown(call.principal, "token"))
    session = guard.signed_in.session(key)
    return _answer(_shown(call.principal, "session", session and format_rfc3339(session.expires)))


async def sign_in(call: Call) -> web.StreamResponse:
    """A session for the token that the body holds."""
    services, request = call.services, call.request
    if services.guard.tokens is None:
        raise Problem(NO_TOKENS, "everything is shown to whoever can ask")
    _ensure_ours(call)
    principal = services.guard.sign_in(request, await _token(request))
    with services.shares.work_for(request):
        secret, expires = await services.sessions.start(principal, request)
    body = _shown(principal, "session", format_rfc3339(expires))
    return _answer(body, 201, {hdrs.SET_COOKIE: _cookie(call, secret)})


async def sign_out(call: Call) -> web.StreamResponse:
    """The session is over, for all who use it; a request without one has nothing to end."""
    services, request = call.services, call.request
    _ensure_ours(call)
    async with received(request, SIGN_OUT, None):
        pass
    if (key := key_of(request)) is not None:
        await services.sessions.end(key)
        services.guard.end_revoked()
    headers = {**_NEVER_KEPT, hdrs.SET_COOKIE: _cookie(call, ""), **_FORGET}
    return web.Response(status=204, headers=headers)


def _ensure_ours(call: Call) -> None:
    """A page elsewhere signs nobody in or out. Browsers say of each POST where it comes from; programs do not."""
    headers = call.request.headers
    if hdrs.COOKIE in headers or SITE in headers or hdrs.ORIGIN in headers:
        ensure_our_page(call.request, call.services.links.origins(call.request), is_post=True)


async def _token(request: web.Request) -> str:
    async with received(request, SIGN_IN, None) as file:
        try:
            found = orjson.loads(file.read())
        except orjson.JSONDecodeError:
            found = None
    token = found.get("Token") if isinstance(found, dict) else None
    if not isinstance(token, str) or not token:
        raise invalid("Token", 'the body is JSON, {"Token": "..."}')
    return token.strip()


def _cookie(call: Call, secret: str) -> str:
    """Without a time of its own the cookie ends with the browser. Empty: it is taken back."""
    links = call.services.links
    parts = [f"{COOKIE}={secret}", f"Path={links.base_path}", "HttpOnly", "SameSite=Strict"]
    if links.is_secure(call.request):
        parts.append("Secure")
    if not secret:
        parts.append("Max-Age=0")
    return "; ".join(parts)


def _shown(principal: Principal, kind: str, expires: str | None = None) -> dict[str, Any]:
    return {
        "Name": None if principal.name == _NOBODY else principal.name,
        "Rights": sorted(principal.rights),
        "Accounts": None if principal.accounts is None else sorted(principal.accounts),
        "Until": principal.until and format_rfc3339(principal.until),
        "Expires": expires,
        "Kind": kind,
    }


def _answer(document: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Never kept: it is about whoever asks now."""
    headers = {**_NEVER_KEPT, "Content-Type": JSON, **(headers or {})}
    return web.Response(status=status, body=orjson.dumps(document), headers=headers)
