"""Faults of a connection itself: ended, reset, silent, slow.

In: a connection, or the gateway, and parameters. Out: connections that end at the next message or at once, or that
neither read nor write, or hardly; undone after the fault's ``seconds``. Called through ``registry``.
"""

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.faults.fault import MESSAGE, STATE, Fault, Params, Target, arm, later, now_or_spoil, spoil
from ibconnect.simulator.wire.frames import Fields, frame, payload


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


def silence(target: Target, fault: Fault, params: Params) -> None:
    def act(connection: Connection) -> None:
        connection.hush(True)
        later(target, params, lambda: connection.hush(False))

    arm(target, params, act)


def slow(target: Target, fault: Fault, params: Params) -> None:
    def quicken(connection: Connection) -> None:
        connection.slow_interval = 0.0

    def act(connection: Connection) -> None:
        connection.slow_interval = float(params["interval"])
        later(target, params, lambda: quicken(connection))

    arm(target, params, act)


def mixed(target: Target, fault: Fault, params: Params) -> None:
    def act(connection: Connection) -> None:
        connection.mix(True)
        later(target, params, lambda: connection.mix(False))

    arm(target, params, act)


FAULTS = (
    Fault("drop", "close the connection (FIN)", now_or_spoil, MESSAGE, drop),
    Fault("reset", "reset the connection (RST)", now_or_spoil, MESSAGE, reset),
    Fault("drop-mid-message", "close the connection in the middle of the next message", spoil, MESSAGE, drop_within),
    Fault("reset-mid-message", "reset it in the middle of the next message", spoil, MESSAGE, reset_within),
    Fault("silence", "neither read nor write, with the socket open (half-open, hung)", silence, STATE),
    Fault("mixed", "answers about orders, executions and contracts mixed, message by message", mixed, STATE),
    Fault("slow", "send one byte each interval (seconds)", slow, {**STATE, "interval": 0.001}),
)
