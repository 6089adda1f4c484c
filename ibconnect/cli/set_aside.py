"""``ibconnect set-aside``: the events that no table can hold, each with the reason; or those tried again.

Called by the command line. The work is that of :mod:`ibconnect.cli.rebuild`.
"""

import argparse
from collections.abc import Mapping

from ibconnect.cli import rebuild
from ibconnect.cli.rebuild import run_retry, run_set_aside
from ibconnect.cli.starting import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with them, and the reports that it is for."""
    parser.add_argument(
        "what",
        metavar="list|retry",
        nargs="?",
        choices=("list", "retry"),
        default="list",
        help="list them (default), or apply them again",
    )
    rebuild.add_arguments(parser)


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """See :func:`ibconnect.cli.rebuild.run_set_aside`; the exit code is 1 if such events are left.

    :raises IbConnectError: a setting is wrong, Postgres cannot be reached or refuses, or a rebuild is under way
    """
    do = run_retry if chosen.what == "retry" else run_set_aside
    return do(settings(environ), chosen.reports)
