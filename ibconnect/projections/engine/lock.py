"""One rebuild of a report at a time, and none while a backup reads its tables.

In: a connection and the reports. Out: nobody else holds their names while the context lasts. Called by the rebuild, by
whoever takes over former tables, and by ``ibconnect backup``.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import Connection

from ibconnect.errors import ProjectionError
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.tracking import Q


@contextmanager
def alone(connection: Connection[Any], reports: Sequence[Projection]) -> Iterator[None]:
    """Be the only rebuild of these reports while the context lasts.

    The names are given back at its end: Postgres may notice only after the next rebuild has begun that the connection
    of this one was closed.

    :raises ProjectionError: another rebuild of one of them is under way
    """
    # A backup is also made of a database that is older, and has no such names.
    has_names = _is(connection, "has_names")
    with ExitStack() as stack:
        for report in reports:
            stack.enter_context(_alone(connection, report, has_names=has_names))
        yield


@contextmanager
def _alone(connection: Connection[Any], report: Projection, *, has_names: bool) -> Iterator[None]:
    turn = report.rebuild._asdict()
    if not _is(connection, "try_lock" if has_names else "try_lock_without_names", turn):
        raise ProjectionError(
            f"another rebuild of the {report.title} is under way, or a backup, which keeps rebuilds away"
        )
    try:
        yield
    finally:
        # If the connection is broken, the lock went with it.
        with suppress(psycopg.Error):
            connection.execute(Q["unlock" if has_names else "unlock_without_names"], turn)


def _is(connection: Connection[Any], query: str, values: Mapping[str, Any] | None = None) -> bool:
    row = connection.execute(Q[query], values).fetchone()
    return bool(row and row[0])
