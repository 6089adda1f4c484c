"""A request's parameters, validated against the table of routes: text in, values by name out."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ibconnect.http.calls import Route
from ibconnect.http.parameters import Parameter
from ibconnect.http.problems import Code, Problem, invalid


def read_arguments(route: Route, request: web.Request) -> Mapping[str, Any]:
    """Every parameter of the route, by name; its default where the request does not give it.

    :raises Problem: names the first parameter that is wrong, missing or unknown
    """
    arguments: dict[str, Any] = {}
    for parameter in route.parameters:
        if parameter.place == "path":
            arguments[parameter.name] = _parsed(parameter, request.match_info[parameter.name])
        elif parameter.place == "header":
            text = request.headers.get(parameter.name)
            arguments[parameter.name] = parameter.default if text is None else _parsed(parameter, text)
        else:
            arguments[parameter.name] = _from_query(parameter, request)
    if request.query_string:
        _refuse_unknown(route, request)
    return arguments


def _from_query(parameter: Parameter, request: web.Request) -> Any:
    if not request.query_string:
        texts: list[str] = []
    else:
        texts = request.query.getall(parameter.name, [])
    if parameter.repeated:
        return _list(parameter, texts)
    if len(texts) > 1:
        raise invalid(parameter.name, "give it once")
    if not texts:
        return parameter.default
    return _parsed(parameter, texts[0])


def _list(parameter: Parameter, texts: list[str]) -> list[Any]:
    parts = [part for text in texts for part in text.split(",")]
    if parameter.required and not parts:
        raise invalid(parameter.name, f"is missing; for example {parameter.name}={parameter.example[0]}")
    if len(parts) > parameter.repeated:
        raise invalid(parameter.name, f"at most {parameter.repeated} at once")
    values = [_parsed(parameter, part) for part in parts]
    return list(dict.fromkeys(values))


def _parsed(parameter: Parameter, text: str) -> Any:
    try:
        return parameter.kind.parse(text)
    except ValueError as exc:
        raise invalid(parameter.name, str(exc)) from None


def _refuse_unknown(route: Route, request: web.Request) -> None:
    """A misspelt filter must not look as if it had been applied."""
    known = _query_names(route)
    for name in request.query:
        if name not in known:
            takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            raise Problem(Code.UNKNOWN_PARAMETER, f"{name!r} is not a parameter of this route: {takes}")


def _query_names(route: Route) -> frozenset[str]:
    return frozenset(parameter.name for parameter in route.parameters if parameter.place == "query")
