"""With years of history every statement of the API goes by an index, and looks at few rows beside those of its answer.

The statements are those that the program sends: each request is made, what goes to Postgres is noted, and asked
again by EXPLAIN ANALYZE, as planned for its parameters and as planned once for all.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

import pytest
from psycopg import Connection

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries, sql_root
from ibconnect.times import format_rfc3339
from tests.conftest import create_database, drop_database
from tests.large_statements import fill_statements
from tests.large_world import BEGIN, HOUR, Row, Statement, fill, read_in_full, rows_read, watched
from tests.paths import ROOT
from tests.serving import GATEWAY, serving, tell_gateway
from tests.statements import document_of, statement_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

HOURS = int(os.environ.get("LARGE_WORLD_HOURS", "25000"))
EVENTS = 1000
"""Of each session that has any."""
LAST = BEGIN + (HOURS - 1) * HOUR
FIRST, MIDDLE, END = (format_rfc3339(each) for each in (BEGIN, BEGIN + HOURS // 2 * HOUR, LAST))
SOON = format_rfc3339(BEGIN + (HOURS // 2 + 48) * HOUR)
SPAN = f"from={MIDDLE}&to={SOON}"
OTHER, GONE = "127.0.0.1:4003", "127.0.0.1:4004"
ORDINARY, INEXACT, NEVER_READY, ONCE_READY, FOREIGN, TWICE, EMPTY, ODD = (
    f"DU{number:07d}" for number in (1, 5, 17, 18, 19, 20, 21, 99)
)
EVERY = (ORDINARY, INEXACT, NEVER_READY, ONCE_READY, FOREIGN, TWICE, EMPTY)
FEW, SOME = 500, 2_000
"""Rows that may be looked at: of the account alone there are 25,000."""
OF_A_MONTH = 100_000
"""Of all accounts, with what belongs to each."""
OF_DAYS = 20_000
"""Of each day of years what statements and reports say of it, and its rates."""
UNTOLD = "DU0000003"
"""An account whose statements do not say the currency of its values."""
EVENTS_LOOKED_THROUGH = 55_000
"""A filter of events looks through so many at a time."""


FULL, LIMITED = "sees-all-accounts", "sees-two-accounts"
AS_LIMITED = (("Authorization", f"Bearer {LIMITED}"),)
TOKENS = f"{FULL}@*,metrics {LIMITED}@{ORDINARY},{NEVER_READY}"


class Asked(NamedTuple):
    path: str
    most: int = FEW
    headers: tuple[tuple[str, str], ...] = ()


def contract_of(account: str) -> int:
    """IB's id of a contract that the account holds in the middle of the time, if it is an ordinary one."""
    return 1101 + int(account[2:]) * 10 + HOURS // 1000


DIGEST = sha256(document_of(statement_of(ORDINARY))).hexdigest()
HELD = f"contract={contract_of(ORDINARY)}"
SYMBOL = f"symbol=S{contract_of(ORDINARY) - 1000}"


