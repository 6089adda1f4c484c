"""``ibconnect simulate``: arguments in, a running gateway until a signal. Called by ``ibconnect.cli``."""

import argparse
import asyncio
import signal
import sys

from ibconnect.errors import SimulatorError
from ibconnect.simulator.captures import SAME_ACCOUNT, Captures
from ibconnect.simulator.options import OPTION_HELP, PACING, Options
from ibconnect.simulator.server import Gateway
from ibconnect.simulator.source import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ibconnect simulate``."""
    parser.description = "An IB Gateway of our own, for the account side of the API, on a TCP port."
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=4002, help="port to listen on; 0 = any (default: %(default)s)"
    )
    _add_captures(parser)
    _add_options(parser)


def _add_captures(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("captures", "play recorded messages, JSON Lines of wire fields")
    group.add_argument(
        "--capture",
        action="append",
        default=[],
        metavar="FILE",
        help="a recording to play; may be given several times. Where two files hold the same account code,"
        " the later file's account gets the next free code (DU0000001, DU0000002, ...)",
    )
    group.add_argument(
        "--same-account",
        choices=SAME_ACCOUNT,
        default="renumber",
        help="files with the same account code: accounts of their own (renumber), or one account's states,"
        " each subscription getting the next (history) (default: %(default)s)",
    )
    group.add_argument(
        "--complete",
        action="store_true",
        help="send the end messages (54, 62, 64, 74) that a recording lacks; otherwise nothing is invented",
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("behavior")
    defaults = Options()
    for name, text in OPTION_HELP.items():
        flag, default = f"--{name.replace('_', '-')}", getattr(defaults, name)
        if name == "record":
            continue
        if isinstance(default, bool):
            group.add_argument(flag, action="store_true", help=text)
        elif name == "pacing":
            group.add_argument(flag, choices=PACING, default=default, help=f"{text} (default: {default})")
        else:
            kind = _rate if name == "rate" else type(default)
            group.add_argument(flag, type=kind, default=default, help=f"{text} (default: {default:g})")


def _rate(text: str) -> float:
    return float("inf") if text == "max" else float(text)


def run(args: argparse.Namespace) -> int:
    """Run the gateway until SIGINT or SIGTERM; the exit status."""
    try:
        return asyncio.run(_serve(args))
    except SimulatorError as exc:
        print(f"ibconnect simulate: {exc}", file=sys.stderr)
        return 1


async def _serve(args: argparse.Namespace) -> int:
    options = {name: getattr(args, name) for name in OPTION_HELP if name != "record"}
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Gateway(_source(args), args.host, args.port, record=False, **options) as gateway:
        accounts = ", ".join(gateway.source.codes())
        print(f"IB Gateway (simulated) listens on {gateway.host}:{gateway.port}: {accounts}", flush=True)
        await stopped.wait()
    return 0


def _source(args: argparse.Namespace) -> Source:
    return Captures.load(*args.capture, same_account=args.same_account, complete=args.complete)
