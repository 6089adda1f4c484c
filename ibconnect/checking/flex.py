"""Checks of Flex statements: whether there is a token, and how far each query has got. IBKR is asked nothing.

Each request would count against the ten a minute of the token, and a statement that is made cannot be called off.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from ibconnect.checking.findings import Finding, fail, ok, warn
from ibconnect.config import Config
from ibconnect.database.pools import connect, explained
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError, FlexRefused
from ibconnect.flex_settings import FlexQuery, read_token
from ibconnect.times import format_rfc3339

_SQL = queries("http/statement_queries")
_ADVICE = "docs/statements.md says how to make a token"


class _Row(NamedTuple):
    """What the query gives."""

    query: str
    name: str
    tried: datetime | None
    got: datetime | None
    up_to: date | None
    failures: int
    failing_since: datetime | None
    code: str | None
    error: str | None
    due: datetime


def check_flex(config: Config) -> Iterator[Finding]:
    """The token, and what is known of each query of ``FLEX_QUERIES``; nothing, if nothing is to be fetched."""
    if not (config.flex_queries or config.flex_token or config.flex_token_file):
        return
    try:
        read_token(config.flex_token, config.flex_token_file)
    except FlexRefused as exc:
        yield fail("Flex token", str(exc), _ADVICE)
    else:
        yield ok("Flex token", f"there is one; whether {config.flex_url} takes it is only known by the next fetch")
    if not config.flex_queries:
        yield warn("Flex queries", "none is named, so none is fetched", "set FLEX_QUERIES to their Query IDs")
    # The embedded Postgres is left to its own check, which starts it if need be.
    known = _known(config.db_url) if config.db_url else {}
    otherwise = "not fetched yet" if config.db_url else "/v1/statements/queries of the service says how it is"
    for query in config.flex_queries:
        yield known.get(query.id) or ok(f"Flex query {query}", otherwise)


def _known(url: str) -> dict[str, Finding]:
    try:
        with explained("the check"), connect(url, name="check") as connection:
            found = connection.execute(_SQL["list_queries"]).fetchall()
    except DatabaseError:
        # What is wrong with it, its own check says.
        return {}
    return {row[0]: _judged(_Row(*row)) for row in found}


def _judged(row: _Row) -> Finding:
    subject = f"Flex query {FlexQuery(row.query, row.name)}"
    last = f"last given {_shown(row.got)}, up to {row.up_to}" if row.got else "never given"
    if row.failures:
        return warn(subject, f"{last}; {row.error}", f"it is asked for again {_shown(row.due)}, and at each start")
    return ok(subject, f"{last}; next {_shown(row.due)}")


def _shown(moment: datetime) -> str:
    return format_rfc3339(moment.replace(microsecond=0))
