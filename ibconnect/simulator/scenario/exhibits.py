"""The books of a market as JSON, for programs that look at a simulated gateway from outside.

In: a world. Out: its orders, fills and profits, numbers and times as text. Called by the control port.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from ibconnect.simulator.scenario.encoding import plain
from ibconnect.simulator.scenario.instruments import Instrument
from ibconnect.simulator.scenario.world import World


def books(world: World) -> Mapping[str, Any]:
    """Everything that the market knows, as it stands now."""
    return {
        "orders": [_plain(order) for order in world.orders],
        "fills": [_plain(fill) for fill in world.fills],
        "profits": [_plain(profit) for profit in world.profits],
    }


def _plain(value: Any) -> Any:
    """A row of the blotter as JSON has it; a contract is its id."""
    match value:
        case None | str() | bool() | int():
            return value
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat()
        case Instrument():
            return value.con_id
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
