"""What happens in a history besides the usual: a market that falls and recovers, an account that borrows too much.

In: nothing. Out: :class:`Drama`, taken by ``history`` and ``books``; :data:`TWO_YEARS_OF_IT`, which the demo shows.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ibconnect.simulator.flex.paths import Tide

Points = Sequence[tuple[Decimal, Decimal]]
"""Shares of the time, from 0 to 1, and by what all stocks are multiplied then; between them in straight lines."""


@dataclass(frozen=True, slots=True)
class Drama:
    """``points`` end with 1, so that stocks end with their first prices in the scenario; ``scared``: an account."""

    points: Points = ()
    scared: str = ""

    def tide(self, days: int) -> Tide | None:
        """The market's level at the end of each of so many days, if it has one."""
        if not self.points:
            return None
        levels = [_level(self.points, Decimal(day) / max(days - 1, 1)) for day in range(days)]
        return levels.__getitem__


NO_DRAMA = Drama()

FALL_AND_RECOVERY: Points = tuple(
    (Decimal(share), Decimal(level))
    for share, level in (
        ("0", "0.78"),
        ("0.14", "0.88"),
        ("0.20", "0.85"),
        ("0.34", "0.95"),
        ("0.42", "0.91"),
        ("0.545", "1.01"),
        ("0.585", "0.87"),
        ("0.605", "0.89"),
        ("0.65", "0.66"),
        ("0.69", "0.72"),
        ("0.81", "0.95"),
        ("0.86", "0.93"),
        ("0.94", "1.08"),
        ("0.975", "1.01"),
        ("1", "1"),
    )
)
"""A third is lost within three months of the last year, and back half a year later."""


def _level(points: Points, share: Decimal) -> Decimal:
    for (begin, low), (end, high) in itertools.pairwise(points):
        if share <= end:
            return low + (high - low) * (share - begin) / (end - begin)
    return points[-1][1]
