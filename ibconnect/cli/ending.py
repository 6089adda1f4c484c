"""Verbs that must not leave half of their work behind when they are ended. Called by ``backup`` and ``restore``."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """End at SIGTERM as at Ctrl-C: what was begun is removed, and PostgreSQL's programs end too."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
