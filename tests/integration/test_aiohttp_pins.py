"""The corners of aiohttp that are not its public interface, and that connections, listening and responses build on.

Each is held against the installed aiohttp, by its name and by what it does on a real socket. What fails here after an
upgrade says what has changed, and which of our modules has to follow; pyproject.toml has the bound to raise then.
"""

import ast
import asyncio
import inspect
import tomllib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion10

from tests.paths import ROOT
from tests.waiting import DEADLINE_S, until

HTTP = ROOT / "ibconnect" / "http"
CONNECTIONS, LISTENING, PIPELINE, RESPONSES = (
    f"ibconnect/http/server/{name}.py" for name in ("connections", "listening", "pipeline", "responses")
)
# What is private there, which class has it, which module of ours uses it.
PRIVATE: tuple[tuple[str, type, str], ...] = (
    ("_request_in_progress", web.RequestHandler, CONNECTIONS),
    ("_request_count", web.RequestHandler, CONNECTIONS),
    ("_waiter", web.RequestHandler, CONNECTIONS),
    ("_next_keepalive_close_time", web.RequestHandler, CONNECTIONS),
    ("_logging_enabled", web.RequestHandler, CONNECTIONS),
    ("_loop", web.RequestHandler, CONNECTIONS),
    ("_loop", web.Server, CONNECTIONS),
    ("_kwargs", web.Server, CONNECTIONS),
    ("_kwargs", web.AppRunner, CONNECTIONS),
    ("_make_server", web.AppRunner, CONNECTIONS),
    ("_runner", web.BaseSite, LISTENING),
    ("_server", web.BaseSite, LISTENING),
    ("_cache", web.BaseRequest, PIPELINE),
)
# What we call or override, and the parameters that it is given by name or has to take.
CALLED: dict[str, tuple[Callable[..., Any], str, set[str]]] = {
    "RequestHandler": (
        web.RequestHandler.__init__,
        CONNECTIONS,
        {"manager", "loop", "keepalive_timeout", "lingering_time", "max_line_size", "max_field_size", "max_headers"},
    ),
    "handle_error": (web.RequestHandler.handle_error, CONNECTIONS, {"request", "status", "exc", "message"}),
    "log_access": (web.RequestHandler.log_access, CONNECTIONS, {"request", "response", "time"}),
    "force_close": (web.RequestHandler.force_close, CONNECTIONS, {"self"}),
    "Server": (web.Server.__init__, CONNECTIONS, {"handler", "request_factory"}),
    "AppRunner": (web.AppRunner.__init__, CONNECTIONS, {"app", "access_log_class"}),
    "BaseSite": (web.BaseSite.__init__, LISTENING, {"runner"}),
    "prepare": (web.StreamResponse.prepare, RESPONSES, {"request"}),
    "write_eof": (web.StreamResponse.write_eof, RESPONSES, {"data"}),
}


def changed(what: str, module: str) -> str:
    """What a failure says."""
    return f"aiohttp {aiohttp.__version__}: {what}. Look at {module}, which builds on it, then at the bound on aiohttp"


@pytest.mark.parametrize(("name", "owner", "module"), PRIVATE)
def test_what_is_private_is_there(name: str, owner: type, module: str) -> None:
    known = {each for kind in owner.__mro__ for each in (*vars(kind), *getattr(kind, "__slots__", ()))}
    if name not in known:
        source = "".join(inspect.getsource(kind) for kind in owner.__mro__ if kind.__module__.startswith("aiohttp"))
        assert f"self.{name}" in source, changed(f"{owner.__name__} has no {name} any more", module)


@pytest.mark.parametrize("name", CALLED)
def test_what_is_called_takes_what_it_is_given(name: str) -> None:
    function, module, wanted = CALLED[name]
    parameters = inspect.signature(function).parameters
    missing = wanted - set(parameters)
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        missing -= {"access_log_class"}
    assert not missing, changed(f"{name} does not take {', '.join(sorted(missing))}", module)


