"""The Flex service of ``ibconnect simulate``: arguments in, a service beside the gateway. Called by ``simulate``."""

import argparse
import re
from dataclasses import fields

from ibconnect.errors import SimulatorError
from ibconnect.simulator.flex import FlexService, ScenarioBooks
from ibconnect.simulator.flex.faults import FAULTS
from ibconnect.simulator.flex.options import FLEX_HELP, STAMPS, FlexOptions
from ibconnect.simulator.flex.queries import DEFAULT_QUERIES, SECTIONS, Query, parse
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.source import Source

_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the Flex service."""
    group = parser.add_argument_group("flex", "a Flex Web Service whose statements agree with the scenario's books")
    group.add_argument("--flex-port", type=int, metavar="PORT", help="serve statements on this port; 0 = any")
    group.add_argument(
        "--flex-history",
        type=days,
        default=days("2y"),
        metavar="TIME",
        help="days before the scenario's first that have statements: 90d, 26w, 2y (default: 2y)",
    )
    group.add_argument("--flex-every-day", action="store_true", help="weekends have statements too")
    group.add_argument("--flex-today", action="store_true", help="the running day has a statement, as it stands")
    group.add_argument(
        "--flex-query",
        action="append",
        default=[],
        metavar="ID[:KEY=VALUE,...]",
        help=f"a saved query (repeatable); keys: {', '.join(f.name for f in fields(Query) if f.name != 'id')};"
        f" sections joined by +, of: {', '.join(SECTIONS)}"
        f" (default: {', '.join(query.id for query in DEFAULT_QUERIES)})",
    )
    group.add_argument(
        "--flex-fault",
        action="append",
        default=[],
        metavar="NAME",
        help=f"let a fault happen, NAME[:PARAMETER=VALUE,...] (repeatable): {', '.join(FAULTS)}",
    )
    defaults = FlexOptions()
    for name, text in FLEX_HELP.items():
        flag, default = f"--flex-{name.replace('_', '-')}", getattr(defaults, name)
        if isinstance(default, bool):
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=text)
        elif name == "stamp":
            group.add_argument(flag, choices=STAMPS, default=default, help=f"{text} (default: {default})")
        else:
            group.add_argument(flag, type=type(default), default=default, help=f"{text} (default: {default})")


def days(text: str) -> int:
    """``2y`` → 730. Raises :class:`argparse.ArgumentTypeError`."""
    match = re.fullmatch(r"(\d{1,5})([dwmy]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: a number of days, or one with d, w, m or y")
    return int(match[1]) * _DAYS[match[2] or "d"]


def service(args: argparse.Namespace, source: Source) -> FlexService | None:
    """The service that is wanted, not yet started; made before time passes in the scenario, to which history leads.

    :raises SimulatorError: there are no books to make statements of, or an argument makes no sense
    """
    if args.flex_port is None:
        return None
    if not isinstance(source, Scenario):
        raise SimulatorError("--flex-port: recordings have no books to make statements of; leave --capture out")
    books = ScenarioBooks(source.world, args.flex_history, every_day=args.flex_every_day, today=args.flex_today)
    options = {name: getattr(args, f"flex_{name}") for name in FLEX_HELP}
    made = FlexService(books, args.host, args.flex_port, [parse(text) for text in args.flex_query], **options)
    for text in args.flex_fault:
        name, _, rest = text.partition(":")
        made.inject(name, **dict(part.partition("=")[::2] for part in rest.split(",") if part))
    return made


def welcome(flex: FlexService) -> str:
    """What to tell of a service that runs."""
    return f"Flex service: {flex.url}, queries {', '.join(flex.queries)}, token {flex.options.token}"
