"""The table of what was injected and what came of it, at the end of a run."""

from typing import Any

from tests.faults.lab import SEED, TABLE


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not TABLE:
        return
    terminalreporter.section(f"faults injected (SEED={SEED})")
    terminalreporter.write_line(f"{'fault':<44}{'times':>7}{'lost':>7}{'doubled':>9}{'longest recovery':>19}")
    for row in TABLE.values():
        shown = f"{row.longest:.2f} s"
        terminalreporter.write_line(f"{row.fault:<44}{row.times:>7}{row.lost:>7}{row.doubled:>9}{shown:>19}")
