"""Which states an order may be asked for by: IB's names, ours for one, and words for some of them.

In: a word. Out: names of states. Called by the handlers and the routes of this package.
"""

from collections.abc import Mapping

OPEN = "open"

_WORDS: Mapping[str, tuple[str, ...]] = {
    "filled": ("Filled",),
    "cancelled": ("Cancelled", "ApiCancelled"),
    "inactive": ("Inactive",),
    "gone": ("Gone",),
}
_NAMES = (
    "ApiPending",
    "PendingSubmit",
    "PreSubmitted",
    "Submitted",
    "PendingCancel",
    "ApiCancelled",
    "Cancelled",
    "Filled",
    "Inactive",
    "Gone",
)

CHOICES: tuple[str, ...] = (OPEN, *_WORDS, *_NAMES)
PATTERN = f"^(?:{'|'.join(CHOICES)})$"
"""Of no enumeration: programs are generated that have no two values of one but for the case of their letters."""


def statuses(word: str | None) -> list[str] | None:
    """The names of states that are meant; None: any."""
    if word is None or word == OPEN:
        return None
    return list(_WORDS.get(word, (word,)))
