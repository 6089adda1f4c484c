"""A dashboard of another origin in a real browser: what CORS_ORIGINS lets it do, and what it does not."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import orjson
import pytest

from ibconnect.http.openapi.document import make_document
from ibconnect.http.resources.registry import RESOURCES
from ibconnect.http.server.cors import READABLE, SENDABLE
from tests import chromium
from tests.browser import Dashboard, dashboard
from tests.serving import DU1, GATEWAY, admin, at, build_world, serving, tell_gateway

TOKEN = "dashboard-token-0123456789"

# Everything that a dashboard may want: what it sends, and what it reads of the answer.
ASKED = """
const api = {url}, headers = {{ Authorization: "Bearer " + {token} }};
const get = async (path, more = {{}}, options = {{}}) => {{
  const response = await fetch(new URL(path, api), {{ headers: {{ ...headers, ...more }}, ...options }});
  const text = options.method === "HEAD" ? "" : await response.text();
  return {{ status: response.status, text, url: response.url, header: (name) => response.headers.get(name) }};
}};
const list = await get("/v1/accounts");
const etag = list.header("ETag");
const known = await get("/v1/accounts", {{ "If-None-Match": etag }});
const stored = await get("/v1/accounts", {{}}, {{ cache: "no-cache" }});
const report = await get("/v1/accounts/{account}");
// A page never sees what a redirect says beside its end.
const fresh = await get("/v1/accounts", {{ "Cache-Control": "max-age=0" }});
const required = await get("/v1/accounts/{account}", {{ Prefer: "respond-async" }});
const page = await get("/v1/accounts/{account}/snapshots?limit=2");
const next = await get(/<([^>]+)>; rel="next"/.exec(page.header("Link"))[1]);
const table = await get("/v1/accounts/{account}/snapshots?format=csv");
const arrow = await get("/v1/accounts/{account}/snapshots", {{ Accept: "application/vnd.apache.arrow.stream" }});
const head = await get("/v1/accounts", {{}}, {{ method: "HEAD" }});
const live = {{ Accept: "text/event-stream", "Last-Event-ID": "0" }};
const stream = await fetch(api + "/v1/events", {{ headers: {{ ...headers, ...live }} }});
const reader = stream.body.getReader();
const event = new TextDecoder().decode((await reader.read()).value).split("\\n")[0];
await reader.cancel();
const problems = [];
for (const [path, more] of [
  ["/v1/accounts/DU9", {{}}],
  ["/v1/accounts?colour=red", {{}}],
  ["/v1/accounts", {{ Authorization: "Bearer wrong-token-0123456789" }}],
  ["/v1/accounts", {{ Accept: "image/png" }}],
]) {{
  const answer = await get(path, more);
  problems.push([answer.status, JSON.parse(answer.text).type]);
}}
return {{
  codes: JSON.parse(list.text).map((account) => account.AccountCode),
  statuses: [known.status, stored.status, head.status],
  report: [report.status, JSON.parse(report.text).Timestamp, report.url.slice(api.length)],
  incomplete: fresh.header("Refresh-Incomplete"),
  required: [required.status, required.header("Retry-After")],
  pages: [JSON.parse(page.text), JSON.parse(next.text)],
  table: [table.text.split("\\r\\n")[0], table.header("Content-Disposition")],
  arrow: arrow.header("Content-Type"),
  event,
  problems,
}};
"""
# What a page may have asked that is not allowed to: nothing.
REFUSED = """
const seen = [];
for (const api of {url})
for (const headers of [{{}}, {{ Authorization: "Bearer " + {token} }}, {{ Accept: "text/csv" }}])
  for (const path of ["/v1/accounts", "/v1/accounts/{account}", "/v1/events", "/healthz", "/v1/openapi.json"])
    seen.push(await fetch(api + path, {{ headers }}).then((response) => response.status, (error) => error.name));
return seen;
"""


@pytest.fixture
async def board() -> AsyncIterator[Dashboard]:
    """A dashboard."""
    chromium.program()
    async with dashboard() as found:
        yield found


def script(template: str, url: str | list[str]) -> str:
    """A script for this server."""
    return template.format(url=orjson.dumps(url).decode(), token=orjson.dumps(TOKEN).decode(), account=DU1)


async def test_a_dashboard_elsewhere_reads_all_that_it_needs(database_url: str, board: Dashboard) -> None:
    """Another origin, and another site: of this machine's two names."""
    origin = f"http://localhost:{board.port}"
    build_world(database_url)
    with admin(database_url) as connection:
        tell_gateway(connection, connected=False)
    async with serving(database_url, API_TOKENS=f"{TOKEN}@*", CORS_ORIGINS=origin) as served:
        seen = await board.asks(origin, script(ASKED, served.url))
    assert seen == {
        "codes": ["DU1000001", "DU1000002", "DU1000003"],
        "statuses": [304, 200, 200],
        "report": [200, at(4), f"/v1/accounts/{DU1}/{at(4)}"],
        "incomplete": f"{GATEWAY}; unavailable: refused",
        "required": [503, "5"],
        "pages": [[at(4), at(3)], [at(2), at(1)]],
        "table": ["AccountCode,Timestamp", f'attachment; filename="{DU1}-snapshots.csv"'],
        "arrow": "application/vnd.apache.arrow.stream",
        "event": "retry: 1000",
        "problems": [
            [404, "urn:ibconnect:problem:unknown-account"],
            [400, "urn:ibconnect:problem:unknown-parameter"],
            [401, "urn:ibconnect:problem:token-refused"],
            [406, "urn:ibconnect:problem:not-acceptable"],
        ],
    }


def test_a_page_may_send_and_read_each_header_that_is_described() -> None:
    document = make_document(RESOURCES)
    operations = [each["get"] for each in document["paths"].values() if "get" in each]
    sent = {each["name"] for operation in operations for each in operation["parameters"] if each["in"] == "header"}
    answers = [answer for operation in operations for answer in operation["responses"].values()]
    assert sent <= set(SENDABLE)
    assert {name for answer in answers for name in answer.get("headers", {})} <= set(READABLE)


async def test_a_page_of_no_such_origin_reads_nothing(world_url: str, board: Dashboard) -> None:
    allowed, other = f"http://localhost:{board.port}", f"http://127.0.0.1:{board.port}"
    async with AsyncExitStack() as stack:
        servers = [
            serving(world_url, **settings, **tokens)
            for settings in ({"CORS_ORIGINS": allowed}, {})
            for tokens in ({"API_TOKENS": f"{TOKEN}@*"}, {})
        ]
        urls = [(await stack.enter_async_context(server)).url for server in servers]
        assert await board.asks(other, script(REFUSED, urls)) == ["TypeError"] * 15 * len(urls)
