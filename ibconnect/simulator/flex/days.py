"""An account's day, and how its value came about: ChangeInNAV.

In: two closes and what happened between them. Out: :class:`Day`, its members of ChangeInNAV in the base currency, and
those of several days in a row. Called by ``rows``.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from ibconnect.simulator.flex import returns
from ibconnect.simulator.flex.closes import Close
from ibconnect.simulator.flex.happenings import COMPONENTS, INTERNAL, ZERO, Cash, Deal, Happening, Transfer

MEMBERS = (
    "mtm",
    "realized",
    "changeInUnrealized",
    "depositsWithdrawals",
    "internalCashTransfers",
    "assetTransfers",
    "grantActivity",
    "dividends",
    "withholdingTax",
    "changeInDividendAccruals",
    "interest",
    "changeInInterestAccruals",
    "advisorFees",
    "clientFees",
    "otherFees",
    "commissions",
    "forexCommissions",
    "transactionTax",
    "salesTax",
    "netFxTrading",
    "fxTranslation",
    "other",
)
"""What a day's value may have changed by; every one is in the base currency."""
EXTERNAL = ("depositsWithdrawals", "internalCashTransfers", "assetTransfers", "grantActivity")
"""Those that came from outside of the account."""


@dataclass(frozen=True)
class Day:
    """One account's day. ``before`` is the close of its former day."""

    account: str
    base: str
    on: date
    before: Close
    after: Close
    happenings: Sequence[Happening]
    alias: str = ""
    former: date | None = None
    """The date of ``before``, if there was an account then."""

    @cached_property
    def change(self) -> Mapping[str, Decimal]:
        """The members of ChangeInNAV; what is left when all others are known is ``mtm``."""
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        rates = self.after.rates
        for each in self.happenings:
            for member, currency, amount in effects(each):
                sums[member] += amount * rates[currency]
        for currency, worth in self.before.worth.items():
            sums["fxTranslation"] += worth * (rates[currency] - self.before.rates[currency])
        for member, was, now in (
            ("changeInDividendAccruals", self.before.dividends, self.after.dividends),
            ("changeInInterestAccruals", self.before.accrued, self.after.accrued),
        ):
            for currency in {*was, *now}:
                sums[member] += (now.get(currency, ZERO) - was.get(currency, ZERO)) * rates[currency]
        change = {member: sums[member] for member in MEMBERS}
        change["mtm"] = self.after.total - self.before.total - sum(change.values(), ZERO)
        return change

    @property
    def flows(self) -> Decimal:
        """What came from outside of the account, less what went out."""
        return sum((self.change[member] for member in EXTERNAL), ZERO)

    @cached_property
    def earned(self) -> Fraction | None:
        """The day's time-weighted return."""
        return returns.of_day(self.before.total, self.after.total, self.flows)


def effects(each: Happening) -> list[tuple[str, str, Decimal]]:
    """What a happening changes: members of ChangeInNAV, each with its currency and amount; not what it earns later."""
    match each:
        case Cash():
            return [(COMPONENTS[each.kind], each.currency, each.amount)]
        case Transfer() if each.instrument is None:
            member = "internalCashTransfers" if each.kind == INTERNAL else "depositsWithdrawals"
            return [(member, each.currency, each.value)]
        case Transfer():
            return [("assetTransfers", each.currency, each.value)]
        case Deal() if each.instrument.sec_type == "CASH":
            pair = each.instrument
            return [
                ("netFxTrading", pair.symbol, each.quantity),
                ("netFxTrading", pair.currency, -each.amount),
                ("forexCommissions", pair.currency, -each.fee),
            ]
        case Deal():
            return [("commissions", each.instrument.currency, -each.fee)]
    return []


def change_of(days: Sequence[Day]) -> Mapping[str, Decimal]:
    """The members of ChangeInNAV over several days in a row."""
    return {member: sum((day.change[member] for day in days), ZERO) for member in MEMBERS}


def return_of(days: Sequence[Day]) -> str:
    """Their time-weighted return, as printed."""
    return returns.percent(days[0].earned if len(days) == 1 else returns.linked(day.earned for day in days))
