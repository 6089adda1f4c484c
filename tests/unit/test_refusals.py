"""What Postgres refuses is told from what passes, by SQLSTATE or by the text of a failed login."""

import psycopg
import pytest
from psycopg import errors

from ibconnect import refusals
from ibconnect.errors import DatabaseUnavailable
from ibconnect.refusals import Refusal, refusal
from ibconnect.troubles import brief


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (errors.InvalidPassword(), refusals.PASSWORD),
        (errors.InvalidAuthorizationSpecification(), refusals.ACCESS),
        (errors.InvalidCatalogName(), refusals.DATABASE),
        (errors.InsufficientPrivilege(), refusals.RIGHT),
        (psycopg.OperationalError('FATAL:  password authentication failed for user "x"'), refusals.PASSWORD),
        (psycopg.OperationalError("fe_sendauth: no password supplied"), refusals.PASSWORD),
        (psycopg.OperationalError('FATAL:  no pg_hba.conf entry for host "::1", user "x"'), refusals.ACCESS),
        (psycopg.OperationalError('FATAL:  role "x" does not exist'), refusals.ROLE),
        (psycopg.OperationalError('FATAL:  role "x" is not permitted to log in'), refusals.ROLE),
        (psycopg.OperationalError('FATAL:  database "x" does not exist'), refusals.DATABASE),
        (psycopg.OperationalError('FATAL:  permission denied for database "x"'), refusals.RIGHT),
        (psycopg.OperationalError("server does not support SSL, but SSL was required"), refusals.TLS),
        (psycopg.OperationalError("SSL error: certificate verify failed"), refusals.TLS),
    ],
    ids=str,
)
def test_what_somebody_has_to_mend_is_told_with_what_to_do(exc: Exception, expected: Refusal) -> None:
    assert refusal(exc) is expected
    assert brief(exc) == expected.reason
    wrapped = DatabaseUnavailable("cannot connect")
    wrapped.__cause__ = exc
    assert refusal(wrapped) is expected
    assert brief(wrapped) == expected.reason


@pytest.mark.parametrize(
    "exc",
    [
        psycopg.OperationalError("connection refused"),
        psycopg.OperationalError("server closed the connection unexpectedly"),
        psycopg.OperationalError("SSL error: unexpected eof while reading"),
        psycopg.OperationalError("FATAL:  the database system is starting up"),
        errors.AdminShutdown(),
        errors.DiskFull('could not extend file: database "x" does not exist'),
        errors.UniqueViolation(),
        OSError("password authentication failed"),
        ValueError('role "x" does not exist'),
    ],
    ids=str,
)
def test_what_passes_or_is_about_something_else_is_no_refusal(exc: Exception) -> None:
    assert refusal(exc) is None


def test_reasons_say_nothing_of_who_and_where() -> None:
    """Anybody may read them in /readyz."""
    secret = psycopg.OperationalError('host "db.example": password authentication failed for user "joe"')
    assert not {"db.example", "joe"} & set(brief(secret).replace('"', " ").split())
