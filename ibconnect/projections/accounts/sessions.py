"""What is open at a position: sessions, their refreshes, the downloads that have begun. Pure: no database.

In: events that begin or end something, in the order of positions. Out: facts. Called by :mod:`reader`. What is open is
kept with the position that it belongs to (:meth:`Sessions.dump`), so reading goes on at any position without looking
back.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from uuid import UUID

import orjson

from ibconnect.codes import is_code, listed_codes
from ibconnect.errors import ProjectionError
from ibconnect.events import types
from ibconnect.projections.accounts.facts import (
    AccountsNamed,
    AccountsStated,
    Concluded,
    Configured,
    Downloaded,
    Fact,
    RefreshBegan,
    RefreshFinished,
    SessionBegan,
    SessionEnded,
    configured_of,
)
from ibconnect.projections.engine.projection import Event
from ibconnect.texts import one_line
from ibconnect.times import from_micros

# A download that ended in one of these ways makes a snapshot: it may hold everything that the account has, or, where
# the recorder has looked into it, a part of that.
_COMPLETE = frozenset({"download-end", "quiet"})
_IN_PART = frozenset({"interrupted", "timeout"})
_ZONE_LENGTH = 32


class _NotBegun(ProjectionError):
    """What an event ends or belongs to has not begun in its session."""


@dataclass(slots=True)
class OpenRefresh:
    """A refresh that has not ended: ``done`` of ``total`` accounts; ``tells``: which gateways were configured."""

    id: int
    created: int
    total: int
    done: int = 0
    tells: bool = False


@dataclass(frozen=True, slots=True)
class OpenDownload:
    """A download that has begun with the event ``version`` of its session; ``is_supplement``: some time ago."""

    version: int
    is_supplement: bool
    source: str
    values_request: str
    positions_request: str
    refresh_id: int
    created: int
    tells: bool = False


@dataclass(slots=True)
class OpenSession:
    """A session that has not been closed. ``zone``: what the gateway calls its local time.

    ``is_late``: it is the rest of a session that another instance had closed. What it began there has no end here, its
    accounts may have been named anew since, and so may its snapshots.
    """

    id: int
    gateway: str
    zone: str = ""
    refresh: OpenRefresh | None = None
    downloads: dict[str, OpenDownload] = field(default_factory=dict)
    is_late: bool = False


@dataclass(slots=True)
class Sessions:
    """Everything that is open, the last ids given, and which gateways are configured, as recorded last."""

    last_session: int = 0
    last_refresh: int = 0
    configured: Configured = ()
    open: dict[UUID, OpenSession] = field(default_factory=dict)

    def apply(self, event: Event) -> Fact | None:
        """The fact that an event makes, if it makes one.

        :raises ProjectionError: the event makes no sense where it stands; nothing has changed
        """
        try:
            return _APPLY[event.topic](self, event)
        except _NotBegun:
            if self.of(event).is_late:
                return None
            raise
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError) as exc:
            raise ProjectionError(f"{type(exc).__name__}: {exc}") from exc

    def dump(self) -> bytes:
        """All of it as JSON, for :meth:`load`."""
        return orjson.dumps(
            {
                "last_session": self.last_session,
                "last_refresh": self.last_refresh,
                # Not an object: Postgres does not keep the order of its members.
                "configured": self.configured,
                "open": {str(key): asdict(session) for key, session in self.open.items()},
            }
        )

    @classmethod
    def load(cls, dumped: bytes) -> Self:
        """What :meth:`dump` wrote."""
        return cls.of_json(orjson.loads(dumped))

    @classmethod
    def of_json(cls, state: Any) -> Self:
        """What :meth:`dump` wrote, as Postgres gives it back."""
        return cls(
            state["last_session"],
            state["last_refresh"],
            configured_of(state["configured"]),
            {UUID(key): _load_session(value) for key, value in state["open"].items()},
        )

    def of(self, event: Event) -> OpenSession:
        """The open session that an event belongs to.

        :raises ProjectionError: there is none
        """
        try:
            return self.open[event.session]
        except KeyError:
            raise ProjectionError(f"session {event.session} is not open") from None


def _load_session(value: Any) -> OpenSession:
    downloads = {account: OpenDownload(**download) for account, download in value["downloads"].items()}
    refresh = OpenRefresh(**value["refresh"]) if value["refresh"] else None
    return OpenSession(value["id"], value["gateway"], value["zone"], refresh, downloads, value["is_late"])


def _session_opened(sessions: Sessions, event: Event) -> Fact:
    if event.session in sessions.open:
        raise ProjectionError(f"session {event.session} is open already")
    state = _own(event)
    fact = SessionBegan(
        session_id=sessions.last_session + 1,
        originator_id=event.session,
        gateway=_text(state, "gateway"),
        client_id=_whole(state, "client_id"),
        server_version=_text(state, "server_version", ""),
        connection_time=_text(state, "connection_time", ""),
        instance=_text(state, "instance", ""),
        software=_text(state, "software", ""),
        opened=_time(state, "t"),
    )
    sessions.last_session = fact.session_id
    is_late = bool(_text(state, "continues", ""))
    zone = one_line(" ".join(fact.connection_time.split()[2:]), _ZONE_LENGTH)
    sessions.open[event.session] = OpenSession(fact.session_id, fact.gateway, zone, is_late=is_late)
    return fact


def _session_closed(sessions: Sessions, event: Event) -> Fact:
    state, session = _own(event), sessions.of(event)
    unfinished, done = (session.refresh.id, session.refresh.done) if session.refresh else (None, 0)
    fact = SessionEnded(session.id, _time(state, "t"), _text(state, "reason", ""), unfinished, done)
    del sessions.open[event.session]
    return fact


def _accounts_listed(sessions: Sessions, event: Event) -> Fact | None:
    session = sessions.of(event)
    if session.is_late:
        return None
    fields = [item for item in orjson.loads(event.state) if not isinstance(item, int)]
    return AccountsNamed(session.gateway, listed_codes(fields[0]), _arrival(event))


def _statement_ended(_: Sessions, event: Event) -> Fact | None:
    """A document is a stream of its own. What its accounts are called is the document's: no table holds any text."""
    codes = tuple(code for code in _own(event).get("accounts", ()) if isinstance(code, str) and is_code(code))
    return AccountsStated(codes) if codes else None


