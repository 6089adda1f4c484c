"""Which errors of Postgres pass by themselves, and which are about the data that it was given.

In: an exception of the driver. Out: whether the same statement may succeed later, unchanged. Called by whoever has to
choose between trying again and setting data aside. The driver's classes do not tell: ``OperationalError`` is a lost
connection, and also a text that is too long for an index.
"""

import psycopg

# PostgreSQL's documentation, "Error codes": connection exceptions, transaction rollbacks (deadlocks), insufficient
# resources (disk full, too many connections); then shutdown, crash and start of the server, read-only transactions (a
# standby), locks that were not had in time, statements that somebody cancelled.
_CLASSES = ("08", "40", "53")
_STATES = ("57P01", "57P02", "57P03", "57P04", "57P05", "25006", "55P03", "57014", "25P03", "25P04")


def is_passing(exc: BaseException) -> bool:
    """Whether the error says nothing of the data: the connection broke, or the server cannot do it now."""
    if not isinstance(exc, psycopg.Error):
        return False
    if exc.sqlstate is None:
        return isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError)
    return exc.sqlstate.startswith(_CLASSES) or exc.sqlstate in _STATES
