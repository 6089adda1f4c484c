"""Metrics that are asked when they are scraped, and histograms that only the event loop touches.

In: values and their sources. Out: families of series for the registry. Used by :mod:`~ibconnect.observe`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Measured(Collector):
    """A gauge that is asked when it is scraped: the sum of what its sources say, which never is an old figure."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = ()) -> None:
        self._about = (name, documentation)
        self._names = labels
        self._sources: list[Callable[[], Mapping[tuple[str, ...], float]]] = []
        self._expected: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}
        REGISTRY.register(self)

    def expect(self, *values: str) -> None:
        """Show these labels with 0, also while nobody says anything of them."""
        self._expected[values] = 0.0

    def add(self, source: Callable[[], Mapping[tuple[str, ...], float]]) -> Callable[[], None]:
        """Ask this source too: values by their labels. What is returned ends that."""
        self._sources.append(source)
        return lambda: self._sources.remove(source)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """For the registry."""
        totals = dict(self._expected)
        for source in tuple(self._sources):
            for values, value in source().items():
                totals[values] = totals.get(values, 0.0) + value
        family = GaugeMetricFamily(*self._about, labels=self._names)
        for values, total in totals.items():
            family.add_metric(values, total)
        yield family


class Durations:
    """How often how long: seconds by bucket, and their sum."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one more."""
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class LoopHistogram(Collector):
    """A histogram that only the event loop touches, and that therefore needs no lock: every request counts here."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self._about = (name, documentation)
        self._names = labels
        self._known: dict[tuple[str, ...], Durations] = {}
        REGISTRY.register(self)

    def labels(self, *values: str) -> Durations:
        """The durations under these labels."""
        return self._known.setdefault(values, Durations())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """For the registry."""
        family = HistogramMetricFamily(*self._about, labels=self._names)
        bounds = [*map(floatToGoString, BUCKETS), "+Inf"]
        for values, durations in self._known.items():
            counts = map(float, accumulate(durations.buckets))
            family.add_metric(values, list(zip(bounds, counts, strict=True)), durations.total)
        yield family