def test_nothing_else_of_it_that_is_private_is_used() -> None:
    """A private name of ours is made in the file that uses it; one that is not is somebody else's."""
    unpinned: dict[str, set[str]] = {}
    for path in HTTP.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
        own = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
        own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        own |= {
            node.target.id for node in nodes if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        module = str(path.relative_to(ROOT))
        used = {node.attr for node in attributes if node.attr.startswith("_") and not node.attr.startswith("__")}
        pinned = {name for name, _, where in PRIVATE if where == module}
        assert pinned <= used | own, f"{module} does not use {pinned - used - own} any more: it need not be pinned"
        if left := used - own - pinned - {"_fields", "_asdict", "_replace", "_make"}:
            unpinned[module] = left
    assert unpinned == {}, "pin them here, with what they do"


def test_the_bound_holds_the_version_that_is_tested() -> None:
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (bound,) = [each for each in requirements if each.startswith("aiohttp>")]
    upper = bound.partition(",<")[2]
    assert upper, f"{bound}: what is private may change in any release, so there has to be an upper bound"
    assert tuple(map(int, aiohttp.__version__.split(".")[:2])) < tuple(map(int, upper.split(".")))


class Recorded(web.RequestHandler):
    """A connection that notes what it was asked to do."""

    __slots__ = ("errors", "logged", "received")

    def __init__(self, manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._logging_enabled = True
        self.logged: list[tuple[int, float | None]] = []
        self.errors: list[int] = []
        self.received = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.received += len(data)

    def log_access(self, request: web.BaseRequest, response: web.StreamResponse, time: float | None) -> None:
        self.logged.append((request.writer.output_size, time))

    def handle_error(self, request: web.BaseRequest, status: int = 500, *rest: Any) -> web.StreamResponse:
        self.errors.append(status)
        return super().handle_error(request, status, *rest)


class Prepared(web.StreamResponse):
    """A response that sends itself, as ours do."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []

    @property
    def keep_alive(self) -> bool:
        self.called.append("keep_alive")
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        self.called.append("prepare")
        await request.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        self.called.append("write_eof")


Handler = Callable[[web.BaseRequest], Coroutine[Any, Any, web.StreamResponse]]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Line:
    """A client, and the connection that answers it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Recorded) -> None:
        self.reader, self.writer, self.connection = reader, writer, connection

    async def answer(self) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return head + await self.reader.readexactly(size)


@asynccontextmanager
async def line(handler: Handler) -> AsyncIterator[Line]:
    loop, made = asyncio.get_running_loop(), list[Recorded]()
    server = web.Server(handler)

    def connection() -> Recorded:
        made.append(Recorded(server, loop=loop, keepalive_timeout=75.0, max_line_size=100))
        return made[-1]

    listening = await loop.create_server(connection, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    try:
        await until(lambda: made and made[0].transport is not None, "the connection is made")
        yield Line(reader, writer, made[0])
    finally:
        writer.close()
        listening.close()
        await server.shutdown(1.0)


async def test_a_connection_shows_whether_it_waits_or_works() -> None:
    going, began = asyncio.Event(), asyncio.Event()

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        began.set()
        await going.wait()
        return web.Response(text="hi")

    async with line(handler) as client:
        connection, what = client.connection, "how a connection shows that it waits or works is another"
        await until(lambda: connection._waiter is not None, changed(what, CONNECTIONS))
        assert not connection._request_in_progress, changed(what, CONNECTIONS)
        client.writer.write(GET[:10])
        client.writer.write(GET[10:])
        async with asyncio.timeout(DEADLINE_S):
            await began.wait()
        assert (connection._request_in_progress, connection._request_count) == (True, 1), changed(what, CONNECTIONS)
        assert connection._waiter is None or connection._waiter.done(), changed(what, CONNECTIONS)
        going.set()
        await client.answer()
        await until(lambda: connection._waiter is not None and not connection._waiter.done(), what)
        later = connection._next_keepalive_close_time > connection._loop.time()
        assert later, changed("the end of an idle connection is another", CONNECTIONS)


async def test_half_a_head_is_no_request_and_a_whole_one_is() -> None:
    async with line(lambda _: _prepared(Prepared())) as client:
        seen = [client.connection._request_count]
        for part, answers in ((GET[:10], False), (GET[10:] + GET[:3], True)):
            end = client.connection.received + len(part)
            client.writer.write(part)
            await until(lambda end=end: client.connection.received == end, "it has come")
            if answers:
                await client.answer()
            seen.append(client.connection._request_count)
        assert seen == [0, 0, 1], changed("requests are counted at another time", CONNECTIONS)


async def _prepared(response: Prepared) -> web.StreamResponse:
    return response


async def test_a_response_that_sends_itself_is_let_do_so_and_its_connection_kept() -> None:
    responses: list[Prepared] = []

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        responses.append(Prepared())
        return responses[-1]

    async with line(handler) as client:
        for number in range(2):
            client.writer.write(GET)
            assert (await client.answer()).endswith(b"hi")
            await until(lambda number=number: len(client.connection.logged) == number + 1, "it is logged")
        await until(lambda: len(responses[1].called) == 3, "the connection goes on")
        for response in responses:
            assert response.called == ["prepare", "write_eof", "keep_alive"], changed(
                f"a response is sent by {response.called}", RESPONSES
            )
        for size, began in client.connection.logged:
            assert size > 0, changed("what was sent is not counted in writer.output_size", CONNECTIONS)
            assert began is not None, changed("the time at which a request began is not taken", CONNECTIONS)


@pytest.mark.parametrize(("sent", "status"), [(GET, 500), (b"no HTTP at all\r\n\r\n", 400)])
async def test_what_is_no_http_and_what_fails_comes_to_handle_error(sent: bytes, status: int) -> None:
    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        raise LookupError("of the handler")

    async with line(handler) as client:
        client.writer.write(sent)
        await client.answer()
        assert client.connection.errors == [status], changed("errors come to another method", CONNECTIONS)


async def test_the_version_of_an_answer_is_that_which_the_request_has_in_its_cache() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        request._cache["version"] = HttpVersion10
        return web.Response(text="hi")

    async with line(handler) as client:
        client.writer.write(GET)
        answer = await client.answer()
        assert answer.startswith(b"HTTP/1.0 200"), changed("the version of an answer comes from elsewhere", PIPELINE)


async def test_a_runner_makes_its_server_by_a_method_and_a_site_closes_what_it_holds() -> None:
    closed: list[str] = []

    class Held:
        sockets = ()

        def close(self) -> None:
            closed.append("closed")

    class Site(web.BaseSite):
        @property
        def name(self) -> str:
            return "http://nowhere"

        async def start(self) -> None:
            await super().start()
            assert self._runner.server is ours, changed("a runner's server is another", LISTENING)
            self._server = Held()  # type: ignore[assignment]

    class Runner(web.AppRunner):
        async def _make_server(self) -> web.Server:
            made = await super()._make_server()
            assert made.request_handler, changed("a server has no request_handler", CONNECTIONS)
            assert made.request_factory, changed("a server has no request_factory", CONNECTIONS)
            assert set(self._kwargs) >= {"access_log_class", "keepalive_timeout"}, changed("settings", CONNECTIONS)
            return ours

    ours = web.Server(lambda _: _prepared(Prepared()))
    runner = Runner(web.Application(), keepalive_timeout=1.0)
    await runner.setup()
    await Site(runner).start()
    assert runner.addresses == [], changed("a runner's addresses are not of its sites' sockets", LISTENING)
    await runner.cleanup()
    assert closed == ["closed"], changed("a site does not close its server", LISTENING)
