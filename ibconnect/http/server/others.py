"""The other processes of this instance, as far as one that answers for all of them needs to know.

In: how to ask them. Out: how each is; the counters of one that does not answer now stay what they were, since a counter
that falls to 0 and comes back would be taken for so many events at once. Called by ``/healthz``, ``/readyz`` and
``/metrics``. Given by the composition root; a process that is all of its instance has no others.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from ibconnect.metrics.exposition import counters
from ibconnect.status import PATIENCE_S, Status

Ask = Callable[[bool, float], Awaitable[Mapping[str, Status | None]]]
"""Ask each of the others how it is, with its metrics or without; None for one that does not in that time."""


async def nobody(has_metrics: bool, seconds: float) -> Mapping[str, Status | None]:
    """There are no others."""
    return {}


class Others:
    """One per application."""

    def __init__(self, ask: Ask = nobody) -> None:
        self._ask = ask
        self._counted: dict[str, str] = {}

    async def look(self) -> Mapping[str, Status | None]:
        """How each is that runs; None: it does not say so."""
        return await self._ask(False, PATIENCE_S)

    async def metrics(self, seconds: float) -> Sequence[str]:
        """Their metrics, of those that answer within the seconds."""
        said = {name: status for name, status in (await self._ask(True, seconds)).items() if status is not None}
        before = {name: text for name, text in self._counted.items() if name not in said}
        self._counted.update({name: counters(status.metrics) for name, status in said.items()})
        return [*before.values(), *(status.metrics for status in said.values())]
