"""Accounts and reports over TCP, against Postgres: bodies, headers, redirects, conditional requests."""

import asyncio
import gzip
from datetime import UTC, datetime

import brotli
import orjson
import pytest
import zstandard
from yarl import URL

from ibconnect.http.app import SERVICES
from ibconnect.http.resources.accounts.balance import MONEY_TAGS
from ibconnect.tags import LEDGER_TAGS, SEGMENT_TAGS, column
from ibconnect.times import to_micros
from tests.projecting import Stream, project, record
from tests.serving import DU1, DU2, EMPTY, FIRST, PROBLEM, Served, at, build_world, messages, serving
from tests.waiting import until

LATEST = at(4)
FULL, LIMITED, METRICS = (f"{name}-token-0123456789" for name in ("full", "limited", "metrics"))


async def test_all_accounts_are_listed_by_code(served: Served) -> None:
    async with served.get("/v1/accounts") as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "private, max-age=60"
        assert response.headers["Content-Type"] == "application/json"
        assert await response.json() == [
            {"AccountCode": DU1, "Latest": LATEST, "Listed": True, "Ready": True},
            {"AccountCode": DU2, "Latest": LATEST, "Listed": True, "Ready": True},
            {"AccountCode": EMPTY, "Latest": None, "Listed": True, "Ready": None},
        ]


async def test_no_accounts_is_an_empty_list(database_url: str) -> None:
    project(database_url)
    async with serving(database_url) as served, served.get("/v1/accounts") as response:
        assert (response.status, await response.read()) == (200, b"[]")


async def test_the_list_follows_what_is_recorded(database_url: str) -> None:
    build_world(database_url, 1)
    async with serving(database_url) as served:
        async with served.get("/v1/accounts") as response:
            before = await response.json()
        _record_more(database_url, "DU0", "true")
        new = {"AccountCode": "DU0", "Latest": "2025-01-01T00:00:00Z", "Listed": False, "Ready": True}

        async def is_new() -> bool:
            async with served.get("/v1/accounts") as response:
                return await response.json() == [new, *before]

        await until(is_new, "the list has the new account")


def _record_more(url: str, account: str, ready: str) -> None:
    instant = to_micros(datetime(2025, 1, 1, tzinfo=UTC))
    stream = Stream(at=instant)
    stream.refresh({account: messages(account, 9, ready=ready)}, created=instant)
    record(url, stream.events)
    project(url)


async def test_an_account_redirects_to_its_latest_report(served: Served) -> None:
    async with served.get(f"/v1/accounts/{DU1}") as response:
        assert response.status == 303
        assert response.headers["Location"] == f"{served.url}/v1/accounts/{DU1}/{LATEST}"
        assert response.headers["Cache-Control"] == "private, no-cache"
    async with served.get(f"/v1/accounts/{DU1}", allow_redirects=True) as response:
        assert (response.status, (await response.json())["AccountCode"]) == (200, DU1)


async def test_the_redirect_keeps_to_the_scheme_of_a_proxy(served: Served) -> None:
    async with served.get(f"/v1/accounts/{DU1}", headers={"X-Forwarded-Proto": "https"}) as response:
        assert URL(response.headers["Location"]).scheme == "https"
    async with served.get(f"/v1/accounts/{DU1}", headers={"X-Forwarded-Proto": "javascript"}) as response:
        assert URL(response.headers["Location"]).scheme == "http"


async def test_a_report_that_was_not_ready_is_not_preferred(database_url: str) -> None:
    build_world(database_url, 1)
    _record_more(database_url, DU1, "false")
    _record_more(database_url, "DU7", "false")
    async with serving(database_url) as served:
        async with served.get(f"/v1/accounts/{DU1}") as response:
            assert response.headers["Location"].endswith(at(0))
        async with served.get("/v1/accounts/DU7", allow_redirects=True) as response:
            assert (await response.json())["Ready"] is False
        for path in (f"/v1/accounts/{DU1}", f"/v1/accounts/{DU1}/as-of/2025-01-01T00:00:01Z"):
            async with served.get(path) as response:
                assert response.headers["Location"].endswith(at(0))
            async with served.get(f"{path}?ready=any", allow_redirects=True) as response:
                report = await response.json()
            assert (report["Ready"], report["Remarks"][0]["Code"]) == (False, "not-ready")


