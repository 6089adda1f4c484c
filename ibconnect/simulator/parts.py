"""What a part of the simulated gateway is: the requests that it answers, the messages that it sends.

In: nothing. Out: :class:`Part` and what parts are made of. A part is one module of ``scenario/`` and one line of its
registry; the table of requests, what recordings play and the docs follow from that.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.source import Feed, Question, Refusal
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.frames import Fields

Handler = Callable[[Subscriptions, Connection, list[str]], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request: IB's name for it, what answers it (in words: ``answer``), where its id is (for errors)."""

    name: str
    handler: Handler
    answer: str
    id_field: int | None = None
    of_ib: bool = False
    """A gateway passes it on to IB's servers, and so cannot answer while it has lost them."""
    kind: str = ""
    """The kind of the messages that answer it, by which an answer is found in a recording."""
    about: tuple[int, ...] = ()
    """The fields that say what it is about, by which answers of its kind are told apart (``Message.about``)."""
    end: Callable[[list[str]], Fields] | None = None
    """What ends its rows: the whole answer where there are none."""


class Sorting(Enum):
    """To which answer of a recording a message belongs."""

    FOLLOWS = auto()
    """To the one that the message before it belongs to."""
    ALONE = auto()
    """It is an answer by itself; what comes after it belongs to the answer before it."""
    TOGETHER = auto()
    """To the one answer of its kind."""
    BY_ACCOUNT = auto()
    """To the answer of its kind about the account that it names."""
    BY_REQUEST = auto()
    """To the answer of its kind whose messages have named the same request."""
    NEAREST = auto()
    """To the answer of its kind that was spoken of last."""
    ENDED = auto()
    """To the one answer of its kind, if the recording has the end of one; otherwise it came unasked: as ``FOLLOWS``."""


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message: IB's name of its callback, and where it belongs in a recording."""

    name: str
    kind: str = ""
    """The kind of answer that it is a part of."""
    sorting: Sorting = Sorting.FOLLOWS
    request_id: int | Callable[[Fields], int] | None = None
    """The field that repeats the id of the request; or what finds it, where layouts differ."""
    is_end: bool = False
    """Whether it ends an answer, or is one by itself."""
    is_late: bool = False
    """Whether it may also come after the end of the answer that it belongs to."""
    about: Callable[[Fields], Iterable[str]] | None = None
    """What may be asked for to get it."""

    def place(self, fields: Fields) -> int | None:
        """Which field repeats the id of the request, if one does."""
        return self.request_id(fields) if callable(self.request_id) else self.request_id


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the gateway knows: requests and messages, by their ids."""

    requests: Mapping[str, Request] = field(default_factory=dict)
    messages: Mapping[str, Message] = field(default_factory=dict)
    unasked: Question[[int], Feed] | None = None
    """What client 0 and the master client are sent unasked, by server version."""


class Unreadable(Exception):
    """A field that is missing or not of its type: IB's error 320."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(name, value)
        self.text = f"Error reading request. Unable to parse field: '{name}' for input string: '{value}'"


def text(fields: list[str], index: int, name: str) -> str:
    """A field of a request. Raises :class:`Unreadable`."""
    if index >= len(fields):
        raise Unreadable(name, "")
    return fields[index]


def number(fields: list[str], index: int, name: str = "Client Req Id") -> int:
    """A field of a request that is a whole number. Raises :class:`Unreadable`."""
    value = text(fields, index, name)
    try:
        return int(value)
    except ValueError:
        raise Unreadable(name, value) from None


def accepted(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    """The handler of a setting that a real gateway takes without an answer."""


def cancel(name: str, kind: str, index: int | None) -> Request:
    """The request that ends a subscription: of the id at ``index``, or of the only one of its kind."""

    def handler(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
        request_id = 0 if index is None else number(fields, index)
        if connection.feeds.pop((kind, request_id), None) is None and index is not None:
            raise Refusal(300, f"Can't find EId with tickerId:{request_id}")

    return Request(name, handler, "none" if index is None else "none; 300", index)


def refused(name: str, code: int, why: str, index: int | None = None) -> Request:
    """A request that is answered with an error, which names the request's id if it has one at ``index``."""

    def handler(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
        connection.send_error(-1 if index is None else number(fields, index), code, why)

    return Request(name, handler, f"error {code}", index)


READ_ONLY = "Error validating request.-'bF' : cause - The API interface is currently in Read-Only mode."
NOT_SERVED = "Error validating request.-'bF' : cause - This request is not served by a simulated gateway."
NO_DEFINITION = "No security definition has been found for the request"
