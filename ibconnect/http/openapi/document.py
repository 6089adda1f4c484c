"""The OpenAPI 3.1 document, made of the resources whose routes also route and validate requests.

In: resources. Out: the document, and which problems a route may answer with. Called by the resource that serves it, and
by tests.
"""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from ibconnect.http.openapi.examples import PROBLEMS, Examples, examples_of
from ibconnect.http.openapi.schemas import BINARY, TEXT
from ibconnect.http.openapi.schemas import problem as problem_schema
from ibconnect.http.server.negotiation import PARQUET
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import MEDIA_TYPE, Code, ProblemType
from ibconnect.http.server.resource import Answer, Body, Resource, Route
from ibconnect.http.server.tokens import Right

Document = dict[str, Any]

_HEADERS: dict[str, Document] = {
    "Content-Disposition": {
        "description": "The name of a file, if it is not JSON",
        "schema": {"type": "string"},
    },
    "Content-Range": {"description": "Which bytes of how many", "schema": {"type": "string"}},
    "ETag": {"description": "Names these bytes, for If-None-Match", "schema": {"type": "string"}},
    "Gaps": {
        "description": "How many spans of time there are of which nothing is known, in what is asked for",
        "schema": {"type": "integer"},
    },
    "Link": {"description": 'The next page: <URL>; rel="next"', "schema": {"type": "string"}},
    "Location": {"description": "Absolute URL of the report", "schema": {"type": "string", "format": "uri"}},
    "Refresh-Incomplete": {
        "description": "`<gateway>; <why>`, one for each that could not give newer figures",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait before asking again", "schema": {"type": "string"}},
    "Set-Cookie": {"description": "The session, or its end", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}},
}
_PART: Document = {
    "description": "The part of a table that a header `Range` asks for",
    "headers": {"Content-Range": _HEADERS["Content-Range"]},
}
_GUARDED = (
    Code.TOKEN_MISSING,
    Code.TOKEN_REFUSED,
    Code.SESSION_ENDED,
    Code.RIGHT_MISSING,
    Code.ORIGIN_REFUSED,
    Code.MISDIRECTED,
    Code.TOO_MANY_TRIES,
    Code.TOO_MANY_OF_TOKEN,
)
# A parser may refuse any request, and a request that passes it may still ask what no route offers.
_EVERYWHERE: tuple[ProblemType, ...] = (
    Code.BAD_REQUEST,
    Code.BAD_HOST,
    Code.UNKNOWN_PARAMETER,
    Code.METHOD_NOT_ALLOWED,
    Code.NOT_ACCEPTABLE,
    Code.HEAD_TOO_LARGE,
    Code.INTERNAL,
)
_FROM_DATABASE = (Code.DATABASE_UNAVAILABLE, Code.NOT_READY, Code.QUERY_TIMEOUT)


def make_document(resources: Iterable[Resource], server: str = "/") -> Document:
    """The document for these resources; ``server``: the URL that their paths belong to."""
    resources = tuple(resources)
    routes = [route for resource in resources for route in (*resource.routes, *resource.posts)]
    examples = examples_of([PROBLEMS, *(each.examples for each in resources if each.examples is not None)])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "IB Connect",
            "version": version("ibconnect"),
            "description": "A durable, event-sourced history of Interactive Brokers accounts.",
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "servers": [{"url": server}],
        "tags": [tag._asdict() for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": _paths(routes, examples),
        "components": {
            "schemas": _schemas(resources, problem_types(routes)),
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


def _paths(routes: Iterable[Route], examples: Examples) -> Document:
    paths: dict[str, Document] = {}
    for route in sorted(routes, key=lambda route: (route.path, route.body is not None)):
        method = "get" if route.body is None else "post"
        paths.setdefault(route.path, {})[method] = _operation(route, examples)
    return paths


def _schemas(resources: Iterable[Resource], types: Iterable[ProblemType]) -> Document:
    of_resources = {name: schema for resource in resources for name, schema in resource.schemas.items()}
    return {**of_resources, "Problem": problem_schema(types), "Text": TEXT, "Binary": BINARY}


def problem_types(routes: Iterable[Route]) -> list[ProblemType]:
    """Every type of problem there is: by status, those that any route may answer with before those of resources."""
    own = [each for route in routes for each in route.problems if not isinstance(each, Code)]
    statuses = list(dict.fromkeys(each.status for each in (*Code, *own)))
    return sorted(dict.fromkeys([*Code, *own]), key=lambda each: statuses.index(each.status))


def _operation(route: Route, examples: Examples) -> Document:
    body = {} if route.body is None else {"requestBody": _body(route.body)}
    return {
        **body,
        "operationId": route.name,
        "tags": [route.tag.name],
        "summary": route.summary,
        "description": route.description,
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": _responses(route, examples),
        "security": [] if route.is_open else [{"token": [] if route.right is None else [route.right.value]}, {}],
    }


def _body(body: Body) -> Document:
    return {
        "description": body.description,
        "required": True,
        "content": {body.media[0]: {"schema": {"$ref": f"#/components/schemas/{body.schema}"}}},
    }


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


def problems_of(route: Route) -> list[ProblemType]:
    """Every problem that the route may answer with."""
    types = [*_EVERYWHERE, *route.problems, *([Code.REBUILDING] if route.reports else [])]
    if route.parameters:
        types.append(Code.INVALID_PARAMETER)
    if route.body is not None:
        types += [Code.BODY_TOO_SLOW, Code.BODY_TOO_LARGE, Code.UNSUPPORTED_MEDIA]
    if not route.is_open:
        types += [*_GUARDED, *_FROM_DATABASE]
    return types


def _responses(route: Route, examples: Examples) -> Document:
    responses = {str(status): _answer(route, status, answer, examples) for status, answer in route.answers.items()}
    if PARQUET in route.media:
        responses["206"] = _PART
    types = problems_of(route)
    for status in sorted({each.status for each in types}):
        titles = dict.fromkeys(each.title for each in types if each.status == status)
        responses.setdefault(str(status), _problem(status, "; ".join(titles), examples))
    return dict(sorted(responses.items()))


def _answer(route: Route, status: int, answer: Answer, examples: Examples) -> Document:
    described: Document = {"description": answer.description}
    if answer.headers:
        described["headers"] = {name: _HEADERS[name] for name in answer.headers}
    if answer.schemas:
        described["content"] = {
            media: _content(schema, examples.get((answer.of or route.name, status, media)))
            for media, schema in answer.schemas.items()
        }
    return described


def _content(schema: str, example: Any) -> Document:
    content: Document = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return content if example is None else {**content, "example": example}


def _problem(status: int, titles: str, examples: Examples) -> Document:
    headers = {
        401: ("WWW-Authenticate",),
        403: ("WWW-Authenticate",),
        429: ("Retry-After",),
        503: ("Retry-After",),
        504: ("Retry-After",),
    }
    described: Document = {
        "description": titles,
        "content": {MEDIA_TYPE: _content("Problem", examples.get(("problem", status, MEDIA_TYPE)))},
    }
    if status in headers:
        described["headers"] = {name: _HEADERS[name] for name in headers[status]}
    return described
