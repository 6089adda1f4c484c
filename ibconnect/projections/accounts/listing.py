"""Which accounts each gateway lists, over a batch: when first and last, and which no longer; and what became of each
when it was asked for.

In: the lists, and conclusions. Out: parameters of the statements that change ``gateway_account``. Called by
:mod:`tables`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ibconnect.projections.accounts.dimensions import Dimensions
from ibconnect.projections.accounts.facts import AccountsNamed, Concluded
from ibconnect.times import from_micros


@dataclass(slots=True)
class _Gateway:
    listed: list[int] = field(default_factory=list)
    first: dict[int, datetime] = field(default_factory=dict)
    last: dict[int, datetime] = field(default_factory=dict)


class Listing:
    """The lists of a batch, by gateway; of each only what the table keeps."""

    def __init__(self, dimensions: Dimensions) -> None:
        self._dimensions = dimensions
        self._gateways: dict[int, _Gateway] = {}
        self._concluded: dict[tuple[int, int], dict[str, Any]] = {}

    def add(self, fact: AccountsNamed) -> None:
        """A gateway named its accounts; from the first time on it is one of those that have named them.

        Of one that never ends to name others, those beyond a bound are left out.
        """
        gateway = self._gateways.setdefault(self._dimensions.gateway.id_of(fact.gateway), _Gateway())
        gateway.listed = []
        owners = self._dimensions.owners
        for code in fact.codes:
            if owners.admits(code, fact.gateway):
                gateway.listed.append(self._dimensions.account.id_of(code))
                owners.claim(code, fact.gateway)
        at = from_micros(fact.at)
        for account_id in gateway.listed:
            gateway.first.setdefault(account_id, at)
            gateway.last[account_id] = at

    def conclude(self, fact: Concluded) -> None:
        """A gateway was asked for an account; of several times in a batch the last one counts."""
        key = (self._dimensions.gateway.id_of(fact.gateway), self._dimensions.account.id_of(fact.account))
        self._dimensions.owners.claim(fact.account, fact.gateway)
        before: int | None = self._concluded.get(key, {}).get("request")
        requests = [request for request in (before, fact.request) if request is not None]
        self._concluded[key] = {
            "gateway_id": key[0],
            "account_id": key[1],
            "at": from_micros(fact.at),
            "ended": fact.ended,
            "why": fact.why or None,
            "is_whole": not fact.why,
            "request": max(requests, default=None),
        }

    def take(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """The statements to execute, by name, with their parameters; forgets the lists."""
        gateways, self._gateways = self._gateways, {}
        concluded, self._concluded = list(self._concluded.values()), {}
        listed = [
            {
                "gateway_id": gateway_id,
                "account_id": account_id,
                "first": gateway.first[account_id],
                "last": gateway.last[account_id],
                "is_listed": account_id in now,
            }
            for gateway_id, gateway in gateways.items()
            # Of a list of ten thousand, a look at each for each would take seconds.
            for now in (frozenset(gateway.listed),)
            for account_id in gateway.first
        ]
        unlisted = [
            {"gateway_id": gateway_id, "account_ids": gateway.listed} for gateway_id, gateway in gateways.items()
        ]
        return [("list_accounts", listed), ("unlist_accounts", unlisted), ("conclude_accounts", concluded)]
