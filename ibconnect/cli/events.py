"""``ibconnect events``: recorded events as lines of JSON, with filters; or as a capture that ``simulate`` plays.

In: the verb's arguments, the event store. Out: one line per event, to standard output or a file; memory stays flat
however many there are. Called by the command line.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ibconnect.cli.starting import settings
from ibconnect.errors import ConfigError, EventError
from ibconnect.events.codec import is_inbound, payload_of
from ibconnect.events.frames import SmallFrames
from ibconnect.events.lines import liner
from ibconnect.events.reader import Page, Reader
from ibconnect.events.selection import Stored, Wanted
from ibconnect.events.types import TYPES
from ibconnect.service.postgres import database
from ibconnect.times import parse_rfc3339, to_micros

_CHUNK = 1 << 16

Line = Callable[[Stored], bytes | None]
"""Makes one event's line, without the newline; None if the format cannot express the event."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ibconnect events``."""
    add_span(parser)
    parser.add_argument("--account", metavar="CODE", help="events that name this account")
    parser.add_argument(
        "--type",
        dest="types",
        action="append",
        type=_topic,
        metavar="KIND",
        help=f"events of this kind, may be given several times: {_kinds()}",
    )
    parser.add_argument("--after", type=_count, default=0, metavar="POSITION", help="events above this position")
    parser.add_argument("--limit", type=_count, metavar="N", help="stop after so many events")
    parser.add_argument(
        "--format",
        choices=LINES,
        default="ndjson",
        help="ndjson: one JSON object per event, as /v1/events gives it; capture: one JSON array of wire fields per"
        " message of the gateway; `ibconnect simulate --capture` plays both (default: %(default)s)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to this file instead of standard output")


def add_span(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that choose sessions; ``replay`` has the same."""
    parser.add_argument("--session", type=_session, metavar="ID", help="one recorded session, by its id")
    parser.add_argument("--gateway", metavar="HOST:PORT", help="sessions with this gateway, as IB_GW named it")
    parser.add_argument("--from", dest="since", type=_time, metavar="TIME", help="from this RFC 3339 time on")
    parser.add_argument("--to", dest="until", type=_time, metavar="TIME", help="up to this RFC 3339 time")


def wanted_sessions(arguments: argparse.Namespace) -> Wanted:
    """What the arguments of :func:`add_span` ask for."""
    return Wanted(
        session=arguments.session,
        gateway=arguments.gateway,
        since=arguments.since,
        until=arguments.until,
    )


def _session(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a session's id such as 0197b2c4-5d6e-7f80-9a1b-2c3d4e5f6071"
        ) from None


def _time(text: str) -> int:
    try:
        return to_micros(parse_rfc3339(text))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def _topic(text: str) -> str:
    for topic, kind in TYPES.items():
        if text == topic or text.lower() == kind.__name__.lower():
            return topic
    raise argparse.ArgumentTypeError(f"{text!r} is no kind of event; use one of {_kinds()}")


def _kinds() -> str:
    return ", ".join(f"{kind.__name__} ({topic})" for topic, kind in TYPES.items())


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Export.

    :raises ConfigError: the file cannot be written
    :raises EventError: the session is not recorded, or an event cannot be read
    :raises SchemaError: the database has not been migrated
    """
    with database(settings(environ)) as url, Reader(url) as reader, _bar(arguments.output) as show:
        wanted = _wanted(arguments)
        check_sessions(reader, wanted)
        with output(arguments.output) as file:
            pages = _shown(_limited(reader.pages(wanted), arguments.limit), show)
            left_out = export(pages, LINES[arguments.format](), file)
    if left_out:
        print(
            f"ibconnect: left out {left_out} frames that no capture can hold (they do not end in NUL)", file=sys.stderr
        )
    return 0


def _wanted(arguments: argparse.Namespace) -> Wanted:
    topics = frozenset(arguments.types or TYPES)
    if arguments.format == "capture":
        topics = frozenset(topic for topic in topics if is_inbound(topic))
        if not topics:
            raise ConfigError("--type: a capture holds what a gateway sent, and none of these kinds is that")
    return replace(
        wanted_sessions(arguments),
        topics=None if len(topics) == len(TYPES) else topics,
        account=arguments.account,
        after=arguments.after,
    )


def check_sessions(reader: Reader, wanted: Wanted) -> None:
    """See whether the session, the gateway and the span that are asked for make sense.

    :raises EventError: the session or the gateway is not recorded; the message says what is
    :raises ConfigError: the span ends before it begins
    """
    if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
        raise ConfigError("--to is earlier than --from")
    if wanted.session is not None:
        try:
            reader.session(wanted.session)
        except EventError as exc:
            raise EventError(f"--session: {exc}; `ibconnect events --type SessionOpened` lists all") from exc
    if wanted.gateway is not None:
        known = sorted({session.gateway for session in reader.sessions(Wanted())} - {""})
        if wanted.gateway not in known:
            named = ", ".join(known) or "none"
            raise EventError(f"--gateway {wanted.gateway!r} is not recorded; recorded are: {named}")


def export(pages: Iterator[Page], line: Line, output: BinaryIO) -> int:
    """Write the events' lines; return how many events the format could not express."""
    left_out = 0
    waiting = bytearray()
    for page in pages:
        for stored in page.events:
            text = line(stored)
            if text is None:
                left_out += 1
                continue
            waiting += text
            waiting += b"\n"
            if len(waiting) >= _CHUNK:
                output.write(waiting)
                waiting = bytearray()
    output.write(waiting)
    output.flush()
    return left_out


def as_capture(stored: Stored) -> bytes | None:
    """A message as a JSON array of its wire fields, bytes that are not UTF-8 as they are; None without a final NUL.

    None also for a row of small frames, which are no messages.
    """
    payload = payload_of(stored.topic, stored.state)
    if payload[-1:] != b"\0" or isinstance(payload, SmallFrames):
        return None
    fields = payload[:-1].decode("utf-8", "surrogateescape").split("\0")
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")


LINES: dict[str, Callable[[], Line]] = {"ndjson": liner, "capture": lambda: as_capture}
"""What makes the lines of each format, for one export."""


def _limited(pages: Iterator[Page], limit: int | None) -> Iterator[Page]:
    left = limit
    for page in pages:
        events = page.events if left is None else page.events[:left]
        yield Page(events, page.done, page.total)
        if left is not None:
            left -= len(events)
            if left <= 0:
                return


def _shown(pages: Iterator[Page], show: Callable[[int, int], None]) -> Iterator[Page]:
    for page in pages:
        yield page
        show(page.done, page.total)


@contextmanager
def _bar(output: Path | None) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, if standard error is a terminal and the lines do not go there too."""
    is_drawn = sys.stderr.isatty() and (output is not None or not sys.stdout.isatty())
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), disable=not is_drawn) as progress:
        task = progress.add_task("events", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def output(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file for its owner's eyes only that appears under its name once it is whole."""
    if path is None:
        yield sys.stdout.buffer
        return
    part = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as exc:
        raise ConfigError(f"--output {str(path)!r} cannot be written: {exc.strerror or exc}") from exc
