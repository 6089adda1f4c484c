"""Faults of single messages: each takes the message that was to go out and gives what goes out instead.

In: a connection, the message's fields (none for a fault that acts by itself), parameters. Out: other fields,
bytes that are no message, or None to leave it. Called through ``fault.Spoil``, by name through ``registry``.
"""

import random

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.faults.fault import (
    FOREIGN_ACCOUNT,
    MESSAGE,
    STATE,
    Fault,
    Matches,
    Params,
    Target,
    arm,
    later,
    now_or_spoil,
    spoil,
)
from ibconnect.simulator.wire.frames import Fields, frame, payload
from ibconnect.simulator.wire.layouts import UNSET_DOUBLE


def short_length(connection: Connection, fields: Fields, params: Params) -> bytes:
    body = payload(fields)
    return max(1, len(body) - int(params["by"])).to_bytes(4, "big") + body


def long_length(connection: Connection, fields: Fields, params: Params) -> bytes:
    return int(params["length"]).to_bytes(4, "big") + payload(fields)


def not_utf8(connection: Connection, fields: Fields, params: Params) -> Fields:
    bad = bytes.fromhex(params["hex"]).decode("utf-8", "surrogateescape")
    return (*fields[:3], bad, *fields[4:])


def missing_field(connection: Connection, fields: Fields, params: Params) -> Fields:
    return fields[:-1]


def extra_field(connection: Connection, fields: Fields, params: Params) -> Fields:
    return (*fields, "unexpected")


def random_bytes(connection: Connection, fields: Fields, params: Params) -> None:
    source = random.Random(int(params["seed"]) * 1_000_003 + connection.sent_count)
    connection.send_body(source.randbytes(int(params["bytes"])))


def unknown_id(connection: Connection, fields: Fields, params: Params) -> None:
    connection.send_body(payload((str(params["id"]), "1", "what", "is", "this")))


def foreign_account(connection: Connection, fields: Fields, params: Params) -> None:
    account = str(params["account"])
    contract = ("265598", "AAPL", "STK", "", "0", "0", "", "NASDAQ", "USD", "AAPL", "NMS")
    figures = ("100", "155.5", "15550.00", "150.01", "549.00", "0.00")
    connection.send_body(payload(("6", "2", "NetLiquidation", "123456.78", "USD", account)))
    connection.send_body(payload(("7", "8", *contract, *figures, account)))


_FIGURE = {"6": 3, "59": 3, "94": 2, "95": 3}


def unset(connection: Connection, fields: Fields, params: Params) -> Fields:
    index = _FIGURE[fields[0]]
    return (*fields[:index], UNSET_DOUBLE, *fields[index + 1 :])


def not_ready(connection: Connection, fields: Fields, params: Params) -> Fields:
    return tuple("false" if f == "true" else f for f in fields)


def swallow(connection: Connection, fields: Fields, params: Params) -> bytes:
    return b""


def twice(connection: Connection, fields: Fields, params: Params) -> bytes:
    return frame(payload(fields)) * 2


class Delay:
    """Holds messages of some ids back until one of another id has gone out; then again from the start."""

    def __init__(self, params: Params) -> None:
        self._held_ids = frozenset(str(params["held"]).replace("+", " ").split())
        self._end = str(params["until"])
        self._held: list[bytes] = []

    def apply(self, connection: Connection, fields: Fields) -> Fields | bytes | None:
        if fields[0] in self._held_ids:
            self._held.append(frame(payload(fields)))
            return b""
        if fields[0] != self._end:
            return None
        held, self._held = self._held, []
        return b"".join((frame(payload(fields)), *held))

    def end(self, connection: Connection) -> None:
        """Let go of what is held back, and hold nothing more."""
        if self in connection.tampers:
            connection.tampers.remove(self)
            connection.send_raw(b"".join(self._held))


def delay(target: Target, fault: Fault, params: Params) -> None:
    def act(connection: Connection) -> None:
        tamper = Delay(params)
        connection.tampers.append(tamper)
        later(target, params, lambda: tamper.end(connection))

    arm(target, params, act)


def _is(*ids: str) -> Matches:
    return lambda fields: fields[0] in ids


def _is_ready_flag(fields: Fields) -> bool:
    return fields[0] in ("6", "73") and "AccountReady" in fields


FAULTS = (
    Fault(
        "short-length",
        "a length prefix that is too small by so many bytes",
        spoil,
        {**MESSAGE, "by": 3},
        short_length,
    ),
    Fault(
        "long-length",
        "a length prefix far beyond the message and beyond what IB allows",
        spoil,
        {**MESSAGE, "length": 0x7FFFFFFF},
        long_length,
    ),
    Fault(
        "non-utf8",
        "bytes that are no UTF-8 in a value of message 6",
        spoil,
        {**MESSAGE, "hex": "fffe80"},
        not_utf8,
        _is("6"),
    ),
    Fault(
        "random-bytes",
        "a well-framed message of random bytes",
        now_or_spoil,
        {**MESSAGE, "bytes": 64, "seed": 1},
        random_bytes,
    ),
    Fault("unknown-id", "a message of an id that nobody knows", now_or_spoil, {**MESSAGE, "id": 9999}, unknown_id),
    Fault("missing-field", "a message 6 or 7 without its last field", spoil, MESSAGE, missing_field, _is("6", "7")),
    Fault("extra-field", "a message 6 or 7 with a field too many", spoil, MESSAGE, extra_field, _is("6", "7")),
    Fault(
        "unset",
        "the largest double, which means no value, in 6 (value), 59 (commission), 94 (daily) or 95 (daily)",
        spoil,
        MESSAGE,
        unset,
        _is("6", "59", "94", "95"),
    ),
    Fault(
        "foreign-account",
        "a value and a position of an account that is not ours",
        now_or_spoil,
        {**MESSAGE, "account": FOREIGN_ACCOUNT},
        foreign_account,
    ),
    Fault("account-not-ready", "AccountReady=false in a download", spoil, MESSAGE, not_ready, _is_ready_flag),
    Fault("no-end", "a download without its end (54)", spoil, MESSAGE, swallow, _is("54")),
    Fault("lost", "a message that never goes out", spoil, MESSAGE, swallow),
    Fault("twice", "a message two times", spoil, MESSAGE, twice),
    Fault(
        "late-commissions",
        "commission reports (or other messages, held) only after the end of the executions (55)",
        delay,
        {**STATE, "held": "59", "until": "55"},
    ),
)
