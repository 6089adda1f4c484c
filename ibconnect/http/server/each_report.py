"""One statement over the tables that every report has: how far they are, what was set aside.

In: a query of the tables of one report. Out: the same of all reports, so that all of it is of one moment. Called by
what says how the service as a whole is.
"""

from functools import cache
from typing import LiteralString

from psycopg.sql import SQL, Composed, Identifier

from ibconnect.database.tables import reports


@cache
def of_each_report(query: LiteralString) -> Composed:
    """A query's rows for each report; ``{report}`` stands for the schema of its tables."""
    return SQL(" UNION ALL ").join(SQL(query).format(report=Identifier(report.name)) for report in reports())
