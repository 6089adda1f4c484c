"""Whose an account is, as the events say it in their order.

In: which gateways are configured, with the accounts pinned to each, and which gateway names which account. Out: whether
a gateway's figures of an account are its owner's, and what changed. Called by :mod:`tables` and :mod:`rows`;
it asks no clock and no network, so a rebuild finds the same owners.

1. An account that is pinned belongs to the gateways that it is pinned to, in the order of ``IB_GW``.
2. Any other belongs to the gateway that named it first, of those that are configured and have no pins.
3. One that no such gateway has named belongs to whoever has, but for gateways with pins, which own nothing else.
"""

from collections import Counter, defaultdict
from enum import Enum
from itertools import islice
from typing import Any, NamedTuple

from psycopg import Connection

from ibconnect.codes import MOST_NAMED
from ibconnect.database.sql import queries
from ibconnect.projections.accounts.facts import Configured, configured_of
from ibconnect.projections.accounts.numbering import Numbering

Q = queries("projections/accounts/dimensions")


class Standing(Enum):
    """What a gateway is to an account that it has named."""

    OWNER = "owner"
    CONFLICT = "conflict"
    """Another gateway named it first, and no pin says whose it is."""
    PINNED = "pinned"
    """A pin says that it is not this gateway's."""
    BEYOND = "beyond"
    """The gateway has named so many others that this one is not kept. Logged for the first alone, as one account."""


class News(NamedTuple):
    """Of how many accounts of a gateway the standing has changed to this one, or began with it."""

    gateway: str
    standing: Standing
    accounts: int


class Owners:
    """All claims: pairs of an account and a gateway that has named it, numbered in the order of events."""

    def __init__(self) -> None:
        self._claims = Numbering[tuple[str, str]]("gateway_account")
        self._claimants: defaultdict[str, list[str]] = defaultdict(list)
        self._named: Counter[str] = Counter()
        self._with_too_many: set[str] = set()
        self._set(())
        self._changed: dict[tuple[str, str], Standing] = {}
        self._news: Counter[tuple[str, Standing]] = Counter()

    def load(self, connection: Connection[Any]) -> None:
        """Learn what has been written since the last call."""
        known = len(self._claims.ids)
        self._claims.load(connection)
        for account, gateway in islice(self._claims.ids, known, None):
            self._claimants[account].append(gateway)
            self._named[gateway] += 1
        row = connection.execute(Q["configured"]).fetchone()
        self._set(configured_of(row[0] if row else ()))

    def _set(self, configured: Configured) -> None:
        self._with_pins = frozenset(name for name, pins in configured if pins)
        self._free = frozenset(name for name, pins in configured if not pins)
        self._pins: dict[str, list[str]] = {}
        for name, pins in configured:
            for account in pins:
                self._pins.setdefault(account, []).append(name)

    def configure(self, configured: Configured) -> None:
        """These gateways are configured from here on."""
        before = {claim: self.standing(*claim) for claim in self._claims.ids}
        self._set(configured)
        for claim, former in before.items():
            self._note(claim, former)

    def admits(self, account: str, gateway: str) -> bool:
        """Whether an account that a gateway lists is kept: it is known, pinned, or one of the first of the gateway."""
        if (account, gateway) in self._claims.ids or account in self._pins or self._named[gateway] < MOST_NAMED:
            return True
        if gateway not in self._with_too_many:
            self._with_too_many.add(gateway)
            self._news[gateway, Standing.BEYOND] += 1
        return False

    def claim(self, account: str, gateway: str) -> None:
        """A gateway names an account."""
        if (account, gateway) in self._claims.ids:
            return
        before = {(account, other): self.standing(account, other) for other in self._claimants[account]}
        self._claims.id_of((account, gateway))
        self._claimants[account].append(gateway)
        self._named[gateway] += 1
        for claim, former in before.items():
            self._note(claim, former)
        if (standing := self.standing(account, gateway)) is not Standing.OWNER:
            self._news[gateway, standing] += 1

    def _note(self, claim: tuple[str, str], former: Standing) -> None:
        now = self.standing(*claim)
        if now is not former:
            self._changed[claim] = now
            if claim[1] in self._free or claim[1] in self._with_pins:
                self._news[claim[1], now] += 1

    def standing(self, account: str, gateway: str) -> Standing:
        """What a gateway is to an account."""
        if pinned := self._pins.get(account):
            return Standing.OWNER if gateway in pinned else Standing.PINNED
        if gateway in self._with_pins:
            return Standing.PINNED
        first = next((name for name in self._claimants.get(account, ()) if name in self._free), gateway)
        return Standing.OWNER if gateway == first else Standing.CONFLICT

    def of(self, account: str) -> list[str]:
        """The gateways that an account belongs to."""
        named = self._pins.get(account) or self._claimants.get(account, [])
        return [name for name in named if self.standing(account, name) is Standing.OWNER]

    def rank(self, account: str, gateway: str) -> int:
        """The place of a gateway among those that an account is pinned to; all others share the last."""
        pinned = self._pins.get(account, ())
        return pinned.index(gateway) if gateway in pinned else len(pinned)

    def take_fresh(self) -> list[tuple[int, str, str, Standing]]:
        """The claims that the table lacks: number, account, gateway, standing as it is now."""
        fresh = [(number, *claim, self.standing(*claim)) for number, claim in self._claims.take_fresh()]
        for _, account, gateway, _ in fresh:
            self._changed.pop((account, gateway), None)
        return fresh

    def take_changed(self) -> list[tuple[int, Standing]]:
        """The claims of the table whose standing is another one now, by number."""
        changed, self._changed = self._changed, {}
        return [(self._claims.ids[claim], standing) for claim, standing in changed.items()]

    def take_news(self) -> list[News]:
        """What is worth reporting since the last call."""
        news, self._news = self._news, Counter()
        return [News(gateway, standing, count) for (gateway, standing), count in news.items()]
