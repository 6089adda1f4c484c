"""What is amiss in this process right now, although it goes on: said in ``/readyz``, to Prometheus and in the log.

In: each part notes its trouble with every failure, and that it is over. Out: a line in the log when a trouble begins,
when its reason is another one, every few minutes while it lasts, and when it is over; reasons for ``/readyz``, which
anybody may read, so they say nothing of what is stored and hold no text of an exception. Called by every part that
goes on trying.

Some troubles show only to whoever looks (a file that lies there, an answer that does not come): :func:`look` has
each part look, whenever somebody asks what is amiss, and every few seconds from the composition root.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ibconnect import observe as o
from ibconnect.errors import ProcessDied
from ibconnect.observe import Trouble, observe
from ibconnect.refusals import refusal
from ibconnect.times import format_rfc3339, utc_now

AGAIN_S = 300.0
LOOK_S = 5.0
_HEED_S = 0.2

_guard = threading.Lock()
_ending = threading.Event()
_lasting: list["State"] = []
_looks: list[Callable[[], None]] = []


class State:
    """One trouble of one part of the process. Any thread may call. ``always``: facts for the log, each time."""

    def __init__(self, trouble: Trouble, **always: Any) -> None:
        self.trouble = trouble
        self._always = always
        self._since: datetime | None = None
        self.reason = ""
        self._logged: dict[str, float] = {}

    @property
    def lasts(self) -> bool:
        """Whether it has been noted and is not over."""
        return self._since is not None

    def note(self, reason: str, **facts: Any) -> None:
        """It lasts, for this reason. ``facts`` go to the log only, ``error`` among them.

        A reason is logged once in a while, also if it alternates with another one.
        """
        with _guard:
            self.reason = reason
            if self._since is None:
                self._since = utc_now()
                _lasting.append(self)
            is_news = self._is_news(time.monotonic())
        if is_news and not self._ends_meanwhile():
            observe(self.trouble.value.lasts, reason=reason, **{**self._always, **facts, **_advice(facts.get("error"))})

    def _ends_meanwhile(self) -> bool:
        """Whether the process was told to end just now: Postgres, told as well, may die of it before a thread hears."""
        is_in_loop = threading.current_thread() is threading.main_thread()
        if not is_in_loop and _ending.wait(_HEED_S):
            self._logged.clear()
            return True
        return False

    def _is_news(self, now: float) -> bool:
        if _ending.is_set():
            return False
        self._logged = {reason: at for reason, at in self._logged.items() if now - at < AGAIN_S}
        return self._logged.setdefault(self.reason, now) == now

    def over(self, **facts: Any) -> None:
        """It is over, if it lasted."""
        with _guard:
            since, self._since = self._since, None
            was_logged = bool(self._logged)
            self._logged.clear()
            if since is not None:
                _lasting.remove(self)
        if since is not None and was_logged and self.trouble.value.over is not None:
            seconds = round((utc_now() - since).total_seconds(), 1)
            observe(self.trouble.value.over, seconds=seconds, **facts)

    def forget(self) -> None:
        """Whoever had it is no more; nothing is logged."""
        with _guard:
            self._since = None
            if self in _lasting:
                _lasting.remove(self)

    def __str__(self) -> str:
        since = format_rfc3339(self._since.replace(microsecond=0)) if self._since else "never"
        return f"{self.trouble.value.text}, since {since}: {self.reason}"


def end() -> None:
    """The process ends, as it was told to. What fails from now on fails because of that, and is not logged any more.

    Who is told to end is often not alone: systemd, a container and Ctrl-C tell the embedded Postgres as well.
    """
    _ending.set()
    o.hush_driver()


def is_ending() -> bool:
    """Whether the process was told to end."""
    return _ending.is_set()


def looking(look: Callable[[], None]) -> Callable[[], None]:
    """Have this called by :func:`look`; what is returned ends that."""
    _looks.append(look)
    return lambda: _looks.remove(look)


def look() -> None:
    """Have every part look whether its troubles last."""
    for each in tuple(_looks):
        each()


def amiss() -> list[tuple[Trouble, str, str]]:
    """What is amiss now: the trouble, its reason, and a sentence with both, in the order in which it began."""
    look()
    with _guard:
        return [(state.trouble, state.reason, str(state)) for state in _lasting]


def lasting(*, but: frozenset[Trouble] = frozenset()) -> list[str]:
    """What is amiss now, but for these troubles: a sentence each, and once for each reason."""
    found: dict[tuple[Trouble, str], str] = {}
    for trouble, reason, sentence in amiss():
        if trouble not in but:
            found.setdefault((trouble, reason), sentence)
    return list(found.values())


def lasts(trouble: Trouble) -> bool:
    """Whether this is amiss now, in any part."""
    with _guard:
        return any(state.trouble is trouble for state in _lasting)


def _measured() -> dict[tuple[str, ...], float]:
    look()
    with _guard:
        found = {state.trouble for state in _lasting}
    return {(trouble.name.lower(),): float(trouble in found) for trouble in Trouble}


o.TROUBLES.add(_measured)


def _advice(error: Any) -> dict[str, str]:
    """What to do, if Postgres refuses something for a reason that only somebody can mend."""
    found = refusal(error) if isinstance(error, BaseException) else None
    return {"advice": found.advice} if found else {}


def innermost(exc: BaseException) -> BaseException:
    """What a group of one error is about; any other error is about itself."""
    while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        exc = exc.exceptions[0]
    return exc


def brief(exc: BaseException) -> str:
    """What went wrong, fit for anybody to read and the same each time: the kind of an error, not what it says."""
    exc = innermost(exc)
    cause = innermost(exc.__cause__ or exc)
    if found := refusal(cause):
        return found.reason
    if isinstance(cause, ProcessDied):
        return cause.how
    said = getattr(cause, "sqlstate", None) or (cause.strerror if isinstance(cause, OSError) else None)
    return f"{type(cause).__name__} ({said})" if said else type(cause).__name__
