"""Gateways that nobody leads: reported when that has lasted for so long that no election is still under way.

In: with each beat, which of our gateways no living instance says to lead. Out: ``ibconnect_gateway_led``, and the
trouble ``gateway_unled``. Kept by :mod:`~ibconnect.cluster.registry`. While Postgres does not answer nothing is
known: what was known last stays.
"""

from collections.abc import Collection, Sequence

from ibconnect import observe as o
from ibconnect.observe import Trouble
from ibconnect.troubles import State

PATIENCE_S = 20.0
"""A leader counts as gone 10 s after its last word (``unled`` in sql/cluster/registry.sql): 30 s in all."""


class Unled:
    """Those of one process.

    :param gateways: what it could record
    """

    def __init__(self, gateways: Sequence[str]) -> None:
        self._gateways = gateways
        self._since: dict[str, float] = {}
        self._state = State(Trouble.GATEWAY_UNLED)

    def see(self, unled: Collection[str], now: float) -> None:
        """Nobody leads these at the moment ``now`` (``loop.time()``)."""
        self._since = {name: self._since.get(name, now) for name in self._gateways if name in unled}
        for name in self._gateways:
            o.GATEWAY_LED.labels(name).set(name not in self._since)
        lasting = [name for name, since in self._since.items() if now - since >= PATIENCE_S]
        if lasting:
            reason = f"{len(lasting)} gateway{'s' if len(lasting) != 1 else ''} of {len(self._gateways)}"
            self._state.note(reason, gateways=", ".join(lasting))
        else:
            self._state.over()

    def forget(self) -> None:
        """This process looks no more."""
        self._state.forget()