def of_each_account() -> Iterator[Asked]:
    for code in EVERY:
        account = f"/v1/accounts/{code}"
        for more in ("", "?ready=any", f"?gateway={OTHER}", f"?gateway={GONE}", f"?gateway={GONE}&ready=any"):
            joined = "&" if more else "?"
            yield Asked(f"{account}{more}")
            for moment in (FIRST, MIDDLE, END):
                yield Asked(f"{account}/as-of/{moment}{more}")
            if "ready" not in more:
                yield Asked(f"{account}/snapshots{more}{joined}limit=50")
                yield Asked(f"{account}/snapshots{more}{joined}limit=50&to={MIDDLE}")
                yield Asked(f"{account}/tags{more}")
            yield Asked(f"{account}/history{more}{joined}tag=NetLiquidation,CashBalance,Cushion,Tag1&{SPAN}", SOME)
            yield Asked(
                f"{account}/history{more}{joined}tag=NetLiquidation&step=1mo&tz=America/New_York&at=16:00", SOME
            )
            yield Asked(f"{account}/history{more}{joined}tag=NetLiquidation&step=1d&{SPAN}&why=true")
            held = f"{account}/positions/{contract_of(code)}/history{more}{joined}"
            yield Asked(f"{held}{SPAN}", SOME)
            yield Asked(f"{held}step=1mo&tz=UTC&why=true", SOME)
            yield Asked(f"{account}/ledger{more}{joined}limit=30&{SPAN}", SOME)
            yield Asked(f"{account}/ledger{more}{joined}limit=30&step=1mo", SOME)
            yield Asked(f"{account}/ledger{more}{joined}limit=30", SOME)
            yield Asked(f"{account}/positions{more}")
            yield Asked(f"{account}/positions{more}{joined}at={MIDDLE}")
            yield Asked(f"{account}/positions/history{more}{joined}limit=30&{SPAN}", SOME)
            yield Asked(f"{account}/positions/history{more}{joined}limit=30&step=1mo", SOME)
            yield Asked(f"{account}/positions/history{more}{joined}limit=30", SOME)
            if "ready" not in more:
                yield Asked(f"{account}/pnl{more}{joined}limit=30")
                yield Asked(f"{account}/pnl{more}{joined}limit=30&positions=true&{SPAN}")
                yield Asked(f"{account}/pnl{more}{joined}limit=30&contract=4391")
                yield Asked(f"{account}/pnl{more}{joined}step=1mo", SOME)
                yield Asked(f"{account}/pnl{more}{joined}step=1d&positions=true&{SPAN}", SOME)
            if not more:
                yield Asked(f"{account}/performance?{SPAN}", SOME)
            yield Asked(f"{account}/changes{more}{joined}from={MIDDLE}&to={SOON}")
            yield Asked(f"{account}/changes{more}{joined}from=-1y")
            yield Asked(f"{account}/compare{more}{joined}from={MIDDLE}&to={SOON}", SOME)
            yield Asked(f"{account}/compare{more}{joined}from={FIRST}", OF_DAYS)
        yield from (Asked(f"{account}/orders?limit=50&{of}", SOME) for of in OF_ORDERS)
        yield from (Asked(f"{account}/orders/states?limit=50&{of}", SOME) for of in ("", SPAN, f"permid={PERM_ID}"))


OF_REFERENCE = (
    "contracts?limit=50",
    f"contracts?limit=50&at={MIDDLE}",
    f"contracts?symbol=S5&at={MIDDLE}",
    "contracts?isin=US0000000050",
    f"contracts?contract={contract_of(ORDINARY)}",
    f"contracts/{contract_of(ORDINARY)}",
    "directory",
    f"directory?group=G1&at={MIDDLE}",
    "groups",
    f"groups?group=G1&at={MIDDLE}",
)
PERM_ID = 1_000_000 + 2 * HOURS
OF_ORDERS = ("", SPAN, "status=open", "status=gone", "status=filled", "symbol=S5", f"symbol=L5&status=open&{SPAN}")

TRADED = "symbol=S63"
"""A symbol that accounts 1 and 4 traded."""


def of_executions() -> Iterator[Asked]:
    for code in (ORDINARY, NEVER_READY, EMPTY):
        path = f"/v1/accounts/{code}/executions"
        for more in ("", f"&{SPAN}", f"&{TRADED}", "&contract=1063", f"&contract=1063&{TRADED}", "&corrections=all"):
            yield Asked(f"{path}?limit=50{more}")
        yield Asked(f"{path}/gaps")
    for more in ("", f"&to={MIDDLE}", f"&{TRADED}", "&contract=1063", f"&contract=1063&{TRADED}", "&corrections=all"):
        yield Asked(f"/v1/executions?limit=50{more}", SOME)


NOUNS = (
    "cash-flows",
    "transfers",
    "accruals",
    "corporate-actions",
    "option-events",
    "conversion-rates",
    "open-positions",
    "transaction-taxes",
)
OF_FLOWS = ("", f"&{SPAN}", "&type=dividends", f"&type=dividends&to={MIDDLE}")


def of_statements() -> Iterator[Asked]:
    for code in (ORDINARY, NEVER_READY, FOREIGN, EMPTY):
        account = f"/v1/accounts/{code}"
        for noun in NOUNS:
            yield from (Asked(f"{account}/{noun}?limit=50{more}", FEW) for more in ("", f"&{SPAN}", f"&to={MIDDLE}"))
        for more in ("", f"&from={MIDDLE}", "&source=statement", f"&source=recorder&from={MIDDLE}", "&tz=Asia/Tokyo"):
            yield Asked(f"{account}/nav?limit=30{more}", FEW)
        yield from (Asked(f"{account}/reconciliation?limit=10{more}", SOME) for more in ("", f"&from={MIDDLE}"))
    yield Asked(f"/v1/accounts/{ORDINARY}/cash-flows?type=dividends&limit=50", SOME)
    for more in OF_FLOWS:
        yield Asked(f"/v1/cash-flows?limit=50{more}", SOME)
        yield Asked(f"/v1/cash-flows?limit=20&account={ORDINARY},{FOREIGN}{more}", SOME)
        yield Asked(f"/v1/cash-flows?limit=20{more}", SOME, AS_LIMITED)


