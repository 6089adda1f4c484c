"""``ibconnect statements``: import Flex statements from files, list those that are recorded, write one out again.

In: the verb's arguments, files, the event store. Out: recorded statements, a line for each on standard output; what was
refused on standard error. Called by the command line. The work is that of :mod:`ibconnect.statements`.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ibconnect.cli import statements_fetch
from ibconnect.cli.events import output
from ibconnect.cli.starting import settings
from ibconnect.config import Config
from ibconnect.database.migrations import migrate
from ibconnect.errors import IbConnectError
from ibconnect.service.postgres import database
from ibconnect.statements.document import place_for_large
from ibconnect.statements.importing import Found, Outcome, find, import_files
from ibconnect.statements.recording import Recorded
from ibconnect.statements.stored import Listed, content, documents, named, reading
from ibconnect.times import format_rfc3339

_ACCOUNTS_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ibconnect statements``."""
    does = parser.add_subparsers(metavar="import|fetch|list|export", required=True)
    imports = does.add_parser("import", help="record statements from files; fail if one is refused")
    imports.add_argument(
        "paths", metavar="FILE|DIR", nargs="+", type=Path, help="XML files; all *.xml below directories"
    )
    imports.add_argument("--quiet", action="store_true", help="say only what was refused, and how many there were")
    imports.set_defaults(does=run_import)
    fetches = does.add_parser("fetch", help="record statements of the past from IBKR, back to the first")
    statements_fetch.declare(fetches)
    lists = does.add_parser("list", help="list the statements that are recorded, a line for each document")
    lists.add_argument("--account", metavar="CODE", help="those of this account")
    lists.set_defaults(does=run_list)
    export = does.add_parser("export", help="write a statement as it was imported, byte for byte")
    export.add_argument("statement", metavar="ID", help="its id, its SHA-256, or the beginning of either")
    export.add_argument("--output", type=Path, metavar="FILE", help="write to this file instead of standard output")
    export.set_defaults(does=run_export)


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do what was chosen; the exit code.

    :raises IbConnectError: a setting is wrong, Postgres cannot be reached or refuses, or there is no such statement
    """
    do: Callable[[Config, argparse.Namespace], int] = chosen.does
    return do(settings(environ), chosen)


def run_import(config: Config, chosen: argparse.Namespace) -> int:
    """Record the statements of files; the exit code is 1 if one is refused.

    :raises DatabaseError: Postgres cannot be reached or refuses; what was said to be recorded is
    """
    found = find(chosen.paths)
    tally = _Tally(is_quiet=chosen.quiet)
    for refused in found.refused:
        tally.note(refused)
    with database(config) as url, _bar(found) as advance:
        migrate(url)
        try:
            for outcome in import_files(url, found.files, place_for_large(config.data_dir)):
                tally.note(outcome)
                advance(outcome.size)
        except IbConnectError:
            print(f"{tally}; not all was looked at: import the same again", flush=True)
            raise
    print(tally)
    return 1 if tally.refused else 0


class _Tally:
    """What became of the files so far."""

    def __init__(self, *, is_quiet: bool) -> None:
        self.refused = 0
        self._is_quiet = is_quiet
        self._new = self._known = self._statements = 0

    def note(self, outcome: Outcome) -> None:
        """Count a file, and say what became of it."""
        recorded = outcome.recorded
        if recorded is None:
            self.refused += 1
            print(f"refused {outcome.path}: {outcome.refused}", file=sys.stderr)
            return
        if recorded.new:
            self._new += 1
            self._statements += recorded.statements
        else:
            self._known += 1
        if not self._is_quiet:
            print(f"{'new    ' if recorded.new else 'known  '} {outcome.path}: {_about(recorded)}, {recorded.stream}")

    def __str__(self) -> str:
        files = self._new + self._known + self.refused
        return (
            f"{files:,} files: {self._new:,} new with {self._statements:,} statements, {self._known:,} known, "
            f"{self.refused:,} refused"
        )


def _about(of: Recorded | Listed) -> str:
    accounts = list(of.accounts)
    shown = ", ".join(accounts[:_ACCOUNTS_SHOWN]) + ", …" * (len(accounts) > _ACCOUNTS_SHOWN)
    whose = f"of {shown}" if accounts else "of no account"
    return f"{of.statements:,} statement{'s' * (of.statements != 1)} {whose}{_span(of.from_day, of.to_day)}"


def _span(first: date | None, last: date | None) -> str:
    if first is None or last is None:
        return ""
    return f", {first}" if first == last else f", {first} to {last}"


@contextmanager
def _bar(found: Found) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    is_drawn = sys.stderr.isatty() and bool(found.files)
    with Progress(*columns, console=Console(file=sys.stderr), disable=not is_drawn) as progress:
        task = progress.add_task(f"{len(found.files):,} files", total=found.size)
        yield lambda size: progress.update(task, advance=size)


def run_list(config: Config, chosen: argparse.Namespace) -> int:
    """Print a line for each document, in the order in which they were recorded.

    :raises DatabaseError: Postgres cannot be reached or refuses
    """
    with database(config) as url:
        migrate(url)
        with reading(url) as connection:
            for each in documents(connection, chosen.account):
                whence = f"{each.source} {each.name or ''}".strip()
                print(f"{each.stream}  {format_rfc3339(each.received)}  {_about(each)}, {each.size:,} bytes, {whence}")
    return 0


def run_export(config: Config, chosen: argparse.Namespace) -> int:
    """Write the bytes of one document.

    :raises EventError: there is no such statement, or it is not what was imported
    :raises ConfigError: the file cannot be written
    :raises DatabaseError: Postgres cannot be reached or refuses
    """
    with database(config) as url:
        migrate(url)
        with reading(url) as connection:
            document = named(connection, chosen.statement)
            with output(chosen.output) as file:
                for piece in content(connection, document):
                    file.write(piece)
    return 0