def _refresh_started(sessions: Sessions, event: Event) -> Fact:
    state, session = _own(event), sessions.of(event)
    configured = None if session.is_late else _configured_now(sessions.configured, state)
    fact = RefreshBegan(
        refresh_id=sessions.last_refresh + 1,
        session_id=session.id,
        gateway=session.gateway,
        created=_time(state, "created"),
        trigger=_text(state, "trigger", ""),
        started=_time(state, "t"),
        scope=_text(state, "scope", ""),
        total=len(state.get("accounts", ())),
        configured=configured,
    )
    sessions.last_refresh = fact.refresh_id
    sessions.configured = sessions.configured if configured is None else configured
    done = len(state.get("resumed", ()))
    session.refresh = OpenRefresh(fact.refresh_id, fact.created, fact.total, done, tells="gateways" in state)
    session.downloads.clear()
    return fact


def _configured_now(before: Configured, state: dict[str, Any]) -> Configured | None:
    """Which gateways are configured now; None if the event does not say, or nothing new.

    Of a gateway of another instance the pins are those that an instance recorded which has it in its own ``IB_GW``.
    """
    if "gateways" not in state:
        return None
    own = {str(name): tuple(map(str, pins)) for name, pins in state["gateways"].items()}
    known = dict(before)
    others = state.get("others", ()) if state.get("knows_others") else known
    found = (*own.items(), *((name, known.get(name, ())) for name in map(str, others) if name not in own))
    return None if found == before else found


def _refresh_ended(sessions: Sessions, event: Event) -> Fact | None:
    state, session = _own(event), sessions.of(event)
    if session.refresh is None:
        raise _NotBegun("no refresh has begun that could end")
    missing = {str(account): str(why) for account, why in state.get("missing", {}).items()}
    request = state.get("request")
    fact = RefreshFinished(
        refresh_id=session.refresh.id,
        ended=_time(state, "t"),
        outcome=_text(state, "outcome"),
        request=None if request is None else _whole(state, "request"),
        missing=missing,
        detail=_text(state, "detail", ""),
        done=session.refresh.done,
    )
    session.refresh = None
    return fact


