"""Contracts by themselves: none can be looked up."""

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import NO_DEFINITION, Message, Part, Request, number, refused
from ibconnect.simulator.subscriptions import Subscriptions


def _matching_symbols(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    connection.send((("79", str(number(fields, 1)), "0"),))


PART = Part(
    requests={
        "9": refused("reqContractDetails", 200, NO_DEFINITION, 2),
        "78": refused("reqSecDefOptParams", 200, NO_DEFINITION, 1),
        "81": Request(
            "reqMatchingSymbols",
            _matching_symbols,
            "79, without a symbol; silence while IB is lost",
            1,
            of_ib=True,
        ),
        "106": refused("cancelContractData", 300, "Can't find EId", 1),
    },
    messages={"79": Message("symbolSamples")},
)
