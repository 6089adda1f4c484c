"""The public views of a report, put upon its tables on the search_path; what people built upon these views stays.

In: a connection, the definitions in ``sql/projections/<report>/views.sql``. There comment lines before each SELECT say
what a row is, and those after an empty one what is in each column (``column: text``). Out: views with these comments.
Called at every start and by the swap of a rebuild, whose tables may have other columns. A view whose columns only grow
is replaced in place. Any other is made anew, with its rights, and so is each view upon it, unless that uses what is
gone: then nothing is changed at all.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import takewhile
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal

from ibconnect.database.outages import is_passing
from ibconnect.database.sql import queries
from ibconnect.database.tables import reports
from ibconnect.errors import ProjectionError
from ibconnect.projections.engine.privileges import Granted, grant, privileges_of
from ibconnect.projections.engine.projection import Projection

Q = queries("projections/engine/standing")

_PUBLIC = "public"


def replace_views(connection: Connection[Any], report: Projection, *, always: bool = False) -> None:
    """Create the public views upon the tables on the search_path, unless they are these already.

    ``always``: even then, since they stand upon other tables of the same names; those of another version go.

    :raises psycopg.errors.LockNotAvailable: somebody reads a view for longer than the lock_timeout
    :raises ProjectionError: somebody's view uses what is gone, or cannot be made anew by this role
    """
    views = queries(f"projections/{report.name}/views")
    for name, query in views.items():
        comment, columns = _comments(query)
        row = connection.execute(Q["view_comment"], {"view": f"{_PUBLIC}.{name}"}).fetchone()
        if always or row is None or row[0] != comment:
            _replace_view(connection, name, query)
            _say(connection, (_PUBLIC, name), comment, columns)
    if always:
        others = [queries(f"projections/{other.name}/views") for other in reports() if other.name != report.name]
        names = [name for known in (views, *others) for name in known]
        upon = {"names": names, "schemas": [report.name, report.old_schema]}
        for (name,) in connection.execute(Q["former_views"], upon).fetchall():
            _drop_former(connection, name)


def try_views(connection: Connection[Any], report: Projection) -> None:
    """Find out whether they could be put upon the tables on the search_path; change nothing.

    Finds nothing out if somebody reads a view just now.

    :raises ProjectionError: as of :func:`replace_views`
    """
    with suppress(psycopg.errors.LockNotAvailable), connection.transaction(force_rollback=True):
        connection.execute(Q["trial_settings"])
        replace_views(connection, report, always=True)


def _replace_view(connection: Connection[Any], name: str, query: LiteralString) -> None:
    """Replace a view; make it anew only if its columns are others, since people build upon it."""
    create_view = SQL("VIEW {} AS {}").format(Identifier(_PUBLIC, name), SQL(query))
    try:
        with connection.transaction():
            connection.execute(SQL("CREATE OR REPLACE {}").format(create_view))
    except psycopg.errors.InvalidTableDefinition:
        itself, *others = _standing(connection, name)
        for view in reversed(others):
            with _explained(name, view):
                connection.execute(SQL("DROP VIEW {}").format(view.identifier))
        with _explained(name, itself):
            connection.execute(SQL("DROP VIEW {}").format(itself.identifier))
        connection.execute(SQL("CREATE {}").format(create_view))
        with _explained(name, itself):
            _entrust(connection, itself)
        for view in others:
            with _explained(name, view):
                _make_again(connection, view)


def _drop_former(connection: Connection[Any], name: str) -> None:
    """Drop a view of another version, unless somebody has built upon it."""
    itself, *others = _standing(connection, name)
    with _explained(name, others[0] if others else itself):
        connection.execute(SQL("DROP VIEW {}").format(itself.identifier))


class _View(NamedTuple):
    """All that it takes to make a view again; ``options`` and ``definition`` are as the catalog spells them."""

    schema: str
    name: str
    is_view: bool
    owner: str
    options: Any
    comment: str | None
    columns: Mapping[str, str]
    definition: Any
    granted: list[Granted]

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.schema, self.name)


def _standing(connection: Connection[Any], name: str) -> list[_View]:
    """A public view and what stands upon it, in the order in which it can be made."""
    rows = connection.execute(Q["standing"], {"view": f"{_PUBLIC}.{name}"}).fetchall()
    return [_View._make((*row[1:], privileges_of(connection, row[0]))) for row in rows]


def _make_again(connection: Connection[Any], view: _View) -> None:
    options = SQL("WITH ({})").format(SQL(view.options)) if view.options else SQL("")
    statement = SQL("CREATE VIEW {} {} AS {}").format(view.identifier, options, SQL(view.definition))
    connection.execute(statement)
    _say(connection, (view.schema, view.name), view.comment, view.columns)
    _entrust(connection, view)


def _entrust(connection: Connection[Any], view: _View) -> None:
    """Give a view that was made again to whom it belonged, and the rights on it to who had them."""
    grant(connection, view.granted, view.schema, view.name)
    connection.execute(SQL("ALTER VIEW {} OWNER TO {}").format(view.identifier, Identifier(view.owner)))


@contextmanager
def _explained(name: str, view: _View) -> Iterator[None]:
    """Say whose view is in the way of which, and why."""
    try:
        yield
    except psycopg.Error as exc:
        if is_passing(exc):
            raise
        why = "; ".join(filter(None, [exc.diag.message_primary, exc.diag.message_detail])) or str(exc)
        raise ProjectionError(
            f"the view {name} is another one in this version, and {view.schema}.{view.name} cannot follow it ({why}): "
            "drop what stands in the way, or change it so that it uses what both versions have"
        ) from exc


def _say(connection: Connection[Any], view: tuple[str, str], comment: str | None, columns: Mapping[str, str]) -> None:
    """Have Postgres say what a view is, and what each of its columns."""
    statements = [SQL("COMMENT ON VIEW {} IS {}").format(Identifier(*view), Literal(comment))]
    statements += [
        SQL("COMMENT ON COLUMN {} IS {}").format(Identifier(*view, column), Literal(text))
        for column, text in columns.items()
    ]
    connection.execute(SQL("; ").join(statements))


def _comments(query: str) -> tuple[str, dict[str, str]]:
    """What the comment lines before a view say of it, with a digest that says whether the view is this one; and what
    they say of each column, a line that is indented going on with the one before."""
    head = [line.removeprefix("--") for line in takewhile(lambda line: line.startswith("--"), query.splitlines())]
    about = list(takewhile(str.strip, head))
    columns: dict[str, str] = {}
    for line in head[len(about) + 1 :]:
        if line.startswith("  "):
            columns[next(reversed(columns))] += f" {line.strip()}"
        else:
            column, _, text = line.strip().partition(": ")
            columns[column] = text
    return f"{' '.join(map(str.strip, about))} [{sha256(query.encode()).hexdigest()[:12]}]", columns
