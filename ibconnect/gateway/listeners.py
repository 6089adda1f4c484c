"""Who wants to hear what of one connection: steering messages, account data, the answers to a request.

In: messages, as the connection takes them. Out: calls and collections, for as long as whoever asked is interested.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ibconnect.gateway.collection import Collection

Watcher = Callable[[int, list[str]], None]
Hearer = Callable[[Sequence[bytes], float, int], None]


class Listeners:
    """Those of one connection, called in the order in which they came."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []
        self._hearers: list[Hearer] = []
        self._collections: list[tuple[tuple[bytes, ...], Collection]] = []

    @contextmanager
    def watching(self, watcher: Watcher) -> Iterator[None]:
        """Have ``watcher(message id, fields)`` called for each steering message while the context lasts."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    @contextmanager
    def hearing(self, hearer: Hearer) -> Iterator[None]:
        """Have ``hearer(payloads, read at, arrived)`` called for account data while the context lasts, many at once.

        ``read at`` is of the event loop's clock, ``arrived`` microseconds since the epoch, UTC.
        """
        self._hearers.append(hearer)
        try:
            yield
        finally:
            self._hearers.remove(hearer)

    @contextmanager
    def collecting(self, *starts: bytes) -> Iterator[Collection]:
        """A collection of the payloads that begin with one of ``starts``, while the context lasts."""
        collection = (starts, Collection())
        self._collections.append(collection)
        try:
            yield collection[1]
        finally:
            self._collections = [each for each in self._collections if each is not collection]

    def dispatch(self, number: int, fields: list[str]) -> None:
        """A steering message has come."""
        for watcher in tuple(self._watchers):
            watcher(number, fields)

    def hear(self, payloads: Sequence[bytes], read_at: float, arrived: int) -> None:
        """Account data has come."""
        for hearer in self._hearers:
            hearer(payloads, read_at, arrived)

    def collect(self, payload: bytes) -> None:
        """Any message has come that is not one of many account data."""
        for starts, collection in self._collections:
            if payload.startswith(starts):
                collection.add(payload)