ALL = [
    # While the gateways are alive, as was told at the beginning.
    Asked("/v1/accounts", FEW, (("Cache-Control", "max-age=0"),)),
    Asked(f"/v1/accounts/{ORDINARY}", FEW, (("Cache-Control", "max-age=0"),)),
    Asked("/v1/accounts", SOME, (*AS_LIMITED, ("Cache-Control", "max-age=0"))),
    *of_each_account(),
    Asked("/v1/accounts"),
    Asked("/v1/accounts?format=csv"),
    *(Asked(f"/v1/accounts/{code}/performance?currency=USD", OF_DAYS) for code in (ORDINARY, UNTOLD, EMPTY)),
    Asked(f"/v1/accounts/{ORDINARY}/performance?step=1d", OF_DAYS),
    Asked(f"/v1/accounts/{ORDINARY}/performance?series=days&{SPAN}", OF_DAYS),
    Asked(f"/v1/performance?account={ORDINARY},{INEXACT}&currency=USD", OF_DAYS),
    Asked(f"/v1/performance?{SPAN}&currency=USD", OF_A_MONTH),
    Asked(f"/v1/performance?{SPAN}&currency=CHF", OF_A_MONTH, AS_LIMITED),
    *(
        Asked(f"/v1/values?{SPAN}&currency=USD{more}", SOME)
        for more in ("", "&total=only", f"&account={ORDINARY},{FOREIGN}")
    ),
    Asked(f"/v1/values?{SPAN}", SOME, AS_LIMITED),
    Asked(f"/v1/accounts/{ORDINARY}/{END}"),
    Asked(f"/v1/accounts/{ORDINARY}/{END}?format=json"),
    *(
        Asked(f"/v1/accounts/{code}/sources/{moment}?tag=NetLiquidation", EVENTS_LOOKED_THROUGH)
        for code in (ORDINARY, EMPTY)
        for moment in (FIRST, MIDDLE, END)
    ),
    Asked(f"/v1/accounts/{ODD}"),
    Asked(f"/v1/accounts/{ODD}/history?tag=NetLiquidation"),
    Asked(
        f"/v1/accounts/{ORDINARY}/history?tag=AccountType,AccruedCash,CashBalance&currency=EUR&why=true&{SPAN}", SOME
    ),
    Asked(f"/v1/accounts/{ORDINARY}/history?tag=AccruedCash,AccountType,Cushion&ready=any&step=1d&{SPAN}", SOME),
    Asked(
        f"/v1/accounts/{ORDINARY}/history?tag=NetLiquidation&segment=S&step=1h&from={MIDDLE}&to={SOON}&format=csv", SOME
    ),
    Asked(f"/v1/accounts/{ORDINARY}/history?tag=NetLiquidation,CashBalance&step=10m&{SPAN}", SOME),
    # A day ago nothing was recorded any more: the running step.
    Asked(f"/v1/accounts/{ORDINARY}/history?tag=NetLiquidation&step=99y&tz=UTC&from={FIRST}"),
    Asked(f"/v1/accounts/{NEVER_READY}/history?tag=NetLiquidation&step=99y&tz=UTC&from={FIRST}"),
    # So much that it is streamed.
    Asked(f"/v1/accounts/{ORDINARY}/history?tag=NetLiquidation", 8 * HOURS),
    Asked(f"/v1/accounts/{ORDINARY}/positions/9999999/history"),
    Asked("/v1/pnl"),
    Asked(f"/v1/pnl?at={MIDDLE}"),
    Asked("/v1/overview", OF_DAYS),
    Asked("/v1/overview?ready=any", OF_DAYS),
    Asked(f"/v1/overview?at={MIDDLE}&currency=USD&tz=America/New_York&close=16:00", OF_DAYS),
    Asked(f"/v1/overview?at={FIRST}", OF_DAYS),
    Asked("/v1/overview?currency=GBP", OF_DAYS),
    Asked("/v1/positions", SOME),
    Asked("/v1/positions?ready=any", SOME),
    Asked(f"/v1/positions?{SYMBOL}", SOME),
    Asked(f"/v1/positions?{HELD}", SOME),
    Asked(f"/v1/positions?{SYMBOL}&{HELD}&account={ORDINARY},{NEVER_READY}"),
    Asked(f"/v1/positions?at={MIDDLE}", SOME),
    Asked(f"/v1/changes?from={MIDDLE}&to={SOON}", SOME),
    Asked("/v1/changes?from=-1y&ready=any", SOME),
    *(Asked(f"/v1/{of}") for of in OF_REFERENCE),
    *(Asked(f"/v1/{of}", SOME, AS_LIMITED) for of in OF_REFERENCE),
    *(
        Asked(f"/v1/{of}&group=G1,G2", OF_DAYS if of.startswith("overview") else SOME)
        for of in ("overview?currency=USD", "positions?ready=any", "changes?from=-1y")
    ),
    *(Asked(f"/v1/orders?limit=50&{of}", SOME) for of in OF_ORDERS),
    *(Asked(f"/v1/orders?limit=20&account={ORDINARY},{NEVER_READY}&{of}", SOME) for of in OF_ORDERS),
    *(Asked(f"/v1/orders/states?limit=50&{of}", SOME) for of in ("", SPAN, f"permid={PERM_ID}")),
    *of_executions(),
    *of_statements(),
    Asked("/v1/events?limit=50", SOME),
    Asked(f"/v1/events?limit=50&from={MIDDLE}", EVENTS_LOOKED_THROUGH),
    Asked(f"/v1/events?limit=50&from={FIRST}&to={FIRST}", EVENTS_LOOKED_THROUGH),
    Asked("/v1/events?limit=50&type=SessionOpened", EVENTS_LOOKED_THROUGH),
    Asked(f"/v1/events?limit=50&account={ORDINARY}&after=100", EVENTS_LOOKED_THROUGH),
    Asked("/v1/gateways"),
    Asked("/v1/instances"),
    Asked("/v1/statements/queries"),
    Asked("/v1/statements?limit=50"),
    # All of the account, of which there is one a day: those imported last may be of any day.
    Asked(f"/v1/statements?limit=50&account={ORDINARY}&{SPAN}", 1100),
    Asked("/v1/statements?limit=50", FEW, AS_LIMITED),
    Asked(f"/v1/statements/{DIGEST}"),
    Asked(f"/v1/statements/{DIGEST}/document"),
    Asked("/readyz"),
    Asked("/healthz"),
    Asked("/metrics"),
    # As a token that may see some accounts alone.
    Asked("/v1/overview", OF_DAYS, AS_LIMITED),
    Asked(f"/v1/events?limit=50&after={EVENTS}", EVENTS_LOOKED_THROUGH, AS_LIMITED),
    *(
        Asked(path, SOME, AS_LIMITED)
        for path in (
            "/v1/accounts",
            "/v1/gateways",
            "/v1/pnl",
            "/v1/positions",
            "/v1/changes?from=-1y",
            "/v1/orders?limit=20&status=open",
            "/v1/orders/states?limit=20",
            "/v1/executions?limit=20",
            f"/v1/executions?limit=20&{TRADED}",
        )
    ),
]
# Where nothing can be asked for newer figures.
OF_NO_GATEWAY = [
    Asked(f"/v1/accounts/{code}", FEW, (("Cache-Control", "max-age=1"), *token))
    for code in EVERY
    for token in ((), AS_LIMITED)
]


