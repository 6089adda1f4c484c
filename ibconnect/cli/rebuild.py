"""``ibconnect rebuild`` and ``ibconnect retry-poison``: the snapshot tables again from the events, with a bar.

``ibconnect set-aside`` tells what they do not hold, and why.

Called by the command line.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ibconnect.cli.starting import settings
from ibconnect.config import Config
from ibconnect.database.migrations import migrate
from ibconnect.events.types import TYPES
from ibconnect.projections.accounts.schema import ensure
from ibconnect.projections.engine.poison import PoisonEvent, poison_events, retry_poison
from ibconnect.projections.engine.rebuild import Progress as Show
from ibconnect.projections.engine.rebuild import rebuild
from ibconnect.service.postgres import database
from ibconnect.times import format_rfc3339


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb takes none."""


def run(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """See :func:`run_rebuild`.

    :raises IbConnectError: a setting is wrong, Postgres cannot be reached or refuses, or another rebuild is under way
    """
    return run_rebuild(settings(environ))


def run_rebuild(config: Config) -> int:
    """Build the snapshot tables again; the live ones serve until the new ones take their place.

    :raises ProjectionError: another rebuild is under way
    """
    with _prepared(config) as (url, show):
        done = rebuild(url, show)
    print(f"rebuilt the snapshot tables from {done.events:,} events in {done.seconds:.1f} s")
    return 0


def run_retry_poison(config: Config) -> int:
    """Apply the events again that were set aside; the exit code is 1 if some still cannot be.

    :raises ProjectionError: a rebuild is under way
    """
    with _prepared(config) as (url, show):
        before, after = retry_poison(url, show)
    print(f"{before} events were set aside; {after} still are")
    return 1 if after else 0


def run_set_aside(config: Config) -> int:
    """Print the events that no table can hold, one JSON object a line, with the reason; the exit code is 1 if any.

    :raises DatabaseError: there are no snapshot tables
    """
    with database(config) as url:
        found = [_line(event) for event in poison_events(url)]
    for line in found:
        print(orjson.dumps(line).decode())
    return 1 if found else 0


def _line(event: PoisonEvent) -> dict[str, object]:
    kind = TYPES.get(event.topic)
    return {
        "Position": event.position,
        "Session": str(event.session),
        "Version": event.version,
        "Type": kind.__name__ if kind else event.topic,
        "Reason": event.reason,
        "Noted": format_rfc3339(event.noted),
    }


@contextmanager
def _prepared(config: Config) -> Iterator[tuple[str, Show]]:
    with database(config) as url, _bar() as progress:
        migrate(url)
        ensure(url)
        task = progress.add_task("events", total=None, rate="")

        def show(done: int, total: int, rate: float) -> None:
            progress.update(task, completed=done, total=total, rate=f"{rate:,.0f}/s")

        yield url, show


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
    )
