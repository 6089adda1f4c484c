"""What IB says of contracts, over HTTP: one, some, then and now, and to whom."""

import os
from collections.abc import Iterator

import orjson
import pytest

from tests.conftest import create_database, drop_database
from tests.directory import described, reference_world
from tests.projecting import Stream, position, project_all, record, value
from tests.serving import DU1, DU2, Served, admin, at, build_world, serving

FULL, LIMITED = "full-token-0123456789", "limited-token-0123456789"
TOKENS = f"{FULL} {LIMITED}@{DU1}"
OTHERS = 777


@pytest.fixture(scope="module")
def reference_url(server_url: str, template: str) -> Iterator[str]:
    """The world of tests/serving.py with what a login says of it, and an account more that holds something else."""
    name = f"reference_{os.getpid()}"
    url = create_database(server_url, name, template)
    build_world(url, 3)
    record(url, reference_world().events)
    other = Stream("g2:1", at=reference_world().at)
    other.message("15", "1", "DU9", timed=True)
    rows = [value("NetLiquidation", "1.00", "USD", "DU9"), position(OTHERS, account="DU9", symbol="SECRET")]
    other.refresh({"DU9": rows})
    other.message(*described(OTHERS, symbol="SECRET", longName="SECRET CO", ISIN="US1111111111"), timed=True)
    record(url, other.events)
    project_all(url)
    yield url
    drop_database(server_url, name)


def by(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def get(served: Served, path: str, token: str = FULL) -> object:
    async with served.get(path, headers=by(token)) as response:
        return orjson.loads(await response.read()) if response.status == 200 else response.status


async def names(served: Served, path: str, token: str = FULL) -> list[tuple[int, str]]:
    found = await get(served, path, token)
    assert isinstance(found, list)
    return [(row["IbContractId"], row["LongName"]) for row in found]


async def test_one_contract_now_and_then(reference_url: str) -> None:
    async with serving(reference_url, API_TOKENS=TOKENS) as served:
        now = await get(served, "/v1/contracts/4391")
        assert isinstance(now, dict)
        assert (now["LongName"], now["ISIN"], now["Until"]) == ("ADVANCED MICRO DEVICES", "US0079031078", None)
        then = await get(served, f"/v1/contracts/4391?at={at(1)}")
        assert isinstance(then, dict)
        assert (then["LongName"], then["Until"]) == ("ADVANCED MICRO", now["Since"])
        assert await get(served, f"/v1/contracts/4391?at={at(0)}") == 404, "nobody knew it then"
        assert await get(served, "/v1/contracts/1") == 404
        assert await get(served, "/v1/contracts/0") == 400
        async with served.get("/v1/contracts/4391", headers=by(FULL)) as response:
            etag = response.headers["ETag"]
        async with served.get("/v1/contracts/4391", headers={**by(FULL), "If-None-Match": etag}) as response:
            assert response.status == 304


async def test_by_symbol_by_isin_by_id_page_by_page(reference_url: str) -> None:
    async with serving(reference_url, API_TOKENS=TOKENS) as served:
        everything = [(777, "SECRET CO"), (4391, "ADVANCED MICRO DEVICES"), (265598, "APPLE INC")]
        assert await names(served, "/v1/contracts") == everything
        assert await names(served, "/v1/contracts?symbol=aapl") == everything[2:]
        assert await names(served, "/v1/contracts?isin=us0079031078") == everything[1:2]
        assert await names(served, "/v1/contracts?contract=777,265598&symbol=SECRET") == everything[:1]
        assert await names(served, f"/v1/contracts?at={at(1)}") == [(4391, "ADVANCED MICRO"), (265598, "APPLE INC")]
        assert await names(served, f"/v1/contracts?at={at(0)}") == []
        found, path = [], "/v1/contracts?limit=1"
        while path:
            async with served.get(path, headers=by(FULL)) as response:
                found += [row["IbContractId"] for row in await response.json()]
                link = response.links.get("next")
                path = "" if link is None else link["url"].raw_path_qs
        assert found == [777, 4391, 265598]
        assert await get(served, "/v1/contracts?isin=US00") == 400


async def test_a_limited_token_sees_what_its_accounts_ever_held(reference_url: str) -> None:
    async with serving(reference_url, API_TOKENS=TOKENS) as served:
        assert [number for number, _ in await names(served, "/v1/contracts", LIMITED)] == [4391, 265598]
        assert await get(served, f"/v1/contracts/{OTHERS}", LIMITED) == 404
        assert await names(served, "/v1/contracts?symbol=SECRET", LIMITED) == []
        assert await names(served, "/v1/contracts?isin=US1111111111", LIMITED) == []
        assert isinstance(await get(served, f"/v1/contracts/{OTHERS}"), dict)


async def test_positions_have_isin_and_long_name(reference_url: str) -> None:
    async with serving(reference_url, API_TOKENS=TOKENS) as served:
        for path in (f"/v1/accounts/{DU2}/positions", f"/v1/positions?account={DU2}"):
            found = await get(served, path)
            assert isinstance(found, list)
            assert list(found[0])[-2:] == ["ISIN", "LongName"]
            called = {row["IbContractId"]: (row["ISIN"], row["LongName"]) for row in found}
            assert called[265598] == ("US0378331005", "APPLE INC")
            assert called[4391] == ("US0079031078", "ADVANCED MICRO DEVICES")
            assert called[12] == (None, None)
        history = await get(served, f"/v1/accounts/{DU1}/positions/history?contract=4391")
        assert isinstance(history, list)
        assert [row["LongName"] for row in history] == ["ADVANCED MICRO"] * 2 + ["ADVANCED MICRO DEVICES"]
        assert list(history[0])[-2:] == ["ISIN", "LongName"]
        async with served.get(f"/v1/accounts/{DU1}/positions", headers={**by(FULL), "Accept": "text/csv"}) as response:
            assert (await response.text()).splitlines()[0].endswith(",Ready,ISIN,LongName")


async def test_positions_are_answered_while_contracts_are_built_again(reference_url: str, server_url: str) -> None:
    name = f"rebuilding_{os.getpid()}"
    url = create_database(server_url, name, reference_url.rsplit("/", 1)[-1].partition("?")[0])
    try:
        with admin(url) as connection:
            connection.execute("UPDATE contracts.projection SET version = 0")
        async with serving(url, API_TOKENS=TOKENS) as served:
            assert await get(served, "/v1/contracts") == 503
            found = await get(served, f"/v1/accounts/{DU2}/positions")
            assert isinstance(found, list)
            assert {row["LongName"] for row in found} == {None}
    finally:
        drop_database(server_url, name)
