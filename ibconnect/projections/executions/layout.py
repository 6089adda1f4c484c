"""Messages 11 (execDetails) and 59 (commissionReport) field by field, for server versions 157 to 200.

In: the fields of a message. Out: facts. Called by :mod:`reader`. A figure that is no number costs itself: its text is
kept beside the columns. From version to version fields were only added at the end.
"""

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from hashlib import blake2b

import orjson

from ibconnect.clocks import told
from ibconnect.codes import is_code
from ibconnect.contracts import contract_at
from ibconnect.errors import ProjectionError
from ibconnect.projections.executions.facts import (
    UNKNOWN_TIME,
    UNREADABLE,
    Commission,
    ExecutionId,
    Fill,
)
from ibconnect.wire_numbers import is_exact, is_unset, number_of

EXECUTION, EXECUTIONS_END, COMMISSION = "11", "55", "59"

# Up to lastLiquidity, which all of these versions have; and all of a commission report.
_EXECUTION_FIELDS, _COMMISSION_FIELDS = 31, 8
# What an index is made of must fit a page of it; IB's ids have 25 characters.
_LONGEST = 250

_CORRECTED = re.compile(r"(.+)\.(\d{1,9})", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


class _Texts:
    """The texts of a message that its columns do not give back."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.is_unreadable = False

    def figure(self, column: str, text: str) -> str | None:
        """What a column of numbers is given."""
        if is_exact(text):
            return text
        if is_unset(text):
            return None
        self.kept[column] = text
        number = number_of(text)
        self.is_unreadable = self.is_unreadable or number is None
        return number

    def whole(self, column: str, text: str) -> str | None:
        """What a column of whole numbers is given."""
        if is_unset(text):
            return None
        if _WHOLE.fullmatch(text):
            return text
        self.kept[column] = text
        self.is_unreadable = True
        return None

    def dump(self) -> str | None:
        """As JSON."""
        return orjson.dumps(self.kept).decode() if self.kept else None


def fill_of(fields: Sequence[str], position: int, received: datetime, gateway: str, zone: tzinfo | None) -> Fill:
    """The execution that a message 11 tells of.

    :param zone: the gateway's
    :raises ProjectionError: the message is too short, or does not say of which account or execution it is
    """
    if len(fields) < _EXECUTION_FIELDS:
        raise ProjectionError(f"an execution has {_EXECUTION_FIELDS} fields or more, and this one {len(fields)}")
    contract = contract_at(fields, 3)
    account, execution = fields[16], execution_id(fields[14])
    if not is_code(account):
        raise ProjectionError(f"an execution of the account {account[:_LONGEST]!r}")
    if max(len(contract.symbol), len(contract.local_symbol)) > _LONGEST:
        raise ProjectionError(f"a symbol is longer than {_LONGEST} characters")
    time, texts = told(fields[15], zone, received), _Texts()
    figures = {name: texts.figure(name, fields[at]) for name, at in _FIGURES}
    wholes = {name: texts.whole(name, fields[at]) for name, at in _WHOLES}
    remarks = ((UNKNOWN_TIME, time.at is None), (UNREADABLE, texts.is_unreadable))
    return Fill(
        account=account,
        id=execution,
        position=position,
        received=received,
        gateway=gateway,
        digest=_digest(fields, 2),
        at=time.at,
        time=fields[15],
        zone=time.zone,
        contract=contract,
        multiplier=number_of(contract.multiplier),
        exchange=fields[17],
        side=fields[18],
        order_ref=fields[26],
        ev_rule=fields[27],
        model_code=fields[29],
        pending_price_revision={"0": False, "1": True}.get(fields[31]) if len(fields) > 31 else None,
        submitter=fields[32] if len(fields) > 32 else "",
        texts=texts.dump(),
        remarks=tuple(code for code, is_said in remarks if is_said),
        **figures,
        **wholes,
    )


_FIGURES = (("shares", 19), ("price", 20), ("cum_qty", 24), ("avg_price", 25), ("ev_multiplier", 28))
_WHOLES = (
    ("contract_id", 3),
    ("order_id", 2),
    ("perm_id", 21),
    ("client_id", 22),
    ("liquidation", 23),
    ("last_liquidity", 30),
)


def commission_of(fields: Sequence[str], position: int, received: datetime, gateway: str) -> Commission:
    """What a message 59 tells.

    :raises ProjectionError: the message is too short, or does not say of which execution it is
    """
    if len(fields) < _COMMISSION_FIELDS:
        raise ProjectionError(f"a commission report has {_COMMISSION_FIELDS} fields, and this one {len(fields)}")
    texts = _Texts()
    return Commission(
        id=execution_id(fields[2]),
        position=position,
        received=received,
        gateway=gateway,
        digest=_digest(fields, 2),
        commission=texts.figure("commission", fields[3]),
        currency=fields[4],
        realized_pnl=texts.figure("realized_pnl", fields[5]),
        bond_yield=texts.figure("yield", fields[6]),
        redemption_date="" if fields[7] == "0" else fields[7],
        texts=texts.dump(),
    )


@lru_cache(maxsize=4096)
def execution_id(text: str) -> ExecutionId:
    """An execution id, taken apart: a correction differs from what it corrects in the digits after the last dot alone.

    >>> execution_id("0000e0d5.65f1a2b3.01.02")
    ExecutionId(text='0000e0d5.65f1a2b3.01.02', key='0000e0d5.65f1a2b3.01', number=2)

    :raises ProjectionError: it is empty, or longer than any
    """
    if not 0 < len(text) <= _LONGEST:
        raise ProjectionError(f"an execution id of {len(text)} characters")
    match = _CORRECTED.fullmatch(text)
    return ExecutionId(text, match[1], int(match[2])) if match else ExecutionId(text, text, 0)


def _digest(fields: Sequence[str], start: int) -> bytes:
    return blake2b("\0".join(fields[start:]).encode(), digest_size=16).digest()
