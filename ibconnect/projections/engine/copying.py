"""Cells and rows as the text that COPY takes (PostgreSQL documentation, "COPY", text format).

In: values. Out: lines. Called by the folds of reports, which write rows that are only added so.
"""

from collections.abc import Iterable

from ibconnect.wire_numbers import NULL

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def escape(text: str) -> str:
    """A text as one cell."""
    return text.translate(_ESCAPES)


def line(cells: Iterable[object]) -> str:
    """A row: texts, numbers, None for null."""
    return "\t".join([NULL if cell is None else escape(str(cell)) for cell in cells])