async def test_a_report_is_exact_to_the_letter(served: Served) -> None:
    async with served.get(f"/v1/accounts/{DU1}/{at(2)}") as response:
        assert response.headers["Cache-Control"] == "private, max-age=31556926, immutable"
        body = await response.read()
    null = dict.fromkeys(MONEY_TAGS)
    sent = {
        "AccruedCash": "USD 62.6",
        "NetLiquidation": "USD 100002.10",
        "TotalCashBalance": "USD -12.3400",
        "TotalCashValue": "USD -0.00",
    }
    balance = orjson.dumps({**null, **sent})
    head = (
        f'{{"AccountCode":"{DU1}","Timestamp":"{at(2)}","Gateway":"127.0.0.1:4002","Source":"updates",'
        '"Ended":"download-end","Ready":true,"Balance":{"AccountType":"INDIVIDUAL","Cushion":0.912345,'
        '"LookAheadNextChange":1704067200,'
    )
    base = '"ModelCode":null,"MarketValueBase":null,"ExchangeRate":null'
    apple = (
        '{"IbContractId":265598,"Symbol":"AAPL","LocalSymbol":"AAPL","SecurityType":"STK","Exchange":"NASDAQ",'
        '"Position":100,"Iso4217Code":840,"Currency":"US Dollar","CurrencyCode":"USD","MarketPrice":189.25,'
        '"MarketValue":18725.00,"AverageCost":150.12,"UnrealizedPNL":3713.00,"RealizedPNL":0.00,"Multiplier":null,'
        '"Strike":0,"Right":"0","Expiry":null,"TradingClass":"NMS",' + base + "}"
    )
    same = (
        '{"IbContractId":4391,"Symbol":"AMD","LocalSymbol":"AMD","SecurityType":"STK","Exchange":null,'
        '"Position":100,"Iso4217Code":840,"Currency":"US Dollar","CurrencyCode":"USD","MarketPrice":187.25,'
        '"MarketValue":18725.00,"AverageCost":150.12,"UnrealizedPNL":3713.00,"RealizedPNL":0.00,"Multiplier":null,'
        '"Strike":null,"Right":"0","Expiry":null,"TradingClass":"NMS",' + base + "}"
    )
    closed = (
        '{"IbContractId":11,"Symbol":"RIVN","LocalSymbol":"AAPL","SecurityType":"STK","Exchange":"NASDAQ",'
        '"Position":0,"Iso4217Code":840,"Currency":"US Dollar","CurrencyCode":"USD","MarketPrice":187.25,'
        '"MarketValue":0,"AverageCost":0,"UnrealizedPNL":0,"RealizedPNL":-73.07,"Multiplier":null,'
        '"Strike":0,"Right":"0","Expiry":null,"TradingClass":"NMS",' + base + "}"
    )
    short = (
        '{"IbContractId":12,"Symbol":"BTC","LocalSymbol":"AAPL","SecurityType":"CRYPTO","Exchange":"NASDAQ",'
        '"Position":-0.00000001,"Iso4217Code":978,"Currency":"Euro","CurrencyCode":"EUR","MarketPrice":187.25,'
        '"MarketValue":-1234.5,"AverageCost":341.55066219512196,"UnrealizedPNL":0.00,"RealizedPNL":0,'
        '"Multiplier":null,"Strike":0,"Right":"0","Expiry":null,"TradingClass":"NMS",' + base + "}"
    )
    unknown = (
        '{"IbContractId":700,"Symbol":"ES","LocalSymbol":"AAPL","SecurityType":"FOP","Exchange":"NASDAQ",'
        '"Position":100,"Iso4217Code":840,"Currency":"US Dollar","CurrencyCode":"USD","MarketPrice":null,'
        '"MarketValue":null,"AverageCost":150.12,"UnrealizedPNL":3713.00,"RealizedPNL":0.00,"Multiplier":50,'
        '"Strike":4500.5,"Right":"C","Expiry":"20240315","TradingClass":"NMS",' + base + "}"
    )
    positions = ",".join([same, apple, closed, short, unknown])
    values = [
        ("AccountCode", None, None, DU1),
        ("AccountReady", None, None, "true"),
        ("AccountType", None, None, "INDIVIDUAL"),
        ("AccruedCash", None, "BASE", "0"),
        ("AccruedCash", None, "USD", "62.6"),
        ("AccruedCash", None, "USD", "0.00"),
        ("AccruedCash", "S", "USD", "62.60"),
        ("BuyingPower", None, "USD", "1.7976931348623157E308"),
        ("CashBalance", None, "BASE", "7421167.7441"),
        ("CashBalance", None, "EUR", "1002.5"),
        ("CashBalance", None, "USD", "-0.50"),
        ("Cushion", None, None, "0.912345"),
        ("DayTradingStatus", "S", None, "::false:996937.76::false"),
        ("LookAheadNextChange", None, None, "1704067200"),
        ("NetLiquidation", None, "USD", "100002.10"),
        ("NetLiquidation", "S", "USD", "90002.10"),
        ("NewFigureOfTomorrow", None, "USD", "1,5"),
        ("TotalCashBalance", None, "BASE", "-12.3400"),
        ("TotalCashValue", None, "USD", "-0.00"),
    ]
    rows = [dict(zip(("Tag", "Segment", "Currency", "Value"), row, strict=True)) for row in values]
    expected = f'{head}{balance[1:].decode()},"Positions":[{positions}],"Values":{orjson.dumps(rows).decode()},'
    assert body.decode().startswith(expected)
    remark = '{"Code":"unset-figure","Detail":"AAPL: IB gave no MarketPrice, no MarketValue"}'
    completed = '"Completed":"2024-01-01T02:00:00.00424Z"'
    assert body.decode().removeprefix(expected) == f'{completed},"AsOf":null,"Remarks":[{remark}]}}'


