"""``ibconnect replay``: recorded sessions served again, as an IB Gateway on a TCP port, until a signal.

In: the verb's arguments, the event store. Out: a running :class:`~ibconnect.simulator.replay.server.Replay`. Called by
the command line.
"""

import argparse
import asyncio
import math
from collections.abc import Mapping, Sequence

from ibconnect.cli.events import add_span, check_sessions, wanted_sessions
from ibconnect.cli.starting import settings
from ibconnect.errors import ConfigError, EventError
from ibconnect.events.reader import Reader, RecordedSession
from ibconnect.events.selection import Wanted
from ibconnect.service.lifetime import stop_event
from ibconnect.service.postgres import database
from ibconnect.simulator.replay.server import Replay
from ibconnect.times import format_rfc3339, from_micros


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ibconnect replay``."""
    add_span(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=4002, help="port to listen on; 0 = any (default: %(default)s)")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="1|10|max",
        help="recorded seconds per second; max = as fast as the client reads (default: %(default)g)",
    )
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=5.0,
        metavar="SECONDS",
        help="how long the replay waits for a client to ask for what the recorder asked for at that place,"
        " once it has asked for anything (default: %(default)g)",
    )
    parser.add_argument("--once", action="store_true", help="end when a client has been played the last session")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _speed(text: str) -> float:
    return math.inf if text == "max" else _positive(text, "1, 10, max or any number above 0")


def _seconds(text: str) -> float:
    return _positive(text, "a number of seconds above 0")


def _positive(text: str, right: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is wrong: use {right}")
    return value


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve until SIGINT or SIGTERM, or with ``--once`` to the end.

    :raises ConfigError: neither a session nor a gateway is named
    :raises EventError: no such session is recorded
    :raises SchemaError: the database has not been migrated
    :raises SimulatorError: the port cannot be had
    """
    wanted = wanted_sessions(arguments)
    if wanted.session is None and wanted.gateway is None:
        raise ConfigError("replay what? Name --session ID, or --gateway HOST:PORT with --from and --to")
    with database(settings(environ)) as url:
        with Reader(url) as reader:
            sessions = chosen(reader, wanted)
        asyncio.run(_serve(url, sessions, arguments))
    return 0


def chosen(reader: Reader, wanted: Wanted) -> list[RecordedSession]:
    """The sessions to replay, oldest first; those that do not begin with a login are left out.

    :raises EventError: there is none
    """
    check_sessions(reader, wanted)
    if wanted.session is None:
        found = reader.sessions(wanted)
    else:
        found = [session for session in [reader.session(wanted.session)] if session.overlaps(wanted)]
    playable = [session for session in found if session.opened is not None and not session.opened.continues]
    if not playable:
        raise EventError("no session was recorded there between --from and --to that could be replayed")
    return sorted(playable, key=lambda session: session.first)


async def _serve(url: str, sessions: Sequence[RecordedSession], arguments: argparse.Namespace) -> None:
    stop = stop_event()
    async with Replay(
        url,
        sessions,
        arguments.host,
        arguments.port,
        speed=arguments.speed,
        patience=arguments.patience,
        once=arguments.once,
    ) as replay:
        print(_welcome(replay), flush=True)
        ends = [asyncio.ensure_future(event.wait()) for event in (stop, replay.done)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()


def _welcome(replay: Replay) -> str:
    first, last = replay.sessions[0], replay.sessions[-1]
    events = sum(session.versions for session in replay.sessions)
    what = f"session {first.id}" if first is last else f"{len(replay.sessions)} sessions"
    began, ended = format_rfc3339(from_micros(first.began)), format_rfc3339(from_micros(last.ended))
    return (
        f"IB Gateway (replay) listens on {replay.host}:{replay.port}: {what} with {first.gateway},"
        f" {began} to {ended}, {events:,} events"
    )
