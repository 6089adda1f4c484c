"""The way of a request: admitted, negotiated, validated, handled; what goes wrong answered once, in one shape.

In: a request. Out: its answer. :func:`handler_of` makes of each row of the table of routes what aiohttp calls;
:func:`around` is put around the whole application, so that the router's own refusals take the same way (aiohttp's
middlewares would do so too, but cost a tenth of the time of a cached report).
"""

import asyncio
import time
import traceback
from collections.abc import Sequence
from functools import lru_cache

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion10, HttpVersion11
from aiohttp.typedefs import Handler as AioHandler

from ibconnect.http.server.access_log import GONE
from ibconnect.http.server.arguments import reader_of
from ibconnect.http.server.auth import right_missing
from ibconnect.http.server.call import Call, route_of
from ibconnect.http.server.cors import ensure_our_page, keep_out
from ibconnect.http.server.holders import HOLDER
from ibconnect.http.server.limits import REFUSAL_SECONDS
from ibconnect.http.server.links import unclear
from ibconnect.http.server.negotiation import COMMON, FORMATS, SECURITY, best_media
from ibconnect.http.server.problems import Code, Problem, problem_of
from ibconnect.http.server.resource import Route
from ibconnect.http.server.responses import PreparedResponse
from ibconnect.http.server.routing import Found, recognizer
from ibconnect.http.server.services import Services
from ibconnect.http.server.shares import COUNTED
from ibconnect.http.server.tokens import EVERYONE, Principal
from ibconnect.metrics.histograms import Durations
from ibconnect.observe import HTTP_FAILED, HTTP_SECONDS, Kind, observe
from ibconnect.times import utc_now

_OF_POSTGRES = (Code.DATABASE_UNAVAILABLE, Code.QUERY_TIMEOUT)


def handler_of(route: Route, services: Services) -> AioHandler:
    """What aiohttp calls for a route."""

    read_arguments, guard, right = reader_of(route), services.guard, route.right
    origins, counts_itself = services.config.cors_origins, route.shortcut is not None

    async def handle(request: web.Request) -> web.StreamResponse:
        if route.is_open:
            return await answer(request, EVERYONE)
        if guard.session_key(request) is not None:
            ensure_our_page(request, services.links.origins(request), is_post=route.body is not None)
            await services.sessions.look(request)
        principal = guard.admit(request, is_question=route.needs_token)
        if right is not None and right not in principal.rights:
            raise right_missing(right)
        if guard.tokens is None:
            keep_out(request, origins, is_more=route.is_live or route.body is not None)
        with guard.under_way(request, principal):
            return await answer(request, principal)

    async def answer(request: web.Request, principal: Principal) -> web.StreamResponse:
        now = utc_now()
        arguments = read_arguments(request, now)
        media = _negotiate(request, route, FORMATS.get(arguments.get("format", "")))
        call = Call(request, services, principal, media, arguments, now)
        if route.is_open:
            # Probes must hear the truth whoever asks for much, from the same address perhaps.
            HOLDER.set(f"open {request.remote}")
        if route.is_open or counts_itself:
            return await answered(call)
        with services.shares.work_for(request):
            return await answered(call)

    async def answered(call: Call) -> web.StreamResponse:
        if not route.reports:
            return await route.handler(call)
        await services.tables.ensure_current(route.reports)
        try:
            return await route.handler(call)
        except Exception as exc:
            cause = await _explained(services, route.reports, exc)
            if cause is exc:
                raise
            raise cause from exc

    return handle


def _negotiate(request: web.Request, route: Route, wanted: str | None) -> str:
    """What the answer is in: as the client's ``Accept`` says; where it leaves a choice, as the URL says."""
    accept = request.headers.get("Accept", "")
    media = best_media(accept, route.media, wanted) if accept or wanted else route.media[0]
    if media is None:
        raise Problem(Code.NOT_ACCEPTABLE, f"available: {', '.join(route.media)}")
    return media