async def test_the_composites_list_the_columns_of_the_vocabulary() -> None:
    from ibconnect.database.sql import queries

    sql = queries("http/report")["report"]
    for prefix, tags in (("money", SEGMENT_TAGS), ("figure", LEDGER_TAGS)):
        listed = [word.rstrip(",") for word in sql.split() if word.startswith(f"{prefix}.")]
        composite = [name for name in listed if name.removeprefix(f"{prefix}.") in map(column, tags)]
        assert composite == [f"{prefix}.{column(tag)}" for tag in tags]


@pytest.mark.parametrize(
    "spelled",
    [
        "2024-01-01T02:00:00Z",
        "2024-01-01T02:00:00.000000000Z",
        "2024-01-01t02:00:00z",
        "2024-01-01T03:30:00%2b01:30",
        "2023-12-31T21:00:00.0-05:00",
        "2024-01-01T01:59:60Z",
    ],
)
async def test_a_time_may_be_spelled_in_any_way(served: Served, spelled: str) -> None:
    async with served.client.get(URL(f"{served.url}/v1/accounts/{DU1}/{spelled}", encoded=True)) as response:
        assert (response.status, (await response.json())["Timestamp"]) == (200, at(2))


@pytest.mark.parametrize(
    ("time", "number"),
    [(at(2), 1), ("2024-01-01T02:00:00.00424Z", 2), (at(2.5), 2), ("2030-01-01T00:00:00+14:00", 4)],
)
async def test_as_of_finds_the_newest_report_that_was_complete_by_then(served: Served, time: str, number: int) -> None:
    async with served.get(f"/v1/accounts/{DU1}/as-of/{time}") as response:
        assert (response.status, response.headers["Location"][-20:]) == (303, at(number))


