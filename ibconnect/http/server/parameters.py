"""What a request may say: each kind of parameter is a JSON Schema and the parser that agrees with it.

The schema goes into the OpenAPI document, the parser validates requests; a test generates values from the one
and gives them to the other. Parsers raise ValueError with a text that says what is right.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial
from typing import Any
from uuid import UUID

from ibconnect.codes import CODE_PATTERN, is_code
from ibconnect.events.types import TYPES
from ibconnect.http.server.moments import AMOUNT, RELATIVE, ZONE_PATTERN, parse, parse_length, parse_time, parse_zone
from ibconnect.times import from_micros, to_micros

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: what it looks like, and how its text becomes a value."""

    schema: Schema
    parse: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a route. ``place`` is path, query or header; a repeated one is a list of values."""

    name: str
    place: str
    kind: Kind
    description: str
    example: Any = None
    default: Any = None
    required: bool = False
    repeated: int = 0


_CLOCK = re.compile("(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_CURSOR = re.compile(r"[A-Za-z0-9_-]{11}", re.ASCII)
_LOWEST = to_micros(datetime.min.replace(tzinfo=UTC))
_HIGHEST = to_micros(datetime.max.replace(tzinfo=UTC))

# A byte of a URL that is no UTF-8 becomes half of a surrogate pair, which Postgres does not take for text.
_NO_TEXT = re.compile(r"[\ud800-\udfff]")

# A plus sign (DayTradesRemainingT+1) means a space, unless the client escaped it.
TAG_PATTERN = r"^[A-Za-z0-9$][A-Za-z0-9$+ ._-]{0,63}$"


def pattern(expression: str, right: str, settle: Callable[[str], str] = str) -> Kind:
    """Text that matches a regular expression; ``right`` says in words what is accepted.

    :param settle: makes one spelling of those that mean the same
    """
    compiled = re.compile(expression, re.ASCII)

    def parse(text: str) -> str:
        # `$` also matches before a last newline, fullmatch does not.
        if compiled.fullmatch(text) is None or _NO_TEXT.search(text):
            raise ValueError(f"{text!r} is not {right}")
        return settle(text)

    return Kind({"type": "string", "pattern": expression}, parse)


def parse_account(text: str) -> str:
    """An account code, as gateways list them."""
    if not is_code(text):
        raise ValueError(f"{text!r} is not an account code: 1 to 64 visible characters, without commas")
    return text


def integer(low: int, high: int) -> Kind:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        if re.fullmatch(r"-?\d{1,19}", text, re.ASCII) is None or not low <= int(text) <= high:
            raise ValueError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return Kind({"type": "integer", "format": "int64", "minimum": low, "maximum": high}, parse)


def choice(*names: str) -> Kind:
    """One of several words."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"{text!r} is not one of: {', '.join(names)}")
        return text

    return Kind({"type": "string", "enum": list(names)}, parse)


def _parse_clock(text: str) -> time:
    if _CLOCK.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a time of the day such as 16:00")
    return time.fromisoformat(text)


def format_cursor(instant: datetime) -> str:
    """An opaque cursor that stands for an instant."""
    return urlsafe_b64encode(to_micros(instant).to_bytes(8, "big", signed=True)).decode().rstrip("=")


def parse_cursor(text: str) -> datetime:
    """The inverse of :func:`format_cursor`; whatever else has its form stands for the nearest time that exists."""
    if _CURSOR.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a cursor that an earlier answer gave")
    micros = int.from_bytes(urlsafe_b64decode(f"{text}="), "big", signed=True)
    return from_micros(min(max(micros, _LOWEST), _HIGHEST))


def _parse_session(text: str) -> UUID:
    if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text, re.ASCII) is None:
        raise ValueError(f"{text!r} is not a session's UUID")
    return UUID(text)


EVENT_TYPES: dict[str, str] = {kind.__name__: topic for topic, kind in TYPES.items()}

_TIME_SCHEMA: Schema = {"type": "string", "format": "date-time"}
_MOMENT_SCHEMA: Schema = {
    "anyOf": [_TIME_SCHEMA, {"type": "string", "format": "date"}, {"type": "string", "pattern": f"^({RELATIVE})$"}]
}
ACCOUNT = Kind({"type": "string", "pattern": CODE_PATTERN}, parse_account)
TIME = Kind(_TIME_SCHEMA, parse_time)
# A moment is resolved when the zone of the request is known; a date is the begin of its day, or the end.
MOMENT = Kind(_MOMENT_SCHEMA, parse)
MOMENT_END = Kind(_MOMENT_SCHEMA, partial(parse, is_end=True))
ZONE = Kind({"type": "string", "format": "time-zone", "pattern": f"^{ZONE_PATTERN}$"}, parse_zone)
CLOCK = Kind({"type": "string", "pattern": f"^{_CLOCK.pattern}$"}, _parse_clock)
STEP = Kind({"type": "string", "pattern": f"^{AMOUNT}$"}, parse_length)
CURSOR = Kind({"type": "string", "pattern": f"^{_CURSOR.pattern}$"}, parse_cursor)
SESSION = Kind({"type": "string", "format": "uuid"}, _parse_session)
TAG = pattern(TAG_PATTERN, "a tag such as NetLiquidation", lambda text: text.replace(" ", "+"))
GATEWAY = pattern(
    r"^[^\u0000-\u0020\u007f-\u00a0,/]{1,300}:[0-9]{1,5}$", "a gateway as /v1/gateways lists them: host:port"
)
SEGMENT = pattern("^[A-Za-z]$", "a segment: one letter, such as S", str.upper)
CURRENCY = pattern("^[A-Za-z]{3,5}$", "BASE or a currency code such as USD", str.upper)
EVENT_TYPE = choice(*sorted(EVENT_TYPES))
ANY_TEXT = Kind({"type": "string"}, str)
