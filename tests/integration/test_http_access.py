"""Who may read what: tokens, limits of tokens, wrong tries, other origins, other hosts, and what is logged."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from psycopg.types.json import Jsonb
from yarl import URL

from ibconnect.errors import ConfigError
from ibconnect.http.app import SERVICES, create_app
from ibconnect.http.resources.registry import ROUTES
from ibconnect.http.server.limits import REFUSALS
from ibconnect.http.server.resource import Route
from tests.routes import EMPTY as NOTHING_OF
from tests.routes import path_of, value_of
from tests.serving import (
    DU1,
    DU2,
    EMPTY,
    GATEWAY,
    PROBLEM,
    Served,
    admin,
    at,
    build_world,
    logged,
    serving,
    settings,
    tell_gateway,
)
from tests.waiting import until

FULL = "full-token-0123456789"
LIMITED = "limited-token-0123456789"
STRANGER = "stranger-token-0123456789"
HASHED = "hashed-token-0123456789"
METRICS = "metrics-token-0123456789"
BOTH = "both-of-them-token-0123456789"
TOKENS = f"""
    {FULL}@*                      # the back office
    {LIMITED}@{DU1}
    {STRANGER}@DU9999999
    sha256:{sha256(HASHED.encode()).hexdigest()}@{DU1},{DU2}
    {METRICS}@metrics
    {BOTH}@metrics,{DU1}
