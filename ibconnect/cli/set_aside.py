"""``ibconnect set-aside``: the events that no table can hold, each with the reason.

Called by the command line. The work is that of :mod:`ibconnect.cli.rebuild`.
"""

import argparse
from collections.abc import Mapping

from ibconnect.cli.rebuild import run_set_aside
from ibconnect.cli.starting import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb takes none."""


def run(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """See :func:`ibconnect.cli.rebuild.run_set_aside`; the exit code is 1 if such events are left.

    :raises IbConnectError: a setting is wrong, Postgres cannot be reached or refuses, or a rebuild is under way
    """
    return run_set_aside(settings(environ))
