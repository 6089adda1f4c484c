"""Each holder's share of the work that is under way: requests that are not answered from memory, waiting ones included.

In: a request before it is worked for. Out: it is counted, or refused with when to try again. Called by the pipeline,
and through :meth:`Shares.refused` for all that is refused because it is too much: instead of a line of the log for each
refusal there is one a minute for each holder, and all of them are counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from ibconnect.http.server.auth import Guard
from ibconnect.http.server.floods import Floods
from ibconnect.http.server.holders import HOLDER, Held, holder_of
from ibconnect.http.server.limits import REQUESTS_PER_TOKEN, RETRY_SOON_SECONDS
from ibconnect.http.server.problems import Code, Problem
from ibconnect.observe import HTTP_CROWDED_OUT, Kind

COUNTED = frozenset({Code.TOO_MANY_OF_TOKEN, Code.TOO_MANY_SCANS, Code.TOO_MANY_STREAMS, Code.TOO_MANY_TRIES})
"""What is refused because it is too much."""


class Shares:
    """Of one application."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._under_way = Held()
        self._floods = Floods(Kind.HTTP_CROWDED)

    @contextmanager
    def work_for(self, request: web.BaseRequest) -> Iterator[None]:
        """Work for the request's holder while the context lasts.

        :raises Problem: he has as many requests under way as one may
        """
        holder = holder_of(self._guard, request)
        if self._under_way[holder] >= REQUESTS_PER_TOKEN:
            raise Problem(
                Code.TOO_MANY_OF_TOKEN,
                f"at most {REQUESTS_PER_TOKEN} requests of one token (without tokens: of one address) are worked on at "
                "once; wait for one to be answered",
                {"Retry-After": str(RETRY_SOON_SECONDS)},
            )
        self._under_way.add(holder)
        HOLDER.set(holder)
        try:
            yield
        finally:
            self._under_way.remove(holder)

    def refused(self, request: web.BaseRequest, problem: Problem) -> None:
        """Count a refusal."""
        code = problem.type.code
        HTTP_CROWDED_OUT.labels(code).inc()
        self._floods.note(holder_of(self._guard, request), code=code, detail=problem.detail)

    def close(self) -> None:
        """Log what has not been logged."""
        self._floods.close()
