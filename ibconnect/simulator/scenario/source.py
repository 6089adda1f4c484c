"""A seeded scenario as a gateway's world: shows the books of ``world`` as IB shows accounts.

In: a :class:`Plan` (seed, sizes). Out: a :class:`~ibconnect.simulator.source.Source`. The same plan and the
same number of beats give the same bytes. Advisors' codes are understood: ``All``, the master's code
followed by ``A`` (all client accounts as one), and groups.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Self

from ibconnect.simulator.scenario import encoding
from ibconnect.simulator.scenario.book import Account, Position, combine
from ibconnect.simulator.scenario.figures import Value, account_values
from ibconnect.simulator.scenario.plan import START, Plan
from ibconnect.simulator.scenario.world import World
from ibconnect.simulator.source import P, Pulse, Question, T, no_such_account, no_such_group
from ibconnect.simulator.wire.frames import Fields
from ibconnect.simulator.wire.messages import FARM_NOTICES

MAX_ALL = 50
"""More client accounts than this, and an advisor may not ask for all of them at once."""


class Scenario:
    """One login over a seeded world; ``plan`` are the fields of :class:`Plan`.

    ``ledger_prefix`` spells per-currency keys ``$LEDGER-CashBalance`` and so on, as gateways may since May
    2026.
    """

    def __init__(self, ledger_prefix: bool = False, **plan: Any) -> None:
        self.world = World(Plan(**plan))
        self.ledger_prefix = ledger_prefix

    @classmethod
    def demo(cls, start: datetime = START) -> Self:
        """An advisor with five clients: all kinds of contracts, fractional sizes, five base currencies."""
        return cls(seed=7, accounts=5, positions=9, advisor=True, activity=4.0, payments=1.0, start=start)

    def connection_time(self) -> str:
        local = self.world.days.local(self.world.now)
        return f"{local:%Y%m%d %H:%M:%S} {local.tzname()}"

    def managed_accounts(self) -> Fields:
        return ("15", "1", ",".join(self.world.accounts))

    def next_valid_id(self) -> Fields:
        return ("9", "1", "1")

    def notices(self) -> Sequence[Fields]:
        return FARM_NOTICES

    def codes(self) -> Sequence[str]:
        return list(self.world.accounts)

    def subscribable(self, account: str) -> bool:
        return account in self.world.accounts or account in self._aggregates()

    def answer(self, question: Question[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What this world answers. Raises :class:`Refusal`."""
        return question.by_scenario(self, *args, **kwargs)

    def advance(self) -> Pulse:
        self.world.beat()
        return self.pulse()

    def pulse(self) -> Pulse:
        return Pulse(traded=frozenset(self.world.traded), listed=self.world.listed)

    # What the parts of the gateway ask.

    def _aggregates(self) -> list[str]:
        return ["All", f"{self.world.master}A"] if self.world.plan.advisor else []

    def groups(self) -> dict[str, list[str]]:
        """The advisor's account groups: name → client accounts."""
        return {name: list(group.members) for name, group in self.world.groups().items()}

    def members(self, account: str) -> Callable[[], Sequence[str]]:
        """The accounts behind a code that may be an aggregate."""
        if account in self.world.accounts:
            return lambda: (account,)
        return lambda: [a.code for a in self.world.clients()]

    def group(self, name: str) -> Callable[[], Sequence[str]]:
        """The accounts of a group, which may be ``All`` or one account's code."""
        if name in self.world.accounts:
            return lambda: (name,) if name in self.world.accounts else ()
        if name == "All" or name in self._aggregates():
            if self.world.plan.advisor and len(self.world.clients()) > MAX_ALL:
                raise no_such_group(name)
            return self.codes
        if name in self.groups():
            return lambda: self.groups().get(name, [])
        raise no_such_group(name)

    def check(self, account: str) -> None:
        """See whether a request may name this account. Raises :class:`Refusal`."""
        if account not in self.world.accounts and account != "All" and account not in self._aggregates():
            raise no_such_account(account)

    def account(self, code: str) -> Account | None:
        """An account or an aggregate; None if it was closed meanwhile."""
        found = self.world.accounts.get(code)
        if found is not None:
            return found
        if code != "All" and code not in self._aggregates():
            return None
        members = self.world.accounts.values() if code == "All" else self.world.clients()
        base = next(iter(self.world.accounts.values())).base
        return combine(code, base, members)

    def values(self, code: str) -> list[Value]:
        """Every value of an account or an aggregate."""
        account = self.account(code)
        values = account_values(account, self.world.market) if account else []
        return encoding.prefixed(values, self.ledger_prefix)

    def held(self, code: str) -> Sequence[Position]:
        """The positions of an account or an aggregate."""
        account = self.account(code)
        return list(account.positions.values()) if account else []
