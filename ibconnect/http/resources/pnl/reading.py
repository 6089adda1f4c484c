"""How samples of profit and loss are read: which of them count, and of what.

In: what a request says. Out: queries, and the account that they are about. Called by the handlers of this package.

Where several gateways list an account, each says its own profit and loss of it. Those samples count that are of the
gateway whose the account was when they were made, as its reports say; or those of the gateway that is named.
"""

from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL, Composable, Identifier, Placeholder

from ibconnect.database.sql import queries
from ibconnect.http.resources.points import known_account
from ibconnect.http.server import db
from ibconnect.http.server.call import Call

SQL_OF = queries("http/pnl")
TABLES = ("accounts", "pnl")
"""Whose tables are read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for. ``subject``: the name of the condition for what it is about."""

    account: str
    subject: str
    parameters: dict[str, Any]

    @property
    def source(self) -> str:
        """Which samples count, by the name of a condition."""
        return "of_its_own" if self.parameters["gateway"] is None else "of_one_gateway"


async def asked_for(call: Call, account: str) -> Asked:
    """What a request asks for.

    :raises Problem: there is no such account, or the gateway that is named never named it
    """
    gateway, contract = call.arguments["gateway"], call.arguments["contract"]
    known = await known_account(call, account)
    every = "of_account" if call.arguments["positions"] is None else "of_all"
    subject = every if contract is None else "of_contract"
    given = {"account": account, "gateway": gateway, "account_id": known.account_id, "contract": contract}
    return Asked(account, subject, given)


def each_query(asked: Asked) -> db.Query:
    """The query for the samples of a span."""
    report = _report(Placeholder("account_id"), Identifier("candidate", "at"))
    parts = {"columns": SQL(SQL_OF["columns"]), "subject": SQL(SQL_OF[asked.subject]), "report": report}
    return SQL(SQL_OF["each"]).format(**parts, whose=_whose(asked.source, "candidate"))


def step_query(asked: Asked) -> db.Query:
    """The query for the newest sample of each of some steps."""
    newest = _newest(
        asked.source,
        account=Placeholder("account"),
        account_id=Placeholder("account_id"),
        contract=Identifier("subject", "contract"),
        since=Identifier("step", "since"),
        until=Identifier("step", "until"),
    )
    return SQL(SQL_OF["each_step"]).format(columns=SQL(SQL_OF["columns"]), newest=newest)


def moment_query() -> db.Query:
    """The query for the newest sample of each account at a moment."""
    newest = _newest(
        "of_its_own",
        account=Identifier("account", "code"),
        account_id=Identifier("account", "id"),
        contract=SQL("0"),
        since=SQL("'-infinity'"),
        until=Placeholder("at"),
    )
    return SQL(SQL_OF["at_moment"]).format(columns=SQL(SQL_OF["columns"]), newest=newest)


def _newest(source: str, **parts: Composable) -> Composable:
    report = _report(parts["account_id"], Identifier("candidate", "at"))
    return SQL(SQL_OF["newest"]).format(**parts, report=report, whose=_whose(source, "candidate"))


def _report(account_id: Composable, at: Composable) -> Composable:
    return SQL(SQL_OF["report"]).format(account_id=account_id, at=at)


def _whose(source: str, sample: str) -> Composable:
    return SQL(SQL_OF[source]).format(sample=Identifier(sample))
