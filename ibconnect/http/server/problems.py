"""What can go wrong with a request: a table of problem types, rendered as RFC 9457 problem documents.

In: a :class:`Problem` raised anywhere in this room, or a driver's exception through :func:`problem_of`. Out: a
response ``application/problem+json`` with type, title, status, detail and error_id. The detail of a 500 says
nothing of the exception.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

import orjson
import psycopg
from aiohttp import web
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from ibconnect.errors import IbConnectError
from ibconnect.http.server.limits import RETRY_AFTER_SECONDS
from ibconnect.http.server.negotiation import COMMON

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:ibconnect:problem:"
ERROR_ID = web.ResponseKey("error_id", str)


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem: the stable end of ``type``, the status, the title. None is renamed or used for something else.

    ``may_be_swap``: it also shows when tables of another version were swapped in meanwhile: columns or types that are
    not known, rows that are not there.
    """

    code: str
    status: int
    title: str
    may_be_swap: bool = False


class Code(ProblemType, Enum):
    """What any route may answer. Resources that have problems of their own make a :class:`ProblemType` for each."""

    BAD_REQUEST = "bad-request", 400, "The request is not valid HTTP"
    BAD_HOST = "bad-host", 400, "The Host header is not a plain host and port"
    INVALID_PARAMETER = "invalid-parameter", 400, "A parameter is not valid"
    UNKNOWN_PARAMETER = "unknown-parameter", 400, "A parameter is not known here"
    TOKEN_MISSING = "token-missing", 401, "A bearer token is needed"
    TOKEN_REFUSED = "token-refused", 401, "The bearer token is not valid"
    SESSION_ENDED = "session-ended", 401, "The session has ended"
    ORIGIN_REFUSED = "origin-refused", 403, "Pages of this origin may not read here"
    RIGHT_MISSING = "right-missing", 403, "The bearer token is not for this"
    UNKNOWN_PATH = "unknown-path", 404, "There is nothing at this path"
    UNKNOWN_ACCOUNT = "unknown-account", 404, "There is no such account"
    UNKNOWN_GATEWAY = "unknown-gateway", 404, "There is no such gateway"
    METHOD_NOT_ALLOWED = "method-not-allowed", 405, "The method is not allowed here"
    NOT_ACCEPTABLE = "not-acceptable", 406, "No acceptable media type is available"
    BODY_TOO_SLOW = "body-too-slow", 408, "The request's body did not come in time"
    BODY_TOO_LARGE = "body-too-large", 413, "The request's body is too large"
    UNSUPPORTED_MEDIA = "unsupported-media", 415, "The request's body is of a media type that is not taken"
    HEAD_TOO_LARGE = "head-too-large", 431, "The request line or a header is too long"
    MISDIRECTED = "misdirected", 421, "The request was meant for another host"
    TOO_MANY_TRIES = "too-many-tries", 429, "Too many requests without a valid token"
    TOO_MANY_OF_TOKEN = "too-many-of-token", 429, "This token has too much under way"
    INTERNAL = "internal", 500, "The server failed", True
    NO_GATEWAY = "no-gateway", 503, "No gateway is connected"
    DATABASE_UNAVAILABLE = "database-unavailable", 503, "The database is not available"
    NOT_READY = "not-ready", 503, "The snapshot tables are not there yet", True
    REBUILDING = "rebuilding", 503, "The snapshot tables are being rebuilt"
    TOO_MANY_STREAMS = "too-many-streams", 503, "Too many live streams are open"
    TOO_MANY_SCANS = "too-many-scans", 503, "Too many searches of events are open"
    REFRESH_TIMEOUT = "refresh-timeout", 504, "The refresh did not end in time"
    QUERY_TIMEOUT = "query-timeout", 504, "The database did not answer in time"


class Problem(IbConnectError):
    """A request cannot be answered as asked.

    :param problem_type: what kind of problem it is
    :param detail: what is wrong with this request, fit for its sender
    :param headers: further headers of the response
    :param logged: what the log says in the place of ``detail``
    :param more: further members of the document, for programs
    """

    def __init__(
        self,
        problem_type: ProblemType,
        detail: str,
        headers: dict[str, str] | None = None,
        *,
        logged: str = "",
        more: Mapping[str, list[str]] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.type = problem_type
        self.detail = detail
        self._logged = logged or detail
        self.headers = headers or {}
        self.more = more
        self.error_id = secrets.token_hex(8)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.type.status

    def body(self, details: str | None = None) -> bytes:
        """The problem document; ``details`` is added if given (only with ``ERR_INFO``)."""
        document: dict[str, str | int | list[str]] = {
            "type": f"{TYPE_PREFIX}{self.type.code}",
            "title": self.type.title,
            "status": self.status,
            "detail": self.detail,
            "error_id": self.error_id,
            **self.more,
        }
        if details is not None:
            document["details"] = details
        return orjson.dumps(document)

    def facts(self) -> dict[str, str | int]:
        """What the log says of it: what the response says, as a rule all of it."""
        return {"status": self.status, "code": self.type.code, "detail": self._logged, "error_id": self.error_id}

    def response(self, details: str | None = None) -> web.Response:
        """The response that says it."""
        headers = {**COMMON, "Cache-Control": "no-store", "Content-Type": MEDIA_TYPE, **self.headers}
        if self.status in (503, 504):
            headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
        response = web.Response(status=self.status, body=self.body(details), headers=headers)
        response[ERROR_ID] = self.error_id
        return response


def invalid(name: str, why: str) -> Problem:
    """A 400 that names the parameter and what is right."""
    return Problem(Code.INVALID_PARAMETER, f"{name}: {why}")


def failure() -> Problem:
    """A 500, which says nothing of why."""
    return Problem(Code.INTERNAL, "the log tells more under this error_id")


# What other exceptions amount to; the first row that fits counts.
_FORESEEN: tuple[tuple[tuple[type[Exception], ...], Code, str], ...] = (
    ((web.HTTPNotFound,), Code.UNKNOWN_PATH, "the paths are listed in /v1/openapi.json and on /docs"),
    ((web.HTTPRequestEntityTooLarge,), Code.BODY_TOO_LARGE, "no route here needs a body"),
    ((web.HTTPForbidden,), Code.ORIGIN_REFUSED, "the origin or what it wants to send is not among CORS_ORIGINS"),
    ((web.HTTPClientError,), Code.BAD_REQUEST, "this is not a request that can be understood"),
    ((psycopg.errors.QueryCanceled, TimeoutError), Code.QUERY_TIMEOUT, "ask for less, or try again later"),
    (
        (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName),
        Code.NOT_READY,
        "the tables are being created; try again soon",
    ),
    (
        (psycopg.OperationalError, PoolTimeout, PoolClosed, TooManyRequests),
        Code.DATABASE_UNAVAILABLE,
        "Postgres cannot be reached; try again soon",
    ),
)


def problem_of(exc: Exception) -> Problem:
    """The problem that an exception amounts to; whatever is not foreseen is a 500 that says nothing."""
    if isinstance(exc, Problem):
        return exc
    if isinstance(exc, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(exc.allowed_methods))
        return Problem(Code.METHOD_NOT_ALLOWED, f"allowed: {allowed}", {"Allow": allowed})
    for kinds, code, detail in _FORESEEN:
        if isinstance(exc, kinds):
            return Problem(code, detail)
    return failure()
