"""Why Postgres refuses a login or a statement although it is there, and what mends that.

In: an error of the driver. Out: words that anybody may read, and for the log and the terminal what to do. Called
wherever such an error is reported. It is not away then: waiting does not help, somebody has to do something.

An error of a login has no SQLSTATE in the driver, so it is known by its text: the server's, if that speaks English,
and libpq's own.
"""

import re
from typing import NamedTuple


class Refusal(NamedTuple):
    """What is wrong, in words that say nothing of what is stored or where; and what to do about it."""

    reason: str
    advice: str


_GRANTS = (
    "run `ibconnect migrate` as ibconnect_owner, which gives the rights of all roles "
    "(before it, as a superuser or the database's owner: psql --file deploy/postgres/roles.sql)"
)
PASSWORD = Refusal(
    "the password is wrong, or there is no such role",
    "correct it in the URL (write @ as %40, : as %3A, / as %2F), or set it with psql's \\password",
)
ACCESS = Refusal(
    "the server lets nobody in from here as this user",
    "add a line for this client, user and database to pg_hba.conf and reload the server; "
    "if it asks for TLS, add sslmode=require to the URL",
)
ROLE = Refusal(
    "there is no such role, or it may not log in",
    "correct the user in the URL, or make the roles with psql --file deploy/postgres/roles.sql",
)
DATABASE = Refusal(
    "there is no such database", "correct the name at the end of the URL, or make the database (createdb)"
)
RIGHT = Refusal("a right is missing", _GRANTS)
TLS = Refusal(
    "TLS cannot be agreed upon", "look at sslmode and sslrootcert in the URL, and at the server's certificate"
)

_STATES = {"28P01": PASSWORD, "28000": ACCESS, "3D000": DATABASE, "42501": RIGHT}
_TEXTS: tuple[tuple[str, Refusal], ...] = (
    (r"password authentication failed|no password supplied|authentication failed for user", PASSWORD),
    (r"no pg_hba\.conf entry|pg_hba\.conf rejects", ACCESS),
    (r'role ".*" does not exist|role ".*" is not permitted to log in', ROLE),
    (r'database ".*" does not exist|database ".*" is not currently accepting connections', DATABASE),
    (r"permission denied for database", RIGHT),
    (r"server does not support SSL|certificate verify failed|root certificate file|does not match host name", TLS),
)


def refusal(exc: BaseException) -> Refusal | None:
    """What is refused, by the error or by what it was made from; None if it is about something else."""
    for error in (exc, exc.__cause__):
        state = getattr(error, "sqlstate", None)
        if state in _STATES:
            return _STATES[state]
        if type(error).__module__.partition(".")[0] == "psycopg" and state is None:
            for pattern, found in _TEXTS:
                if re.search(pattern, str(error)):
                    return found
    return None
