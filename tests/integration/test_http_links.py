"""Where answers lead: absolute URLs that no stranger can choose, over real sockets, byte by byte.

What a request says of its host comes from whoever sends it, and what stands in ``Location`` is where the client goes
next, its token included.
"""

import re
from collections.abc import AsyncIterator
from itertools import product

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.config import load
from ibconnect.errors import ConfigError
from ibconnect.http.openapi.document import make_document
from ibconnect.http.resources.registry import RESOURCES
from ibconnect.http.server.links import is_plain
from tests.serving import DU1, PROBLEM, Served, at, raw, serving

# Every way in which an answer leads elsewhere: path, and what is sent with it.
LEADING = {
    "303": f"/v1/accounts/{DU1}",
    "as-of": f"/v1/accounts/{DU1}/as-of/{at(2)}",
    "home": "/",
    "slash": f"/v1/accounts/{DU1}/",
    "slash and query": "/v1/accounts/?refresh=required",
    "page of a list": f"/v1/accounts/{DU1}/snapshots?limit=1",
    "page of a history": f"/v1/accounts/{DU1}/history?tag=Cushion&step=1h",
}


async def head(served: Served, target: str | bytes, *lines: bytes, version: bytes = b"1.1") -> bytes:
    """The head of the answer to a GET of ``target`` with these lines."""
    target = target.encode() if isinstance(target, str) else target
    sent = b"GET %b HTTP/%b\r\n%bConnection: close\r\n\r\n" % (target, version, b"".join(b"%b\r\n" % x for x in lines))
    return (await raw(served, sent)).partition(b"\r\n\r\n")[0]


def leads_to(answer: bytes) -> str:
    """Where it leads."""
    found = re.search(rb"\r\n(?:Location: |Link: <)([^>\r]+)", answer)
    assert found is not None, answer
    return found[1].decode()


@pytest.fixture(autouse=True)
def pages_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a history has a next page."""
    monkeypatch.setattr("ibconnect.http.resources.series_points.POINTS_MAX", 2)


@pytest.fixture
async def anywhere(world_url: str) -> AsyncIterator[Served]:
    """A server that answers under any name."""
    async with serving(world_url, ALLOW_ANONYMOUS="true", HOST="0.0.0.0") as served:
        yield Served(served.url.replace("0.0.0.0", "127.0.0.1"), served.client, served.app)


@pytest.fixture
async def public(world_url: str) -> AsyncIterator[Served]:
    """The same, with a public URL below a path."""
    async with serving(
        world_url, ALLOW_ANONYMOUS="true", HOST="0.0.0.0", PUBLIC_URL="https://records.example.com:8443/ib/v0/"
    ) as served:
        yield Served(served.url.replace("0.0.0.0", "127.0.0.1"), served.client, served.app)


PROTOS = {
    b"https": "https",
    b"HTTPS": "https",
    b"https, http": "https",
    b"http": "http",
    b"gopher": "http",
    b"javascript:alert(1)//": "http",
    b"https://evil.example/": "http",
    b"": "http",
}


async def test_without_a_public_url_the_host_and_the_proxys_scheme_lead(anywhere: Served) -> None:
    hosts = ("records.example.com", "records.example.com:8443", "10.0.0.1", "[2001:db8::1]:3000")
    for what, host, (proto, scheme) in product(LEADING, hosts, PROTOS.items()):
        if host == hosts[0] or proto == b"https":
            lines = (b"Host: " + host.encode(), b"X-Forwarded-Proto: " + proto)
            to = leads_to(await head(anywhere, LEADING[what], *lines))
            assert to.startswith(f"{scheme}://{host}/"), (what, proto)


async def test_with_a_public_url_nothing_else_leads(public: Served) -> None:
    odd = (b"X-Forwarded-Proto: http", b"X-Forwarded-Host: evil.example", b"Forwarded: host=evil.example;proto=http")
    for what, path in LEADING.items():
        for host in (b"evil.example", b"localhost:1"):
            to = leads_to(await head(public, path, b"Host: " + host, *odd))
            assert to.startswith("https://records.example.com:8443/ib/v0/"), what
            assert "evil" not in to
    assert leads_to(await head(public, "/docs///", b"Host: x")) == "https://records.example.com:8443/ib/v0/docs"


async def test_no_other_header_leads_anywhere(anywhere: Served) -> None:
    lines = [
        b"Host: good.example",
        *(
            name + b": evil.example"
            for name in (b"X-Forwarded-Host", b"X-Host", b"X-Original-URL", b"X-Rewrite-URL", b"X-HTTP-Host-Override")
        ),
        b"Forwarded: host=evil.example;proto=https",
        b"X-Forwarded-Prefix: //evil.example",
        b"Referer: https://evil.example/",
        b"Origin: https://evil.example",
    ]
    for what, path in LEADING.items():
        answer = await head(anywhere, path, *lines)
        assert leads_to(answer).startswith("http://good.example/"), what
        assert b"evil" not in answer, what


async def test_the_description_names_the_public_url(public: Served, served: Served) -> None:
    for server, url in ((public, "https://records.example.com:8443/ib/v0"), (served, "/")):
        async with server.get("/v1/openapi.json") as response:
            document = await response.json()
        assert document["servers"] == [{"url": url}]
        assert document == orjson.loads(orjson.dumps(make_document(RESOURCES, url)))


async def test_the_page_to_try_asks_only_below_where_it_is(served: Served) -> None:
    """A proxy may show it below a path of its own."""
    for name in ("/docs", "/docs/docs.js", "/docs/docs.css"):
        async with served.get(name) as response:
            text = await response.text()
        assert re.findall(r"""(?:href|src)="/|fetch\(["'`]/|url\(/""", text) == [], name


