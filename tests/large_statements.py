"""Documents of statements as years of imports leave them, for tests of how many rows a query looks at.

In: a database with empty tables. Out: many documents without events, and one with.
"""

from pathlib import Path

from psycopg import ClientCursor

from ibconnect.database.pools import connect
from ibconnect.statements.recording import Origin, record
from tests.statements import document_of, statement_of

_FILL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


def fill_statements(url: str, account: str, statements: int = 100_000) -> str:
    """So many, and one of an account that can be read; its SHA-256."""
    done = record(url, [document_of(statement_of(account))], Origin(source="file"))
    with connect(url, name="test") as connection:
        with ClientCursor(connection) as cursor:
            cursor.execute(_FILL.encode(), {"statements": statements})
        connection.execute("VACUUM (ANALYZE, FREEZE) coordination.statement, statements.statement")
    return done.sha256.hex()
