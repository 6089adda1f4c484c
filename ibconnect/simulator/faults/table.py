"""Every fault by name: one table for the command line, the control port and the docs.

Faults of single messages act on every open connection, or, if there is none, on the next one; ``every``
arms all later ones too. ``skip`` lets so many messages pass first, ``count`` is how many are hit. Called by
``server``.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ibconnect.errors import SimulatorError
from ibconnect.simulator.faults.fault import Fault, Matches, Params, Target, now_or_spoil, spoil
from ibconnect.simulator.faults.messages import (
    FOREIGN_ACCOUNT,
    drop,
    drop_within,
    extra_field,
    foreign_account,
    long_length,
    missing_field,
    not_ready,
    not_utf8,
    random_bytes,
    reset,
    reset_within,
    short_length,
    swallow,
    unknown_id,
    unset,
)
from ibconnect.simulator.faults.outages import (
    competing_login,
    connectivity,
    farm,
    held,
    id_in_use,
    notice,
    refuse,
    restart,
    silence,
    slow,
)
from ibconnect.simulator.wire.frames import Fields

_MESSAGE = {"skip": 0, "count": 1, "every": False}
_STATE = {"seconds": 0.0, "every": False}


def _is(*ids: str) -> Matches:
    return lambda fields: fields[0] in ids


def _is_ready_flag(fields: Fields) -> bool:
    return fields[0] in ("6", "73") and "AccountReady" in fields


_ALL = (
    Fault("drop", "close the connection (FIN)", now_or_spoil, _MESSAGE, drop),
    Fault("reset", "reset the connection (RST)", now_or_spoil, _MESSAGE, reset),
    Fault("drop-mid-message", "close the connection in the middle of the next message", spoil, _MESSAGE, drop_within),
    Fault("reset-mid-message", "reset it in the middle of the next message", spoil, _MESSAGE, reset_within),
    Fault("silence", "neither read nor write, with the socket open (half-open, hung)", silence, _STATE),
    Fault("slow", "send one byte each interval (seconds)", slow, {**_STATE, "interval": 0.001}),
    Fault(
        "short-length",
        "a length prefix that is too small by so many bytes",
        spoil,
        {**_MESSAGE, "by": 3},
        short_length,
    ),
    Fault(
        "long-length",
        "a length prefix far beyond the message and beyond what IB allows",
        spoil,
        {**_MESSAGE, "length": 0x7FFFFFFF},
        long_length,
    ),
    Fault(
        "non-utf8",
        "bytes that are no UTF-8 in a value of message 6",
        spoil,
        {**_MESSAGE, "hex": "fffe80"},
        not_utf8,
        _is("6"),
    ),
    Fault(
        "random-bytes",
        "a well-framed message of random bytes",
        now_or_spoil,
        {**_MESSAGE, "bytes": 64, "seed": 1},
        random_bytes,
    ),
    Fault("unknown-id", "a message of an id that nobody knows", now_or_spoil, {**_MESSAGE, "id": 9999}, unknown_id),
    Fault("missing-field", "a message 6 or 7 without its last field", spoil, _MESSAGE, missing_field, _is("6", "7")),
    Fault("extra-field", "a message 6 or 7 with a field too many", spoil, _MESSAGE, extra_field, _is("6", "7")),
    Fault(
        "unset",
        "the largest double, which means no value, in message 6 (value), 94 (daily) or 95 (daily)",
        spoil,
        _MESSAGE,
        unset,
        _is("6", "94", "95"),
    ),
    Fault(
        "foreign-account",
        "a value and a position of an account that is not ours",
        now_or_spoil,
        {**_MESSAGE, "account": FOREIGN_ACCOUNT},
        foreign_account,
    ),
    Fault("account-not-ready", "AccountReady=false in a download", spoil, _MESSAGE, not_ready, _is_ready_flag),
    Fault("no-end", "a download without its end (54)", spoil, _MESSAGE, swallow, _is("54")),
    Fault(
        "connectivity",
        "1100, and after so many seconds 1101 (data_lost: account subscriptions are gone) or 1102 (or no word)",
        connectivity,
        {"seconds": 5.0, "data_lost": False, "told": True},
    ),
    Fault(
        "farm-flap",
        "2103, and 2104 after so many seconds; says nothing of accounts",
        farm,
        {"seconds": 1.0, "farm": "usfarm"},
    ),
    Fault("notice", "any message 4 without a request", notice, {"code": 2137, "text": "A notice."}),
    Fault("restart", "the nightly restart: all closed, nothing listens for so many seconds", restart, {"seconds": 5.0}),
    Fault("refuse", "nothing listens for so many seconds; connections stay", refuse, {"seconds": 5.0}),
    Fault("client-id-in-use", "refuse the next logins with 326", id_in_use, {"count": 1}),
    Fault(
        "competing-login",
        "the user logged in elsewhere: 1100, closed, nothing listens for so many seconds",
        competing_login,
        {"seconds": 5.0},
    ),
    Fault(
        "subscription-held",
        "another client holds the account subscription: 2101 for any other account",
        held,
        {"seconds": 0.0, "client": 99, "account": FOREIGN_ACCOUNT},
    ),
)
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _ALL}
"""Name → fault; the command line, the control port and the docs are made from this."""


def prepare(target: Target, name: str, given: Params) -> Callable[[], None]:
    """A fault that begins when the result is called. Raises :class:`SimulatorError` for what is not known."""
    fault = FAULTS.get(name)
    if fault is None:
        raise SimulatorError(f"no fault {name!r}: one of {', '.join(FAULTS)}")
    unknown = set(given) - set(fault.params)
    if unknown:
        raise SimulatorError(
            f"fault {name}: no parameter {', '.join(sorted(unknown))}; it has {', '.join(fault.params) or 'none'}"
        )
    params = {key: _typed(name, key, d, given.get(key, d)) for key, d in fault.params.items()}
    return lambda: fault.begin(target, fault, params)


def _typed(name: str, key: str, default: Any, value: Any) -> Any:
    """A parameter as the type of its default; text (from the command line) is read."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "yes")
    try:
        return type(default)(value)
    except (TypeError, ValueError):
        raise SimulatorError(f"fault {name}: {key}={value!r} is not a {type(default).__name__}") from None
