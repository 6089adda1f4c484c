"""Which errors pass by themselves: by their SQLSTATE, not by the driver's class."""

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolTimeout

from ibconnect.database.outages import is_passing


@pytest.mark.parametrize(
    "exc",
    [
        psycopg.OperationalError("server closed the connection unexpectedly"),
        psycopg.InterfaceError("the connection is closed"),
        PoolTimeout("no connection in time"),
        errors.ConnectionFailure(),
        errors.TooManyConnections(),
        errors.DiskFull(),
        errors.AdminShutdown(),
        errors.CrashShutdown(),
        errors.CannotConnectNow(),
        errors.ReadOnlySqlTransaction(),
        errors.DeadlockDetected(),
        errors.LockNotAvailable(),
        errors.QueryCanceled(),
    ],
    ids=lambda exc: type(exc).__name__,
)
def test_what_says_nothing_of_the_data_passes(exc: BaseException) -> None:
    assert is_passing(exc)


@pytest.mark.parametrize(
    "exc",
    [
        errors.ProgramLimitExceeded(),
        errors.UntranslatableCharacter(),
        errors.NumericValueOutOfRange(),
        errors.UniqueViolation(),
        errors.UndefinedColumn(),
        psycopg.DataError("a NUL in a text"),
        ValueError("not of the driver"),
    ],
    ids=lambda exc: type(exc).__name__,
)
def test_what_is_about_the_data_does_not(exc: BaseException) -> None:
    assert not is_passing(exc)
