"""How much each benchmark does: in full, and so little that a test can see that it still works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Counts, and seconds of measuring (``_s``)."""

    rounds: int
    record_messages: int
    reference_s: float
    latency_s: float
    live_refreshes: int
    firm_refreshes: int
    history_events: int
    wrk_s: float
    accounts: int
    history_points: int
    history_requests: int
    space_events: int
    idle_s: float
    starts: int
    simulate_bytes: int
    large_snapshots: int
    fills: int
    return_days: int
    statements: int
    page_hours: int


FULL = Size(
    rounds=3,
    record_messages=1_000_000,
    reference_s=2.0,
    latency_s=5.0,
    live_refreshes=20,
    firm_refreshes=3,
    history_events=5_000_000,
    wrk_s=4.0,
    accounts=1_000,
    history_points=8_760,
    history_requests=200,
    space_events=300_000,
    idle_s=30.0,
    starts=5,
    simulate_bytes=150_000_000,
    large_snapshots=500_000,
    fills=100_000,
    return_days=3_650,
    statements=20_000,
    page_hours=87_600,
)
TINY = Size(
    rounds=1,
    record_messages=3_000,
    reference_s=0.1,
    latency_s=0.2,
    live_refreshes=2,
    firm_refreshes=1,
    history_events=3_000,
    wrk_s=1.0,
    accounts=20,
    history_points=3,
    history_requests=2,
    space_events=2_000,
    idle_s=1.0,
    starts=1,
    simulate_bytes=500_000,
    large_snapshots=200,
    fills=300,
    return_days=60,
    statements=40,
    page_hours=200,
)
