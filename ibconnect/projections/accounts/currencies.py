"""The currencies that the tables know from the start: those of ISO 4217, and what IB names besides.

In: nothing. Out: code, number and name of each, and rows of them. Called when the tables are made. Any other code that
IB sends is added when it first occurs, without number and name. Numbers and names are the standard's, of whatever date
the package has: they are no part of the tables' version, and tables that are there already keep what they have.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.tags import BASE

Q = queries("projections/accounts/currency")


class Currency(NamedTuple):
    """A currency as people know it; IB's own codes have no number, and need not have a name."""

    code: str
    number: int | None = None
    name: str | None = None


# BASE is what IB calls a sum over all currencies in the base currency; CNH is the renminbi outside of China.
_OF_IB = (Currency(BASE), Currency("CNH", None, "Offshore Renminbi"))

# The standard drops what no country uses any more; histories go on holding it.
_WITHDRAWN = (Currency("BGN", 975, "Bulgarian Lev"),)

# By number: the units of a bond market (955 to 958), the code for tests, the one for "no currency". They are no money.
_NO_MONEY = frozenset((955, 956, 957, 958, 963, 999))


@cache
def known() -> tuple[Currency, ...]:
    """All of them, BASE first, then by their codes."""
    others = {each.code: each for each in (*_WITHDRAWN, *_of_the_standard(), *_OF_IB)}
    base = others.pop(BASE)
    return (base, *(others[code] for code in sorted(others)))


def fill(connection: Connection[Any]) -> None:
    """Write them into the table of currencies that was just made, numbered in their order."""
    codes, numbers, names = map(list, zip(*known(), strict=True))
    connection.execute(Q["fill"], {"codes": codes, "numbers": numbers, "names": names})


def _of_the_standard() -> Iterator[Currency]:
    # Reading its table takes a tenth of a second, which only making tables is worth.
    import iso4217

    for each in iso4217.Currency:
        if each.number not in _NO_MONEY:
            yield Currency(each.code, each.number, each.currency_name)
