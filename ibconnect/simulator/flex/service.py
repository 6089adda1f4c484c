"""The simulated Flex Web Service: SendRequest and GetStatement, version 3, on one HTTP port.

In: HTTP requests, a :class:`Source` of statements, saved queries and options. Out: what IBKR's service answers, with
its errors (status 200, an XML that says no), its pace and its delays, and faults on command. Called by the command line
and by tests: ``async with FlexService(source) as flex: flex.url``.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self

from aiohttp import web

from ibconnect.errors import SimulatorError
from ibconnect.simulator.flex.codes import accepted, refusal
from ibconnect.simulator.flex.documents import document
from ibconnect.simulator.flex.faults import GET, SEND, XML, Exchange, Fault
from ibconnect.simulator.flex.options import FlexOptions
from ibconnect.simulator.flex.queries import DEFAULT_QUERIES, PERIODS, Query

PATH = "/AccountManagement/FlexWebService"
LONGEST_WINDOW = 365
_A_SECOND, _A_MINUTE, _A_MINUTE_MOST = 0.95, 60.0, 10
_PATIENCE_S = 5.0
_MOST_KEPT = 20
_FORBIDDEN = "<html><body><h1>403 Forbidden</h1></body></html>\n"


class Source(Protocol):
    """Where statements come from."""

    def now(self) -> datetime:
        """The moment in the zone in which statements print moments."""
        ...

    def span(self, query: Query) -> tuple[date, date] | None:
        """The first and the last day of which there is a statement; None if there is none."""
        ...

    def prepare(self) -> None:
        """Take note of what may change while a statement is being made; called in the event loop."""
        ...

    def statements(self, first: date, last: date, query: Query, is_nightly: bool) -> Sequence[str]:
        """The FlexStatement elements of these days; called in a thread of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came: when (the loop's clock), what for, and what it was told (0: what it wanted)."""

    at: float
    path: str
    query: str
    code: int


@dataclass(slots=True)
class _Making:
    """A statement that has been asked for."""

    work: "asyncio.Task[str]"
    began: float
    tries: int = 0


@dataclass(slots=True)
class _Refused(Exception):
    code: int


@dataclass(slots=True)
class _Window:
    first: date
    last: date
    query: Query = field(repr=False)


class FlexService:
    """See the module; an asynchronous context manager. ``options`` are the fields of :class:`FlexOptions`.

    Raises :class:`SimulatorError` if the port cannot be had.
    """

    def __init__(
        self,
        source: Source,
        host: str = "127.0.0.1",
        port: int = 0,
        queries: Iterable[Query] = (),
        **options: Any,
    ) -> None:
        self.source = source
        self.host = host
        self.port = port
        self.queries = {query.id: query for query in (tuple(queries) or DEFAULT_QUERIES)}
        self.options = FlexOptions(**options)
        self.asked: list[Asked] = []
        """Every request that came, oldest first."""
        self.faults: list[Fault] = []
        self._makings: dict[str, _Making] = {}
        self._count = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """What ``FLEX_URL`` has to be."""
        return f"http://{self.host}:{self.port}{PATH}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get(f"{PATH}/SendRequest", self._send)
        app.router.add_get(f"{PATH}/GetStatement", self._get)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        try:
            await site.start()
        except OSError as exc:
            await self._runner.cleanup()
            raise SimulatorError(f"cannot listen on {self.host}:{self.port}: {exc.strerror}") from exc
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        works = [making.work for making in self._makings.values()]
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    def inject(self, fault: str, /, **params: Any) -> None:
        """Let a fault of ``faults.FAULTS`` happen. Raises :class:`SimulatorError` if it or a parameter is not known."""
        self.faults.append(Fault.named(fault, params))

    def clear_faults(self) -> None:
        """Forget every fault that is armed."""
        self.faults.clear()

    # Requests.

    async def _send(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, SEND)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, GET)

    async def _answer(self, request: web.Request, on: str) -> web.StreamResponse:
        now, code = asyncio.get_running_loop().time(), 0
        fault = next((fault for fault in self.faults if fault.takes(on)), None)
        try:
            self._check(request, now)
            text = self._ordered(request, now) if on == SEND else await self._made(request, now)
        except _Refused as exc:
            code, text = exc.code, refusal(exc.code, self.source.now())
        self.asked.append(Asked(now, request.path, request.query_string, code))
        if fault is not None:
            return await fault.kind.act(Exchange(request, text, self.source.now(), fault.params))
        if code == _NO_AGENT:
            return web.Response(text=_FORBIDDEN, content_type="text/html", status=_NO_AGENT)
        return web.Response(text=text, content_type=XML)

    def _check(self, request: web.Request, now: float) -> None:
        """What both requests have to have, and the pace that they must keep."""
        if not request.headers.get("User-Agent"):
            raise _Refused(_NO_AGENT)
        if request.query.get("v") != "3" or not request.query.get("q"):
            raise _Refused(1020)
        if request.query.get("t") != self.options.token:
            raise _Refused(1015)
        if self.options.pacing:
            recent = [asked.at for asked in self.asked if asked.at > now - _A_MINUTE]
            if len(recent) >= _A_MINUTE_MOST or any(at > now - _A_SECOND for at in recent):
                raise _Refused(1018)

    def _ordered(self, request: web.Request, now: float) -> str:
        window = self._window(request)
        self._count += 1
        reference = f"{4_000_000_000 + self._count}"
        self.source.prepare()
        work = asyncio.get_running_loop().create_task(asyncio.to_thread(self._make, window))
        self._makings[reference] = _Making(work, now)
        for old in list(self._makings)[:-_MOST_KEPT]:
            if self._makings[old].work.done():
                del self._makings[old]
        return accepted(reference, f"http://{request.host}{PATH}/GetStatement", self.source.now())

    def _window(self, request: web.Request) -> _Window:
        query = self.queries.get(request.query["q"])
        if query is None:
            raise _Refused(1014)
        span = self.source.span(query)
        if span is None:
            raise _Refused(1003)
        first, last = self._asked_for(request, query, span[1])
        if last < first or (last - first).days >= LONGEST_WINDOW:
            raise _Refused(1020)
        first, last = max(first, span[0]), min(last, span[1])
        if last < first:
            raise _Refused(1003)
        return _Window(first, last, query)

    def _asked_for(self, request: web.Request, query: Query, newest: date) -> tuple[date, date]:
        """The days that a request names, by ``fd`` and ``td``, by ``p``, or by its query."""
        begin, end, days = (request.query.get(name) for name in ("fd", "td", "p"))
        if begin is not None or end is not None:
            return _day(begin), _day(end)
        if days is not None:
            if not days.isdecimal() or not 1 <= int(days) <= LONGEST_WINDOW:
                raise _Refused(1020)
            return newest - timedelta(days=int(days) - 1), newest
        length = 1 if self.options.one_day else PERIODS[query.period]
        return newest - timedelta(days=length - 1), newest

    def _make(self, window: _Window) -> str:
        is_nightly = self.options.stamp == "night"
        made = self.source.statements(window.first, window.last, window.query, is_nightly)
        return document([text for text in made for _ in range(window.query.repeat)], window.query)

    async def _made(self, request: web.Request, now: float) -> str:
        making = self._makings.get(request.query["q"])
        if making is None:
            raise _Refused(1017)
        making.tries += 1
        if making.tries <= self.options.slow_tries or now - making.began < self.options.slow_seconds:
            raise _Refused(1019)
        await asyncio.wait((making.work,), timeout=_PATIENCE_S)
        if not making.work.done():
            raise _Refused(1019)
        return making.work.result()


_NO_AGENT = 403


def _day(text: str | None) -> date:
    try:
        parsed = time.strptime(text or "", "%Y%m%d")
    except ValueError:
        raise _Refused(1020) from None
    return date(parsed.tm_year, parsed.tm_mon, parsed.tm_mday)
