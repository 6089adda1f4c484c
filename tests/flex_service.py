"""A Flex Web Service whose answers a test writes: each request is answered by the next of a list, and is noted.

In: answers. Out: a URL, and what was asked. For the faults that the simulated service of ``ibconnect simulate`` has
not, and for the client alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

TOKEN = "1234567890abcdefSECRET"
QUERY = "111222"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def xml(text: str) -> Answer:
    """An answer of status 200, as IBKR gives them."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type="text/xml")

    return answer


def status(number: int, text: str = "", **headers: str) -> Answer:
    """An answer of another status."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=number, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


def code(number: str, message: str = "Please try again shortly.", state: str = "Fail") -> Answer:
    """An error of IBKR's."""
    return xml(
        f"<FlexStatementResponse timestamp='27 November, 2026 08:00 AM EST'><Status>{state}</Status>"
        f"<ErrorCode>{number}</ErrorCode><ErrorMessage>{message}</ErrorMessage></FlexStatementResponse>"
    )


def sent(url: str = "", reference: str = "9988776655") -> Answer:
    """A statement is being made; it is handed out at the URL (by default beside the request's)."""

    async def answer(request: web.Request) -> web.StreamResponse:
        where = url or str(request.url.with_path("/flex/GetStatement").with_query(None))
        return web.Response(
            text="<FlexStatementResponse timestamp='now'><Status>Success</Status>"
            f"<ReferenceCode>{reference}</ReferenceCode><Url>{where}</Url></FlexStatementResponse>",
            content_type="text/xml",
        )

    return answer


def document(since: str = "20261125", until: str = "20261126", accounts: str = "U1000001", note: str = "") -> str:
    """A document with a statement for each of the accounts."""
    codes = [code for code in accounts.split(",") if code]
    statements = "".join(
        f'<FlexStatement accountId="{code}" fromDate="{since}" toDate="{until}" whenGenerated="{until};120000">'
        f'<ChangeInNAV accountId="{code}" fromDate="{since}" toDate="{until}" startingValue="10" endingValue="10"/>'
        "</FlexStatement>"
        for code in codes
    )
    return (
        f'<FlexQueryResponse queryName="daily{note}" type="AF"><FlexStatements count="{len(codes)}">{statements}'
        "</FlexStatements></FlexQueryResponse>\n"
    )


async def cut(request: web.Request) -> web.StreamResponse:
    """Half of a document, and the connection is ended."""
    response = web.StreamResponse(headers={"Content-Type": "text/xml", "Content-Length": "100000"})
    await response.prepare(request)
    await response.write(document().encode()[:80])
    assert request.transport is not None
    request.transport.abort()
    return response


async def hang_up(request: web.Request) -> web.StreamResponse:
    """The connection is ended without a word."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def silent(request: web.Request) -> web.StreamResponse:
    """Nothing comes until the client has gone."""
    await asyncio.Event().wait()
    return web.Response()


class Service:
    """What is answered, and what was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[Answer] = []
        self.otherwise: Answer | None = None
        """What is answered when there are no more answers."""
        self.asked: list[web.Request] = []
        self.times: list[float] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.times.append(asyncio.get_running_loop().time())
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else self.otherwise
        assert answer is not None, f"nothing more was expected: {request.path}"
        return await answer(request)

    @property
    def paths(self) -> list[str]:
        """What was asked, in order: the last part of each path."""
        return [request.path.rpartition("/")[2] for request in self.asked]


@asynccontextmanager
async def flex_service() -> AsyncIterator[Service]:
    """It listens for as long as the context lasts."""
    service = Service()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    service.url = f"http://127.0.0.1:{port}/flex"
    try:
        yield service
    finally:
        await runner.cleanup()
