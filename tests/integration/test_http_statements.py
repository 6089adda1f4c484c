"""Statements over HTTP: brought once and answered for good, listed, given back byte for byte; to whom they concern."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from ibconnect.http.resources.statements import importing
from ibconnect.http.server import bodies
from ibconnect.http.server.resource import Body
from tests.projecting import project_all
from tests.serving import Served, logged, raw, serving
from tests.statements import assert_recorded_once, document_of, statement_of, trades

XML = {"Content-Type": "text/xml"}
TOKENS = {
    "all": "every-thing-01234567",
    "one": "only-one-0123456789a",
    "import": "import-only-01234567",
    "read": "read-only-0123456789",
}
SETTING = (
    f"{TOKENS['all']}@*;name=all {TOKENS['one']}@U1,read,events,import;name=one "
    f"{TOKENS['import']}@*,import;name=importer {TOKENS['read']}@*,read,events;name=reader"
)
BOTH = document_of(statement_of("U1", "20260102"), statement_of("U2", "20260105"))
ONE = document_of(statement_of("U1", "20260110", trades(3)), query="trades")


@pytest.fixture
async def open_server(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """A server that asks for no token."""
    project_all(database_url)
    async with serving(database_url, DATA_DIR=str(tmp_path / "data")) as served:
        yield served


@pytest.fixture
async def guarded(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """A server with tokens."""
    project_all(database_url)
    async with serving(database_url, DATA_DIR=str(tmp_path / "data"), API_TOKENS=SETTING) as served:
        yield served


def bearer(name: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]}", **headers}


async def post(
    served: Served, body: Any, headers: dict[str, str] | None = None, path: str = "/v1/statements"
) -> tuple[int, dict[str, Any], dict[str, str]]:
    async with served.client.post(served.url + path, data=body, headers=XML if headers is None else headers) as answer:
        return answer.status, await answer.json(content_type=None), dict(answer.headers)


async def get(served: Served, path: str, **headers: str) -> tuple[int, Any]:
    async with served.get(path, headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def test_a_document_is_recorded_once_and_found_where_the_answer_says(
    open_server: Served, database_url: str
) -> None:
    status, made, headers = await post(open_server, BOTH, path="/v1/statements?name=January%20%C3%BC.xml")
    assert status == 201
    assert made["New"]
    assert (made["Bytes"], made["Statements"], made["Accounts"]) == (len(BOTH), 2, ["U1", "U2"])
    assert (made["From"], made["To"], made["Source"], made["Name"]) == (
        "2026-01-02",
        "2026-01-05",
        "http",
        "January ü.xml",
    )
    assert headers["Location"] == f"{open_server.url}/v1/statements/{made['Id']}"
    assert headers["Cache-Control"] == "no-store"
    again, known, same = await post(open_server, BOTH)
    assert again == 200
    assert known == {**made, "New": False}
    assert same["Location"] == headers["Location"]
    del made["New"]
    assert await get(open_server, f"/v1/statements/{made['Id']}") == (200, made)
    async with open_server.get(f"/v1/statements/{made['Id']}/document") as response:
        assert response.status == 200
        assert response.content_type == "application/octet-stream"
        assert "attachment" in response.headers["Content-Disposition"]
        assert await response.read() == BOTH
        tag = response.headers["ETag"]
    async with open_server.get(f"/v1/statements/{made['Id']}/document", headers={"If-None-Match": tag}) as response:
        assert response.status == 304
    assert_recorded_once(database_url, [BOTH])


async def test_statements_are_listed_page_by_page_in_all_formats(open_server: Served, database_url: str) -> None:
    for document in (BOTH, ONE):
        assert (await post(open_server, document))[0] == 201
    project_all(database_url)
    status, rows = await get(open_server, "/v1/statements")
    assert status == 200
    assert [(row["AccountCode"], row["From"], row["Number"]) for row in rows] == [
        ("U1", "2026-01-10", 0),
        ("U2", "2026-01-05", 1),
        ("U1", "2026-01-02", 0),
    ]
    assert rows[0]["Query"] == "trades"
    assert rows[0]["Bytes"] == len(ONE)
    async with open_server.get("/v1/statements?limit=2") as response:
        first, link = await response.json(), response.links["next"]["url"]
    async with open_server.client.get(link) as response:
        assert [*first, *await response.json()] == rows
    for query, expected in (
        ("account=U2", [rows[1]]),
        ("from=2026-01-05", rows[:2]),
        ("to=2026-01-04", rows[2:]),
        ("from=2026-01-03&to=2026-01-05", [rows[1]]),
    ):
        assert await get(open_server, f"/v1/statements?{query}") == (200, expected)
    assert (await get(open_server, "/v1/statements?account=U9"))[0] == 404
    async with open_server.get("/v1/statements", headers={"Accept": "text/csv"}) as response:
        assert len((await response.text()).splitlines()) == 4


REFUSED = [
    (BOTH[:-20], XML, 422, "cannot be read as XML"),
    (b"", XML, 422, "empty"),
    (b"<html></html>", XML, 422, "no Flex statement"),
    (b'<!DOCTYPE a [<!ENTITY x "y">]>' + BOTH, XML, 422, "document type"),
    (BOTH, {"Content-Type": "application/json"}, 415, "Content-Type"),
    (BOTH, {"Content-Type": "text/plain"}, 415, "Content-Type"),
    (BOTH, {"Content-Type": "application/x-www-form-urlencoded"}, 415, "Content-Type"),
    (BOTH, {**XML, "Content-Encoding": "gzip"}, 400, "encoded"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[3])
async def test_what_is_refused_says_why_and_leaves_nothing(
    open_server: Served, database_url: str, case: tuple[bytes, dict[str, str], int, str]
) -> None:
    body, headers, status, why = case
    answered, problem, _ = await post(open_server, body, headers)
    assert (answered, problem["status"]) == (status, status)
    assert why in problem["detail"]
    assert_recorded_once(database_url, [])


async def test_without_a_media_type_nothing_is_taken(open_server: Served, database_url: str) -> None:
    """A page elsewhere can send such a request without asking anybody's leave."""
    head = b"POST /v1/statements HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
        BOTH
    )
    assert b" 415 " in await raw(open_server, head + BOTH)
    assert_recorded_once(database_url, [])


