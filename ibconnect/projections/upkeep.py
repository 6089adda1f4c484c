"""The tables of all reports, or of some: made, built again, tried again.

In: a URL, and reports of the registry (all of them, if none are named). Called by the command line and the service.
"""

from collections.abc import Iterable, Iterator, Sequence

from ibconnect.errors import ProjectionError
from ibconnect.projections.engine import rebuild as rebuilding
from ibconnect.projections.engine import schema, set_aside
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.rebuild import Progress, Rebuilt
from ibconnect.projections.engine.set_aside import Found, Retried
from ibconnect.projections.registry import REPORTS


def named(names: Iterable[str]) -> tuple[Projection, ...]:
    """The reports of these names, in the order of the registry; all, if there are no names.

    :raises ProjectionError: there is no such report
    """
    wanted = frozenset(names)
    known = {report.name for report in REPORTS}
    for name in sorted(wanted - known):
        raise ProjectionError(f"there is no report {name!r}; the reports are {', '.join(sorted(known))}")
    return tuple(report for report in REPORTS if not wanted or report.name in wanted)


def ensure(url: str, reports: Sequence[Projection] = REPORTS) -> None:
    """See :func:`ibconnect.projections.engine.schema.ensure`."""
    schema.ensure(url, reports)


def rebuild(url: str, progress: Progress | None = None, reports: Sequence[Projection] = REPORTS) -> Rebuilt:
    """See :func:`ibconnect.projections.engine.rebuild.rebuild`."""
    return rebuilding.rebuild(url, reports, progress)


def rebuild_if_older(url: str, reports: Sequence[Projection] = REPORTS) -> Rebuilt | None:
    """See :func:`ibconnect.projections.engine.rebuild.rebuild_if_older`."""
    return rebuilding.rebuild_if_older(url, reports)


def events_set_aside(url: str, reports: Sequence[Projection] = REPORTS) -> Iterator[Found]:
    """See :func:`ibconnect.projections.engine.set_aside.events_set_aside`."""
    return set_aside.events_set_aside(url, reports)


def retry(url: str, progress: Progress | None = None, reports: Sequence[Projection] = REPORTS) -> Retried:
    """See :func:`ibconnect.projections.engine.set_aside.retry`."""
    return set_aside.retry(url, reports, progress)


__all__ = [
    "REPORTS",
    "Found",
    "Progress",
    "Rebuilt",
    "Retried",
    "ensure",
    "events_set_aside",
    "named",
    "rebuild",
    "rebuild_if_older",
    "retry",
]
