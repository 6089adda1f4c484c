"""How one process of an instance is, as another sees it: what is amiss in it, its metrics, its seconds with Postgres.

In: what this process knows; what others have reported. Out: a JSON object each; of several what ``/readyz`` and
``/metrics`` say. Called by the processes of ``ibconnect serve``, and by whoever answers for all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ibconnect import troubles
from ibconnect.metrics.exposition import own
from ibconnect.observe import Trouble

# So long another process may take to say how it is: less than whoever asks for all of them waits.
PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Status:
    """What one process says of itself. ``amiss``: trouble, reason and sentence of each."""

    process: str
    database_seconds: float
    amiss: tuple[tuple[str, str, str], ...]
    metrics: str

    def as_json(self) -> dict[str, Any]:
        """To be sent to another process."""
        return {
            "process": self.process,
            "database_seconds": self.database_seconds,
            "amiss": [list(each) for each in self.amiss],
            "metrics": self.metrics,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Status":
        """What another process has sent."""
        amiss = tuple((trouble, reason, sentence) for trouble, reason, sentence in said["amiss"])
        return cls(str(said["process"]), float(said["database_seconds"]), amiss, str(said["metrics"]))


def of_this_process(process: str, database_seconds: float, *, has_metrics: bool) -> Status:
    """How this process is now."""
    amiss = tuple((trouble.name, reason, sentence) for trouble, reason, sentence in troubles.amiss())
    return Status(process, database_seconds, amiss, own(process) if has_metrics else "")


def reasons(statuses: Iterable[Status], *, but: frozenset[Trouble] = frozenset()) -> list[str]:
    """What is amiss in any of them, but for these troubles: what several have for the same reason is said once."""
    hidden = {trouble.name for trouble in but}
    found: dict[tuple[str, str], str] = {}
    for status in statuses:
        for trouble, reason, sentence in status.amiss:
            if trouble not in hidden:
                found.setdefault((trouble, reason), sentence)
    return list(found.values())


def lasts(statuses: Sequence[Status], trouble: Trouble) -> bool:
    """Whether this is amiss in any of them."""
    return any(name == trouble.name for status in statuses for name, _, _ in status.amiss)
