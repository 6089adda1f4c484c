"""The command line: the parser of all verbs, and what their errors become.

``ibconnect VERB``; exit codes: 0 done, 1 it failed (one line says why), 2 wrong usage or settings, 130 interrupted.
Called by ``python -m ibconnect``. Which verbs there are: :mod:`ibconnect.cli.verbs`.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from ibconnect import __version__, disks
from ibconnect.cli.verbs import VERBS, Verb
from ibconnect.config import SETTINGS
from ibconnect.errors import ConfigError, IbConnectError
from ibconnect.refusals import refusal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the return value is the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    chosen = build_parser(given).parse_args(given)
    try:
        verb: Verb = chosen.verb
        code = verb.module.run(chosen, os.environ)
        sys.stdout.flush()
        return code
    except ConfigError as exc:
        print(f"ibconnect: {exc}", file=sys.stderr)
        return 2
    except IbConnectError as exc:
        print(f"ibconnect: {exc}{_advice(exc)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) is gone; Python must not try to flush to it again at exit.
        _write_no_more()
        return 0
    except OSError as exc:
        if not disks.is_full(exc):
            raise
        print(f"ibconnect: {disks.cause(exc, exc.filename or 'the output')}", file=sys.stderr)
        _write_no_more()
        return 1


def _write_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _advice(exc: IbConnectError) -> str:
    """What to do, if Postgres refuses something, unless that is said already."""
    found = refusal(exc)
    return f"; {found.advice}" if found and found.advice not in str(exc) else ""


def build_parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of all verbs, with what those take that the arguments name; it gives the chosen one as ``verb``."""
    parser = argparse.ArgumentParser(
        prog="ibconnect",
        description="A durable, event-sourced history of Interactive Brokers accounts, served over REST.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ibconnect {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb in VERBS:
        its = verbs.add_parser(verb.name, help=verb.help, description=f"{verb.help[0].upper()}{verb.help[1:]}.")
        its.set_defaults(verb=verb)
        if verb.name in arguments:
            verb.module.add_arguments(its)
    return parser


def _settings_help() -> str:
    rows = []
    for setting in SETTINGS:
        rows.append((setting.name, f"{setting.help} (default: {setting.default or 'empty'})"))
        if setting.file:
            rows.append((setting.file, f"file that holds {setting.name} instead"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(["settings, all by environment:", *(f"  {name:<{width}}  {text}" for name, text in rows)])
