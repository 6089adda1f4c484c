"""Documents of statements as years of imports leave them, for tests of how many rows a query looks at.

In: a database with empty tables. Out: many documents without events, and one with.
"""

from contextlib import ExitStack
from pathlib import Path

from psycopg import ClientCursor

from ibconnect.database.pools import connect
from ibconnect.statements.document import Document
from ibconnect.statements.recording import Origin, Recorder
from tests.statements import document_of, statement_of

_FILL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
# As many of each as there are after years: where there are few, to read them all is right.
_AS_MANY = """
UPDATE pg_class SET reltuples = reltuples * 100
WHERE relkind IN ('r', 'i')
    AND reltuples > 1000
    AND relname ~ '^statement(_|$)'
    AND relnamespace = 'statements'::regnamespace
"""


def fill_statements(url: str, account: str, statements: int = 100_000) -> str:
    """So many, and some that can be read, one of them of this account; its SHA-256."""
    with ExitStack() as stack, Recorder(url) as recorder:
        data = [document_of(statement_of(account)), *(document_of(statement_of(f"U{each}")) for each in range(500))]
        documents = [stack.enter_context(Document([each])) for each in data]
        done = recorder.record([(each, Origin(source="file")) for each in documents])[0]
    with connect(url, name="test") as connection:
        with ClientCursor(connection) as cursor:
            cursor.execute(_FILL.encode(), {"statements": statements})
        connection.execute("VACUUM (ANALYZE, FREEZE) coordination.statement, statements.statement, stored_events")
        connection.execute(_AS_MANY)
    return done.sha256.hex()
