"""How long to wait before the next attempt: twice as long each time, up to a ceiling, never quite the same.

The jitter keeps several instances, or several gateways behind one restart, from knocking all at once.
"""

import random


class Backoff:
    """Seconds to wait, from ``first`` doubling up to ``ceiling``, each spread over half to full."""

    def __init__(self, first: float = 0.5, ceiling: float = 30.0) -> None:
        self._first = first
        self._ceiling = ceiling
        self._next = first

    def reset(self) -> None:
        """Begin again with the first wait."""
        self._next = self._first

    def wait(self) -> float:
        """The next wait."""
        value, self._next = self._next, min(self._next * 2, self._ceiling)
        return value * random.uniform(0.5, 1.0)