@pytest.fixture(scope="module")
def url(server_url: str, template: str) -> Iterator[str]:
    """The large database."""
    if known := os.environ.get("LARGE_WORLD_URL"):
        yield known
        return
    url = create_database(server_url, "large_world", template)
    fill(url, HOURS, EVENTS)
    assert fill_statements(url, ORDINARY, 1000) == DIGEST
    yield url
    drop_database(server_url, "large_world")


@pytest.fixture(scope="module")
def sent(url: str) -> dict[Asked, list[Statement]]:
    """What each request sends to Postgres."""
    with pytest.MonkeyPatch.context() as patch:
        return asyncio.run(_sent(url, patch))


async def _sent(url: str, patch: pytest.MonkeyPatch) -> dict[Asked, list[Statement]]:
    found: dict[Asked, list[Statement]] = {}
    settings = {"IB_GW": f"{GATEWAY},{OTHER},{GONE}", "API_TOKENS": TOKENS, "REFRESH_TIMEOUT": "0.1"}
    for is_connected, wanted in ((True, ALL), (False, OF_NO_GATEWAY)):
        with connect(url, name="test") as connection:
            for gateway in (GATEWAY, OTHER, GONE):
                tell_gateway(connection, gateway, connected=is_connected)
        with watched(patch) as noted:
            async with serving(url, **settings) as served:
                for asked in wanted:
                    del noted[:]
                    headers = {"Authorization": f"Bearer {FULL}", **dict(asked.headers)}
                    async with served.get(asked.path, headers=headers) as response:
                        body = await response.read()
                    assert response.status in {200, 303, 400, 404, 503, 504}, (asked, body)
                    found[asked] = noted[:]
    return found


