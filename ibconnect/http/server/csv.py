"""Cells of a CSV table (RFC 4180) that a spreadsheet shows and never runs.

In: figures and texts. Out: the bytes of a line. Called by whatever is sent as CSV.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, which may ask other hosts or
start programs, and what IB or another program at the gateway sends is a text like any other. Such a text is given an
apostrophe before it, which spreadsheets do not show. Figures are made by Postgres and stay as they are: ``-0.50``.
"""

import re
from collections.abc import Iterable

# Some trim blanks, quotes and control characters first, some take the wide forms as well. With the apostrophes before
# them, so that whoever takes one away again has what was sent.
_FORMULA = re.compile("'*[\\s\"\x00-\x1f\x7f\u200b\ufeff]*[=+@\uff1d\uff0b\uff0d\uff20\u2212-]|'*[\t\r\n]")

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[Ee][+-]?\d+)?", re.ASCII)


def text_cell(text: str) -> str:
    """A text as a cell: guarded if a spreadsheet would run it, and quoted if it holds what separates cells or lines.

    A text that is nothing but a number, such as ``-0.00``, stays one.
    """
    return _quoted(f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text)


def line(cells: Iterable[str]) -> str:
    """A line of cells, its end included."""
    return f"{','.join(cells)}\r\n"


def _quoted(text: str) -> str:
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
