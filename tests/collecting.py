"""What the tests of collectors share: a gateway that answers no question beside its accounts, and what came of one.

In: a recorder at work, or its log. Out: what it recorded, logged and shows of its collectors.
"""

from collections.abc import Callable
from typing import Any

from ibconnect.database.pools import connect
from ibconnect.events.types import InboundEvent
from tests.recording import Recording
from tests.serving import Logged
from tests.small_gateway import SmallGateway

Use = Callable[..., None]
"""The fixture ``use``: have these collectors ask beside that of the accounts."""


class Small(SmallGateway):
    """Two accounts; asked for family codes it says nothing, unless a case says what."""

    accounts = ("DU1", "DU2")

    async def asked_for_families(self) -> None:
        """reqFamilyCodes."""

    async def _answer(self, fields: list[str]) -> None:
        if fields[0] == "80":
            await self.asked_for_families()
        else:
            await super()._answer(fields)


def of_number(seen: Recording, number: int) -> list[tuple[str, ...]]:
    """The messages of an id that were recorded."""
    return [tuple(each.fields) for each in seen.of(InboundEvent) if each.fields[0] == str(number)]


def lines_of(log: Logged, kind: str) -> list[dict[str, Any]]:
    """The lines of one kind that were logged."""
    return [line for line in log() if line["kind"] == kind]


def detail(url: str) -> tuple[str, str | None]:
    """The state of the one gateway, and what is said of it, as all instances see them."""
    with connect(url, name="test") as connection:
        query = "SELECT state, detail FROM coordination.gateway"
        return connection.execute(query).fetchone() or ("", None)
