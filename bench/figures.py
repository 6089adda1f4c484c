"""A figure: what one benchmark found, beside its reference and its target.

In: measurements. Out: the line ``name: value (ratio to reference)``. Called by every script of this package.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """What must be reached: at least ``least``, or at most ``most``."""

    least: float | None = None
    most: float | None = None

    def is_met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        return f">= {self.least:,g}" if self.least is not None else f"<= {self.most:,g}"


# The figures that have a target; all others only inform.
TARGETS: dict[str, Target] = {
    "record_vs_save": Target(least=35),
    "record_vs_copy": Target(least=0.3),
    "record_commit_p99_ms": Target(most=100),
    "live_report_p99_ms": Target(most=150),
    "firm_vs_pacing": Target(least=0.8),
    "firm_requests_per_account": Target(most=1.1),
    "firm_single_s": Target(most=2),
    "firm_growth_mb": Target(most=60),
    "rebuild_vs_runner": Target(least=100),
    "rebuild_vs_copy_out": Target(least=0.2),
    "report_cached_vs_constant": Target(least=0.8),
    "report_uncached_per_s": Target(least=5 * 296),
    "accounts_1000_vs_constant": Target(least=0.8),
    "overview_1000_ms": Target(most=50),
    "history_year_p99_ms": Target(most=50),
    "history_year_first_p99_ms": Target(most=50),
    "sources_p99_ms": Target(most=100),
    "compare_p99_ms": Target(most=100),
    "fills_page_p99_ms": Target(most=200),
    "performance_p99_ms": Target(most=50),
    "performance_days_p99_ms": Target(most=75),
    "performance_1000_p99_ms": Target(most=2_000),
    "page_first_ms": Target(most=1_000),
    "page_later_ms": Target(most=200),
    "page_curve_ms": Target(most=300),
    "page_zoom_frame_ms": Target(most=17),
    "page_scroll_frame_ms": Target(most=17),
    "values_1000_p99_ms": Target(most=150),
    "fills_growth_mb": Target(most=20),
    "statements_vs_parsing": Target(least=0.25),
    "large_record_slowdown": Target(most=1.25),
    "large_report_slowdown": Target(most=1.25),
    "event_bytes_vs_wire": Target(most=4),
    "snapshot_bytes_vs_original": Target(most=3),
    "idle_cpu_percent": Target(most=1),
    "idle_rss_mb": Target(most=200),
    "ready_s": Target(most=3),
    "simulate_messages_per_s": Target(least=150_000),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One result. ``beside``: the reference that was measured in the same run, and the ratio to it, as text."""

    name: str
    value: float
    beside: str

    @property
    def target(self) -> Target | None:
        return TARGETS.get(self.name)

    def __str__(self) -> str:
        verdict = "" if self.target is None else f" [{self.target}: {'met' if self.is_met else 'MISSED'}]"
        return f"{self.name}: {shown(self.value)} ({self.beside}){verdict}"

    @property
    def is_met(self) -> bool:
        return self.target is None or self.target.is_met(self.value)


def shown(value: float) -> str:
    """A number with as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ``values`` that is no less than ``percent`` of them (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * percent // 100).__int__() - 1))]
