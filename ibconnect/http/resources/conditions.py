"""Which snapshots a statement looks at, as conditions that are filled into it.

In: a query, whether a gateway is named, whether any snapshot will do or only one that can be relied on. Out: the query.
Each of these conditions has an index of its own; as a parameter, none of them could use it where a statement is planned
once for all. Called by all that read snapshots of an account.
"""

from functools import cache
from typing import LiteralString

from psycopg.sql import SQL, Composable, Composed, Placeholder

from ibconnect.database.sql import queries

_CONDITIONS = queries("http/history")


def whose(query: LiteralString, gateway: str | None, *, takes_any: bool = False) -> Composed:
    """A query about what a gateway has sent that is named, or (None) those whose the account was.

    ``{whose}``: these snapshots; ``{ready}``: those that can be relied on.
    """
    return _whose(query, gateway is not None, takes_any)


@cache
def _whose(query: LiteralString, is_named: bool, takes_any: bool) -> Composed:
    return SQL(query).format(whose=sent_by(is_named=is_named), ready=ready(takes_any=takes_any))


def sent_by(*, is_named: bool) -> Composable:
    """What the gateway ``named`` has sent, or those whose the account was."""
    return _condition("of_named" if is_named else "of_its_own")


def ready(*, takes_any: bool) -> Composable:
    """Those that can be relied on, or all."""
    return _condition("any" if takes_any else "ready")


def wanted(gateway: str | None, *, takes_any: bool) -> Composable:
    """Those that make points of a time series, where the gateway is a parameter by its id."""
    return SQL("{} AND {}").format(ready(takes_any=takes_any), of_points(gateway))


def of_points(gateway: str | None) -> Composable:
    """The same, whether they can be relied on or not."""
    return _condition("of_each_refresh" if gateway is None else "of_one_gateway")


def first_of_step(
    name: str, account: str, limits: tuple[LiteralString, LiteralString], among: Composable
) -> Composable:
    """Which snapshot of a step is its value, as far as that is not simply the newest.

    :param name: ``newest_first`` or ``priced_first``
    :param account: the parameter that names the account
    :param limits: expressions for when the step begins, which is not part of it, and ends, which is
    :param among: which snapshots count
    """
    begin, end = map(SQL, limits)
    return _condition(name).format(account=Placeholder(account), begin=begin, end=end, wanted=among)


def _condition(name: str) -> SQL:
    return SQL(_CONDITIONS[name])
