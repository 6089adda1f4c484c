"""The metrics of a process as text, and those of several processes of one instance as one text.

In: this process' registry, and texts that others have made here. Out: Prometheus' text format in which every series
is there once. Called by ``/metrics`` and by each process that is asked for its status.
"""

import re
from collections.abc import Iterable, Iterator

from prometheus_client import generate_latest
from prometheus_client.utils import floatToGoString

# What the library says of the process and its Python has no label that would tell processes apart.
_OF_PROCESS = re.compile(r"^((?:process|python)_\w+)(?:\{(.*)\})?( .*)$", re.MULTILINE)
# Of these every process says the same, or says it of itself alone: their sum would mean nothing.
_GREATEST = re.compile(r"ibconnect_(?:build_info|trouble|spool_max_bytes)\b|\w+_created\b")


def own(process: str) -> str:
    """This process' metrics; those of the process itself carry its name."""

    def named(found: re.Match[str]) -> str:
        labels = f'process="{process}"' + (f",{found[2]}" if found[2] else "")
        return f"{found[1]}{{{labels}}}{found[3]}"

    return _OF_PROCESS.sub(named, generate_latest().decode())


def merged(texts: Iterable[str]) -> str:
    """One text of several. A series that several have is their sum, or the greatest where a sum is none."""
    families: dict[str, _Family] = {}
    for text in texts:
        for family, line in _lines(text):
            families.setdefault(family, _Family()).take(line)
    return "".join(text for family in families.values() for text in family.lines())


def counters(text: str) -> str:
    """Of a text the metrics that only grow."""
    lines = list(_lines(text))
    growing = {family for family, line in lines if re.match(r"# TYPE \S+ (?:counter|histogram)$", line)}
    return "".join(f"{line}\n" for family, line in lines if family in growing)


class _Family:
    """The lines of one metric."""

    def __init__(self) -> None:
        self._head: dict[str, None] = {}
        self._series: dict[str, str] = {}

    def take(self, line: str) -> None:
        if line.startswith("#"):
            self._head[line] = None
            return
        series, _, value = line.rpartition(" ")
        before = self._series.get(series)
        self._series[series] = value if before is None else _both(series, before, value)

    def lines(self) -> Iterator[str]:
        for line in self._head:
            yield f"{line}\n"
        for series, value in self._series.items():
            yield f"{series} {value}\n"


def _both(series: str, one: str, other: str) -> str:
    if _GREATEST.match(series):
        return max(one, other, key=float)
    # A whole number and nothing is the usual case: what one process alone counts stays the text that it is.
    if float(other) == 0:
        return one
    return other if float(one) == 0 else str(floatToGoString(float(one) + float(other)))  # type: ignore[no-untyped-call]


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Each line with the name of the metric that it belongs to."""
    family = ""
    # A label may hold what Python takes for the end of a line as well.
    for line in text.split("\n"):
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
        if line:
            yield family, line