@pytest.fixture(scope="module")
def connection(url: str) -> Iterator[Connection[Row]]:
    """For EXPLAIN."""
    with connect(url, name="test") as connection:
        yield connection


def explained(connection: Connection[Row], statement: Statement) -> Iterator[dict[str, Any]]:
    """Its plans, if it is one that has a plan."""
    if not re.match(r"(\s*--.*\n)*\s*(LOCK|LISTEN) ", statement.text):
        yield from statement.plans(connection)


def shown(statement: Statement) -> str:
    return f"{' '.join(statement.text.split())[:3000]}\n{statement.parameters}"


@pytest.mark.parametrize("asked", [*ALL, *OF_NO_GATEWAY], ids=lambda asked: asked.path)
def test_no_statement_looks_at_more_than_its_answer(
    connection: Connection[Row], sent: dict[Asked, list[Statement]], asked: Asked
) -> None:
    seen, wrong = set[tuple[str, str]](), []
    for statement in sent[asked]:
        key = (statement.text, repr(statement.parameters))
        if key in seen:
            continue
        seen.add(key)
        for plan in explained(connection, statement):
            read = rows_read(plan)
            if read_in_full(plan) or sum(read.values()) > asked.most:
                wrong.append((plan["Execution Time"], read_in_full(plan), read, shown(statement)))
    assert not wrong, "\n".join(map(str, wrong))


# What other tests make, and what is about tables while a rebuild makes others.
ELSEWHERE = {
    "http/tables.following",
    "http/refresh.one_at_a_time",
    "http/instances.anybody_projects",
    *(f"http/sessions.{name}" for name in ("start", "known", "used", "end")),
}


def pieces() -> Iterator[tuple[str, str]]:
    """The longest piece of each query of the API that is in it whatever else is filled in."""
    for path in sorted((sql_root() / "http").glob("*.sql")):
        name = f"http/{path.stem}"
        for key, text in queries(name).items():
            code = re.sub(r"^ *--.*$", "", text, flags=re.MULTILINE).rstrip("; \n")
            yield f"{name}.{key}", max((" ".join(each.split()) for each in re.split(r"\{\w*\}", code)), key=len)


PAGE = (ROOT / "docs" / "projections.md").read_text(encoding="utf-8")
VIEWS = ("v_account_amount", "v_account_segment", "v_account_ledger", "v_account_position", "v_account_value")


def of_views() -> Iterator[str]:
    """What the page on the views shows, of accounts of every kind; and the newest rows."""
    for query in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL):
        yield from (query.replace("DU1000001", code) for code in (EVERY if "DU1000001" in query else [ORDINARY]))
    for view in VIEWS:
        yield f"SELECT * FROM {view} ORDER BY created DESC LIMIT 1"
        for code in EVERY:
            for also in ("", "AND ready", "AND ready AND NOT is_repeat"):
                yield f"SELECT * FROM {view} WHERE account_code = '{code}' {also} ORDER BY created DESC LIMIT 1"
    for code in EVERY:
        yield f"SELECT max(created), min(created) FROM v_account_amount WHERE account_code = '{code}'"


@pytest.mark.parametrize("query", [*of_views()])
def test_no_query_of_the_views_looks_at_more_than_its_answer(connection: Connection[Row], query: str) -> None:
    statement = Statement(query, query, None, is_prepared=False)
    for plan in statement.plans(connection):
        read = rows_read(plan)
        of_a_month = ("BETWEEN", "created <", "first_seen <", "executed <")
        most = OF_A_MONTH if any(bound in query for bound in of_a_month) else SOME
        assert not read_in_full(plan) and sum(read.values()) <= most, (plan["Execution Time"], read)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM account_snapshot",
        f"SELECT max(created) FROM account_snapshot WHERE account_id = {int(ORDINARY[2:])} AND source = 'none'",
        f"SELECT created FROM v_account_amount WHERE account_code = '{ORDINARY}' AND cushion = 1 LIMIT 1",
    ],
)
def test_the_test_finds_what_looks_at_more(connection: Connection[Row], query: str) -> None:
    for plan in Statement(query, query, None, is_prepared=False).plans(connection):
        assert read_in_full(plan) or sum(rows_read(plan).values()) > SOME


@pytest.mark.parametrize(("name", "piece"), [pytest.param(*each, id=each[0]) for each in pieces()])
def test_every_query_is_among_them(sent: dict[Asked, list[Statement]], name: str, piece: str) -> None:
    texts = {" ".join(re.sub(r"--.*", "", one.text).split()) for some in sent.values() for one in some}
    assert name in ELSEWHERE or any(piece in text for text in texts)