"""


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def guarded(world_url: str) -> AsyncIterator[Served]:
    async with serving(world_url, API_TOKENS=TOKENS) as server:
        yield server


async def test_without_a_token_only_what_tells_nothing_is_answered(guarded: Served) -> None:
    for route in ROUTES:
        path = path_of(route)
        async with guarded.get(path) as response:
            if route.is_open:
                assert response.status < 400 or route.path in NOTHING_OF, path
                text = await response.text()
                assert DU1 not in text.replace('"example":"DU1000001"', "") or path == "/v1/openapi.json"
            else:
                assert (response.status, response.content_type) in ((401, PROBLEM), (429, PROBLEM)), path
                assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", [bearer(FULL), bearer(HASHED), {"Authorization": f"bEARER  {FULL}"}])
async def test_a_token_opens(guarded: Served, header: dict[str, str]) -> None:
    async with guarded.get(f"/v1/accounts/{DU1}/{at(1)}", headers=header) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "header",
    [
        bearer(FULL[:-1]),
        bearer(f"{FULL} x"),
        bearer(sha256(FULL.encode()).hexdigest()),
        bearer(f"{LIMITED}@{DU1}"),
        {"Authorization": f"Basic {FULL}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer \udcff\udcfe"},
    ],
)
async def test_anything_else_does_not(guarded: Served, header: dict[str, str]) -> None:
    async with guarded.get("/v1/accounts", headers=header) as response:
        assert response.status == 401
        problem = await response.json(content_type=PROBLEM)
        assert problem["type"].removeprefix("urn:ibconnect:problem:") in ("token-refused", "token-missing")


async def test_too_many_wrong_tries_are_slowed_down_and_right_ones_never(guarded: Served) -> None:
    statuses = []
    with logged() as lines:
        for _ in range(REFUSALS + 3):
            async with guarded.get("/v1/accounts", headers=bearer("wrong-token-0123456789")) as response:
                statuses.append(response.status)
                if response.status == 429:
                    assert 0 < int(response.headers["Retry-After"]) <= 61
        reported = [line["kind"] for line in lines()]
    assert statuses == [401] * REFUSALS + [429] * 3
    assert [reported.count(kind) for kind in ("http_token_refused", "http_refused")] == [REFUSALS] * 2
    async with guarded.get("/v1/accounts", headers=bearer(FULL)) as response:
        assert response.status == 200


async def test_a_limited_token_sees_its_account_and_nothing_else(guarded: Served) -> None:
    async with guarded.get("/v1/accounts", headers=bearer(LIMITED)) as response:
        assert [account["AccountCode"] for account in await response.json()] == [DU1]
    async with guarded.get("/v1/events", headers=bearer(LIMITED)) as response:
        text = await response.text()
        assert DU1 in text
        assert DU2 not in text
        assert EMPTY not in text
    async with guarded.get("/metrics", headers=bearer(LIMITED)) as response:
        assert response.status == 403
    async with guarded.get("/v1/accounts", headers=bearer(HASHED)) as response:
        assert [account["AccountCode"] for account in await response.json()] == [DU1, DU2]
    async with guarded.get("/v1/accounts", headers=bearer(FULL)) as response:
        assert [account["AccountCode"] for account in await response.json()] == [DU1, DU2, EMPTY]


async def test_a_limited_token_learns_nothing_of_other_accounts_on_any_route(guarded: Served) -> None:
    """Walks the routes: an account that exists looks exactly like one that does not."""
    for route in ROUTES:
        path = route.path
        answers = []
        for code in (DU2, "DU7777777"):
            query = _query(route, code)
            async with guarded.get(f"{path_of(route, AccountCode=code)}{query}", headers=bearer(LIMITED)) as response:
                text = (await response.text()).replace(code, "CODE")
                headers = {name: value for name, value in response.headers.items() if name not in ("Date", "ETag")}
                answers.append((response.status, _without_chance(text), headers))
        if "{AccountCode}" in path or "account=" in query:
            assert answers[0] == answers[1], path
            assert answers[0][0] == 404, path
        elif path not in ("/v1/openapi.json", "/metrics"):
            assert DU2 not in answers[0][1], path


def _query(route: Route, code: str) -> str:
    """What a request has to say, and whose it is where it may say that."""
    asked = [each for each in route.parameters if each.place == "query" and (each.required or each.name == "account")]
    given = [f"{each.name}={code if each.name == 'account' else value_of(each)}" for each in asked]
    return f"?{'&'.join(given)}" if given else ""


def _without_chance(text: str) -> str:
    return text.split('"error_id"', maxsplit=1)[0]


async def test_a_stranger_sees_no_account_no_event_and_no_gateway(guarded: Served) -> None:
    for path, nothing in (("/v1/accounts", b"[]"), ("/v1/events", b""), ("/v1/gateways", b"[]")):
        async with guarded.get(path, headers=bearer(STRANGER)) as response:
            assert (response.status, await response.read()) == (200, nothing)


@pytest.mark.parametrize(
    ("token", "status", "accounts"),
    [
        (METRICS, 200, None),
        (BOTH, 200, [DU1]),
        (FULL, 200, [DU1, DU2, EMPTY]),
        (LIMITED, 403, [DU1]),
        (STRANGER, 403, []),
    ],
)
async def test_metrics_are_a_right_of_their_own(
    guarded: Served, token: str, status: int, accounts: list[str] | None
) -> None:
    async with guarded.get("/metrics", headers=bearer(token)) as response:
        assert response.status == status
        text = await response.text()
        assert not any(code in text for code in (DU1, DU2, EMPTY))
    async with guarded.get("/v1/accounts", headers=bearer(token)) as response:
        assert response.status == (403 if accounts is None else 200)
        listed = await response.json(content_type=response.content_type)
    assert accounts is None or [account["AccountCode"] for account in listed] == accounts


async def test_gateways_tell_a_limited_token_no_notice(database_url: str) -> None:
    build_world(database_url, 1)
    with admin(database_url) as connection:
        tell_gateway(connection)
        connection.execute(
            "UPDATE coordination.gateway SET last_notice_code = '321', last_notice_text = %s, last_notice_at = now()",
            (f"Error validating {DU2}",),
        )
        connection.execute(
            "UPDATE refresh SET missing = %s", (Jsonb({DU1: f"rejected: 321 not {DU2}", DU2: "timeout: 30 s"}),)
        )
    async with serving(database_url, API_TOKENS=TOKENS) as served:
        async with served.get("/v1/gateways", headers=bearer(FULL)) as response:
            (gateway,) = await response.json()
            assert (gateway["Gateway"], gateway["Connected"]) == (GATEWAY, True)
            assert gateway["LastNotice"]["Text"].endswith(DU2)
            assert gateway["LastRefresh"]["Outcome"] == "complete"
            assert gateway["LastRefresh"]["Missing"] == {DU1: f"rejected: 321 not {DU2}", DU2: "timeout: 30 s"}
        async with served.get("/v1/gateways", headers=bearer(LIMITED)) as response:
            (gateway,) = await response.json()
            assert gateway["LastNotice"] is None
            assert gateway["LastRefresh"]["Missing"] == {DU1: "rejected"}
            assert (gateway["LastRefresh"]["Outcome"], gateway["LastRefresh"]["Trigger"]) == ("failed", None)
            assert DU2 not in orjson.dumps(gateway).decode()


@pytest.fixture
def is_read_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of tokens is looked at every few milliseconds."""
    monkeypatch.setattr("ibconnect.http.server.auth._RELOAD_SECONDS", 0.02)


