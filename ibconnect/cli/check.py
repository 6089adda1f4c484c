"""``ibconnect check``: whether all that the service needs is as it should be. Called by the command line."""

import argparse
from collections.abc import Mapping

from ibconnect import checking


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print a line for each thing that is checked; the exit code is 1 if one fails."""
    return checking.run(environ, as_json=chosen.json)
