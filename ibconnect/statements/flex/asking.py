"""One span of days of one query: asked for, and recorded.

In: a client, and what records a document. Out: what came. Called by the schedule and by the walk into the past.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from ibconnect import observe as o
from ibconnect.errors import FlexUnavailable, StatementRefused
from ibconnect.flex_settings import FlexQuery
from ibconnect.observe import Kind, observe
from ibconnect.statements.flex.client import Client, Patience
from ibconnect.statements.flex.days import Span
from ibconnect.statements.flex.pacing import ALLOWED, Spans


@dataclass(frozen=True, slots=True)
class Times:
    """How often the diary is looked at, in seconds; how fast and how long IBKR is asked."""

    look: float = 30.0
    spans: Spans = ALLOWED
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a document comes from: what is recorded with it. Nothing of the token."""

    query: FlexQuery
    since: date
    until: date
    reference: str


@dataclass(frozen=True, slots=True)
class Given:
    """What came: of which days (None: it does not say), in how many statements, and whether it was recorded before."""

    is_new: bool
    stream: UUID
    statements: int
    accounts: int
    since: date | None
    until: date | None
    bytes: int = 0


Record = Callable[[Iterable[bytes], Asked], Awaitable[Given]]
"""Has a document recorded; it may be read several times. A document that is refused raises ``StatementRefused``."""


async def ask(client: Client, record: Record, query: FlexQuery, days: Span) -> Given:
    """Have the statement of these days, both included, recorded.

    :raises FlexError: IBKR does not give it, or what it gave is no statement
    :raises DatabaseError: it could not be recorded
    """
    document, reference = await client.fetch(query.id, *days)
    try:
        given = await record(document, Asked(query, *days, reference))
    except StatementRefused as exc:
        raise FlexUnavailable(f"what IBKR gave is no statement: {exc}") from exc
    o.STATEMENTS_FETCHED.labels(query.name, str(given.is_new).lower()).inc()
    about = {"query": query.name, "since": f"{days[0]}", "until": f"{days[1]}", "statements": given.statements}
    observe(Kind.STATEMENT_FETCHED, **about, bytes=document.bytes, new=given.is_new)
    return given
