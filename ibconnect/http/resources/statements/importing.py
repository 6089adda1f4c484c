"""One more statement to record: received into a file, checked, recorded, and only then answered.

In: calls whose requests bring a document. Out: what it is, with where it is found from now on, or why it is refused.
Called by the pipeline, for the route of :mod:`ibconnect.http.resources.statements.resource`. This is the one place of
HTTP that adds events, through :mod:`ibconnect.statements.recording`.
"""

import asyncio
from pathlib import Path
from typing import IO, Self

import orjson
from aiohttp import web

from ibconnect.errors import DatabaseUnavailable, StatementRefused
from ibconnect.http.resources.statements.handlers import document_of, stored
from ibconnect.http.server.bodies import received
from ibconnect.http.server.call import Call
from ibconnect.http.server.limits import IMPORT_PATIENCE_SECONDS, IMPORTS_AT_ONCE, STATEMENT_BYTES
from ibconnect.http.server.negotiation import COMMON, JSON
from ibconnect.http.server.problems import Code, Problem, ProblemType
from ibconnect.http.server.resource import Body
from ibconnect.http.server.services import Part, Services
from ibconnect.statements.document import Document, place_for_large
from ibconnect.statements.recording import Origin, Recorded, Recorder

REFUSED = ProblemType("statement-refused", 422, "This is no statement that can be recorded")
BODY = Body(
    f"A Flex statement as IBKR gave it: XML, at most {STATEMENT_BYTES >> 20} MiB; with `Content-Encoding: gzip` "
    "compressed. `text/xml` and `application/xml` are taken as well.",
    ("application/octet-stream", "text/xml", "application/xml"),
    STATEMENT_BYTES,
)
_PIECE = 1 << 20


class Imports(Part):
    """How many are received and recorded at once."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(IMPORTS_AT_ONCE)

    @classmethod
    def made(cls, services: Services) -> Self:
        """One for an application."""
        return cls()


async def import_statement(call: Call) -> web.StreamResponse:
    """Record a document: 201 if it is new, 200 if it was recorded before."""
    services, principal = call.services, call.principal
    directory = await asyncio.to_thread(place_for_large, services.config.data_dir)
    origin = Origin(
        source="http", name=call.arguments["name"] or "", by="" if principal.name == "-" else principal.name
    )
    async with services.part(Imports).turns, received(call.request, BODY, directory) as file:
        try:
            work = asyncio.to_thread(_record, services.config.db_url, file, directory, origin, principal.accounts)
            recorded = await asyncio.shield(asyncio.ensure_future(work))
        except StatementRefused as exc:
            raise Problem(REFUSED, str(exc)) from exc
        except DatabaseUnavailable as exc:
            detail = "Postgres does not take it now: it is not recorded, send it again"
            raise Problem(Code.DATABASE_UNAVAILABLE, detail) from exc
    return await _answer(call, recorded)


def _record(
    url: str, file: IO[bytes], directory: Path | None, origin: Origin, accounts: frozenset[str] | None
) -> Recorded:
    """In a thread: parse and record it."""
    with (
        Document(iter(lambda: file.read(_PIECE), b""), directory) as document,
        Recorder(url, IMPORT_PATIENCE_SECONDS) as recorder,
    ):
        if accounts is not None and not (
            document.contents.accounts and accounts.issuperset(document.contents.accounts)
        ):
            raise StatementRefused("holds statements of accounts that this token is not for")
        return recorder.record([(document, origin)])[0]


async def _answer(call: Call, recorded: Recorded) -> web.StreamResponse:
    row = await stored(call.services.writes, recorded.stream, None)
    assert row is not None, "it was recorded"
    shown = {"New": recorded.new, **orjson.loads(document_of(row))}
    location = call.absolute(f"/v1/statements/{recorded.stream}")
    return web.Response(
        status=201 if recorded.new else 200,
        body=orjson.dumps(shown),
        headers={**COMMON, "Content-Type": JSON, "Location": location, "Cache-Control": "no-store"},
    )
