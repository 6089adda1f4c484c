"""A request's parameters, validated against the table of routes: text in, values by name out.

What depends on others is made last: moments become times, by the zone ``tz`` and the time of the request; ``step``
becomes :class:`~ibconnect.http.server.steps.Steps`, by ``tz`` and ``at``.

Called by the pipeline.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, tzinfo
from typing import Any

from aiohttp import web
from multidict import MultiDict, MultiMapping

from ibconnect.http.server.moments import Length, Moment, resolve
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code, Problem, invalid
from ibconnect.http.server.resource import Route
from ibconnect.http.server.steps import Steps
from ibconnect.http.server.tokens import MIN_TOKEN_LENGTH
from ibconnect.times import format_rfc3339

_NO_QUERY: MultiMapping[str] = MultiDict()


def reader_of(route: Route) -> Callable[[web.Request, datetime], Mapping[str, Any]]:
    """A function that reads every parameter of the route, by name; the default where a request does not give it.

    It is given the request and when it came. It raises a :class:`Problem` that names the first parameter that is wrong,
    missing or unknown.
    """
    in_path, in_query, in_header = (
        [parameter for parameter in route.parameters if parameter.place == place]
        for place in ("path", "query", "header")
    )
    known = frozenset(parameter.name for parameter in in_query)

    def read(request: web.Request, now: datetime) -> Mapping[str, Any]:
        filled = request.match_info
        arguments = {parameter.name: _parsed(parameter, filled[parameter.name]) for parameter in in_path}
        for parameter in in_header:
            text = request.headers.get(parameter.name)
            arguments[parameter.name] = parameter.default if text is None else _parsed(parameter, text)
        # The raw path shows whether there is a query without parsing the URL.
        query = request.query if "?" in request.raw_path else _NO_QUERY
        for parameter in in_query:
            arguments[parameter.name] = _from_query(parameter, query)
        if query:
            _refuse_unknown(known, query)
        _resolve(arguments, now)
        return arguments

    return read


def _resolve(arguments: dict[str, Any], now: datetime) -> None:
    """Make of moments what they are now, and of a step what it is in a zone, at a time of the day."""
    zone = arguments.get("tz")
    for name, value in arguments.items():
        if isinstance(value, Moment):
            arguments[name] = resolve(value.text, zone or UTC, now, is_end=value.is_end)
    start, end = arguments.get("from"), arguments.get("to")
    if start is not None and end is not None and start > end:
        raise invalid("from", f"{format_rfc3339(start)} is after to, {format_rfc3339(end)}")
    if isinstance(length := arguments.get("step"), Length):
        arguments["step"] = _steps(length, zone, arguments.get("at"))
    elif isinstance(arguments.get("at"), time):
        raise invalid("at", "goes with step")


def _steps(length: Length, zone: tzinfo | None, at: time | None) -> Steps:
    try:
        return Steps(length, zone, at)
    except ValueError as exc:
        raise invalid("at", str(exc)) from None


def _from_query(parameter: Parameter, query: MultiMapping[str]) -> Any:
    texts = query.getall(parameter.name, [])
    if parameter.repeated:
        return _list(parameter, texts)
    if len(texts) > 1:
        raise invalid(parameter.name, "give it once")
    if parameter.required and not texts:
        raise invalid(parameter.name, f"is missing; for example {parameter.name}={parameter.example}")
    return _parsed(parameter, texts[0]) if texts else parameter.default


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


def _refuse_unknown(known: frozenset[str], query: MultiMapping[str]) -> None:
    """A misspelt filter must not look as if it had been applied."""
    for name in query:
        if name not in known:
            takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            # Somebody may have written a token there, which the log must not show.
            logged = name if len(name) < MIN_TOKEN_LENGTH else "..."
            raise Problem(Code.UNKNOWN_PARAMETER, _unknown(name, takes), logged=_unknown(logged, takes))


def _unknown(name: str, takes: str) -> str:
    return f"{name!r} is not a parameter of this route: {takes}"
