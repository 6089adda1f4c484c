"""``ibconnect rebuild`` and ``ibconnect set-aside``: the tables of reports again from the events, with a bar for each;
and what they do not hold, and why.

Called by the command line.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ibconnect.cli.starting import settings
from ibconnect.config import Config
from ibconnect.database.migrations import migrate
from ibconnect.events.types import TYPES
from ibconnect.projections.upkeep import REPORTS, Found, ensure, events_set_aside, named, rebuild, retry
from ibconnect.projections.upkeep import Progress as Show
from ibconnect.service.postgres import database
from ibconnect.times import format_rfc3339


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The reports that a verb is for."""
    parser.add_argument("reports", metavar="REPORT", nargs="*", help="these alone, such as accounts (default: all)")


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """See :func:`run_rebuild`.

    :raises IbConnectError: a setting is wrong, Postgres cannot be reached or refuses, or another rebuild is under way
    """
    return run_rebuild(settings(environ), chosen.reports)


def run_rebuild(config: Config, names: Sequence[str] = ()) -> int:
    """Build the tables of some reports again, all by default; the live ones serve until the new ones take their place.

    :raises ProjectionError: another rebuild is under way, or there is no such report
    """
    reports = named(names)
    with _prepared(config) as (url, show):
        done = rebuild(url, show, reports)
    which = " and the ".join(report.title for report in reports)
    print(f"rebuilt the {which} from {done.events:,} events in {done.seconds:.1f} s")
    return 0


def run_retry(config: Config, names: Sequence[str] = ()) -> int:
    """Apply the events again that some reports have set aside; the exit code is 1 if some still cannot be.

    :raises ProjectionError: a rebuild is under way, or there is no such report
    """
    reports = named(names)
    with _prepared(config) as (url, show):
        before, after = retry(url, show, reports)
    print(f"{before} events were set aside; {after} still are")
    return 1 if after else 0


def run_set_aside(config: Config, names: Sequence[str] = ()) -> int:
    """Print the events that no table can hold, one JSON object a line, with the reason; the exit code is 1 if any.

    :raises DatabaseError: there are no tables
    :raises ProjectionError: there is no such report
    """
    reports = named(names)
    with database(config) as url:
        found = [_line(event) for event in events_set_aside(url, reports)]
    for line in found:
        print(orjson.dumps(line).decode())
    return 1 if found else 0


def _line(event: Found) -> dict[str, object]:
    kind = TYPES.get(event.topic)
    return {
        "Report": event.report,
        "Position": event.position,
        "Session": str(event.session),
        "Version": event.version,
        "Type": kind.__name__ if kind else event.topic,
        "Reason": event.reason,
        "Noted": format_rfc3339(event.noted),
    }


@contextmanager
def _prepared(config: Config) -> Iterator[tuple[str, Show]]:
    with database(config) as url, _bars() as progress:
        migrate(url)
        ensure(url)
        tasks = {report.name: progress.add_task(report.name, total=None, rate="", visible=False) for report in REPORTS}

        def show(report: str, done: int, total: int, rate: float) -> None:
            progress.update(tasks[report], completed=done, total=total, rate=f"{rate:,.0f}/s", visible=True)

        yield url, show


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
    )
