"""The fixed messages of a gateway and how they differ between server versions.

In: values. Out: wire fields. Called by the request handlers, the sources and the faults. Layouts are those of
IB's client 10.46 for server versions 157 to 200.
"""

import time
from collections.abc import Mapping

from ibconnect.simulator.wire.frames import Fields

LOWEST_VERSION = 157
"""Oldest server version that ib_async talks to."""
HIGHEST_VERSION = 200
"""Newest server version whose messages are all text; 201 begins protobuf."""

_REJECT_JSON_SINCE = 166
_ERROR_TIME_SINCE = 194

UNSET_DOUBLE = "1.7976931348623157E308"
"""How Java's largest double, which means "no value", looks on the wire."""

REQUEST_ID_FIELD: Mapping[str, int] = {
    "63": 2,
    "64": 2,
    "71": 2,
    "72": 2,
    "73": 2,
    "74": 2,
    "94": 1,
    "95": 1,
    "107": 1,
    "55": 2,
}
"""Message id → which field repeats the id of the request that it answers."""


def error(request_id: int, code: int, text: str) -> Fields:
    """Message 4 in the layout of versions 166 to 193; :func:`for_version` gives the other layouts."""
    return ("4", "2", str(request_id), str(code), text, "")


def for_version(fields: Fields, version: int) -> Fields:
    """The same message as a connection of this server version must see it; only message 4 ever changed."""
    if fields[0] != "4" or len(fields) not in (5, 6):
        return fields
    core = list(fields[:5])
    if version >= _REJECT_JSON_SINCE:
        core.append(fields[5] if len(fields) == 6 else "")
    if version >= _ERROR_TIME_SINCE:
        return [core[0], *core[2:], str(time.time_ns() // 1_000_000)]
    return core


FARM_NOTICES: tuple[Fields, ...] = (
    error(-1, 2104, "Market data farm connection is OK:usfarm"),
    error(-1, 2106, "HMDS data farm connection is OK:ushmds"),
    error(-1, 2158, "Sec-def data farm connection is OK:secdefnj"),
)

ANSWER_IDS: Mapping[str, str] = {
    "4": "error or notice",
    "6": "updateAccountValue",
    "7": "updatePortfolio",
    "8": "updateAccountTime",
    "9": "nextValidId",
    "15": "managedAccounts",
    "16": "receiveFA",
    "49": "currentTime",
    "53": "openOrderEnd",
    "54": "accountDownloadEnd",
    "55": "execDetailsEnd",
    "61": "position",
    "62": "positionEnd",
    "63": "accountSummary",
    "64": "accountSummaryEnd",
    "71": "positionMulti",
    "72": "positionMultiEnd",
    "73": "accountUpdateMulti",
    "74": "accountUpdateMultiEnd",
    "78": "familyCodes",
    "79": "symbolSamples",
    "94": "pnl",
    "95": "pnlSingle",
    "102": "completedOrdersEnd",
    "107": "userInfo",
    "109": "currentTimeInMillis",
}
"""Every message that the simulator sends: id → IB's name of the callback."""
