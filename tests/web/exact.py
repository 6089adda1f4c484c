"""Figures as the API writes them, and as the page has to write them for somebody in Great Britain.

In: what a service answers with. Out: rows whose numbers are text; that text as a reader sees it. Called by the tests of
the page, which compare the two digit by digit.
"""

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

MINUS = "\u2212"


class Answers(Protocol):
    """A service that is asked."""

    def raw(self, path: str) -> bytes:
        """The bytes that it answers with."""


def asked(service: Answers, path: str) -> Any:
    """JSON of the API, each number as the text that it was sent as."""
    return json.loads(service.raw(path), parse_float=str, parse_int=str)


def written(text: str, least: int = 2, most: int = 2) -> str:
    """A figure in digits: groups of three, so many decimals at least and at most, a true minus."""
    value = Decimal(text)
    places = max(0, -int(value.as_tuple().exponent))
    if places > most:
        value = value.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP)
        places = most
    digits = f"{abs(value):,.{max(places, least)}f}"
    return f"{MINUS}{digits}" if value < 0 and any(each in digits for each in "123456789") else digits


def plain(value: Decimal) -> str:
    """A figure without an exponent, every digit kept."""
    return f"{value:f}"
