"""Snapshots out of events: what was asked for when, what came, and whether it can be relied on."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from ibconnect.codes import listed_codes
from ibconnect.tags import split_key
from tests.last_values import Name
from tests.witness.downloads import PRICE, Contract, Download, download_of, is_figure, is_unset, number
from tests.witness.events import Event
from tests.witness.owners import Owners

_ENDED_BY_ITSELF = ("download-end", "quiet")
_A_LITTLE = 120_000_000
UNRELIABLE = {"not-ready", "interrupted", "incomplete", "unset-prices"}


@dataclass
class Snapshot:
    """One reading of an account. ``codes``: of its remarks; ``refresh``: the time that its refresh gave itself, and
    ``walk`` its place among all.
    """

    account: str
    gateway: str
    refresh: int
    walk: int
    created: int
    completed: int
    source: str
    ended: str
    as_of: str | None
    download: Download
    codes: set[str]
    is_foreign: bool
    is_repeat: bool = False
    values: dict[Name, str] = field(default_factory=dict)
    base: str = ""
    contracts: list[Contract] = field(default_factory=list)
    """Of its positions, as they are shown."""

    @property
    def ready(self) -> bool:
        """Whether its figures as a whole can be relied on."""
        return not self.codes & UNRELIABLE


class _Asked(NamedTuple):
    version: int
    is_supplement: bool
    source: str
    requests: tuple[str, str] | None
    refresh: int
    walk: int
    tells: bool


class Walk(NamedTuple):
    """A refresh: of which gateway, when, whether of some accounts alone."""

    gateway: str
    created: int
    is_of_some: bool


@dataclass
class _Session:
    gateway: str
    zone: str
    is_late: bool
    events: list[Event] = field(default_factory=list)
    asked: dict[str, _Asked] = field(default_factory=dict)
    refresh: int | None = None
    walk: int = 0
    tells: bool = False


class Witness:
    """Everything that the events say of accounts."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = list(events)
        self.owners = Owners()
        self.snapshots: list[Snapshot] = []
        self.accounts: set[str] = set()
        self.listed: dict[str, list[str]] = {}
        self.walks: list[Walk] = []
        self._sessions: dict[UUID, _Session] = {}
        self.described: dict[str, Contract] = {}
        """How each contract with an id of its own was described last."""
        self._described: dict[tuple[str, ...], Contract] = {}
        for event in self.events:
            session = self._sessions.get(event.session)
            if session is not None:
                session.events.append(event)
            if event.topic in _ACTS:
                _ACTS[event.topic](self, event)

    def of(self, account: str, gateway: str | None = None) -> list[Snapshot]:
        """The snapshots of an account, oldest first: its owners', or those of one gateway."""
        wanted = [each for each in self.snapshots if each.account == account]
        mine = [each for each in wanted if (each.gateway == gateway if gateway else not each.is_foreign)]
        return sorted(mine, key=lambda each: each.created)

    def latest(self, account: str, gateway: str | None = None) -> Snapshot | None:
        """The newest that can be relied on, or else the newest."""
        found = self.of(account, gateway)
        return next((each for each in reversed(found) if each.ready), found[-1] if found else None)

    def is_listed(self, account: str) -> bool:
        """Whether a gateway that it belongs to lists it now."""
        return any(account in codes and self.owners.owns(account, name) for name, codes in self.listed.items())

    def seen_by(self, accounts: set[str]) -> "Witness":
        """What somebody may know of it who may see some accounts alone."""
        seen = copy(self)
        seen.accounts = self.accounts & accounts
        seen.snapshots = [each for each in self.snapshots if each.account in accounts]
        return seen

    # What the events do.

    def _open(self, event: Event) -> None:
        facts = event.facts
        zone = " ".join(facts.get("connection_time", "").split()[2:])
        self._sessions[event.session] = _Session(facts["gateway"], zone, bool(facts.get("continues")))

    def _close(self, event: Event) -> None:
        del self._sessions[event.session]

    def _list(self, event: Event) -> None:
        session = self._sessions[event.session]
        if session.is_late:
            return
        codes = list(listed_codes(event.fields[2]))
        self.listed[session.gateway] = codes
        for code in codes:
            self._name(code, session.gateway)

    def _name(self, account: str, gateway: str) -> None:
        self.accounts.add(account)
        self.owners.name(account, gateway)

    def _begin(self, event: Event) -> None:
        session = self._sessions[event.session]
        session.refresh, session.tells = event.facts["created"], "gateways" in event.facts
        session.walk = len(self.walks)
        self.walks.append(Walk(session.gateway, session.refresh, bool(event.facts.get("scope"))))
        session.asked.clear()
        if not session.is_late:
            self.owners.configure(event.facts)

    def _end(self, event: Event) -> None:
        self._sessions[event.session].refresh = None

    def _ask(self, event: Event) -> None:
        facts, session = event.facts, self._sessions[event.session]
        if session.refresh is None:
            return
        is_multi = facts["source"] == "multi"
        requests = (str(facts["values_request"]), str(facts["positions_request"])) if is_multi else None
        since = facts.get("since")
        session.asked[facts["account"]] = _Asked(
            event.version if since is None else since,
            since is not None,
            facts["source"],
            requests,
            session.refresh,
            session.walk,
            session.tells,
        )

    def _conclude(self, event: Event) -> None:
        facts, session = event.facts, self._sessions[event.session]
        account, ended = facts["account"], facts["ended"]
        asked = session.asked.pop(account, None)
        if asked is None or facts.get("then"):
            return
        is_judged = facts.get("class_version", 1) > 1
        is_in_part = is_judged and ended in ("interrupted", "timeout")
        if ended not in _ENDED_BY_ITSELF and not is_in_part:
            if not session.is_late:
                self._name(account, session.gateway)
            return
        self._name(account, session.gateway)
        messages = [each for each in session.events if asked.version < each.version < event.version]
        download = download_of(messages, account, asked.requests)
        is_foreign = asked.tells and not self.owners.owns(account, session.gateway)
        if download.is_empty and is_in_part:
            return
        if session.is_late and self._has_newer(account, asked.refresh, is_foreign):
            return
        self._add(event, session, asked, download, is_foreign=is_foreign)

    def _has_newer(self, account: str, created: int, is_foreign: bool) -> bool:
        found = [each for each in self.snapshots if each.account == account]
        return any(each.created >= created for each in found if is_foreign or not each.is_foreign)

    def _add(self, event: Event, session: _Session, asked: _Asked, download: Download, *, is_foreign: bool) -> None:
        facts = event.facts
        snapshot = Snapshot(
            account=facts["account"],
            gateway=session.gateway,
            refresh=asked.refresh,
            walk=asked.walk,
            created=self._created(facts["account"], asked.refresh),
            completed=facts.get("last", facts["t"]),
            source=asked.source,
            ended=facts["ended"],
            as_of=f"{download.time} {session.zone}".strip()[:40] if download.time else None,
            download=download,
            codes=codes_of(facts, asked, download) | ({"not-owner"} if is_foreign else set()),
            is_foreign=is_foreign,
            values=download.whole.values,
            base=download.whole.base,
        )
        for part in (download.whole, *download.models.values()):
            snapshot.contracts += [self._describe(held.contract, asked.source == "multi") for held in part.held]
        self.snapshots.append(snapshot)
        self._mark_repeats(snapshot)

    def _created(self, account: str, refresh: int) -> int:
        """No two snapshots of an account share a time."""
        taken = {each.created for each in self.snapshots if each.account == account}
        newest = max(taken, default=refresh - 1)
        if refresh > newest:
            return refresh
        if newest - refresh < _A_LITTLE:
            return newest + 1
        while refresh in taken:
            refresh += 1
        return refresh

    def _describe(self, contract: Contract, is_multi: bool) -> Contract:
        """A contract as it is shown: messages of positions alone describe it worse than what is known."""
        name = (contract.con_id, contract.symbol, contract.sec_type, contract.currency)
        if is_multi and contract.con_id not in ("", "0") and name in self._described:
            return self._described[name]
        self._described[name] = self.described[contract.con_id] = contract
        return contract

    def _mark_repeats(self, snapshot: Snapshot) -> None:
        """Of a refresh one gateway's figures are taken, whichever came first: of one that has any to rely on, then of
        one that is pinned before others.
        """
        if snapshot.is_foreign:
            return
        key = (snapshot.account, snapshot.refresh)
        same = [each for each in self.snapshots if (each.account, each.refresh) == key and not each.is_foreign]
        pinned = self.owners.pinned(snapshot.account)

        def place(each: Snapshot) -> tuple[bool, int]:
            return not each.ready, pinned.index(each.gateway) if each.gateway in pinned else len(pinned)

        taken = min(same, key=place).gateway
        for each in same:
            each.is_repeat = each.gateway != taken


