"""What a seeded world is made from: its sizes, its beginning, its clock.

In: values of the command line or a test. Out: a :class:`Plan` that makes sense. Called by ``world`` and ``source``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from ibconnect.errors import SimulatorError
from ibconnect.simulator.scenario.days import Days

BASES = ("USD", "EUR", "HKD", "JPY", "CHF")
START = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a world is made from. Raises :class:`SimulatorError` for sizes that make no sense."""

    seed: int = 1
    accounts: int = 3
    positions: int = 8
    advisor: bool = False
    activity: float = 1.0
    frozen: bool = False
    start: datetime = START
    orders: float = 1.0
    """How much works, comes late and is corrected, besides trades at the market; 0: nothing."""
    payments: float = 0.0
    """How often dividends, interest and fees are paid, and cash and positions move between accounts; 0: never."""
    zone: str = "US/Eastern"
    """The gateway's time zone, by its name in the tz database."""
    pnl_reset: str = "09:30"
    """When, in that zone, the day of profits begins."""
    bases: tuple[str, ...] = BASES
    """The base currencies that accounts take in turn."""
    hush: int = 0
    """For so many seconds before and after midnight in the zone nothing happens: a report of that time is the close."""

    def __post_init__(self) -> None:
        often = (self.activity, self.orders, self.payments)
        if self.accounts < 1 or self.positions < 0 or not all(each >= 0 for each in often):
            raise SimulatorError(
                "a scenario needs at least 1 account, and no negative positions, orders, payments or activity"
            )
        if self.start.tzinfo is None:
            raise SimulatorError(f"start {self.start}: the zone of the moment is needed")
        Days(self.zone, self.pnl_reset)