# None of these is a host, or a host and a port; a browser or a cache may read each in a way of its own.
NO_HOSTS = [
    b"",
    b" ",
    b"a b",
    b"good.example evil.example",
    b"good.example,evil.example",
    b"user@good.example",
    b"user:pw@good.example:80",
    b"good.example:",
    b"good.example:0",
    b"good.example:65536",
    b"good.example:99999",
    b"good.example:80:80",
    b"good.example:-1",
    b"good.example:8a",
    b"good.example:\xd9\xa3",
    b":80",
    b"http://good.example",
    b"//good.example",
    b"good.example/",
    b"good.example/path",
    b"good.example?x",
    b"good.example#x",
    b"good.example\\evil.example",
    b"good.example%2eevil.example",
    b"good.example%00",
    b"good.example;evil.example",
    b"<script>",
    b'"good.example"',
    b"..",
    b".good.example",
    b"-good.example",
    b"good..example",
    b"g\xc3\xb6\xc3\xb6d.example",
    b"good\xff.example",
    b"a" * 254,
    b"::1",
    b"[::1",
    b"::1]",
    b"[::1]80",
    b"[::1]:",
    b"[::1]:0",
    b"[::1]:65536",
    b"[::g]",
    b"[1.2.3.4]",
    b"[]",
    b"[fe80::1%25eth0]",
    b"[v1.x]",
    b"[::1][::2]",
    b"1.2.3.4.5",
    b"1.2.3.256",
    b"0x7f.1",
]


async def test_a_host_that_is_none_is_refused_on_every_route(anywhere: Served, public: Served) -> None:
    paths = (*LEADING.values(), "/healthz", f"/v1/accounts/{DU1}/{at(1)}", "/nothing/")
    for number, (served, host) in enumerate(product((anywhere, public), NO_HOSTS)):
        for path in paths if number % 10 == 0 else paths[number % 3 :: 3]:
            answer = await raw(served, b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (path.encode(), host))
            assert answer.startswith(b"HTTP/1.1 400 "), (path, answer)
            assert PROBLEM.encode() in answer
            assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "urn:ibconnect:problem:bad-host"
            assert b"\r\nLocation" not in answer


async def test_several_hosts_are_refused(anywhere: Served) -> None:
    for version, second in product((b"1.0", b"1.1"), (b"good.example", b"evil.example", b"")):
        for lines in ((b"Host: good.example", b"Host: " + second), (b"Host: " + second, b"hOST: good.example")):
            answer = await head(anywhere, LEADING["303"], *lines, version=version)
            assert re.match(rb"HTTP/1\.[01] 400 ", answer), answer


TARGETS = [
    (b"http://good.example/docs", b"good.example", 200),
    (b"http://GOOD.example:80/docs", b"good.example", 200),
    (b"https://good.example/docs", b"good.example:443", 200),
    (b"http://good.example:81/docs", b"good.example", 400),
    (b"http://evil.example/docs", b"good.example", 400),
    (b"http://good.example@evil.example/docs", b"good.example", 400),
    (b"http://evil.example@good.example/docs", b"good.example", 400),
    (b"ftp://good.example/docs", b"good.example", 400),
    (b"javascript://good.example/docs", b"good.example", 400),
    (b"http:/docs", b"good.example", 400),
    (b"http:///docs", b"good.example", 400),
    (b"http://[::1/docs", b"[::1]", 400),
    (b"docs", b"good.example", 400),
    (b"*", b"good.example", 400),
    (b"good.example:80", b"good.example", 400),
]


