"""Profit and loss in tests: streams of events, a model of what is made of them, and the table read back."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from eventsourcing.persistence import StoredEvent

from ibconnect.database.pools import connect
from ibconnect.projections.pnl.projection import PNL
from ibconnect.times import to_micros
from tests.projecting import Stream, project_report, record
from tests.serving import FIRST, HOUR

UNSET = "1.7976931348623157E308"


class Row(NamedTuple):
    """A sample as the table has it; figures as texts, ``as_sent`` in their place where a number says it otherwise."""

    account: str
    contract: int
    at: int
    gateway: str
    daily: str | None
    unrealized: str | None
    realized: str | None
    size: str | None
    value: str | None


_FIGURES = ("daily", "unrealized", "realized", "size", "value")
_SHOWN = ", ".join(f"coalesce(as_sent ->> '{name}', {name}::text)" for name in _FIGURES)
_ROWS = (
    f"SELECT account, contract, (extract(epoch FROM at) * 1000000)::bigint, gateway, {_SHOWN} "
    "FROM pnl.sample ORDER BY position"
)


def ask(stream: Stream, number: int, account: str, contract: int = 0) -> StoredEvent:
    """A request goes out."""
    more = {"contract": contract} if contract else {}
    return stream.own("qa", report="pnl", request=number, account=account, **more)


def answer(stream: Stream, number: int | str, *figures: str) -> StoredEvent:
    """The gateway's answer: three figures of an account, five of a position."""
    return stream.message("94" if len(figures) == 3 else "95", str(number), *figures, timed=True)


def profit_world(account: str) -> Stream:
    """Profit and loss of an account and of one position, after each of two refreshes of tests/serving.py."""
    stream = Stream(at=to_micros(FIRST) + 9_000_000)
    for number in range(2):
        stream.at = to_micros(FIRST + number * HOUR) + 10_000_000
        ask(stream, 2 * number + 1, account)
        answer(stream, 2 * number + 1, f"-{number}12.50", f"{3713 + number}.00", "0.00")
        ask(stream, 2 * number + 2, account, 265598)
        answer(stream, 2 * number + 2, "100", f"{number}5.00", "3713.00", "-0.00", "18725.00")
    return stream


def project(url: str, limit: int = 20_000) -> None:
    """Make the tables if need be, and apply everything that is recorded."""
    project_report(url, PNL, limit)


def projected(url: str, events: Iterable[StoredEvent], limit: int = 20_000) -> list[Row]:
    """Record events in this order, and give the rows that they make."""
    record(url, events)
    project(url, limit)
    return rows(url)


def rows(url: str) -> list[Row]:
    """The samples, in the order of events."""
    return [Row._make(row) for row in fetched(url, _ROWS)]


def refused(url: str) -> list[str]:
    """Why events were set aside, in their order."""
    return [reason for (reason,) in fetched(url, "SELECT reason FROM pnl.poison_event ORDER BY position")]


def fetched(url: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with connect(url, name="test", search_path="public") as connection:
        return connection.execute(query.encode(), parameters or None).fetchall()


def is_number(text: str) -> bool:
    """Whether Python's decimals read it, which know more spellings than IB has."""
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False
