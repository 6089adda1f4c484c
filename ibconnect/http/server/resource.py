"""What a resource of the API is: its routes, and everything that goes with them, as one value.

In: nothing. Out: the classes that a module of :mod:`ibconnect.http.resources` fills in. Read by all that is general:
routing, validation, rights, readiness, the OpenAPI document, the lists in the docs, tests.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

from ibconnect.http.server.call import Call
from ibconnect.http.server.negotiation import EVENT_STREAM, JSON
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import ProblemType
from ibconnect.http.server.services import Part, Services
from ibconnect.http.server.tokens import Right

Schema = dict[str, Any]
Handler = Callable[[Call], Awaitable[web.StreamResponse]]
Key = tuple[str | None, Any]
"""What a request asks for that is recognized by its path: the account (None: all that he may see), and what of it."""


class Tag(NamedTuple):
    """A heading of the OpenAPI document."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of a route that is not a problem. ``schema``: a name in components/schemas, by media type.

    ``of``: another operation whose answer it is, to whom follows a redirect.
    """

    description: str
    schemas: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """The short way of a route that is asked for all the time: past the router and the reader of arguments.

    ``key_of``: what a raw path asks for, None unless it is in its plain form; ``answer``: the answer, to somebody who
    may see that account. It counts its own work (:meth:`~ibconnect.http.server.shares.Shares.work_for`), and does not
    count what is answered from memory. ``unless``: headers with which a request takes the long way.
    """

    key_of: Callable[[str], Key | None]
    answer: Callable[[Services, web.Request, Key], Awaitable[web.StreamResponse]]
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """What a request brings, at most so many bytes.

    ``media``: of which types it may be; the first is the one that the API's description names, since what makes clients
    of it knows few. ``schema``: the name of its schema in components/schemas.
    """

    description: str
    media: tuple[str, ...]
    most_bytes: int
    schema: str = "Binary"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table of routes.

    ``right``: what a token must be for; None: no token is needed, since it shows nothing of any account.
    ``needs_token``: one is needed, whatever it is for; the route shows nothing but what the token itself is.
    ``reports``: whose tables it answers from; it cannot while one of them is being rebuilt.
    ``body``: what a request brings that is sent by POST; None: it is sent by GET or HEAD, and brings nothing.
    """

    path: str
    name: str
    handler: Handler
    tag: Tag
    summary: str
    description: str
    answers: Mapping[int, Answer]
    right: Right | None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[ProblemType, ...] = ()
    media: tuple[str, ...] = (JSON,)
    reports: tuple[str, ...] = ()
    shortcut: Shortcut | None = None
    body: Body | None = None
    needs_token: bool = False

    @property
    def is_open(self) -> bool:
        """Whether no token is needed."""
        return self.right is None and not self.needs_token

    @property
    def is_live(self) -> bool:
        """Whether an answer may go on for ever."""
        return EVENT_STREAM in self.media


@dataclass(frozen=True, slots=True)
class Resource:
    """What one module adds to the API.

    ``schemas``: its JSON Schemas, by the names that its answers use; ``examples``: a file of requests and what was
    answered (``python -m tests.http_examples`` records it); ``parts``: what it keeps for all requests. ``posts``: the
    routes whose requests have a body, which are none of ``routes``.
    ``is_of_page``: only the page needs it: it is not served with ``WEB=false``.
    ``is_operational``: processes that do not serve the API answer it, too.
    """

    routes: tuple[Route, ...]
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    examples: Path | None = None
    parts: tuple[type[Part], ...] = ()
    is_operational: bool = False
    is_of_page: bool = False
    posts: tuple[Route, ...] = ()


SERVED = web.AppKey("served", tuple[Resource, ...])
"""Where an application has those that it serves."""
