"""Whether the gateway itself is connected to IB: what it sends while it is not is old.

In: the gateway's notices from the first byte on, and the times at which account data came. Out: fresh or stale. Kept
by :mod:`~ibconnect.gateway.freshness`; pure, so every function is given the time (of one clock, in seconds).

1100 and 2110 say that the connection is lost; 1101 and 1102 that it is back. Some gateways come back without a word of
that: then account data beside a farm that is OK again says so, or data that comes long after the loss, or an answer
that only IB's servers can give. A connection that flaps counts as back when it has held for a moment.
"""

from dataclasses import dataclass, field

from ibconnect.events.notices import FARMS_OK, LOST, RESTORED

SETTLE_S, LONGEST_SETTLE_S = 2.0, 60.0
# A loss so soon after the one before was over is flapping: it takes twice as long to count as over.
_FLAPPING_S = 60.0
# What a gateway had in hand when it lost IB still comes for a moment; later data can only be new.
_DATA_ALONE_S = 10.0
# When nothing else says so, IB is asked: first after so long, then less and less often.
_PROBE_S, _LONGEST_PROBE_S = 15.0, 300.0


@dataclass(slots=True)
class Connectivity:
    """Of one gateway connection. ``why`` is the notice of the newest loss: its code and text."""

    why: tuple[str, str] = ("", "")
    _is_lost: bool = False
    _lost_at: float = 0.0
    _fresh_at: float = float("-inf")
    _settles_at: float | None = None
    _settle_s: float = field(default_factory=lambda: SETTLE_S)
    _has_farm: bool = False
    _has_data: bool = False
    _probe_at: float = 0.0
    _probe_s: float = _PROBE_S

    @property
    def is_stale(self) -> bool:
        """Whether what the gateway sends may be old."""
        return self._is_lost

    @property
    def settles_at(self) -> float | None:
        """When it counts as fresh again, if nothing happens until then."""
        return self._settles_at

    def note(self, code: str, text: str, now: float) -> None:
        """A notice has come."""
        if code in LOST:
            self._lose(code, text, now)
        elif self._is_lost and code in RESTORED:
            self._begin_to_settle(now)
        elif self._is_lost and code in FARMS_OK:
            self._has_farm = True
            self._weigh(now)

    def note_data(self, now: float) -> None:
        """Account data has come."""
        if self._is_lost and self._settles_at is None:
            self._has_data = True
            self._weigh(now)

    def note_answer(self, now: float) -> None:
        """IB's own servers have answered something."""
        if self._is_lost:
            self._begin_to_settle(now)

    def advance(self, now: float) -> bool:
        """Let time pass; return whether the gateway became fresh by it."""
        if self._settles_at is None or now < self._settles_at:
            return False
        self._is_lost, self._settles_at, self._fresh_at = False, None, now
        return True

    def wants_probe(self, now: float) -> bool:
        """Whether it is time to ask IB something; asking counts."""
        if not self._is_lost or self._settles_at is not None or now < self._probe_at:
            return False
        self._probe_s = min(2 * self._probe_s, _LONGEST_PROBE_S)
        self._probe_at = now + self._probe_s
        return True

    def _lose(self, code: str, text: str, now: float) -> None:
        if not self._is_lost:
            is_flapping = now - self._fresh_at < _FLAPPING_S
            self._settle_s = min(2 * self._settle_s, LONGEST_SETTLE_S) if is_flapping else SETTLE_S
            self._probe_s, self._probe_at = _PROBE_S, now + _PROBE_S
        self.why = (code, text)
        self._is_lost, self._lost_at, self._settles_at = True, now, None
        self._has_farm = self._has_data = False

    def _weigh(self, now: float) -> None:
        if self._has_data and (self._has_farm or now - self._lost_at >= _DATA_ALONE_S):
            self._begin_to_settle(now)

    def _begin_to_settle(self, now: float) -> None:
        if self._settles_at is None:
            self._settles_at = now + self._settle_s
