"""Tables over HTTP: the format that a client gets, the name of its file, validators, HEAD, and what it costs others."""

import asyncio
import csv
import io
import subprocess
import sys
import threading
from decimal import Decimal
from typing import Any

import orjson
import polars
import pyarrow as pa
import pyarrow.parquet
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from ibconnect.http.app import SERVICES
from ibconnect.http.server.call import Call
from ibconnect.http.server.frames import TABLE, Column, Row, Type, as_figure, next_page, table_response
from ibconnect.http.server.negotiation import ARROW, CSV, ENCODINGS, FORMATS, JSON, PARQUET
from ibconnect.http.server.problems import Problem
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.tokens import EVERYONE
from ibconnect.times import parse_rfc3339, utc_now, wide_rfc3339
from tests.serving import DU1, DU2, EMPTY, PROBLEM, Served, admin, build_world, serving, tell_gateway

PATH = f"/v1/accounts/{DU1}/snapshots"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FIGURE = Column("Figure", Type.FIGURE, "How much")


@pytest.mark.parametrize(
    ("accept", "form", "media"),
    [
        ("", None, JSON),
        ("", "csv", CSV),
        ("*/*", "parquet", PARQUET),
        ("*/*", None, JSON),
        (BROWSER, "csv", CSV),
        ("application/json, text/plain, */*", "csv", CSV),
        ("application/json", "csv", JSON),
        ("text/csv", "json", CSV),
        ("text/csv, */*;q=0.1", "arrow", CSV),
        (ARROW, None, ARROW),
        (PARQUET, None, PARQUET),
        ("application/vnd.apache.parquet;q=0.5, text/csv;q=0.4", None, PARQUET),
    ],
)
async def test_the_header_chooses_and_then_the_url(served: Served, accept: str, form: str | None, media: str) -> None:
    query = "" if form is None else f"?format={form}"
    async with served.get(PATH + query, headers={"Accept": accept}, skip_auto_headers=["Accept"]) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, media)
        assert "Accept" in response.headers["Vary"]


async def test_a_format_that_is_none_is_refused(served: Served) -> None:
    async with served.get(f"{PATH}?format=xlsx") as response:
        assert response.status == 400
        assert "json, csv, arrow, parquet" in (await response.json(content_type=PROBLEM))["detail"]
    async with served.get(f"{PATH}?format=csv", headers={"Accept": "image/png"}) as response:
        assert response.status == 406


async def test_each_format_has_the_same_times(served: Served) -> None:
    bodies = {}
    for form in FORMATS:
        async with served.get(f"{PATH}?format={form}") as response:
            bodies[form] = await response.read()
            assert response.headers.get("Content-Disposition") == (
                None if form == "json" else f'attachment; filename="{DU1}-snapshots.{form.replace("arrow", "arrows")}"'
            )
    times = orjson.loads(bodies["json"])
    assert len(times) > 2
    header, *lines = csv.reader(io.StringIO(bodies["csv"].decode()))
    assert (header, [line[0] for line in lines]) == (["AccountCode", "Timestamp"], [DU1] * len(times))
    assert {len(line[1]) for line in lines} == {len("2024-01-01T00:00:00.000000Z")}
    table = pa.ipc.open_stream(bodies["arrow"]).read_all()
    assert table.equals(pyarrow.parquet.read_table(io.BytesIO(bodies["parquet"])))
    assert [time.as_py().isoformat() for time in table["Timestamp"]] == [f"{time[:-1]}+00:00" for time in times]
    assert [line[1].replace(".000000", "") for line in lines] == times


