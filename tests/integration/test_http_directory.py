"""An advisor's directory over HTTP: aliases and groups now and then, as a filter, and to whom."""

import os
from collections.abc import Iterator

import orjson
import pytest

from ibconnect.times import to_micros
from tests.conftest import create_database, drop_database
from tests.directory import reference_world
from tests.executions import fill
from tests.orders import OPEN_END, open_order
from tests.profits import answer, ask
from tests.projecting import Stream, project_all, record
from tests.serving import DU1, DU2, EMPTY, FIRST, HOUR, Served, admin, at, build_world, serving

FULL, LIMITED, NOBODY = "full-token-0123456789", "limited-token-0123456789", "nobody-token-0123456789"
TOKENS = f"{FULL} {LIMITED}@{DU1} {NOBODY}@{EMPTY}"
THEN = f"at={at(1)}"


def trades() -> Stream:
    """An order, an execution and a sample of profit and loss of each account, after all that a login says."""
    stream = Stream(at=to_micros(FIRST + 3 * HOUR))
    for number, account in enumerate((DU1, DU2), start=1):
        stream.message(*open_order(permId=str(number), orderId=str(number), account=account), timed=True)
        stream.message(*fill(f"0000e0d5.{number}.01.01", account=account), timed=True)
        ask(stream, number, account)
        answer(stream, number, "1.00", "2.00", "3.00")
    stream.message(*OPEN_END, timed=True)
    return stream


@pytest.fixture(scope="module")
def directory_url(server_url: str, template: str) -> Iterator[str]:
    """The world of tests/serving.py with what a login says of it; not to be changed."""
    name = f"directory_{os.getpid()}"
    url = create_database(server_url, name, template)
    build_world(url, 3)
    record(url, reference_world().events)
    record(url, trades().events)
    project_all(url)
    yield url
    drop_database(server_url, name)


async def get(served: Served, path: str, token: str = FULL) -> object:
    async with served.get(path, headers={"Authorization": f"Bearer {token}"}) as response:
        body = orjson.loads(await response.read())
        return body if response.status == 200 else (response.status, body["type"].rpartition(":")[2])


async def rows(served: Served, path: str, *names: str, token: str = FULL) -> list[tuple[object, ...]]:
    found = await get(served, path, token)
    found = found.get("Accounts") if isinstance(found, dict) else found
    assert isinstance(found, list), found
    return [tuple(row[name] for name in names) for row in found]


async def test_the_directory_now_and_then(directory_url: str) -> None:
    async with serving(directory_url, API_TOKENS=TOKENS) as served:
        columns = ("AccountCode", "Alias", "AccountType", "FamilyCode", "Groups")
        assert await rows(served, "/v1/directory", *columns) == [
            (DU1, "Smith Trust", "INDIVIDUAL", "F1", ["Everyone"]),
            (DU2, "Keller & Sons", "INDIVIDUAL", "F1", ["Everyone", "First"]),
        ]
        assert await rows(served, f"/v1/directory?{THEN}", *columns) == [
            (DU1, "Smith", "INDIVIDUAL", "F1", ["Everyone", "First"]),
            (DU2, "Keller & Sons", "INDIVIDUAL", "F1", ["Everyone"]),
        ]
        assert await rows(served, f"/v1/directory?at={at(0)}", *columns) == []
        assert await rows(served, "/v1/directory?group=First", "AccountCode") == [(DU2,)]
        async with served.get("/v1/directory?limit=1", headers={"Authorization": f"Bearer {FULL}"}) as response:
            (first,), following = await response.json(), response.links["next"]["url"].raw_path_qs
        assert first["AccountCode"] == DU1
        assert await rows(served, following, "AccountCode") == [(DU2,)]