async def test_a_target_is_a_path_or_a_url_of_this_host(anywhere: Served) -> None:
    for target, host, status in TARGETS:
        answer = await head(anywhere, target, b"Host: " + host)
        assert re.match(rb"HTTP/1\.[01] %d " % status, answer), (target, answer)
        if status != 200:
            continue
        slashed = await head(anywhere, target + b"/", b"Host: " + host)
        assert re.search(rb"\r\nLocation: http://good\.example(:\d+)?/docs\r\n", slashed), slashed


async def test_a_target_of_another_host_is_no_way_around_the_check_of_names(served: Served) -> None:
    """Without tokens only this machine's names are answered; a target in full must not bring another one in."""
    for target, host in ((b"http://localhost/v1/accounts", b"evil.example"), (b"http://evil.example/", b"localhost")):
        answer = await head(served, target, b"Host: " + host)
        assert answer.startswith(b"HTTP/1.1 400 "), answer
    answer = await raw(served, b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\nGET /docs HTTP/1.1\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 400 ") == 1


async def test_http_1_0_needs_no_host_and_is_led_to_where_it_came(anywhere: Served) -> None:
    assert leads_to(await head(anywhere, "/docs/", version=b"1.0")) == f"{anywhere.url}/docs"
    assert leads_to(await head(anywhere, "/docs/", b"Host: good.example", version=b"1.0")) == "http://good.example/docs"
    assert b" 400 " in await head(anywhere, "/docs/", b"Host: a b", version=b"1.0")
    assert b" 400 " in await head(anywhere, "/docs/")


VERSIONS = [
    b"GET /healthz\r\n",
    b"GET /healthz\r\nHost: localhost\r\n\r\n",
    b"GET /\n",
    *(
        b"GET /healthz HTTP/%b\r\nHost: localhost\r\n\r\n" % version
        for version in (b"0.9", b"0.0", b"1.2", b"1.9", b"1.10", b"01.1", b"1", b"2", b"2.0", b"3", b"9.9", b"1.1x")
    ),
    b"GET /healthz http/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz HTTPS/1.1\r\nHost: localhost\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
]


async def test_other_versions_of_http_are_refused(served: Served) -> None:
    for request_ in VERSIONS:
        end = b"\r\n" if request_.endswith(b"healthz\r\n") or request_ == b"GET /\n" else b""
        answer = await raw(served, request_ + end)
        first, _, body = answer.partition(b"\r\n\r\n")
        assert re.match(rb"HTTP/1\.[01] 400 ", first), answer
        assert re.search(rb"(?i)\r\nconnection: close", first) or first.startswith(b"HTTP/1.0"), (
            "the end of the connection"
        )
        assert orjson.loads(body)["type"] == "urn:ibconnect:problem:bad-request"
        assert b"Alive" not in answer


LABEL = st.from_regex(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,20}[A-Za-z0-9_])?", fullmatch=True)
NAMES = st.lists(LABEL, min_size=1, max_size=4).map(".".join).filter(lambda name: not re.match(r"[\d.]+\Z|0[xX]", name))
HOSTS = NAMES | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda address: f"[{address}]")


@settings(max_examples=50)
@given(host=HOSTS, port=st.none() | st.integers(-1, 70000))
def test_what_a_host_is(host: str, port: int | None) -> None:
    assert is_plain(host if port is None else f"{host}:{port}") == (port is None or 1 <= port <= 65535)


@given(st.text(max_size=30) | st.text("[]:.@/%-az09 \t\\,", max_size=12))
def test_what_passes_for_a_host_can_carry_nothing_else(text: str) -> None:
    if is_plain(text):
        assert re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]+)?", text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://records.example.com", "https://records.example.com"),
        (" https://records.example.com/ ", "https://records.example.com"),
        ("http://localhost:3000/ib/connect//", "http://localhost:3000/ib/connect"),
        ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
        ("", ""),
    ],
)
def test_a_public_url_is_kept_without_its_last_slash(text: str, url: str) -> None:
    assert load({"PUBLIC_URL": text}).public_url == url


@settings(max_examples=100)
@given(st.text(max_size=20) | st.text(st.sampled_from("ab./:@?#%[]\\ \r\n0"), max_size=20))
def test_a_public_url_that_is_taken_leads_to_its_host_and_nowhere_else(rest: str) -> None:
    for text in (rest, f"https://good.example{rest}", f"https://good.example/{rest}"):
        try:
            url = load({"PUBLIC_URL": text}).public_url
        except ConfigError as exc:
            assert "PUBLIC_URL" in str(exc)
            continue
        assert url == "" or re.fullmatch(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d+)?(/[\w.~-]+)*", url, re.A)
        assert "/../" not in f"{url}/"
        if text.startswith("https://good.example/"):
            assert url == "https://good.example" or url.startswith("https://good.example/")
