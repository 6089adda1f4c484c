"""``ibconnect rebuild``: the rebuild of the snapshot tables, with its progress on the terminal.

Called by the command line.
"""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ibconnect.config import Config
from ibconnect.database.migrations import migrate
from ibconnect.projections.rebuild import rebuild
from ibconnect.projections.schema import ensure
from ibconnect.service import database


def run(config: Config) -> int:
    """Rebuild, drawing a bar with rate and time left on a terminal, or a line at the end elsewhere.

    :raises ProjectionError: another rebuild is running
    """
    with database(config) as url, _bar() as progress:
        migrate(url)
        ensure(url)
        task = progress.add_task("events", total=None, rate="")

        def show(done: int, total: int, rate: float) -> None:
            progress.update(task, completed=done, total=total, rate=f"{rate:,.0f}/s")

        applied = rebuild(url, show)
    print(f"rebuilt the snapshot tables from {applied:,} events")
    return 0


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
