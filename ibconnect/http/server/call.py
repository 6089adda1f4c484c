"""One request on its way: what a route's handler is given.

In: a request that was admitted and validated, and by whom. Out: what its answer needs. Made by the pipeline.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from aiohttp import web

from ibconnect.http.server.cors import is_from_elsewhere
from ibconnect.http.server.problems import Code, Problem
from ibconnect.http.server.services import Services
from ibconnect.http.server.tokens import Principal


class Call(NamedTuple):
    """A request that was admitted and validated: ``arguments`` by the names of the route's parameters.

    ``now``: when it came; the one time that its answer is made as of.
    """

    request: web.Request
    services: Services
    principal: Principal
    media: str
    arguments: Mapping[str, Any]
    now: datetime

    def account(self) -> str:
        """The account code of the path.

        :raises Problem: the token is not for this account, which looks as if there were none
        """
        code: str = self.arguments["AccountCode"]
        if not self.principal.may_see(code):
            raise unknown_account(code)
        return code

    def is_from_elsewhere(self) -> bool:
        """Whether a page of another origin is behind it, of a server that asks for no token."""
        services = self.services
        return services.guard.tokens is None and is_from_elsewhere(self.request, services.config.cors_origins)

    def absolute(self, path_and_query: str) -> str:
        """The absolute URL of a path, under the name by which the client knows this server."""
        return self.services.links.absolute(self.request, path_and_query)

    def until(self) -> datetime:
        """Where the steps of a time series end: at ``to``, but not later than now."""
        return min(self.arguments["to"] or self.now, self.now)


def unknown_account(code: str) -> Problem:
    """No gateway ever listed this account and no statement is of it, or the token is not for it."""
    return Problem(Code.UNKNOWN_ACCOUNT, f"no gateway ever listed an account {code!r}, and no statement is of it")


def unknown_gateway(name: str) -> Problem:
    """No gateway of this name has named the account; of other accounts that says nothing."""
    return Problem(Code.UNKNOWN_GATEWAY, f"no gateway {name!r} ever listed this account; /v1/gateways lists gateways")


def route_of(request: web.Request) -> str:
    """The route's template: unlike the path it says nothing of anybody's account."""
    resource = request.match_info.route.resource
    return "unmatched" if resource is None else resource.canonical
