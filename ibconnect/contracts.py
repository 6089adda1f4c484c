"""A contract as IB's messages spell it: the eleven fields that executions, orders and details have in common.

In: the fields of a message. Out: a :class:`Contract` of texts. Called by the projections of reports whose messages name
contracts. Layout of server versions 157 to 200: IB's documentation, "TWS API: execDetails, openOrder, completedOrder".
A contract is known by its id alone: the same one is spelled in several ways by different messages.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Contract(NamedTuple):
    """As sent. ``expiry``: lastTradeDateOrContractMonth; ``right``: ``C``, ``P``; ``0``, ``?`` or empty for none."""

    id: str
    symbol: str
    security_type: str
    expiry: str
    strike: str
    right: str
    multiplier: str
    exchange: str
    currency: str
    local_symbol: str
    trading_class: str


def contract_at(fields: Sequence[str], at: int) -> Contract:
    """The contract whose id is field ``at`` of a message.

    :raises ValueError: the message is too short for it
    """
    found = fields[at : at + len(Contract._fields)]
    if len(found) < len(Contract._fields):
        raise ValueError(f"a contract has {len(Contract._fields)} fields, and {len(found)} are left of the message")
    return Contract(*found)
