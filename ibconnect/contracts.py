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


FIRST_REQUEST, _LAST_REQUEST = 1_000_000_000, 2_147_483_647
"""Requests for the details of contracts have numbers from here on: this one and the contract's id. So a refusal, which
names the request alone, says which contract it is about."""


def request_of_contract(contract: int) -> int | None:
    """The number of a request for the details of a contract; None: the contract's id is too large for one."""
    number = FIRST_REQUEST + contract
    return number if FIRST_REQUEST < number < _LAST_REQUEST else None


def contract_of_request(number: str) -> int | None:
    """The contract that a request of this number asks for; None: it asks for none."""
    if not (number.isascii() and number.isdigit() and len(number) == len(str(FIRST_REQUEST))):
        return None
    found = int(number)
    return found - FIRST_REQUEST if FIRST_REQUEST < found < _LAST_REQUEST else None
