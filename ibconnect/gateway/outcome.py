"""What a walk over a gateway's accounts comes to: in events, in metrics, in what is shown. Called by the walk."""

from enum import StrEnum


class Outcome(StrEnum):
    """Figures to rely on of every account, of some, of none, or cut off."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    ABORTED = "aborted"
