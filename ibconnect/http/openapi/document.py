"""The OpenAPI 3.1 document, made of the table of routes that also routes and validates requests."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from ibconnect.http.openapi.examples import EXAMPLES
from ibconnect.http.openapi.schemas import SCHEMAS
from ibconnect.http.server.call import Answer, Route
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import MEDIA_TYPE, Code
from ibconnect.http.server.tokens import Right

Document = dict[str, Any]

_TAGS = {
    "Accounts": "Accounts and their reports: what IB said of an account at one time.",
    "History": "The same figures over time.",
    "Recorder": "What was recorded, and by whom.",
    "Service": "This program itself.",
}
_HEADERS: dict[str, Document] = {
    "ETag": {"description": "Names these bytes, for If-None-Match", "schema": {"type": "string"}},
    "Link": {"description": 'The next page: <URL>; rel="next"', "schema": {"type": "string"}},
    "Location": {"description": "Absolute URL of the report", "schema": {"type": "string", "format": "uri"}},
    "Refresh-Incomplete": {
        "description": "`<gateway>; <why>`, one for each that could not give newer figures",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait before asking again", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}},
}
_GUARDED = (
    Code.TOKEN_MISSING,
    Code.TOKEN_REFUSED,
    Code.RIGHT_MISSING,
    Code.ORIGIN_REFUSED,
    Code.MISDIRECTED,
    Code.TOO_MANY_TRIES,
    Code.TOO_MANY_OF_TOKEN,
)
# A parser may refuse any request, and a request that passes it may still ask what no route offers.
_EVERYWHERE = (
    Code.BAD_REQUEST,
    Code.BAD_HOST,
    Code.UNKNOWN_PARAMETER,
    Code.METHOD_NOT_ALLOWED,
    Code.NOT_ACCEPTABLE,
    Code.HEAD_TOO_LARGE,
    Code.INTERNAL,
)
_FROM_DATABASE = (Code.DATABASE_UNAVAILABLE, Code.NOT_READY, Code.QUERY_TIMEOUT)


def make_document(routes: Iterable[Route], server: str = "/") -> Document:
    """The document for a table of routes; ``server``: the URL that their paths belong to."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "IB Connect",
            "version": version("ibconnect"),
            "description": "A durable, event-sourced history of Interactive Brokers accounts.",
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "servers": [{"url": server}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": {route.path: {"get": _operation(route)} for route in sorted(routes, key=lambda route: route.path)},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": (
                        "One of API_TOKENS, with the right that the operation names; without any configured, requests "
                        f"from this machine need none. Rights: {', '.join(Right)}."
                    ),
                }
            },
        },
        "security": [{"token": []}, {}],
    }


def _operation(route: Route) -> Document:
    operation = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": route.description,
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": _responses(route),
    }
    return {**operation, "security": [] if route.right is None else [{"token": [route.right.value]}, {}]}


def _parameter(parameter: Parameter) -> Document:
    schema = parameter.kind.schema
    if parameter.repeated:
        schema = {"type": "array", "items": schema, "maxItems": parameter.repeated}
        if parameter.required:
            schema["minItems"] = 1
    elif parameter.default is not None:
        schema = {**schema, "default": parameter.default}
    described: Document = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": schema,
    }
    return described if parameter.example is None else {**described, "example": parameter.example}


def problems_of(route: Route) -> list[Code]:
    """Every problem that the route may answer with."""
    codes = [*_EVERYWHERE, *route.problems, *([Code.REBUILDING] if route.reads_tables else [])]
    if route.parameters:
        codes.append(Code.INVALID_PARAMETER)
    if not route.is_open:
        codes += [*_GUARDED, *_FROM_DATABASE]
    return codes


def _responses(route: Route) -> Document:
    responses = {str(status): _answer(route, status, answer) for status, answer in route.answers.items()}
    for status in sorted({code.value.status for code in problems_of(route)}):
        titles = [code.value.title for code in problems_of(route) if code.value.status == status]
        responses.setdefault(str(status), _problem(status, "; ".join(dict.fromkeys(titles))))
    return dict(sorted(responses.items()))


def _answer(route: Route, status: int, answer: Answer) -> Document:
    described: Document = {"description": answer.description}
    if answer.headers:
        described["headers"] = {name: _HEADERS[name] for name in answer.headers}
    if answer.schemas:
        described["content"] = {
            media: _content(schema, EXAMPLES.get((route.name, status, media)))
            for media, schema in answer.schemas.items()
        }
    return described


def _content(schema: str, example: Any) -> Document:
    content: Document = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return content if example is None else {**content, "example": example}


def _problem(status: int, titles: str) -> Document:
    headers = {
        401: ("WWW-Authenticate",),
        403: ("WWW-Authenticate",),
        429: ("Retry-After",),
        503: ("Retry-After",),
        504: ("Retry-After",),
    }
    described: Document = {
        "description": titles,
        "content": {MEDIA_TYPE: _content("Problem", EXAMPLES.get(("problem", status, MEDIA_TYPE)))},
    }
    if status in headers:
        described["headers"] = {name: _HEADERS[name] for name in headers[status]}
    return described
