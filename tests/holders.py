"""Accounts with figures in several currencies at several times, for the tests of what is shown of all accounts.

In: what each account is worth, and when. Out: events of a gateway, projected.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ibconnect.times import to_micros
from tests.projecting import Stream, project, record, value
from tests.serving import GATEWAY


@dataclass(frozen=True, slots=True)
class Figures:
    """What IB says of an account. ``rates``: one unit of a currency in the base currency, as the ledger gives it."""

    base: str
    net: str | None
    cash: str | None = "0.00"
    gross: str | None = "0.00"
    cushion: str | None = "1"
    rates: Mapping[str, str] = field(default_factory=dict)
    is_ready: bool = True

    def messages(self, account: str) -> list[tuple[str, ...]]:
        """The same as the gateway sends it."""
        money = {"NetLiquidation": self.net, "TotalCashValue": self.cash, "GrossPositionValue": self.gross}
        return [
            value("AccountCode", account, account=account),
            value("AccountReady", "true" if self.is_ready else "false", account=account),
            value("AccountType", "INDIVIDUAL", account=account),
            value("AvailableFunds", "1.00", self.base, account),
            *(value(tag, text, self.base, account) for tag, text in money.items() if text is not None),
            *([] if self.cushion is None else [value("Cushion", self.cushion, "", account)]),
            value("ExchangeRate", "1.00", self.base, account),
            *(
                value(tag, text, currency, account)
                for currency, rate in self.rates.items()
                for tag, text in (("ExchangeRate", rate), ("CashBalance", "1.00"))
            ),
        ]


Round = tuple[datetime, Mapping[str, Figures]]
"""When all accounts were asked for, and what was said of each."""


def build_holders(url: str, rounds: Sequence[Round], listed: Sequence[Sequence[str]], gateway: str = GATEWAY) -> None:
    """Record rounds, and project them.

    :param listed: the accounts that the gateway lists before each round
    """
    stream = Stream(gateway, at=to_micros(rounds[0][0]) - 10_000_000)
    for (at, said), codes in zip(rounds, listed, strict=True):
        stream.at = to_micros(at) - 1000
        stream.message("15", "1", ",".join(codes), timed=True)
        stream.at = to_micros(at)
        stream.refresh({account: figures.messages(account) for account, figures in said.items()}, created=to_micros(at))
    record(url, stream.events)
    project(url)


def parsed(text: str) -> dict[str, Any]:
    """A document, its figures as texts with every digit."""
    document: dict[str, Any] = json.loads(text, parse_float=str, parse_int=str)
    return document


PERIODS = ("SinceClose", "MonthToDate", "YearToDate")