_ACTS: dict[str, Any] = {
    "so": Witness._open,
    "sc": Witness._close,
    "a": Witness._list,
    "rs": Witness._begin,
    "re": Witness._end,
    "as": Witness._ask,
    "ac": Witness._conclude,
}


def codes_of(facts: dict[str, Any], asked: _Asked, download: Download) -> set[str]:
    """What is to be said of a download's figures as a whole, and of those that are none."""
    whole, ended, check, why = download.whole, facts["ended"], facts.get("check", ""), facts.get("why", "")
    keys = [(split_key(key).tag, text) for key, text, _ in whole.sent]
    tags = {tag for tag, _ in keys}
    worth = whole.values.get(Name("NetLiquidation", "", whole.base, False), "") if whole.base else ""
    is_empty = download.is_empty and check in ("", "agrees")
    said = {
        "not-ready": any(tag.lower() == "accountready" and text.strip().lower() == "false" for tag, text in keys),
        "interrupted": ended == "interrupted" or (download.interruption and facts.get("class_version", 1) == 1),
        "empty": is_empty,
        "incomplete": ended == "timeout"
        or check not in ("", "agrees")
        or (not is_empty and ("AccountCode" not in tags or number(worth) is None)),
        "no-end": ended == "quiet",
        "late": asked.is_supplement and not why,
        **_of_positions(download, is_multi=asked.source == "multi"),
        "unreadable-figure": any(_is_unreadable(text) for text in _numeric(whole.values, whole.base))
        or any(_is_unreadable(text) for part in _parts(download) for held in part.held for text in held.texts),
    }
    codes = {code for code, is_said in said.items() if is_said}
    return codes | {"incomplete"} if why and not codes & UNRELIABLE else codes


def _parts(download: Download) -> list[Any]:
    return [download.whole, *download.models.values()]


def _of_positions(download: Download, *, is_multi: bool) -> dict[str, bool]:
    """Whether prices are missing: all of them, or some figure of an open position."""
    open_ones = [held for held in download.whole.held if held.is_open]
    if is_multi or not open_ones:
        return {"unset-prices": False, "unset-figure": False}
    has_price = any(held.has_price for held in open_ones)
    lacks = any(not held.has_price or any(map(is_unset, held.texts[PRICE:4])) for held in open_ones)
    return {"unset-prices": not has_price, "unset-figure": has_price and lacks}


def _is_unreadable(text: str) -> bool:
    return number(text) is None and not is_unset(text)


def _numeric(values: dict[Name, str], base: str) -> list[str]:
    """The values that should be numbers."""
    return [text for name, text in values.items() if is_figure(name, base)]
