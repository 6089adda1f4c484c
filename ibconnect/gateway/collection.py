"""The messages that answer one request, as they came.

In: payloads. Out: the same, or word that more came than any answer has. Fed by the connection, kept for as long as
whoever asked is interested.
"""

# What no answer to a request has: messages, and bytes of them.
_MOST, _MOST_BYTES = 100_000, 32 << 20


class Collection(list[bytes]):
    """Payloads that answer a request. ``is_flood``: more came than any answer has, and none is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.is_flood = False
        self._bytes = 0

    def add(self, payload: bytes) -> None:
        """One more has come."""
        self._bytes += len(payload)
        if self.is_flood or len(self) >= _MOST or self._bytes > _MOST_BYTES:
            self.is_flood = True
            self.clear()
        else:
            self.append(payload)
