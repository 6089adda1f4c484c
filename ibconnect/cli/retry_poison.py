"""``ibconnect retry-poison``: the events applied again that could not be applied and were set aside.

Called by the command line. The work is that of :mod:`ibconnect.cli.rebuild`.
"""

import argparse
from collections.abc import Mapping

from ibconnect.cli import rebuild
from ibconnect.cli.rebuild import run_retry
from ibconnect.cli.starting import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The reports that it is for."""
    rebuild.add_arguments(parser)


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """See :func:`ibconnect.cli.rebuild.run_retry`; the exit code is 1 if such events are left.

    :raises IbConnectError: a setting is wrong, Postgres cannot be reached or refuses, or a rebuild is under way
    """
    return run_retry(settings(environ), chosen.reports)
