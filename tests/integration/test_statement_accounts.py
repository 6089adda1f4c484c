"""Accounts that statements alone know: listed, found by every resource, hidden from whom they are hidden."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from ibconnect.http.resources.registry import ROUTES
from ibconnect.http.server.resource import Route
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.rebuild import rebuild
from ibconnect.statements.recording import Origin, record
from tests.conftest import create_database, drop_database
from tests.projecting import Stream, project, project_all, read_tables
from tests.projecting import record as store
from tests.routes import target_of
from tests.serving import DU1, DU2, EMPTY, Served, build_world, serving
from tests.statements import document_of, statement_of

STATED, ODD = "U7654321", "a, b"
FULL, LIMITED = "reads-everything-there-is", "reads-one-account-alone"
OF_AN_ACCOUNT = [route for route in ROUTES if "{AccountCode}" in route.path]
# Reports and what is held have their own words for "not yet".
NONE_YET = {"unknown-snapshot", "unknown-position"}


@pytest.fixture(scope="module")
def url(server_url: str, template: str) -> Iterator[str]:
    """A gateway lists three accounts; a statement is of one of them, and of one that no gateway ever listed."""
    url = create_database(server_url, name := f"stated_accounts_{os.getpid()}", template)
    build_world(url, 2)
    document = document_of(statement_of(STATED), statement_of(DU1), statement_of(ODD))
    record(url, [document], Origin(source="file", name="a.xml"))
    project_all(url)
    yield url
    drop_database(server_url, name)


@pytest.fixture
async def server(url: str) -> AsyncIterator[Served]:
    async with serving(url, API_TOKENS=f"{FULL}@* {LIMITED}@{DU2},read,events") as served:
        served.client.headers["Authorization"] = f"Bearer {FULL}"
        yield served


async def test_they_are_listed_without_a_report(server: Served) -> None:
    async with server.get("/v1/accounts") as response:
        found = {row["AccountCode"]: row for row in await response.json()}
    assert list(found) == [DU1, DU2, EMPTY, STATED]
    assert found[STATED] == {"AccountCode": STATED, "Latest": None, "Listed": False, "Ready": None}
    assert found[DU1]["Listed"]
    async with server.get("/v1/accounts", headers={"Authorization": f"Bearer {LIMITED}"}) as response:
        assert [row["AccountCode"] for row in await response.json()] == [DU2]


@pytest.mark.parametrize("route", OF_AN_ACCOUNT, ids=lambda route: route.path)
async def test_every_resource_knows_them(server: Served, route: Route) -> None:
    path = target_of(route, AccountCode=STATED)
    async with server.get(path) as response:
        if response.status != 200:
            assert (response.status, (await response.json())["type"].rpartition(":")[2] in NONE_YET) == (404, True)
    answers = []
    for account in (STATED, "U0000009"):
        async with server.get(
            target_of(route, AccountCode=account), headers={"Authorization": f"Bearer {LIMITED}"}
        ) as response:
            answers.append((response.status, (await response.json())["type"]))
    assert answers[0] == answers[1]
    assert answers[0][1].endswith("unknown-account")


async def test_lists_of_all_accounts_go_on(server: Served) -> None:
    for path in ("/v1/overview", "/v1/positions", "/v1/pnl", "/v1/changes?from=-1y", "/metrics", "/readyz"):
        async with server.get(path) as response:
            assert response.status == 200, await response.text()
    async with server.get(f"/v1/positions?account={STATED}") as response:
        assert await response.json() == []


def test_a_rebuild_finds_the_same_and_a_gateway_may_list_them_later(database_url: str) -> None:
    first = Stream()
    first.message("15", "1", "DU1", timed=True)
    store(database_url, first.events)
    record(database_url, [document_of(statement_of(STATED), statement_of("DU1"))], Origin(source="file"))
    project(database_url, 2)
    second = Stream("other:4002")
    second.message("15", "1", f"DU2,{STATED}", timed=True)
    store(database_url, second.events)
    project(database_url, 2)
    found = read_tables(database_url)
    assert [row[1] for row in sorted(found["account"], key=lambda row: int(row[0]))] == ["DU1", STATED, "DU2"]
    assert len(found["gateway_account"]) == 3
    rebuild(database_url, [ACCOUNTS])
    assert read_tables(database_url) == found
