"""How far the live tables of reports are behind the events, as the process that projects knows it without asking.

In: what a projector has just done. Out: gauges, which show the report that is furthest behind. Called by :mod:`runner`.
"""

from ibconnect import observe as o
from ibconnect.projections.engine.projection import Projection

_reached: dict[str, tuple[int, int]] = {}


def note_progress(report: Projection, position: int, head: int) -> None:
    """The tables of a report are at a position, and the events at ``head``; any thread may call."""
    _reached[report.name] = position, head
    known = list(_reached.values())
    o.PROJECTION_POSITION.set(min(reached for reached, _ in known))
    o.PROJECTION_LAG_EVENTS.set(max(newest - reached for reached, newest in known))