async def test_the_list_of_accounts_is_a_table_too(database_url: str) -> None:
    build_world(database_url)
    with admin(database_url) as connection:
        tell_gateway(connection, connected=False)
    mine = "a-token-of-one-account"
    async with serving(database_url, API_TOKENS=f"all-accounts-0123@* {mine}@{DU1}") as served:
        for token, codes in (("all-accounts-0123", [DU1, DU2, EMPTY]), (mine, [DU1])):
            headers = {"Authorization": f"Bearer {token}", "Cache-Control": "max-age=0"}
            async with served.get("/v1/accounts", headers=headers) as response:
                told, incomplete = await response.json(), response.headers.getall("Refresh-Incomplete")
            async with served.get("/v1/accounts?format=csv", headers=headers) as response:
                header, *lines = csv.reader(io.StringIO(await response.text()))
                assert response.headers["Cache-Control"] == "private, max-age=60"
                assert response.headers.getall("Refresh-Incomplete", []) == incomplete
            async with served.get("/v1/accounts?format=arrow", headers=headers) as response:
                rows = pa.ipc.open_stream(await response.read()).read_all().to_pylist()
            assert [account["AccountCode"] for account in told] == [line[0] for line in lines] == codes
            assert header == list(told[0])
            for account, line, row in zip(told, lines, rows, strict=True):
                latest = account["Latest"] and parse_rfc3339(account["Latest"])
                assert row == {**account, "Latest": latest}
                shown = {True: "true", False: "false", None: ""}
                cells = [(latest and wide_rfc3339(latest)) or "", shown[account["Listed"]], shown[account["Ready"]]]
                assert line == [account["AccountCode"], *cells]


@pytest.mark.parametrize("form", list(FORMATS))
async def test_what_is_known_is_not_sent_again(served: Served, form: str) -> None:
    path = f"{PATH}?format={form}&limit=2"
    async with served.get(path) as response:
        etag, link, length = (response.headers[name] for name in ("ETag", "Link", "Content-Length"))
        assert int(length) == len(await response.read())
    assert f"format={form}" in link
    async with served.get(path, headers={"If-None-Match": etag}) as response:
        assert (response.status, response.headers["ETag"], await response.read()) == (304, etag, b"")
    async with served.client.head(served.url + path) as response:
        assert (response.status, response.headers["ETag"], response.headers["Content-Length"]) == (200, etag, length)


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=3-9", slice(3, 10)),
        ("bytes=5-", slice(5, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=-999999", slice(0, None)),
        ("bytes=10-999999", slice(10, None)),
    ],
)
async def test_a_reader_may_ask_for_a_part(served: Served, asked: str, place: slice) -> None:
    """As polars does of a Parquet file, of which it reads the end first."""
    path = f"{PATH}?format=parquet"
    async with served.get(path) as response:
        whole, etag = await response.read(), response.headers["ETag"]
    first = place.indices(len(whole))[0]
    for more in ({}, {"If-Range": etag}):
        async with served.get(path, headers={"Range": asked, **more}) as response:
            body = await response.read()
            assert (response.status, body, response.headers["ETag"]) == (206, whole[place], etag)
            assert response.headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(whole)}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=9-3"},
        {"Range": "bytes=-"},
        {"Range": "bytes=-0"},
        {"Range": "bytes=999999-"},
        {"Range": "bytes=0-1,3-4"},
        {"Range": "lines=1-2"},
        {"Range": "bytes=0-1", "If-Range": '"another"'},
    ],
)
async def test_what_is_no_part_is_the_whole(served: Served, headers: dict[str, str]) -> None:
    async with served.get(f"{PATH}?format=parquet", headers=headers) as response:
        assert (response.status, "Content-Range" in response.headers) == (200, False)
        assert len(await response.read()) == int(response.headers["Content-Length"])


async def test_polars_reads_by_url(served: Served) -> None:
    path = f"{served.url}{PATH}?format="
    columns = "Timestamp", "AccountCode"
    frames = [
        await asyncio.to_thread(polars.read_parquet, f"{path}parquet"),
        await asyncio.to_thread(polars.read_csv, f"{path}csv", try_parse_dates=True),
    ]
    async with served.get(PATH) as response:
        times = await response.json()
    for frame in frames:
        assert [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in frame[columns[0]]] == times
        assert set(frame[columns[1]]) == {DU1}


