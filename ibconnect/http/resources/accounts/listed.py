"""Lists of accounts that are kept ready to send: of each set of accounts that a token may see, until something changes.

In: who may see what, the state of the tables. Out: the list. Called by the handler of the list, and by the short way
past the router (:class:`~ibconnect.http.server.resource.Shortcut`), which dashboards take that ask for it all the time.
"""

from collections.abc import Hashable
from typing import Self

import orjson
from aiohttp import hdrs, web

from ibconnect.database.sql import queries
from ibconnect.http.resources.conditions import whose
from ibconnect.http.resources.table_state import TableState
from ibconnect.http.server import db
from ibconnect.http.server.limits import LIST_CACHE_ENTRIES
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.resource import Key, Shortcut
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.services import Part, Services
from ibconnect.times import format_rfc3339

_SQL = queries("http/accounts")
_PATH = "/v1/accounts"
_KEY: Key = (None, _PATH)
_CACHING = "private, max-age=60"

_Visible = frozenset[str] | None


class Lists(Part):
    """Of one application."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.kept: dict[_Visible, tuple[Hashable, CachedResponse]] = {}

    @classmethod
    def made(cls, services: Services) -> Self:
        """None yet."""
        return cls(services)

    def known(self, visible: _Visible, state: Hashable) -> CachedResponse | None:
        """The list of these accounts (None: all) in a state, if it was made."""
        known, document = self.kept.get(visible, (None, None))
        return document if known == state else None

    async def document(self, visible: _Visible, state: Hashable) -> CachedResponse:
        """The list; made again only if it is of another state."""
        document = self.known(visible, state)
        if document is None:
            document = await self._read(visible)
            if len(self.kept) >= LIST_CACHE_ENTRIES:
                self.kept.clear()
            self.kept[visible] = state, document
        return document

    async def _read(self, visible: _Visible) -> CachedResponse:
        asked = {"codes": None if visible is None else sorted(visible), "gateway": None}
        found = await db.rows(self._services.pool, whose(_SQL["list_accounts"], None), asked, binary=True)
        accounts = [
            {"AccountCode": code, "Latest": latest and format_rfc3339(latest), "Listed": is_listed, "Ready": is_ready}
            for code, latest, is_listed, is_ready, _ in found
        ]
        return CachedResponse(orjson.dumps(accounts), JSON, _CACHING)


async def _answer(services: Services, request: web.Request, _: Key) -> web.StreamResponse:
    """The list as it was a moment ago, which nobody can tell from now."""
    principal = services.guard.known(request)
    assert principal is not None
    states, lists, visible = services.part(TableState), services.part(Lists), principal.accounts
    state = states.known()
    document = None if state is None else lists.known(visible, state)
    if document is None:
        with services.shares.work_for(request):
            document = await lists.document(visible, await states.recent())
    return document.response(request)


SHORTCUT = Shortcut(lambda path: _KEY if path == _PATH else None, _answer, unless=(hdrs.CACHE_CONTROL, "Prefer"))
"""The short way to the list, of who wants it as it is."""