@pytest.mark.parametrize(
    ("path", "status", "code", "named"),
    [
        ("/v1/accounts/DU9", 404, "unknown-account", "'DU9'"),
        (f"/v1/accounts/{EMPTY}", 404, "unknown-snapshot", EMPTY),
        (f"/v1/accounts/DU9/{LATEST}", 404, "unknown-account", "'DU9'"),
        (f"/v1/accounts/{DU1}/2024-01-01T02:00:00.1Z", 404, "unknown-snapshot", "2024-01-01T02:00:00.1Z"),
        (f"/v1/accounts/{DU1}/as-of/2023-01-01T00:00:00Z", 404, "unknown-snapshot", DU1),
        ("/v1/accounts/DU9/snapshots", 404, "unknown-account", "'DU9'"),
        (f"/v1/accounts/{DU1}/yesterday", 400, "invalid-parameter", "'yesterday'"),
        (f"/v1/accounts/{DU1}/2024-02-30T00:00:00Z", 400, "invalid-parameter", "'2024-02-30T00:00:00Z'"),
        (f"/v1/accounts/{DU1}/2024-01-01T00:00:00.0000001Z", 400, "invalid-parameter", "finer"),
        (f"/v1/accounts/{DU1}/2024-01-01T00:00:00", 400, "invalid-parameter", "Timestamp"),
        ("/v1/accounts/DU%201", 404, "unknown-account", "'DU 1'"),
        ("/v1/accounts/%20DU1", 400, "invalid-parameter", "' DU1'"),
        ("/v1/accounts/DU1%2cDU2", 400, "invalid-parameter", "AccountCode"),
        ("/v1/accounts/" + "X" * 65, 400, "invalid-parameter", "AccountCode"),
        ("/v1/accounts/D%0a", 400, "invalid-parameter", "AccountCode"),
        ("/v1/accounts/D%00", 400, "invalid-parameter", "AccountCode"),
        ("/v1/accounts/%D9%A1", 404, "unknown-account", "account"),
        ("/v1/accounts/A%E2%80%AEB", 400, "invalid-parameter", "AccountCode"),
        ("/v1/accounts?colour=red", 400, "unknown-parameter", "'colour'"),
        (f"/v1/accounts/{DU1}/snapshots?limit=0", 400, "invalid-parameter", "limit"),
        (f"/v1/accounts/{DU1}/snapshots?limit=1&limit=2", 400, "invalid-parameter", "limit"),
        (f"/v1/accounts/{DU1}/snapshots?cursor=x", 400, "invalid-parameter", "cursor"),
        ("/v1/account", 404, "unknown-path", "/docs"),
    ],
)
async def test_what_is_wrong_is_named(served: Served, path: str, status: int, code: str, named: str) -> None:
    async with served.client.get(URL(served.url + path, encoded=True)) as response:
        problem = await response.json(content_type=PROBLEM)
        assert (response.status, problem["status"]) == (status, status)
        assert problem["type"] == f"urn:ibconnect:problem:{code}"
        assert named in problem["detail"]
        assert set(problem) == {"type", "title", "status", "detail", "error_id"}


async def test_snapshots_are_paged_newest_first(served: Served) -> None:
    pages, path = [], f"/v1/accounts/{DU1}/snapshots?limit=2"
    while path:
        async with served.get(path) as response:
            assert response.headers["Cache-Control"] == "private, no-cache"
            pages.append(await response.json())
            link = response.links.get("next")
            path = str(link["url"]).removeprefix(served.url) if link else ""
    assert pages == [[at(4), at(3)], [at(2), at(1)], [at(0)]]


async def test_snapshots_between_two_times_include_both(served: Served) -> None:
    async with served.get(f"/v1/accounts/{DU1}/snapshots?from={at(1)}&to={at(3)}") as response:
        assert await response.json() == [at(3), at(2), at(1)]
    async with served.get(f"/v1/accounts/{DU1}/snapshots?from=-30d") as response:
        assert (response.status, await response.json()) == (200, [])
    async with served.get(f"/v1/accounts/{DU1}/snapshots?to=2024-01-01T01:00:00%2B01:00") as response:
        assert await response.json() == [at(0)]
    async with served.client.get(
        URL(f"{served.url}/v1/accounts/{DU1}/snapshots?to=2024-01-01T02:00:00+01:00", encoded=True)
    ) as response:
        assert await response.json() == [at(1), at(0)]


async def test_an_account_without_snapshots_has_an_empty_list_of_them(served: Served) -> None:
    async with served.get(f"/v1/accounts/{EMPTY}/snapshots") as response:
        assert (response.status, await response.json()) == (200, [])


@pytest.mark.parametrize("path", ["/v1/accounts", f"/v1/accounts/{DU1}/{LATEST}", f"/v1/accounts/{DU1}/snapshots"])
async def test_what_the_client_has_is_not_sent_again(served: Served, path: str) -> None:
    async with served.get(path) as response:
        etag = response.headers["ETag"]
        assert etag.startswith('"')
    for header in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        async with served.get(path, headers={"If-None-Match": header}) as response:
            assert (response.status, await response.read()) == (304, b"")
            assert response.headers["ETag"] == etag
            assert "Cache-Control" in response.headers
            assert "Vary" in response.headers
    for header in ('"other"', "", "nonsense"):
        async with served.get(path, headers={"If-None-Match": header}) as response:
            assert response.status == 200