def _account_subscribed(sessions: Sessions, event: Event) -> None:
    state, session = _own(event), sessions.of(event)
    if session.refresh is None:
        raise _NotBegun("an account was subscribed outside of a refresh")
    is_supplement = state.get("since") is not None
    session.downloads[_text(state, "account")] = OpenDownload(
        version=_whole(state, "since") if is_supplement else event.version,
        is_supplement=is_supplement,
        source=_text(state, "source"),
        values_request=str(state.get("values_request")),
        positions_request=str(state.get("positions_request")),
        refresh_id=session.refresh.id,
        created=session.refresh.created,
        tells=session.refresh.tells,
    )


def _account_concluded(sessions: Sessions, event: Event) -> Fact | None:
    state, session = _own(event), sessions.of(event)
    account, ended, at = _text(state, "account"), _text(state, "ended"), _time(state, "t")
    download = session.downloads.pop(account, None)
    if download is None:
        raise _NotBegun("no download of this account has begun")
    if state.get("then"):
        return None
    if session.refresh is not None and session.refresh.done < session.refresh.total:
        session.refresh.done += 1
    is_judged = state.get("class_version", 1) > 1
    why = _text(state, "why", "") or ("" if ended in _COMPLETE else ended)
    request = None if state.get("request") is None else _whole(state, "request")
    concluded = None if session.is_late else Concluded(session.gateway, account, at, ended, why, request)
    if ended not in _COMPLETE and not (is_judged and ended in _IN_PART):
        return concluded
    return Downloaded(
        session=event.session,
        after=download.version,
        before=event.version,
        account=account,
        source=download.source,
        values_request=download.values_request,
        positions_request=download.positions_request,
        refresh_id=download.refresh_id,
        gateway=session.gateway,
        created=download.created,
        completed=_time(state, "last") if "last" in state else at,
        ended=ended,
        detail=_text(state, "detail", ""),
        why=_text(state, "why", ""),
        check=_text(state, "check", ""),
        zone=session.zone,
        is_judged=is_judged,
        is_supplement=download.is_supplement,
        is_late=session.is_late,
        is_owned_by_all=not download.tells,
        concluded=concluded,
    )


_APPLY: dict[str, Callable[[Sessions, Event], Fact | None]] = {
    types.SessionOpened.TOPIC: _session_opened,
    types.SessionClosed.TOPIC: _session_closed,
    types.AccountsListed.TOPIC: _accounts_listed,
    types.StatementEnded.TOPIC: _statement_ended,
    types.RefreshStarted.TOPIC: _refresh_started,
    types.RefreshEnded.TOPIC: _refresh_ended,
    types.AccountSubscribed.TOPIC: _account_subscribed,
    types.AccountConcluded.TOPIC: _account_concluded,
}

TOPICS: tuple[str, ...] = tuple(_APPLY)


def _own(event: Event) -> dict[str, Any]:
    state = orjson.loads(event.state)
    if not isinstance(state, dict):
        raise ProjectionError("the state of an own event is not a JSON object")
    return state


def _arrival(event: Event) -> int:
    if event.timed_state is None:
        raise ProjectionError("no event of the session so far says when it arrived")
    state = orjson.loads(event.timed_state)
    return _time(state, "t") if isinstance(state, dict) else _time(state, 0)


def _text(state: dict[str, Any], name: str, default: str | None = None) -> str:
    """A text; states leave out empty ones, so what may be empty has a default."""
    value = state[name] if default is None else state.get(name, default)
    if not isinstance(value, str) or "\0" in value:
        raise ProjectionError(f"{name!r} is not text that a table can hold")
    return value


def _whole(state: Any, name: str | int) -> int:
    value = state[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProjectionError(f"{name!r} is not a whole number")
    return value


def _time(state: Any, name: str | int) -> int:
    value = _whole(state, name)
    from_micros(value)
    return value


__all__ = ["TOPICS", "Sessions"]
