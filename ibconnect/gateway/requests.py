"""Requests whose form is newer than ib_async's encoders, which stop at server version 178.

In: a connection's transport and what is asked. Out: one message, sent through the transport in the form of the server
version that was agreed upon. Called by the collectors' questions; all other requests that they need have had one form
from server version 157 to 200, and are ib_async's. Source: the official client 10.46 (client.py, server_versions.py).
"""

from ibconnect.gateway.transport import Transport

DAYS_SINCE = 200
"""Server version from which on executions can be asked for of more than the gateway's own day."""

_EXECUTIONS, _EXECUTIONS_FORM = 7, 3
_ANY_CLIENT = 0
_ANY = ""
# What IB's clients send for a number of days that is not said: the gateway then answers of its own day.
_NO_DAYS = 2**31 - 1
_NO_DATES = 0


def request_executions(transport: Transport, number: int, days: int | None = None, *, account: str = _ANY) -> None:
    """Ask for executions (7), of all clients: answered by messages 11 and 59, ended by 55.

    :param number: of the request
    :param days: how many days to look back, where the gateway can (:data:`DAYS_SINCE`); it answers of what has happened
        since its own midnight otherwise, and for None
    :param account: of this one alone; empty: of all
    """
    filters = (_ANY_CLIENT, account, _ANY, _ANY, _ANY, _ANY, _ANY)
    since = (_NO_DAYS if days is None else days, _NO_DATES) if transport.serverVersion() >= DAYS_SINCE else ()
    transport.send(_EXECUTIONS, _EXECUTIONS_FORM, number, *filters, *since, makeEmpty=False)
