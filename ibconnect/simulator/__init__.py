"""An IB Gateway of our own, for the account side of the API: plays captures and scenarios, injects faults.

``async with Gateway(Captures.load("a.jsonl")) as gateway:`` listens on ``gateway.port``; any IB API client
may connect. ``ibconnect simulate`` is the same as a command.
"""

from ibconnect.simulator.captures.source import Captures
from ibconnect.simulator.options import Options
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.server import Gateway

__all__ = ["Captures", "Gateway", "Options", "Scenario"]