async def test_groups_now_and_then(directory_url: str) -> None:
    async with serving(directory_url, API_TOKENS=TOKENS) as served:
        columns = ("Group", "Method", "AccountCode", "Share")
        now = [("Everyone", "NetLiq", DU1, None), ("Everyone", "NetLiq", DU2, None), ("First", "NetLiq", DU2, None)]
        assert await rows(served, "/v1/groups", *columns) == now
        assert await rows(served, "/v1/groups?group=First", *columns) == now[2:]
        assert await rows(served, f"/v1/groups?group=First&{THEN}", "AccountCode") == [(DU1,)]
        assert await get(served, "/v1/groups?group=Second") == (404, "unknown-group")
        async with served.get("/v1/groups?limit=2", headers={"Authorization": f"Bearer {FULL}"}) as response:
            assert len(await response.json()) == 2
            following = response.links["next"]["url"].raw_path_qs
        assert await rows(served, following, *columns) == now[2:]


async def test_aliases_and_groups_in_the_overview(directory_url: str) -> None:
    async with serving(directory_url, API_TOKENS=TOKENS) as served:
        columns = ("AccountCode", "Alias", "Groups")
        assert await rows(served, "/v1/overview", *columns) == [
            (DU1, "Smith Trust", ["Everyone"]),
            (DU2, "Keller & Sons", ["Everyone", "First"]),
            (EMPTY, None, []),
        ]
        assert (await rows(served, f"/v1/overview?{THEN}", *columns))[0] == (DU1, "Smith", ["Everyone", "First"])
        for name, when, whose in (("First", "", DU2), ("First", f"&{THEN}", DU1)):
            assert await rows(served, f"/v1/overview?group={name}{when}", "AccountCode") == [(whose,)]
        found = await get(served, "/v1/overview?group=First")
        assert isinstance(found, dict)
        assert found["Total"]["Accounts"] == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1/overview",
        "/v1/positions",
        "/v1/changes?from=2024-01-01T00:00:30Z",
        "/v1/directory",
        "/v1/executions",
        "/v1/orders",
        "/v1/orders/states",
        "/v1/pnl",
    ],
)
async def test_groups_as_a_filter(directory_url: str, path: str) -> None:
    mark = "&" if "?" in path else "?"
    async with serving(directory_url, API_TOKENS=TOKENS) as served:
        everyone = {code for (code,) in await rows(served, f"{path}{mark}group=Everyone", "AccountCode")}
        assert everyone == {DU1, DU2}
        assert {code for (code,) in await rows(served, f"{path}{mark}group=First", "AccountCode")} == {DU2}
        both = await rows(served, f"{path}{mark}group=First,Everyone", "AccountCode")
        assert {code for (code,) in both} == everyone
        assert await get(served, f"{path}{mark}group=Nobody") == (404, "unknown-group")


async def test_a_limited_token_sees_its_accounts_alone(directory_url: str) -> None:
    async with serving(directory_url, API_TOKENS=TOKENS) as served:
        assert await rows(served, "/v1/directory", "AccountCode", "Groups", token=LIMITED) == [(DU1, ["Everyone"])]
        assert await rows(served, "/v1/groups", "Group", "AccountCode", token=LIMITED) == [("Everyone", DU1)]
        for path in ("/v1/groups", "/v1/directory", "/v1/overview", "/v1/positions"):
            assert await get(served, f"{path}?group=First", LIMITED) == (404, "unknown-group")
            assert await get(served, f"{path}?group=Everyone", NOBODY) == (404, "unknown-group")
        assert await rows(served, "/v1/overview?group=Everyone", "AccountCode", token=LIMITED) == [(DU1,)]
        assert await rows(served, "/v1/directory", "AccountCode", token=NOBODY) == []


async def test_the_overview_is_answered_while_the_directory_is_built_again(directory_url: str, server_url: str) -> None:
    name = f"directory_rebuilding_{os.getpid()}"
    url = create_database(server_url, name, directory_url.rsplit("/", 1)[-1].partition("?")[0])
    try:
        with admin(url) as connection:
            connection.execute("UPDATE directory.projection SET version = 0")
        async with serving(url, API_TOKENS=TOKENS) as served:
            assert await get(served, "/v1/groups") == (503, "rebuilding")
            assert await get(served, "/v1/overview?group=First") == (503, "rebuilding")
            assert (await rows(served, "/v1/overview", "AccountCode", "Alias"))[0] == (DU1, None)
    finally:
        drop_database(server_url, name)
