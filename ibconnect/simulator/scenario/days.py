"""Days of a gateway: when they begin in its own time zone, and when the day of profits does.

In: a zone and a time of day. Out: moments, aware, in UTC. Called by ``world`` and by the parts that answer for a day.
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ibconnect.errors import SimulatorError

_DAY_S = 86_400


class Days:
    """The days of one zone. Raises :class:`SimulatorError` for a zone or a time that there is not."""

    def __init__(self, zone: str, reset: str) -> None:
        try:
            self.zone = ZoneInfo(zone)
            self._reset = time.fromisoformat(reset)
        except (OSError, ValueError, LookupError) as exc:
            raise SimulatorError(
                f"zone {zone!r}, P&L reset {reset!r}: a name and a time like 17:00 are needed"
            ) from exc

    def local(self, moment: datetime) -> datetime:
        """The moment as the gateway's clock shows it."""
        return moment.astimezone(self.zone)

    def midnight(self, moment: datetime, days_ago: int = 0) -> datetime:
        """When the gateway's day of this moment began, or one so many days before it."""
        day = self.local(moment).date() - timedelta(days=days_ago)
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def is_near_midnight(self, moment: datetime, seconds: int) -> bool:
        """Whether a day of the gateway begins or has begun within so many seconds."""
        local = self.local(moment)
        passed = local.hour * 3600 + local.minute * 60 + local.second
        return passed < seconds or passed >= _DAY_S - seconds

    def next_reset(self, moment: datetime) -> datetime:
        """The first moment after this one at which a day of profits begins."""
        day = self.local(moment).date()
        while True:
            reset = datetime.combine(day, self._reset, self.zone).astimezone(UTC)
            if reset > moment:
                return reset
            day += timedelta(days=1)

    def text(self, moment: datetime, is_named: bool) -> str:
        """A moment as IB writes it: with the zone's name, or, in older versions, with none and two spaces."""
        local = self.local(moment)
        return f"{local:%Y%m%d %H:%M:%S} {self.zone.key}" if is_named else f"{local:%Y%m%d  %H:%M:%S}"
