"""The Postgres that a process uses: the one of ``DB_URL``, or the embedded one under ``DATA_DIR``.

In: the settings. Out: a URL, good for as long as the context lasts; an embedded server that is killed is started again.
Called by the composition root and by every verb that needs a database.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ibconnect import troubles
from ibconnect.config import Config
from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.service import data_directory
from ibconnect.troubles import State, brief

_WATCH_S = 1.0


@contextmanager
def database(config: Config) -> Iterator[str]:
    """The URL of the database to use: ``DB_URL``, or that of the embedded Postgres while the context lasts."""
    if config.db_url:
        yield config.db_url
        return
    data_directory.check(config.data_dir)
    with EmbeddedPostgres(config.data_dir) as server, _watched(server):
        yield server.url


@contextmanager
def _watched(server: EmbeddedPostgres) -> Iterator[None]:
    """Start the embedded server again whenever it is killed (the kernel's out-of-memory killer, somebody's kill)."""
    over = threading.Event()
    down = State(Trouble.EMBEDDED_DOWN)

    def watch() -> None:
        while not over.wait(_WATCH_S):
            try:
                if server.revive():
                    observe(Kind.DATABASE_REVIVED_TO_END if troubles.is_ending() else Kind.DATABASE_REVIVED)
                down.over()
            except Exception as exc:  # noqa: BLE001 - without this thread nobody would ever start it again
                down.note(brief(exc), error=exc)

    thread = threading.Thread(target=watch, name="embedded Postgres", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        down.forget()
