"""What a client asks of a replayed session: which requests wait for their recorded answer, and what becomes of others.

In: a request's fields. Out: an :class:`Ask` to the play, or an answer on the connection. A recording holds what our
recorder asked for: the list of accounts, the time, account subscriptions, and positions where it had to compare them.
Executions, orders, profits, contract details, an advisor's data are answered by what was recorded of them. What it
never asked for is not made up: lists of orders and executions are said to be empty, anything else is refused with an
error, so that no client waits. Called by ``replay.server`` for each request after startApi.
"""

from dataclasses import dataclass
from typing import Protocol

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import Request, Unreadable, accepted
from ibconnect.simulator.scenario.registry import REQUESTS
from ibconnect.simulator.wire.frames import Fields
from ibconnect.simulator.wire.messages import unknown_request

LIST, UPDATES, MULTI, POSITIONS, ANSWER = "list", "updates", "multi", "positions", "answer"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that the recording may answer.

    ``source``: ``list`` (reqManagedAccts), ``updates`` (reqAccountUpdates), ``positions`` (reqPositions), ``multi``
    (the others of accounts, with ``number`` 76 for values and 74 for positions), ``answer`` (everything else:
    ``number`` is the kind of answer, ``account`` what it is about: an account, a contract, a kind of advisor's data).
    """

    source: str
    account: str = ""
    number: str = ""
    request_id: str = "-1"


class Player(Protocol):
    """The part of a play that requests steer."""

    def ask(self, ask: Ask) -> None: ...

    def can_answer(self, ask: Ask) -> bool:
        """Whether a recorded answer of another kind than accounts answers it."""
        ...

    def withdraw(self, ask: Ask) -> None: ...

    def ask_time(self) -> None: ...

    def next_id(self) -> Fields: ...


POSITION_END: Fields = ("62", "1")
_CANCELS = {"75": "74", "77": "76"}


def respond(player: Player, connection: Connection, fields: list[str]) -> None:
    """Deal with one request; never with silence where a gateway would answer."""
    number = fields[0] if fields else ""
    ask = _ask(fields)
    if ask is not None and (ask.source != ANSWER or player.can_answer(ask)):
        player.ask(ask)
    elif number == "6":
        player.withdraw(Ask(UPDATES, _field(fields, 3)))
    elif number in _CANCELS:
        player.withdraw(Ask(MULTI, number=_CANCELS[number], request_id=_field(fields, 2)))
    elif number == "49":
        player.ask_time()
    elif number == "8":
        connection.send((player.next_id(),))
    else:
        _answer_without(connection, fields)


def _ask(fields: list[str]) -> Ask | None:
    match fields:
        case ["17", *_]:
            return Ask(LIST)
        case ["6", _, "1", account, *_]:
            return Ask(UPDATES, account)
        case ["61", *_]:
            return Ask(POSITIONS)
        case ["76" | "74" as number, _, request_id, account, *_]:
            return Ask(MULTI, account, number, request_id)
        case _:
            return _question(fields)


def _question(fields: list[str]) -> Ask | None:
    request = REQUESTS.get(fields[0]) if fields else None
    if request is None or not request.kind:
        return None
    about = "/".join(_field(fields, index) for index in request.about)
    number = "-1" if request.id_field is None else _field(fields, request.id_field)
    return Ask(ANSWER, about, request.kind, number)


def _answer_without(connection: Connection, fields: list[str]) -> None:
    """Answer what the recording says nothing of: there is none of it (orders, executions), or an error."""
    request = REQUESTS.get(fields[0]) if fields else None
    if request is None:
        connection.send((unknown_request(fields[0] if fields else ""),))
    elif request.end is not None:
        try:
            connection.send((request.end(fields),))
        except Unreadable as exc:
            connection.send_error(-1, 320, exc.text)
    elif not (request.name.startswith("cancel") or request.handler is accepted):
        connection.send_error(_id_in(request, fields), *not_recorded(request.name))


def not_recorded(what: str) -> tuple[int, str]:
    """Code and text of the error for something that the recording has no answer to.

    322 ends the request in all clients; ib_async takes 321 for a warning and goes on waiting.
    """
    return 322, f"Error processing request.-'bF' : cause - The recorded session holds no answer to {what}."


def _id_in(request: Request, fields: list[str]) -> int:
    text = _field(fields, request.id_field) if request.id_field is not None else ""
    return int(text) if text.isascii() and text.isdigit() else -1


def _field(fields: list[str], index: int) -> str:
    return fields[index] if index < len(fields) else ""
