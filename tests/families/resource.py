"""The families of accounts, as IB groups them: ``GET /v1/families``.

In: the tables of the report ``families``. Out: for each account its family. A toy: tests copy this file to
``ibconnect/http/resources/families.py`` and add it to the registry, which is all that a new resource needs.
"""

from typing import Self

import orjson
from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.http.openapi.schemas import ACCOUNT_CODE, TEXT, list_of, object_of
from ibconnect.http.openapi.shared import IF_NONE_MATCH, NOT_MODIFIED
from ibconnect.http.server import db
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import Call
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Problem, ProblemType
from ibconnect.http.server.resource import Answer, Resource, Route, Tag
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.services import Part, Services
from ibconnect.http.server.tokens import Right

_SQL = queries("http/families")
UNKNOWN_FAMILY = ProblemType("unknown-family", 404, "There is no such family", may_be_swap=True)


class Answered(Part):
    """How often it was asked for."""

    def __init__(self) -> None:
        self.times = 0

    @classmethod
    def made(cls, services: Services) -> Self:
        """Not yet."""
        return cls()


async def list_families(call: Call) -> web.StreamResponse:
    """The accounts that the token may see, by code, each with its family."""
    call.services.part(Answered).times += 1
    visible, family = call.principal.accounts, call.arguments["family"]
    asked = {"codes": None if visible is None else sorted(visible), "family": family}
    found = await db.rows(call.services.pool, _SQL["list_families"], asked)
    if not found and family is not None:
        raise Problem(UNKNOWN_FAMILY, f"no account is in a family {family!r}")
    body = orjson.dumps([{"AccountCode": code, "FamilyCode": name} for code, name in found])
    return CachedResponse(body, JSON, "private, no-cache").response(call.request)


RESOURCE = Resource(
    routes=(
        Route(
            path="/v1/families",
            name="listFamilies",
            handler=list_families,
            tag=Tag("Families", "Accounts as IB groups them."),
            right=Right.READ,
            summary="The families",
            description="Every account that is in a family, by code.",
            parameters=(
                Parameter("family", "query", kinds.pattern("^F[0-9]{1,9}$", "a family's code"), "One family", "F1"),
                IF_NONE_MATCH,
            ),
            answers={200: Answer("The families", {JSON: "FamilyList"}, ("ETag",)), 304: NOT_MODIFIED},
            problems=(UNKNOWN_FAMILY,),
            reports=("families",),
        ),
    ),
    schemas={
        "Family": object_of("An account in a family", {"AccountCode": ACCOUNT_CODE, "FamilyCode": TEXT}),
        "FamilyList": list_of("By account", "Family"),
    },
    parts=(Answered,),
)