def made(served: Served, media: str, **headers: str) -> Call:
    """A call as a handler is given it, whose answer shows its headers."""
    request = make_mocked_request(
        "GET", "/v1/things?limit=2", headers={"Host": "localhost:3000", "Origin": "null", **headers}
    )
    return Call(request, served.app[SERVICES], EVERYONE, media, {}, utc_now())


async def body_of(call: Call, columns: list[Column], rows: list[Row], **options: Any) -> bytes:
    """The bytes that are sent."""
    response = await table_response(call, columns, rows, "things", **options)
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    return response.body


async def test_rows_stand_where_the_resource_wants_them(served: Served) -> None:
    call = made(served, JSON)
    columns = [Column("Currency", Type.TEXT, "", in_head=True), FIGURE]
    rows: list[Row] = [("EUR", "1.2305"), ("EUR", Decimal("-0.50"))]

    def document(found: orjson.Fragment) -> object:
        return {"Currency": "EUR", "Rows": found, "Total": as_figure("0.7305"), "None": as_figure(None)}

    assert await body_of(call, columns, rows, document=document) == (
        b'{"Currency":"EUR","Rows":[{"Figure":1.2305},{"Figure":-0.50}],"Total":0.7305,"None":null}'
    )
    assert await body_of(made(served, CSV), columns, rows) == (b"Currency,Figure\r\nEUR,1.2305\r\nEUR,-0.50\r\n")
    assert await body_of(call, columns, []) == b"[]"


async def test_the_next_page_is_the_same_question(served: Served) -> None:
    link = next_page(made(served, JSON), cursor="abc")
    assert link == {"Link": '<http://localhost:3000/v1/things?limit=2&cursor=abc>; rel="next"'}


@pytest.mark.parametrize("media", [ARROW, PARQUET])
async def test_too_many_digits_are_refused_not_rounded(served: Served, media: str) -> None:
    with pytest.raises(Problem, match="Figure has too many digits") as raised:
        await body_of(made(served, media), [FIGURE], [("1" * 400,)])
    assert raised.value.status == 406


async def test_a_files_name_is_safe_whatever_an_account_is_called(served: Served) -> None:
    response = await table_response(made(served, CSV), [FIGURE], [], 'Ü/..\\"x')
    name = response.headers["Content-Disposition"]
    assert name == "attachment; filename=\"_.._x.csv\"; filename*=UTF-8''%C3%9C%2F..%5C%22x.csv"


async def turns_meanwhile(served: Served, media: str, encoding: str) -> int:
    """How often the event loop did what else was due while a table of 40,000 cells was made."""
    columns = [Column(f"Figure{number}", Type.FIGURE, "") for number in range(10)]
    rows: list[Row] = [tuple(f"{number}.{place:04}" for place in range(10)) for number in range(4_000)]
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    turning = asyncio.create_task(turn())
    await body_of(made(served, media, **{"Accept-Encoding": encoding}), columns, rows)
    turning.cancel()
    return turns


@pytest.mark.parametrize("media", TABLE)
async def test_a_large_table_makes_nobody_wait(served: Served, media: str) -> None:
    assert await turns_meanwhile(served, media, "identity") >= 7


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_compressing_one_makes_nobody_wait(
    served: Served, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compress, threads = CachedResponse.compress, []

    def noted(answer: CachedResponse, request: web.Request) -> None:
        threads.append(threading.get_ident())
        compress(answer, request)

    monkeypatch.setattr(CachedResponse, "compress", noted)
    await turns_meanwhile(served, JSON, encoding)
    assert len(threads) == 1
    assert threads[0] != threading.get_ident(), "not in the thread of the event loop"


def test_who_asks_for_no_such_table_does_not_pay_for_it() -> None:
    code = "import sys, ibconnect.http.app; print([name for name in sys.modules if name.startswith('pyarrow')])"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout == "[]\n"
