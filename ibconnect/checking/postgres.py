"""Checks of Postgres: whether it is there and lets us in, its version, the schema, the rights, the clock."""

from collections.abc import Iterator
from pathlib import Path

from ibconnect.checking.findings import Finding, fail, ok, warn
from ibconnect.config import Config
from ibconnect.database.condition import Condition, condition
from ibconnect.database.embedded.directories import cluster_directory
from ibconnect.database.migrations import available
from ibconnect.database_url import hide_password
from ibconnect.errors import DatabaseError
from ibconnect.refusals import RIGHT, refusal
from ibconnect.service.postgres import database

OLDEST = 14
_MOST_STRAYS = 100
_OFF_S, _FAR_OFF_S = 1.0, 30.0
_ORDER = "the order is: `ibconnect migrate` as ibconnect_owner, then `ibconnect serve` as ibconnect_recorder"


def check_postgres(config: Config) -> Iterator[Finding]:
    """Everything about the database of ``DB_URL``, and of ``DB_READ_URL`` if that is another."""
    if not config.db_url and (made := _embedded(config.data_dir)) is not None:
        yield made
        return
    where = hide_password(config.db_url) or f"the embedded Postgres in {config.data_dir}"
    try:
        with database(config) as url:
            found = condition(url)
    except DatabaseError as exc:
        yield _unreachable("Postgres", where, exc)
        return
    yield _server(found, where)
    yield _schema(found)
    yield _rights(found)
    yield from _months(found)
    yield _clock(found)


def check_reads(config: Config) -> Iterator[Finding]:
    """The same for the database of ``DB_READ_URL``, as far as it is needed there."""
    subject, where = "Postgres for reads", hide_password(config.db_read_url)
    try:
        found = condition(config.db_read_url, is_for_reads=True)
    except DatabaseError as exc:
        yield _unreachable(subject, where, exc)
        return
    if found.major < OLDEST:
        yield fail(subject, f"{where} is PostgreSQL {found.version}", f"use PostgreSQL {OLDEST} or later")
    elif found.missing:
        yield fail(subject, f"{found.role} lacks {_some(found.missing)}", RIGHT.advice)
    else:
        kind = "a standby" if found.is_standby else "no standby"
        yield ok(subject, f"{where}, PostgreSQL {found.version}, {kind}, as {found.role}")


def _embedded(data_dir: Path) -> Finding | None:
    """What is to be said of the embedded Postgres before it is started; nothing, if it can be."""
    try:
        if (cluster_directory(data_dir) / "PG_VERSION").exists():
            return None
    except DatabaseError as exc:
        return fail("Postgres", str(exc), 'see docs/backup.md, "Another major version"')
    return ok("Postgres", f"no DB_URL, and no database in {data_dir} yet: `ibconnect serve` makes one there")


def _unreachable(subject: str, where: str, exc: DatabaseError) -> Finding:
    if found := refusal(exc):
        return fail(subject, f"{where} is there, and {found.reason} ({exc.__cause__ or exc})", found.advice)
    return fail(subject, f"{where}: {exc}", "start it, or correct the URL; while it is away events go to the spool")


def _server(found: Condition, where: str) -> Finding:
    if found.major < OLDEST:
        return fail("Postgres", f"{where} is PostgreSQL {found.version}", f"use PostgreSQL {OLDEST} or later")
    if found.is_standby or found.is_read_only:
        return fail(
            "Postgres",
            f"{where} can only be read ({'a standby' if found.is_standby else 'default_transaction_read_only'})",
            "name the primary; with several hosts add target_session_attrs=read-write",
        )
    return ok("Postgres", f"{where}, PostgreSQL {found.version}, as {found.role}")


def _schema(found: Condition) -> Finding:
    newest = available()[-1].number
    is_owner = found.role == found.owner
    if found.schema is None:
        if is_owner and found.role == found.recorder:
            return ok("schema", "none that can be read yet: `ibconnect serve` makes it")
        return fail("schema", f"none that {found.role} could read", _ORDER)
    if found.schema > newest:
        return fail(
            "schema", f"version {found.schema}, of a newer ibconnect; this one knows {newest}", "upgrade this one"
        )
    if found.schema < newest:
        advice = "`ibconnect serve` brings it up to date" if is_owner else _ORDER
        return (warn if is_owner else fail)("schema", f"version {found.schema}, this program needs {newest}", advice)
    return ok("schema", f"version {found.schema}")


def _rights(found: Condition) -> Finding:
    if found.missing:
        return fail("rights", f"{found.role} lacks {_some(found.missing)}", RIGHT.advice)
    if found.role != found.recorder:
        return warn(
            "rights",
            f"this is {found.role}; it is {found.recorder} that the snapshot tables are to belong to",
            f"give `ibconnect serve` the DB_URL of {found.recorder}",
        )
    return ok("rights", f"{found.role} has what `ibconnect serve` needs")


def _months(found: Condition) -> Iterator[Finding]:
    if found.months:
        yield warn(
            "partitions",
            f"the events of {_some(found.months)} have none of their own",
            "`ibconnect migrate` makes them, and `ibconnect serve` within an hour if it can; nothing stops meanwhile",
        )
    if found.strays:
        many = str(found.strays) if found.strays <= _MOST_STRAYS else f"more than {_MOST_STRAYS}"
        yield warn(
            "partitions",
            f"sessions in public.stored_events_other, recorded by a clock that was far ahead: {many}",
            "look at the clock of the machines that record; the events are complete, and read like all others",
        )


def _some(missing: list[str]) -> str:
    return ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")


def _clock(found: Condition) -> Finding:
    off = abs(found.ahead)
    detail = f"that of Postgres is {off:.2f} s {'ahead of' if found.ahead > 0 else 'behind'} this machine's"
    advice = "set both by NTP (timedatectl, chronyc tracking): events and snapshots carry this machine's time"
    if off > _FAR_OFF_S:
        return fail("clock", detail, advice)
    if off > _OFF_S:
        return warn("clock", detail, advice)
    return ok("clock", detail)
