"""The routes of Flex statements as documents, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

import re
from pathlib import Path
from uuid import UUID

from ibconnect.http.openapi.schemas import list_of, row_of
from ibconnect.http.openapi.shared import (
    FORMAT,
    FROM,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    STATEMENTS,
    TO,
    TZ,
    table,
)
from ibconnect.http.resources.positions import parameters
from ibconnect.http.resources.statements.columns import COLUMNS, DOCUMENT
from ibconnect.http.resources.statements.handlers import (
    BYTES,
    TABLES,
    UNKNOWN_STATEMENT,
    Name,
    all_statements,
    content,
    one_statement,
)
from ibconnect.http.resources.statements.importing import BODY, REFUSED, Imports, import_statement
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.columns import Column, Type
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import STATEMENTS_DEFAULT, STATEMENTS_MAX
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.tokens import Right

_NAMED = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}", re.ASCII)


def _named(text: str) -> Name:
    if _NAMED.fullmatch(text) is None:
        raise ValueError(f"{text!r} is neither the id of a document nor a SHA-256, in small letters")
    return bytes.fromhex(text) if "-" not in text else UUID(text)


_ID = Parameter(
    "Id",
    "path",
    kinds.Kind({"type": "string", "pattern": f"^({_NAMED.pattern})$"}, _named),
    "The id of a document, or the SHA-256 of its bytes",
    "018cc251-f400-7c3a-9d1e-6b0a52f4e871",
    required=True,
)
_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, STATEMENTS_MAX),
    "Most statements on a page",
    STATEMENTS_DEFAULT,
    default=STATEMENTS_DEFAULT,
)
_CURSOR = Parameter("cursor", "query", kinds.integer(0, 2**63 - 1), "Where the page begins, from an earlier `Link`")
_NAME = Parameter(
    "name",
    "query",
    kinds.pattern(r"^[^\u0000-\u001f\u007f-\u009f]{1,200}$", "1 to 200 printable characters"),
    "What the document is called, such as the name of its file; it is recorded with it",
    "2026-01.xml",
)
_WHO = "A token that is limited to accounts is shown documents that hold statements of these alone."

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/statements",
        name="listStatements",
        handler=all_statements,
        tag=STATEMENTS,
        right=Right.READ,
        summary="Flex statements that are recorded",
        description=(
            "A row for each statement of a document, those imported last first. `from` and `to`: statements of which "
            "some day is within them. `Unread` and `Oddities` say what of a statement was not understood; it is "
            "recorded all the same."
        ),
        parameters=(parameters.ACCOUNTS, FROM, TO, TZ, _LIMIT, _CURSOR, FORMAT, IF_NONE_MATCH),
        answers={200: table("The statements", "StatementList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT,),
        media=TABLE,
        reports=TABLES,
    ),
    Route(
        path="/v1/statements/{Id}",
        name="getStatement",
        handler=one_statement,
        tag=STATEMENTS,
        right=Right.READ,
        summary="A document that is recorded",
        description=f"What it is, from the moment on that it is recorded. {_WHO}",
        parameters=(_ID, IF_NONE_MATCH),
        answers={200: Answer("The document", {JSON: "StatementDocument"}, ("ETag",)), 304: NOT_MODIFIED},
        problems=(UNKNOWN_STATEMENT,),
    ),
    Route(
        path="/v1/statements/{Id}/document",
        name="getStatementDocument",
        handler=content,
        tag=STATEMENTS,
        right=Right.EVENTS,
        summary="The bytes of a document",
        description=f"As they were imported, with everything that a statement says of its holder. {_WHO}",
        parameters=(_ID, IF_NONE_MATCH),
        answers={
            200: Answer("The XML", {BYTES: "Binary"}, ("ETag", "Content-Disposition")),
            304: NOT_MODIFIED,
        },
        problems=(UNKNOWN_STATEMENT,),
        media=(BYTES,),
    ),
)
IMPORT = Route(
    path="/v1/statements",
    name="importStatement",
    handler=import_statement,
    tag=STATEMENTS,
    right=Right.IMPORT,
    summary="Record a Flex statement",
    description=(
        "The document is recorded byte for byte, once: 201 with its place if it is new, 200 if the same bytes are "
        "recorded already. It is recorded when it is answered, and in the tables a moment later. One that is cut off, "
        "hostile or no statement is refused with the reason, and nothing of it is recorded; what only has unknown "
        "sections or odd values is not. A token that is limited to accounts may bring statements of these alone."
    ),
    parameters=(_NAME,),
    answers={
        200: Answer("It is recorded already", {JSON: "ImportedStatement"}, ("Location",)),
        201: Answer("It is recorded now", {JSON: "ImportedStatement"}, ("Location",)),
    },
    problems=(REFUSED,),
    body=BODY,
)

RESOURCE = Resource(
    ROUTES,
    {
        "Statement": row_of("A statement of an account", COLUMNS),
        "StatementList": list_of("Those imported last first", "Statement"),
        "StatementDocument": row_of("A document of statements", DOCUMENT),
        "ImportedStatement": row_of(
            "A document of statements that somebody has sent",
            (Column("New", Type.BOOLEAN, "Whether it was recorded now", is_nullable=False), *DOCUMENT),
        ),
    },
    Path(__file__).with_name("examples.json"),
    parts=(Imports,),
    posts=(IMPORT,),
)
