"""Faults of single messages: each takes the message that was to go out and gives what goes out instead.

In: a connection, the message's fields (none for a fault that acts by itself), parameters. Out: other fields,
bytes that are no message, or None to leave it. Called through ``fault.Spoil``.
"""

import random

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.faults.fault import Params
from ibconnect.simulator.wire.frames import Fields, frame, payload
from ibconnect.simulator.wire.messages import UNSET_DOUBLE

FOREIGN_ACCOUNT = "DU9999999"
"""An account that no login of the simulator has."""


def drop(connection: Connection, fields: Fields, params: Params) -> bytes:
    connection.close()
    return b""


def reset(connection: Connection, fields: Fields, params: Params) -> bytes:
    connection.reset()
    return b""


def _half(fields: Fields) -> bytes:
    whole = frame(payload(fields))
    return whole[: max(5, len(whole) // 2)]


def drop_within(connection: Connection, fields: Fields, params: Params) -> bytes:
    connection.send_raw(_half(fields))
    connection.close()
    return b""


def reset_within(connection: Connection, fields: Fields, params: Params) -> bytes:
    connection.send_raw(_half(fields))
    connection.reset()
    return b""


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


_FIGURE = {"6": 3, "94": 2, "95": 3}


def unset(connection: Connection, fields: Fields, params: Params) -> Fields:
    index = _FIGURE[fields[0]]
    return (*fields[:index], UNSET_DOUBLE, *fields[index + 1 :])


def not_ready(connection: Connection, fields: Fields, params: Params) -> Fields:
    return tuple("false" if f == "true" else f for f in fields)


def swallow(connection: Connection, fields: Fields, params: Params) -> bytes:
    return b""
