"""The thread that keeps the tables of a report up: applies events as soon as they are committed.

In: wake-ups on the channel ``stored_events``. Out: rows, and a wake-up on ``projected`` after each commit. Started by
the composition root, one for each report in every instance: whichever comes first applies, the others find it done, and
a report that fails or is slow holds no other up. A wake-up only wakes: twice a second the thread looks without one.

While Postgres is away the thread tries again, for ever. What goes on failing for another reason (the tables are gone,
say) ends it; the composition root makes the tables again and starts another.
"""

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from psycopg import Connection

from ibconnect.database.notices import wait_in_thread
from ibconnect.database.outages import is_passing
from ibconnect.database.pools import connect
from ibconnect.database_url import place
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.projections.engine.live import LiveTables, Step
from ibconnect.projections.engine.progress import note_progress
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.tracking import Q, path_of
from ibconnect.refusals import refusal
from ibconnect.troubles import State, brief

_POLL_S = 0.5
_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
_BATCH_POSITIONS = 20_000


class Projector:
    """One per report and process; :meth:`start` and :meth:`stop` belong to the composition root.

    Tables of another version than this code's are left alone until a rebuild has replaced them.

    :param on_death: called, by the thread, with what it died of; nothing is applied any more then
    """

    def __init__(
        self,
        url: str,
        report: Projection,
        *,
        batch: int = _BATCH_POSITIONS,
        on_death: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._url = url
        self._report = report
        self._batch = batch
        self._on_death = on_death
        self._stopping = threading.Event()
        self._waker = os.eventfd(0, os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._waker)
        self._failing = State(Trouble.PROJECTION_FAILS, database=place(url))
        self._beyond = State(Trouble.POSITIONS_BEYOND, database=place(url))
        self._thread = threading.Thread(target=self._live, name=f"projector {report.name}", daemon=True)

    def start(self) -> None:
        """Begin to apply events."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Finish the batch at hand and end; return whether that was done in time (seconds)."""
        self._stopping.set()
        os.eventfd_write(self._waker, 1)
        self._thread.join(timeout)
        self._failing.forget()
        self._beyond.forget()
        return not self._thread.is_alive()

    def _live(self) -> None:
        try:
            self._run()
        except BaseException as exc:
            if self._on_death is None:
                raise
            self._on_death(exc)

    def _run(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            try:
                with connect(self._url, name="projector", search_path=path_of(self._report.name)) as connection:
                    connection.execute(Q["live_settings"])
                    connection.execute(Q["listen"])
                    for _ in self._follow(connection):
                        attempt = 0
            except (DatabaseError, psycopg.Error) as exc:
                self._failing.note(brief(exc), error=exc)
                if attempt >= len(_BACKOFF_S) and not _is_worth_waiting(exc):
                    raise
                self._stopping.wait(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
                attempt += 1

    def _follow(self, connection: Connection[Any]) -> Iterator[Step]:
        """Apply what there is and wait for more, again and again; yields after each step that succeeded."""
        tables = LiveTables(connection, self._report, self._batch)
        while not self._stopping.is_set():
            step = tables.step()
            self._note(step)
            yield step
            if not step.is_behind:
                wait_in_thread(connection, _POLL_S, self._waker)

    def _note(self, step: Step) -> None:
        self._failing.over()
        if step.beyond is None:
            self._beyond.over()
        else:
            self._beyond.note(
                f"an event stands at position {step.beyond}, which the sequence of positions has not given"
            )
        for event in step.set_aside:
            observe(Kind.PROJECTION_POISONED, report=self._report.name, position=event.position, topic=event.topic)
        self._report.report(step.made, step.news)
        if step.is_ours:
            note_progress(self._report, step.position, step.head)


def _is_worth_waiting(exc: BaseException) -> bool:
    """Whether other tables would not help: Postgres is away, or refuses what somebody has to permit."""
    return is_passing(exc) or isinstance(exc, DatabaseUnavailable) or refusal(exc) is not None
