"""Requests for any route of the table, made of its parameters: one that is added later is asked for as well.

In: a route. Out: a path, or a target, that the server of tests/serving.py answers: what its world has where it has it,
else the example of the parameter.
"""

from urllib.parse import quote

from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.resource import Route
from tests.serving import DU1, at

WORLD = {"AccountCode": DU1, "Timestamp": at(1), "IbContractId": "265598", "Asset": "docs.css"}

EMPTY = frozenset(
    {"/page/{Asset}", "/v1/contracts/{IbContractId}", "/v1/statements/{Id}", "/v1/statements/{Id}/document"}
)
"""Routes of which the world has nothing: they answer 404."""


def value_of(parameter: Parameter) -> str:
    """A value that a parameter may have."""
    example = parameter.example[0] if parameter.repeated else parameter.example
    return WORLD.get(parameter.name, str(example))


def values_of(route: Route) -> dict[str, str]:
    """A value for each parameter of the path, and for those that a request has to give."""
    return {each.name: value_of(each) for each in route.parameters if each.place == "path" or each.required}


def path_of(route: Route, **given: str) -> str:
    """The path of a route, with these values and others of the world."""
    return route.path.format_map({name: quote(text, safe=":") for name, text in {**values_of(route), **given}.items()})


def target_of(route: Route, **given: str) -> str:
    """The same with the query that a request has to have."""
    query = [f"{each.name}={value_of(each)}" for each in route.parameters if each.required and each.place == "query"]
    return path_of(route, **given) + (f"?{'&'.join(query)}" if query else "")