def put(path: Path, text: str) -> None:
    """Write a file at once: nobody sees it half written."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


@pytest.mark.usefixtures("is_read_often")
async def test_tokens_follow_their_file(world_url: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    put(path, f"{FULL}@*\n")
    async with serving(world_url, API_TOKENS_FILE=str(path)) as served:
        guard = served.app[SERVICES].guard
        first = guard.tokens
        put(path, f"# renewed\n{LIMITED}@{DU1}\n")
        await until(lambda: guard.tokens is not first and guard.tokens != first, "the file is read again")
        for token, status in ((FULL, 401), (LIMITED, 200)):
            async with served.get("/v1/accounts", headers=bearer(token)) as response:
                assert response.status == status
        kept = guard.tokens
        put(path, "short\n")
        path.unlink()
        put(path, "# nobody\n")
        await until(lambda: guard.tokens is not kept and guard.tokens != kept, "the file is read again")
        async with served.get("/v1/accounts", headers=bearer(LIMITED)) as response:
            assert response.status == 401, "no token at all is not the same as no guard"


@pytest.mark.usefixtures("is_read_often")
@pytest.mark.parametrize("wrong", ["short\n", f"{LIMITED}\n", f"{FULL}@DU1", None])
async def test_a_broken_file_locks_nobody_out(world_url: str, tmp_path: Path, wrong: str | None) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"{FULL}@*\n")
    async with serving(world_url, API_TOKENS_FILE=str(path)) as served:
        with logged() as lines:
            if wrong is None:
                path.unlink()
            else:
                put(path, wrong)
            await until(lambda: any(line["kind"] == "http_tokens_unreadable" for line in lines()), "it is reported")
            assert FULL not in str(lines())
        async with served.get("/v1/accounts", headers=bearer(FULL)) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"HOST": "0.0.0.0"}, "HOST='0.0.0.0'"),
        ({"API_TOKENS": "short"}, "entry 1"),
        ({"API_TOKENS": f"{FULL} {FULL}"}, "twice"),
        ({"API_TOKENS": f"{FULL}@DU1,,DU2"}, "entry 1"),
        ({"API_TOKENS": f"{FULL} b@d"}, "entry 2"),
        ({"API_TOKENS": FULL, "API_TOKENS_FILE": "/x"}, "both"),
        ({"API_TOKENS_FILE": "/nowhere/tokens"}, "/nowhere/tokens"),
    ],
)
def test_settings_that_would_not_be_safe_are_refused(changed: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named.replace("'", ".")) as caught:
        create_app(settings("postgresql://nowhere/x", **changed))
    assert FULL not in str(caught.value)


def test_anonymous_access_beyond_loopback_must_be_allowed() -> None:
    assert create_app(settings("postgresql://nowhere/x", HOST="0.0.0.0", ALLOW_ANONYMOUS="true"))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:3000", 200),
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("[::1]:3000", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:3000", 421),
        ("[::2]:3000", 421),
    ],
)
async def test_without_tokens_only_this_machine_is_meant(served: Served, host: str, status: int) -> None:
    """A page elsewhere may point a name of its own to 127.0.0.1 and let the browser ask us."""
    async with served.get("/v1/accounts", headers={"Host": host}) as response:
        assert response.status == status


async def test_other_origins_may_read_only_if_they_are_named(world_url: str) -> None:
    asked = {"Origin": "https://good.example", "Access-Control-Request-Method": "GET"}
    asked["Access-Control-Request-Headers"] = "authorization"
    async with serving(world_url, CORS_ORIGINS="https://good.example", API_TOKENS=TOKENS) as served:
        async with served.client.options(f"{served.url}/v1/accounts", headers=asked) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "https://good.example"
            assert response.headers["Access-Control-Allow-Headers"] == "AUTHORIZATION"
            assert "Access-Control-Allow-Credentials" not in response.headers
        headers = {**bearer(FULL), "Origin": "https://good.example"}
        for path in ("/v1/accounts", f"/v1/accounts/{DU1}/history?tag=NetLiquidation"):
            async with served.get(path, headers=headers) as response:
                assert response.headers["Access-Control-Allow-Origin"] == "https://good.example"
                assert "Link" in response.headers["Access-Control-Expose-Headers"]
                assert "Origin" in response.headers["Vary"]
        async with served.get(f"/v1/accounts/{DU1}/{at(1)}", headers=headers) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://good.example"
        async with served.get(f"/v1/accounts/{DU1}/{at(1)}", headers=bearer(FULL)) as response:
            assert "Access-Control-Allow-Origin" not in response.headers, "kept documents keep no origin"
        for path, status in (("/v1/accounts/DU9", 404), ("/v1/accounts", 401)):
            sent = headers if status == 404 else {"Origin": "https://good.example"}
            async with served.get(path, headers=sent) as response:
                assert response.status == status
                assert response.headers["Access-Control-Allow-Origin"] == "https://good.example"
        async with served.get("/v1/accounts", headers={**headers, "Origin": "https://evil.example"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
        async with served.client.options(
            f"{served.url}/v1/accounts", headers={**asked, "Origin": "https://evil.example"}
        ) as response:
            assert response.status == 403
    async with serving(world_url) as served, served.client.options(f"{served.url}/v1/accounts") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_every_answer_has_the_security_headers(served: Served) -> None:
    for path in ("/v1/accounts", "/v1/events?limit=1", "/nothing", "/v1/accounts/", f"/v1/accounts/{DU1}", "/healthz"):
        async with served.get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff", path
            assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["Server"] == "ibconnect"


async def test_logs_tell_of_no_token_and_of_no_account_that_was_not_asked_for(guarded: Served) -> None:
    ids = []
    with logged() as lines:
        asked = ((f"/v1/accounts/{DU1}", FULL), (f"/v1/accounts/{DU1}", LIMITED), ("/v1/accounts", "x" * 20))
        for path, token in asked:
            async with guarded.get(path, headers=bearer(token)) as response:
                if response.status >= 400:
                    ids.append((await response.json(content_type=PROBLEM))["error_id"])
        bad = URL(f"{guarded.url}/v1/accounts/{DU1}/never", encoded=True)
        async with guarded.client.get(bad, headers=bearer(FULL)) as response:
            ids.append((await response.json(content_type=PROBLEM))["error_id"])
        refused = [line["error_id"] for line in lines() if line["kind"] == "http_refused"]
        assert refused == ids[-len(refused) :]
        assert len(refused) >= 2
        for secret in (DU2, FULL, LIMITED, "x" * 20):
            assert secret not in str(lines())
