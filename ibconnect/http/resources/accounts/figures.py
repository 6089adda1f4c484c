"""One figure has one text, wherever it is shown: in a balance, a history, CSV or JSON.

In: IB's text of a value that no column of the tables holds exactly, and its number as Postgres writes it. Out: what is
shown. (In SQL the same is the expression ``other_amount`` of sql/http/history.sql.)
"""

import re

_NEGATIVE_ZERO = re.compile(r"-0(?:\.0+)?", re.ASCII)


def shown(value: str, amount: str | None) -> str:
    """The figure as plain digits, with all that IB sent; empty if it is none, or unset.

    >>> shown("1.0E7", "10000000"), shown("-0.00", "0.00"), shown("+5.50", "5.50"), shown("NaN", None)
    ('10000000', '-0.00', '5.50', '')
    """
    if amount is None:
        return ""
    return value if _NEGATIVE_ZERO.fullmatch(value) else amount
