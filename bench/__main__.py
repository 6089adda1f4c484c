"""``python -m bench [NAME …] [--large]``: run benchmarks, print their figures, keep the results of a full run.

In: names of benchmarks (none: all). Out: lines, and after a full run ``RESULTS.md`` and ``results.json``. The exit
status is 1 if a figure missed its target.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from bench import (
    fills,
    firms,
    idle,
    large,
    live,
    page,
    read,
    rebuild,
    record,
    results,
    returns,
    simulate,
    space,
    statements,
)
from bench.figures import Figure
from bench.history import history
from bench.sizes import FULL, Size


def _of_history(size: Size) -> Iterator[Figure]:
    """Those that need long history share it."""
    with history(size) as past:
        yield from rebuild.figures(past, size)
        yield from read.figures(past, size)


def _rebuild(size: Size) -> Iterator[Figure]:
    with history(size) as past:
        yield from rebuild.figures(past, size)


def _read(size: Size) -> Iterator[Figure]:
    with history(size) as past:
        yield from read.figures(past, size)


Benchmark = Callable[[Size], Iterator[Figure]]
ALL: dict[str, Benchmark] = {
    "simulate": simulate.figures,
    "record": record.figures,
    "live": live.figures,
    "firms": firms.figures,
    "rebuild": _rebuild,
    "read": _read,
    "fills": fills.figures,
    "performance": returns.figures,
    "statements": statements.figures,
    "page": page.figures,
    "space": space.figures,
    "idle": idle.figures,
    "large": large.figures,
}
_FULL_RUN: tuple[Benchmark, ...] = (
    simulate.figures,
    record.figures,
    live.figures,
    firms.figures,
    _of_history,
    fills.figures,
    returns.figures,
    statements.figures,
    page.figures,
    space.figures,
    idle.figures,
)


def main() -> int:
    """Run what the command line names; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(ALL)} (default: all but large)"
    )
    parser.add_argument("--large", action="store_true", help="also 10,000,000 events and 500,000 snapshots: minutes")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(ALL):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    benchmarks = [ALL[name] for name in chosen.names] or list(_FULL_RUN)
    if chosen.large and large.figures not in benchmarks:
        benchmarks.append(large.figures)
    began = time.monotonic()
    found = list(_run(benchmarks))
    if not chosen.names:
        results.write(found, time.monotonic() - began)
    return 0 if all(figure.is_met for figure in found) else 1


def _run(benchmarks: list[Benchmark]) -> Iterator[Figure]:
    for benchmark in benchmarks:
        for figure in benchmark(FULL):
            print(figure, flush=True)
            yield figure


if __name__ == "__main__":
    sys.exit(main())
