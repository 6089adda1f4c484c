"""A seeded scenario as a gateway's world: shows the books of ``world`` as IB shows accounts.

In: a :class:`Plan` (seed, sizes). Out: a :class:`~ibconnect.simulator.source.Source`. The same plan and the
same number of beats give the same bytes. Advisors' codes are understood: ``All``, the master's code
followed by ``A`` (all client accounts as one), and groups.
"""

import copy
import time
from collections.abc import Callable, Sequence
from typing import Any, Self
from xml.sax.saxutils import escape

from ibconnect.simulator.scenario.book import Account, Position, combine
from ibconnect.simulator.scenario.feeds import AccountFeed, ProfitFeed, RowsFeed
from ibconnect.simulator.scenario.figures import LEDGER, Value, account_values
from ibconnect.simulator.scenario.world import Plan, World
from ibconnect.simulator.source import NO_POSITIONS, NOT_ADVISOR, Feed, Pulse, Refusal, no_such_account, no_such_group
from ibconnect.simulator.wire import rows
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
    def demo(cls) -> Self:
        """An advisor with five clients: all kinds of contracts, fractional sizes, five base currencies."""
        return cls(seed=7, accounts=5, positions=9, advisor=True, activity=4.0)

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

    def account_updates(self, account: str) -> Feed:
        members = self._members(account)
        return AccountFeed(
            account,
            lambda: rows.value_rows(self._values(account), account),
            lambda: [rows.portfolio_row(p, self.world.market, account) for p in self._held(account)],
            lambda: ("8", "1", f"{self.world.now:%H:%M}"),
            members,
        )

    def positions(self) -> Feed:
        if self.world.plan.advisor and len(self.world.clients()) > MAX_ALL:
            raise Refusal(*NO_POSITIONS)

        def current() -> list[Fields]:
            accounts = self.world.accounts.values()
            return [rows.position_row(p, a.code) for a in accounts for p in a.positions.values()]

        return RowsFeed(current, (2, 3), ("62", "1"), self.codes, at_once=True)

    def account_summary(self, request_id: int, group: str, tags: Sequence[str]) -> Feed:
        members = self._group(group)

        def current() -> list[Fields]:
            found: list[Fields] = []
            for code in members():
                found += rows.summary_rows(self._values(code), request_id, code, tags, ledger_only=False)
            if group == "All" and len(members()) > 1:
                found += rows.summary_rows(self._values("All"), request_id, "All", tags, ledger_only=True)
            return found

        return RowsFeed(current, (3, 4, 6), ("64", "1", str(request_id)), members, at_once=False)

    def account_updates_multi(self, request_id: int, account: str, model: str, ledger_only: bool) -> Feed:
        members = self._group(account)

        def current() -> list[Fields]:
            found: list[Fields] = []
            for code in members():
                values = self._values(code)
                if ledger_only:
                    values = [v for v in values if v.level == LEDGER or v.key == "NetLiquidation"]
                found += rows.multi_rows(values, request_id, code, model)
            return found

        return RowsFeed(current, (3, 5, 7), ("74", "1", str(request_id)), members, at_once=True)

    def positions_multi(self, request_id: int, account: str, model: str) -> Feed:
        members = self._group(account)

        def current() -> list[Fields]:
            return [rows.position_multi_row(p, request_id, code, model) for code in members() for p in self._held(code)]

        return RowsFeed(current, (3, 4), ("72", "1", str(request_id)), members, at_once=True)

    def pnl(self, request_id: int, account: str, model: str) -> Feed:
        self._check(account)

        def current() -> Fields | None:
            found = self._account(account)
            return rows.pnl_row(request_id, found, self.world.market) if found else None

        return ProfitFeed(current)

    def pnl_single(self, request_id: int, account: str, model: str, con_id: str) -> Feed:
        self._check(account)

        def current() -> Fields | None:
            found = self._account(account)
            position = found.positions.get(int(con_id)) if found else None
            return rows.pnl_single_row(request_id, position, self.world.market) if position else None

        return ProfitFeed(current)

    def family_codes(self) -> Fields:
        family = f"{self.world.master}A" if self.world.master else ""
        return ("78", str(len(self.codes())), *(f for code in self.codes() for f in (code, family)))

    def user_info(self, request_id: int) -> Fields:
        return ("107", str(request_id), "")

    def advisor_data(self, kind: int) -> Fields:
        if not self.world.plan.advisor:
            raise Refusal(*NOT_ADVISOR)
        return ("16", "1", str(kind), self._groups_xml() if kind == 1 else self._aliases_xml())

    def current_time(self) -> Fields:
        return ("49", "1", str(int(time.time())))

    def advance(self) -> Pulse:
        self.world.beat()
        return self.pulse()

    def pulse(self) -> Pulse:
        return Pulse(traded=frozenset(self.world.traded), listed=self.world.listed)

    def load_blocks(self, account: str, count: int) -> Sequence[Sequence[Fields]]:
        fork = copy.deepcopy(self)
        blocks = []
        for _ in range(count):
            for _ in range(20):
                fork.advance()
            blocks.append(fork.account_updates(account).first()[:-1])
        return blocks

    def _aggregates(self) -> list[str]:
        return ["All", f"{self.world.master}A"] if self.world.plan.advisor else []

    def _groups(self) -> dict[str, list[str]]:
        """The advisor's account groups: name → client accounts."""
        codes = [account.code for account in self.world.clients()]
        return {"Everyone": codes, "First": codes[::2], "Second": codes[1::2]} if self.world.master else {}

    def _members(self, account: str) -> Callable[[], Sequence[str]]:
        """The accounts behind a code that may be an aggregate."""
        if account in self.world.accounts:
            return lambda: (account,)
        return lambda: [a.code for a in self.world.clients()]

    def _group(self, name: str) -> Callable[[], Sequence[str]]:
        """The accounts of a group, which may be ``All`` or one account's code."""
        if name in self.world.accounts:
            return lambda: (name,) if name in self.world.accounts else ()
        if name == "All" or name in self._aggregates():
            if self.world.plan.advisor and len(self.world.clients()) > MAX_ALL:
                raise no_such_group(name)
            return self.codes
        if name in self._groups():
            return lambda: self._groups().get(name, [])
        raise no_such_group(name)

    def _check(self, account: str) -> None:
        if account not in self.world.accounts and account != "All" and account not in self._aggregates():
            raise no_such_account(account)

    def _account(self, code: str) -> Account | None:
        """An account or an aggregate; None if it was closed meanwhile."""
        found = self.world.accounts.get(code)
        if found is not None:
            return found
        if code != "All" and code not in self._aggregates():
            return None
        members = self.world.accounts.values() if code == "All" else self.world.clients()
        base = next(iter(self.world.accounts.values())).base
        return combine(code, base, members)

    def _values(self, code: str) -> list[Value]:
        account = self._account(code)
        values = account_values(account, self.world.market) if account else []
        return rows.prefixed(values, self.ledger_prefix)

    def _held(self, code: str) -> Sequence[Position]:
        account = self._account(code)
        return list(account.positions.values()) if account else []

    def _groups_xml(self) -> str:
        groups = "".join(
            f'<Group><name>{escape(name)}</name><ListOfAccts varName="list">'
            + "".join(f"<String>{escape(code)}</String>" for code in codes)
            + "</ListOfAccts><defaultMethod>NetLiq</defaultMethod></Group>"
            for name, codes in self._groups().items()
        )
        return f'<?xml version="1.0" encoding="UTF-8"?><ListOfGroups>{groups}</ListOfGroups>'

    def _aliases_xml(self) -> str:
        aliases = "".join(
            f"<AccountAlias><account>{escape(code)}</account><alias>{escape(code)}</alias></AccountAlias>"
            for code in self.codes()
        )
        return f'<?xml version="1.0" encoding="UTF-8"?><ListOfAccountAliases>{aliases}</ListOfAccountAliases>'