async def test_reports_are_compressed_as_the_client_likes(served: Served) -> None:
    path = f"/v1/accounts/{DU1}/{LATEST}"
    inflate = {
        "gzip": gzip.decompress,
        "br": brotli.decompress,
        "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
    }
    async with served.get(path, headers={"Accept-Encoding": "identity"}) as response:
        plain, etag = await response.read(), response.headers["ETag"]
        assert "Content-Encoding" not in response.headers
    etags = {etag}
    for encoding, decompress in inflate.items():
        headers = {"Accept-Encoding": encoding}
        async with served.client.get(served.url + path, headers=headers, auto_decompress=False) as response:
            assert response.headers["Content-Encoding"] == encoding
            assert decompress(await response.read()) == plain
            etags.add(response.headers["ETag"])
        async with served.get(path, headers={**headers, "If-None-Match": etag}) as response:
            assert response.status == 304
    assert len(etags) == 4, "each form is another representation"


@pytest.mark.parametrize(
    "path", ["/v1/accounts", f"/v1/accounts/{DU1}", f"/v1/accounts/{DU1}/{LATEST}", "/v1/accounts/DU9", "/healthz"]
)
async def test_head_says_what_get_says(served: Served, path: str) -> None:
    async with served.get(path) as response:
        got = {name: text for name, text in response.headers.items() if name != "Date"}
        if got.get("Content-Length") == "0":
            del got["Content-Length"]
        status = response.status
    async with served.client.head(served.url + path, allow_redirects=False) as response:
        assert await response.read() == b""
        assert {name: text for name, text in response.headers.items() if name != "Date"} == got
        assert response.status == status


@pytest.mark.parametrize("path", ["/v1/accounts/", f"/v1/accounts/{DU1}//", f"/v1/accounts/{DU1}/snapshots/?limit=2"])
async def test_a_trailing_slash_redirects(served: Served, path: str) -> None:
    async with served.client.get(URL(served.url + path, encoded=True), allow_redirects=False) as response:
        assert response.status == 308
        bare, _, query = path.partition("?")
        wanted = served.url + bare.rstrip("/") + (f"?{query}" if query else "")
        assert response.headers["Location"] == wanted


async def test_a_slash_leads_to_no_other_host(served: Served) -> None:
    for path in ("//evil.example/", "/nothing/", "///"):
        async with served.client.get(URL(served.url + path, encoded=True), allow_redirects=False) as response:
            assert response.status == 404


async def test_first_four_members_are_what_clients_always_read(served: Served) -> None:
    async with served.get(f"/v1/accounts/{DU1}", allow_redirects=True) as response:
        report = orjson.loads(await response.read())
    kept = [name for name in report if name in ("AccountCode", "Timestamp", "Balance", "Positions")]
    assert kept == ["AccountCode", "Timestamp", "Balance", "Positions"]
    assert list(report)[:2] == ["AccountCode", "Timestamp"]
    assert FIRST.isoformat().startswith(report["Timestamp"][:10])


async def test_many_who_ask_for_the_list_are_one_look_at_the_tables(served: Served) -> None:
    pool = served.app[SERVICES].pool

    async def listed(**headers: str) -> bytes:
        async with served.get("/v1/accounts", headers=headers) as response:
            return await response.read()

    async def asked_of_postgres(**headers: str) -> int:
        before = pool.get_stats()["requests_num"]
        assert set(await asyncio.gather(*(listed(**headers) for _ in range(40)))) == {expected}
        return pool.get_stats()["requests_num"] - before

    expected = await listed()
    assert await asked_of_postgres() < 20
    # Whoever asks how new it is hears nothing of a moment ago.
    assert await asked_of_postgres(**{"Cache-Control": "max-age=3600"}) >= 40


async def test_the_list_kept_for_one_token_is_not_shown_to_another(world_url: str) -> None:
    async with serving(world_url, API_TOKENS=f"{FULL}@*\n{LIMITED}@{DU1}\n{METRICS}@metrics") as served:

        async def asked(token: str) -> tuple[int, list[str]]:
            async with served.get("/v1/accounts", headers={"Authorization": f"Bearer {token}"}) as response:
                rows = await response.json() if response.status == 200 else []
                return response.status, [row["AccountCode"] for row in rows]

        for _ in range(5):
            assert await asked(FULL) == (200, [DU1, DU2, EMPTY])
            assert await asked(LIMITED) == (200, [DU1])
            assert await asked(METRICS) == (403, [])
            assert await asked("nobody-s-token-0123456789") == (401, [])
