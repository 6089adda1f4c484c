"""Executions (reqExecutions): no login here has any."""

from ibconnect.simulator.parts import Message, Part, empty, number
from ibconnect.simulator.wire.frames import Fields


def _end(fields: list[str]) -> Fields:
    return ("55", "1", str(number(fields, 2)))


PART = Part(
    requests={"7": empty("reqExecutions", "55", _end, 2)},
    messages={"55": Message("execDetailsEnd", request_id=2)},
)
