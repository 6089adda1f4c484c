"""``ibconnect simulate``: arguments in, a running gateway until a signal. Called by the command line."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

from ibconnect.cli import simulate_flex
from ibconnect.errors import SimulatorError
from ibconnect.simulator.captures.source import SAME_ACCOUNT, Captures
from ibconnect.simulator.control import ControlPort
from ibconnect.simulator.faults.fault import Fault
from ibconnect.simulator.faults.registry import FAULTS
from ibconnect.simulator.options import OPTION_HELP, PACING, Options
from ibconnect.simulator.scenario.plan import START, Plan
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.server import Gateway
from ibconnect.simulator.source import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ibconnect simulate``."""
    parser.description = "An IB Gateway of our own, for the account side of the API, on a TCP port."
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=4002, help="port to listen on; 0 = any (default: %(default)s)")
    parser.add_argument("--trace", action="store_true", help="print a line for each login, request and end")
    _add_captures(parser)
    _add_scenario(parser)
    _add_options(parser)
    simulate_flex.declare(parser)
    _add_faults(parser)


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
        if isinstance(default, bool):
            group.add_argument(flag, action="store_true", help=text)
        elif name == "pacing":
            group.add_argument(flag, choices=PACING, default=default, help=f"{text} (default: {default})")
        else:
            kind = _rate if name == "rate" else type(default)
            group.add_argument(flag, type=kind, default=default, help=f"{text} (default: {default:g})")


def _add_scenario(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("scenario", "accounts that trade by themselves; used when no --capture is given")
    plan = Plan()
    group.add_argument("--demo", action="store_true", help="an advisor with five clients, all kinds of contracts")
    group.add_argument("--seed", type=int, default=plan.seed, help="the same seed gives the same figures (default: 1)")
    group.add_argument(
        "--accounts", type=int, default=plan.accounts, metavar="N", help="accounts (default: %(default)s)"
    )
    group.add_argument(
        "--positions", type=int, default=plan.positions, metavar="M", help="positions an account (default: %(default)s)"
    )
    group.add_argument("--advisor", action="store_true", help="an advisor's login: one more account, F..., first")
    group.add_argument(
        "--activity",
        type=float,
        default=plan.activity,
        help="how often accounts trade, pay in and out, open and close: 0 = only prices move (default: %(default)g)",
    )
    group.add_argument(
        "--orders",
        type=float,
        default=plan.orders,
        help="how much works, comes late, is corrected: 0 = every order is filled at once (default: %(default)g)",
    )
    group.add_argument(
        "--payments",
        type=float,
        default=plan.payments,
        help="how often dividends, interest and fees are paid, and accounts give to each other (default: %(default)g)",
    )
    group.add_argument("--zone", default=plan.zone, help="the gateway's time zone (default: %(default)s)")
    group.add_argument(
        "--pnl-reset",
        default=plan.pnl_reset,
        help="when the day of profits begins, in that zone (default: %(default)s)",
    )
    group.add_argument(
        "--start",
        type=_start,
        default=START,
        help=f"when the scenario begins: a moment with its zone, or now (default: {START.isoformat()})",
    )
    group.add_argument("--frozen", action="store_true", help="nothing moves")
    group.add_argument(
        "--ledger-prefix", action="store_true", help="spell per-currency keys $LEDGER-..., as gateways may since 2026"
    )


def _add_faults(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("faults", "--fault NAME[:PARAMETER=VALUE,...]; at run time by --control-port")
    group.add_argument("--control-port", type=int, metavar="PORT", help="take JSON commands on this loopback port")
    group.add_argument("--fault", action="append", default=[], metavar="NAME", help="let a fault happen (repeatable)")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "faults, with their parameters (each has also after=SECONDS):\n" + "\n".join(
        _fault_line(fault) for fault in FAULTS.values()
    )


def _fault_line(fault: Fault) -> str:
    params = ", ".join(f"{key}={value}" for key, value in fault.params.items())
    return f"  {fault.name}  {fault.help}\n      {params}"


def parse_fault(text: str) -> tuple[str, dict[str, str]]:
    """``name:a=1,b=2`` → the fault's name and its parameters as text."""
    name, _, rest = text.partition(":")
    pairs = [part.partition("=") for part in rest.split(",") if part]
    return name, {key: value for key, _, value in pairs}


def _start(text: str) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) if text == "now" else datetime.fromisoformat(text)


def _rate(text: str) -> float:
    return float("inf") if text == "max" else float(text)


def run(args: argparse.Namespace, _: Mapping[str, str]) -> int:
    """Run the gateway until SIGINT, SIGTERM or SIGHUP; the exit status."""
    try:
        return asyncio.run(_serve(args))
    except SimulatorError as exc:
        print(f"ibconnect simulate: {exc}", file=sys.stderr)
        return 1


async def _serve(args: argparse.Namespace) -> int:
    options = {name: getattr(args, name) for name in OPTION_HELP}
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        tell = partial(print, flush=True) if args.trace else None
        source = _source(args)
        flex = simulate_flex.service(args, source)
        gateway = Gateway(source, args.host, args.port, tell, record=False, **options)
        await stack.enter_async_context(gateway)
        if flex is not None:
            await stack.enter_async_context(flex)
            print(simulate_flex.welcome(flex), flush=True)
        if args.control_port is not None:
            control = await stack.enter_async_context(ControlPort(gateway, args.control_port, flex))
            print(f"control port: 127.0.0.1:{control.port}", flush=True)
        for text in args.fault:
            name, params = parse_fault(text)
            gateway.inject(name, **params)
        print(_welcome(gateway), flush=True)
        await stopped.wait()
    return 0


def _welcome(gateway: Gateway) -> str:
    codes = gateway.source.codes()
    shown = ", ".join(codes[:8]) + (f" and {len(codes) - 8} more" if len(codes) > 8 else "")
    return f"IB Gateway (simulated) listens on {gateway.host}:{gateway.port}: {shown}"


def _source(args: argparse.Namespace) -> Source:
    if args.demo:
        return Scenario.demo(args.start)
    if not args.capture:
        return Scenario(
            ledger_prefix=args.ledger_prefix,
            seed=args.seed,
            accounts=args.accounts,
            positions=args.positions,
            advisor=args.advisor,
            activity=args.activity,
            orders=args.orders,
            payments=args.payments,
            zone=args.zone,
            pnl_reset=args.pnl_reset,
            frozen=args.frozen,
            start=args.start,
        )
    return Captures.load(*args.capture, same_account=args.same_account, complete=args.complete)
