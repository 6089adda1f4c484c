"""``ibconnect api``: the REST API is served, of what others record and project. Called by the command line."""

import argparse
from collections.abc import Mapping

from ibconnect.cli.alone import run_role
from ibconnect.cli.starting import add_no_web, with_web
from ibconnect.roles import API


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether there is the page; all else is said by the environment."""
    add_no_web(parser)


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM or Ctrl-C; the exit code is 0.

    :raises IbConnectError: a setting is wrong, or a port or the database cannot be had
    """
    return run_role(API, with_web(environ, chosen))