def around(handler: AioHandler, services: Services, routes: Sequence[Route]) -> AioHandler:
    """The application's handler, with every failure made a problem and every request measured."""
    clock = time.perf_counter
    recognize = recognizer(routes, services.guard)

    async def answer(request: web.Request) -> web.StreamResponse:
        started = clock()
        if (problem := unclear(request)) is not None:
            return _turned_away(services, request, problem)
        found = recognize(request)
        if found is not None and not services.tables.are_current(found.route.reports):
            found = None
        try:
            response = await (
                handler(request) if found is None else found.shortcut.answer(services, request, found.key)
            )
        except ConnectionError:
            # The client left before it was answered: nobody is there to be answered, and nothing failed.
            if services.access is not None:
                services.access.write(request, GONE, clock() - started)
            raise
        except Exception as exc:  # noqa: BLE001 - this is the one place where failures become responses
            cause = exc if found is None else await _explained(services, found.route.reports, exc)
            response = await _failed(services, request, _route_of(request, found), cause)
        if hdrs.UPGRADE in request.headers:
            # Declined. What came along with it is not read as requests by everybody, aiohttp included.
            response.force_close()
        if not isinstance(response, PreparedResponse) and "Server" not in response.headers:
            # Not made here (a preflight's answer, say): aiohttp would say its own version and Python's.
            response.headers.update(SECURITY)
        _durations(_route_of(request, found), request.method, response.status).observe(clock() - started)
        return response

    return answer


def _turned_away(services: Services, request: web.Request, problem: Problem) -> web.StreamResponse:
    """The answer to what cannot be answered: logged like every other, and the last one of its connection."""
    observe(Kind.HTTP_REFUSED, route="unmatched", **problem.facts(), **services.asked.about(request))
    _durations("unmatched", request.method, problem.status).observe(0.0)
    response = problem.response()
    response.force_close()
    if request.version != HttpVersion11:
        # aiohttp answers in the version of the request, also in one that nobody speaks.
        request._cache["version"] = HttpVersion10
    return response


def _route_of(request: web.Request, found: Found | None) -> str:
    """The route's template; a request that took the short way was never routed."""
    return route_of(request) if found is None else found.route.path


async def _explained(services: Services, reports: Sequence[str], exc: Exception) -> Exception:
    """The same failure to answer from the tables, or why it happened: others were swapped in meanwhile."""
    if not isinstance(exc, ConnectionError) and problem_of(exc).type.may_be_swap:
        try:
            await services.tables.look(reports)
            if services.writes is not services.pool:
                await services.tables.look_at(services.writes, reports)
        except Exception as cause:  # noqa: BLE001 - whatever it is, it explains the failure
            return cause
    return exc


async def _failed(services: Services, request: web.Request, route: str, exc: Exception) -> web.StreamResponse:
    if isinstance(exc, web.HTTPNotFound) and (redirect := await _without_slash(services, request)):
        return redirect
    problem = problem_of(exc)
    facts = {"route": route, **problem.facts(), **services.asked.about(request)}
    if problem.type is Code.INTERNAL:
        HTTP_FAILED.labels(route).inc()
        observe(Kind.HTTP_FAILED, **facts, error=exc)
        details = "".join(traceback.format_exception(exc)) if services.config.err_info else None
        return problem.response(details)
    if problem.type in COUNTED:
        services.shares.refused(request, problem)
        await asyncio.sleep(REFUSAL_SECONDS)
    else:
        why = {"error": exc} if problem.type in _OF_POSTGRES else {}
        observe(Kind.HTTP_REFUSED, **facts, **why)
    return problem.response()


async def _without_slash(services: Services, request: web.Request) -> web.Response | None:
    """A permanent redirect to the same URL without its trailing slashes, if something is served there."""
    path = request.rel_url.raw_path
    stripped = path.rstrip("/")
    if stripped == path or not stripped.startswith("/") or stripped.startswith("//"):
        return None
    target = request.rel_url.with_path(stripped, encoded=True, keep_query=True)
    match = await request.app.router.resolve(request.clone(rel_url=target))
    if match.http_exception is not None and match.http_exception.status == 404:
        return None
    location = services.links.absolute(request, target.raw_path_qs)
    return web.Response(status=308, headers={**COMMON, "Location": location, "Cache-Control": "no-cache"})


@lru_cache(maxsize=1024)
def _durations(route: str, method: str, status: int) -> Durations:
    """The label's values are bounded: a client's method names are not."""
    known = method if method in ("GET", "HEAD", "OPTIONS") else "other"
    return HTTP_SECONDS.labels(route, known, str(status))
