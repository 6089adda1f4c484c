"""Which reports this program makes and reads, and of which version the tables of each are.

In: ``sql/projections/<report>/schema.sql``, whose first lines say so. Out: the reports, by name. The projections make
the tables, the REST reads answer from them, backup and rights go by them, and none of these imports another: they meet
here. A report's name is also that of the schema that its tables lie in; while they are built again, others lie beside
them in ``<report>_next``, and for a moment in ``<report>_old``.
"""

import re
from functools import cache
from typing import NamedTuple

from ibconnect.database.sql import queries, read_sql, sql_root
from ibconnect.errors import SchemaError

FORMER_SCHEMA = "snapshots"
"""Where the tables of the accounts report lie in a database of an earlier version, until the projector moves them."""

_HEAD = re.compile(r"-- version: (\d+)\n-- title: ([^\n]+)\n")


class Report(NamedTuple):
    """A report: its name, the version of its tables, and what people call them.

    The version grows whenever the same events would make other rows.
    """

    name: str
    version: int
    title: str

    @property
    def next_schema(self) -> str:
        """Where its tables are built again."""
        return f"{self.name}_next"

    @property
    def old_schema(self) -> str:
        """Where its former tables lie until they are dropped."""
        return f"{self.name}_old"


@cache
def reports() -> tuple[Report, ...]:
    """All reports, in the order of their names.

    :raises SchemaError: a schema.sql does not say of which version it is
    """
    return tuple(_report(path.parent.name) for path in sorted(sql_root().glob("projections/*/schema.sql")))


def report_of(name: str) -> Report:
    """The report of this name.

    :raises SchemaError: there is none
    """
    for report in reports():
        if report.name == name:
            return report
    raise SchemaError(f"there is no report {name}: this ibconnect has {', '.join(each.name for each in reports())}")


def _report(name: str) -> Report:
    head = _HEAD.match(read_sql(f"projections/{name}/schema"))
    if head is None:
        raise SchemaError(f"sql/projections/{name}/schema.sql does not begin with a version and a title")
    return Report(name, int(head[1]), head[2])


def view_names() -> list[str]:
    """The names of the public views of all reports."""
    return [view for report in reports() for view in queries(f"projections/{report.name}/views")]


def schema_names() -> list[str]:
    """The schemas that the tables of reports may lie in, those of an earlier version among them."""
    return [*(report.name for report in reports()), FORMER_SCHEMA]


def leftover_schemas() -> list[str]:
    """The schemas of tables that nobody reads: those of a rebuild that has not ended, or has just ended."""
    names = schema_names()
    return [f"{name}_{end}" for name in names for end in ("next", "old")]
