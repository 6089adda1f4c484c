"""Every request a client can make: found by its message id, answered by the part of the gateway that serves it.

In: a connection and the request's fields. Out: answers on the connection, through :class:`Subscriptions` where rules
span clients. Called by ``server`` for each request after startApi. Which requests there are: ``scenario/registry.py``.
"""

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import Request, Unreadable, number
from ibconnect.simulator.scenario.registry import REQUESTS
from ibconnect.simulator.source import Refusal
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.messages import unknown_request


def answer(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    """Answer one request; whatever is wrong with it becomes an error message, never silence."""
    request = _request(fields)
    if request is None:
        connection.send((unknown_request(fields[0] if fields else ""),))
        return
    try:
        request.handler(subscriptions, connection, fields)
    except Unreadable as exc:
        connection.send_error(-1, 320, exc.text)
    except Refusal as exc:
        connection.send_error(_id_of(request, fields), exc.code, exc.text)


def is_of_ib(fields: list[str]) -> bool:
    """Whether only IB's servers can answer it, so that a gateway that has lost them is silent."""
    request = _request(fields)
    return request is not None and request.of_ib


def describe(fields: list[str]) -> str:
    """A request as one line for a person."""
    request = _request(fields)
    name = request.name if request else "unknown request"
    return f"{name}: {','.join(fields)}"


def _request(fields: list[str]) -> Request | None:
    return REQUESTS.get(fields[0]) if fields else None


def _id_of(request: Request, fields: list[str]) -> int:
    return -1 if request.id_field is None else number(fields, request.id_field)