@pytest.mark.parametrize("mode", ["navigate", "no-cors", "cors"])
async def test_pages_elsewhere_bring_nothing(open_server: Served, database_url: str, mode: str) -> None:
    headers = {**XML, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Origin": "https://elsewhere.example"}
    assert (await post(open_server, BOTH, headers))[0] == 403
    assert_recorded_once(database_url, [])


async def test_a_compressed_body_is_read_and_bounded_by_what_it_holds(
    open_server: Served, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BODY", Body("", importing.BODY.media, 50_000))
    headers = {**XML, "Content-Encoding": "gzip"}
    assert (await post(open_server, gzip.compress(BOTH), headers))[0] == 201
    bomb = gzip.compress(document_of(statement_of("U1", body=" " * 50_000)))
    assert len(bomb) < 1000
    status, problem, _ = await post(open_server, bomb, headers)
    assert (status, problem["detail"]) == (413, "at most 50,000 bytes")
    assert_recorded_once(database_url, [BOTH])


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(
    open_server: Served, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BODY", Body("", importing.BODY.media, 2_000_000))
    large = document_of(statement_of("U1", body=f'<S a="{Random(1).randbytes(400_000).hex()}"/>' * 3))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 60_000):
            yield large[start : start + 60_000]

    said = (
        b"POST /v1/statements HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 2000001\r\n\r\n"
    )
    assert b" 413 " in await raw(open_server, said)
    with suppress(aiohttp.ClientError):  # It may be cut off while it is still sending.
        assert (await post(open_server, pieces()))[0] == 413
    assert_recorded_once(database_url, [])
    monkeypatch.undo()
    assert (await post(open_server, pieces()))[0] == 201, "of several pieces, in a file"
    assert_recorded_once(database_url, [large])


async def test_a_body_that_stops_coming_is_given_up(
    open_server: Served, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_PIECE_SECONDS", 0.2)
    head = b"POST /v1/statements HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n"
    assert b" 408 " in await raw(open_server, head + b"<FlexQueryResponse>")
    assert_recorded_once(database_url, [])


async def test_a_client_that_leaves_has_brought_nothing(open_server: Served, database_url: str) -> None:
    host, port = open_server.url.removeprefix("http://").split(":")
    for _ in range(importing.IMPORTS_AT_ONCE + 1):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/statements HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(BOTH), BOTH[:-1]))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert (await post(open_server, ONE))[0] == 201, "no turn is lost"
    assert_recorded_once(database_url, [ONE])


async def test_who_may_bring_and_see_what(guarded: Served, database_url: str) -> None:
    assert (await post(guarded, BOTH))[0] == 401
    assert (await post(guarded, BOTH, bearer("read", **XML)))[0] == 403
    status, problem, _ = await post(guarded, BOTH, bearer("one", **XML))
    assert (status, problem["type"]) == (422, "urn:ibconnect:problem:statement-refused")
    assert "U2" not in str(problem)
    assert_recorded_once(database_url, [])
    status, both, _ = await post(guarded, BOTH, bearer("import", **XML))
    assert (status, both["By"]) == (201, "importer")
    status, one, _ = await post(guarded, ONE, bearer("one", **XML))
    assert (status, one["By"]) == (201, "one")
    project_all(database_url)
    _, rows = await get(guarded, "/v1/statements", **bearer("one"))
    assert [row["AccountCode"] for row in rows] == ["U1", "U1"]
    assert (await get(guarded, "/v1/statements?account=U2", **bearer("one")))[0] == 404
    for path in (f"/v1/statements/{both['Id']}", f"/v1/statements/{both['Id']}/document"):
        assert (await get(guarded, path, **bearer("one")))[0] == 404
        assert (await get(guarded, path, **bearer("import")))[0] == 403
        async with guarded.get(path, headers=bearer("read")) as response:
            assert response.status == 200
    async with guarded.get(f"/v1/statements/{one['Id']}/document", headers=bearer("one")) as response:
        assert await response.read() == ONE


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Postgres is away for whoever records."""
    recorder = importing.Recorder
    monkeypatch.setattr(
        importing, "Recorder", lambda _, patience: recorder("postgresql://nobody@127.0.0.1:1/none", 0.1)
    )
    yield


@pytest.mark.usefixtures("away")
async def test_postgres_that_is_away_is_a_503(open_server: Served) -> None:
    with logged() as lines:
        status, problem, headers = await post(open_server, BOTH)
    assert (status, problem["type"]) == (503, "urn:ibconnect:problem:database-unavailable")
    assert headers["Retry-After"]
    assert BOTH.decode() not in str(lines())


async def test_many_who_bring_the_same_at_once_have_one_that_is_new(open_server: Served, database_url: str) -> None:
    answers = await asyncio.gather(*(post(open_server, BOTH) for _ in range(12)))
    assert sorted(status for status, _, _ in answers) == [200] * 11 + [201]
    assert len({made["Id"] for _, made, _ in answers}) == 1
    assert_recorded_once(database_url, [BOTH])
