"""``ibconnect statements fetch``: statements of the past from IBKR's Flex Web Service, as far back as it gives any.

In: the verb's arguments, the settings. Out: recorded statements, a line for each span of days on standard output, and
why it ended. Called by ``ibconnect statements``. The work is that of :mod:`ibconnect.statements.flex.walking`.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.status import Status

from ibconnect.config import Config
from ibconnect.database.migrations import migrate
from ibconnect.errors import ConfigError
from ibconnect.flex_settings import FlexQuery, queries
from ibconnect.service.postgres import database
from ibconnect.service.statements import recorder
from ibconnect.statements.flex.asking import Given, Times
from ibconnect.statements.flex.days import Span, last_day
from ibconnect.statements.flex.walking import Walk, walk
from ibconnect.times import utc_now


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what it takes."""
    parser.add_argument("--from", dest="since", type=_day, metavar="DAY", help="the first day; else the first of all")
    parser.add_argument("--to", dest="until", type=_day, metavar="DAY", help="the last day; else yesterday in New York")
    parser.add_argument("--query", action="append", metavar="ID|NAME", help="of FLEX_QUERIES this one, or another id")
    parser.add_argument("--again", action="store_true", help="also spans of days that IBKR gave before")
    parser.set_defaults(does=run_fetch)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2024-12-31") from None


def run_fetch(config: Config, chosen: argparse.Namespace, times: Times | None = None) -> int:
    """Walk back, one query after the other.

    :raises ConfigError: no query is named, or the days are not in order
    :raises FlexError: IBKR refuses, or gives nothing at all
    :raises DatabaseError: Postgres cannot be reached or refuses
    """
    last = last_day(utc_now())
    until = min(chosen.until or last, last)
    if chosen.since is not None and chosen.since > until:
        raise ConfigError(f"--from is later than --to, or than {last}, the last day of which IBKR can have a statement")
    wanted = _wanted(config, chosen.query)
    with database(config) as url:
        migrate(url)
        for query in wanted:
            asyncio.run(_walked(config, url, Walk(query, chosen.since, until, chosen.again), times))
    return 0


def _wanted(config: Config, named: Sequence[str] | None) -> Sequence[FlexQuery]:
    if not named:
        if not config.flex_queries:
            raise ConfigError("no query is named: set FLEX_QUERIES, or give --query ID")
        return config.flex_queries
    known = {key: each for each in config.flex_queries for key in (each.id, each.name)}
    return [known[name] if name in known else _other(name, known) for name in dict.fromkeys(named)]


def _other(name: str, known: dict[str, FlexQuery]) -> FlexQuery:
    try:
        (query,) = queries(name)
    except ValueError:
        raise ConfigError(
            f"--query {name!r} is neither in FLEX_QUERIES ({', '.join(known) or 'empty'}) nor an id"
        ) from None
    return query


async def _walked(config: Config, url: str, asked: Walk, times: Times | None) -> None:
    console = Console(file=sys.stderr)
    with console.status(f"{asked.query}: asking IBKR, which takes minutes") as status:
        if not console.is_terminal:
            status.stop()
        why = await walk(config, url, recorder(url), asked, lambda span, given: _show(span, given, status), times=times)
    print(f"{asked.query}: {why}", flush=True)


def _show(span: Span, given: Given, status: Status) -> None:
    what = f"{given.statements:,} statement{'s' * (given.statements != 1)}"
    whose = f"{given.accounts:,} account{'s' * (given.accounts != 1)}"
    days = "" if given.since is None else f", {given.since} to {given.until}"
    print(
        f"{'new    ' if given.is_new else 'known  '} {span[0]} to {span[1]}: {what} of {whose}{days}, "
        f"{given.bytes:,} bytes, {given.stream}",
        flush=True,
    )
    status.update(f"back to {span[0]}, going on")
