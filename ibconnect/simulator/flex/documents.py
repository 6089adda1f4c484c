"""A Flex document: rows of sections in, XML out.

In: :class:`Statement`, whose values are exact and still without a format. Out: text, as a query prints it. Called by
the service, and by whoever writes files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from xml.sax.saxutils import quoteattr

from ibconnect.simulator.flex.queries import SECTIONS, Query

Row = tuple[str, Mapping[str, object]]
"""An element's name, and its attributes: text, Decimal, day, aware moment, or None for nothing."""
BARE = frozenset(("AccountInformation", "ChangeInNAV"))
"""Sections that are one element and no list."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One FlexStatement: an account and a period."""

    account: str
    first: date
    last: date
    generated: datetime
    sections: Mapping[str, Sequence[Row]]
    period: str = ""


def element(name: str, attributes: Mapping[str, object], query: Query, end: str = " />") -> str:
    """One element, all of whose content is attributes."""
    is_full = query.columns == "all"
    texts = ((key, query.text(value)) for key, value in attributes.items())
    return f"<{name}" + "".join(f" {key}={quoteattr(text)}" for key, text in texts if text or is_full) + end


def statement(given: Statement, query: Query) -> str:
    """A FlexStatement with the sections that the query ticks."""
    head = {
        "accountId": given.account,
        "fromDate": given.first,
        "toDate": given.last,
        "period": given.period,
        "whenGenerated": given.generated,
    }
    lines = [element("FlexStatement", head, query, ">")]
    for name in SECTIONS:
        if name not in query.sections:
            continue
        rows = [element(tag, attributes, query) for tag, attributes in given.sections.get(name, ())]
        if name in BARE:
            lines += rows
        elif rows:
            lines += (f"<{name}>", *rows, f"</{name}>")
        else:
            lines.append(f"<{name} />")
    return "\n".join((*lines, "</FlexStatement>"))


def document(statements: Sequence[str], query: Query) -> str:
    """The whole document, from FlexStatement elements as text."""
    return "\n".join(lines(statements, len(statements), query)) + "\n"


def lines(statements: Iterable[str], count: int, query: Query) -> Iterator[str]:
    """The same, piece by piece."""
    yield f'<FlexQueryResponse queryName={quoteattr(query.name)} type="AF">'
    yield f'<FlexStatements count="{count}">'
    yield from statements
    yield "</FlexStatements>"
    yield "</FlexQueryResponse>"
