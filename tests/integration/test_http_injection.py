"""SQL and lines of a log in the place of every parameter and header: no failure, nothing done, nothing forged.

Generated from the table of routes, so that a parameter that is added later is tried too.
"""

import asyncio
from collections.abc import Iterator
from itertools import product
from urllib.parse import quote

import orjson
import pytest

from ibconnect.http.resources.registry import ROUTES
from ibconnect.http.server.resource import Route
from tests.routes import values_of
from tests.serving import Served, admin, build_world, logged, serving, tell_gateway
from tests.waiting import DEADLINE_S

SQL = [
    "'",
    "''",
    '"',
    "\\",
    "' OR '1'='1",
    "' OR 1=1 --",
    "1 OR 1=1",
    "1; DROP TABLE public.stored_events; --",
    "'; DELETE FROM accounts.account; --",
    "'; COMMIT; DROP SCHEMA accounts CASCADE; --",
    "' UNION SELECT usename, passwd FROM pg_shadow --",
    "'||(SELECT pg_sleep(600))||'",
    "1); SELECT pg_sleep(600); --",
    "'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity; --",
    "'; COPY public.stored_events TO PROGRAM 'id'; --",
    "$$; SELECT 1; $$",
    "%s",
    "%(account)s",
    "{figure}",
    "{0.__class__.__mro__}",
    "E'\\x27'",
    "/**/OR/**/1=1",
    "\u02bc OR 1=1",
    "\uff07 OR 1=1",
    "NULL",
    "DEFAULT",
    "CURRENT_USER",
    "\x00' OR 1=1",
    "265598 OR 1=1",
    "2024-01-01T00:00:00Z' OR '1'='1",
]
LINES = [
    'x\r\n{"kind":"http_request","forged":1}',
    "x\n2026-01-01T00:00:00Z [error    ] forged",
    "x\r\rforged",
    "\x1b[2J\x1b[1;1Hforged",
    "x\u2028forged",
    "x\u0085forged",
    "\u202egnp.forged",
    '" 200 1 "-" "forged',
    "%0d%0aforged",
    "${jndi:ldap://forged}",
    "\ud800forged".encode("utf-8", "surrogatepass").decode("latin-1"),
]
HEADERS = ["User-Agent", "Referer", "Accept", "Cookie", "X-Forwarded-For", "Authorization", "If-None-Match", "Origin"]


def asked(route: Route, name: str, text: str) -> tuple[str, dict[str, str]]:
    """The target and headers of a request that is right but for the parameter ``name``."""
    place = next((each.place for each in route.parameters if each.name == name), "header")
    path = route.path
    for key, value in values_of(route).items():
        path = path.replace(f"{{{key}}}", quote(text if key == name else value, safe=""))
    required = {each.name: each.example[0] for each in route.parameters if each.required and each.repeated}
    query = {**required, **({name: text} if place == "query" else {})}
    lines = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    return f"{path}?{lines}" if lines else path, {name: text} if place == "header" else {}


def rows() -> Iterator[tuple[Route, str, str]]:
    """Each text in the place of each parameter of each route; in that of other headers the lines of a log."""
    for route in ROUTES:
        for parameter, text in product(route.parameters, SQL + LINES):
            yield route, parameter.name, text
    for route, header, text in product(ROUTES[:3], HEADERS, LINES):
        yield route, header, text


def in_tables(url: str) -> list[object]:
    """How much there is of what could be changed."""
    counted = ("stored_events", "account", "account_snapshot", "coordination.refresh_request")
    with admin(url) as connection:
        return [connection.execute(f"SELECT count(*) FROM {table}").fetchall() for table in counted]


async def send(port: int, target: str, headers: dict[str, str]) -> bytes:
    """The answer to a GET whose headers hold whatever they hold but line ends, which end a header for everybody."""
    lines = "".join(
        f"{name}: {value}\r\n" for name, value in headers.items() if "\n" not in value and "\r" not in value
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
        writer.write(request.encode("utf-8", "surrogatepass"))
        async with asyncio.timeout(DEADLINE_S):
            return await reader.read()
    finally:
        writer.close()


async def check(database_url: str, form: str, step: int) -> None:
    """Try one of so many rows, and other ones for each form of the log."""
    build_world(database_url, 2)
    with admin(database_url) as connection:
        tell_gateway(connection, connected=False)
    before, number = in_tables(database_url), 0
    async with serving(database_url, LOG_FORMAT=form, ACCESS_LOG="true") as served:
        port = int(served.url.rpartition(":")[2])
        with logged(log_format=form) as lines:
            for route, name, text in list(rows())[form == "console" :: step]:
                answer = await send(port, *asked(route, name, text))
                status = int(answer.split(b" ", 2)[1])
                assert status < 500, (route.path, name, text, answer)
                assert b"forged" not in answer.partition(b"\r\n\r\n")[0].replace(b"x%0D%0Aforged", b""), (name, text)
                number += 1
            reported = lines.text()
    assert number > 500
    assert in_tables(database_url) == before
    assert "Traceback" not in reported
    every = reported.split("\n")[:-1]
    if form == "json":
        kinds = [orjson.loads(line)["kind"] for line in every]
        # Nobody projects here, which is said when it has lasted.
        assert set(kinds) <= {"http_request", "http_refused", "nobody_projects"}
        assert not any("forged" in orjson.loads(line) for line in every)
    else:
        assert not any(line.lstrip().startswith(("forged", "gnp.forged")) for line in every)
        assert all(line.startswith(("20", "127.0.0.1 - ")) for line in every)
        assert all(line.isprintable() for line in every)


@pytest.mark.parametrize("form", ["json", "console"])
async def test_nothing_is_done_and_no_line_is_forged(database_url: str, form: str) -> None:
    """The step has no factor in common with the number of texts: each of them comes for some parameter of any route."""
    await check(database_url, form, 13)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("form", ["json", "console"])
async def test_so_it_is_of_each_text_in_each_place(database_url: str, form: str) -> None:
    await check(database_url, form, 2)


async def test_what_is_always_true_finds_no_more(served: Served) -> None:
    """Where a parameter takes any text, a condition in it is a text."""
    for name, path in (("account", "/v1/events"), ("AccountCode", "/v1/accounts/{}/snapshots")):
        for text in SQL:
            safe = quote(text, safe="")
            target = path.format(safe) if "{}" in path else f"{path}?{name}={safe}"
            async with served.client.get(f"{served.url}{target}", allow_redirects=False) as response:
                assert response.status in (200, 308, 400, 404), text
                if response.status == 200:
                    assert await response.read() == b"", text
