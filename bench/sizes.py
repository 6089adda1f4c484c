"""How much each benchmark does: in full, and so little that a test can see that it still works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Counts, and seconds of measuring."""

    rounds: int
    record_messages: int
    reference_s: float
    latency_s: float


FULL = Size(rounds=3, record_messages=1_000_000, reference_s=2.0, latency_s=15.0)
TINY = Size(rounds=1, record_messages=3_000, reference_s=0.2, latency_s=1.0)
