"""Where sessions are kept: what goes on while Postgres is away, who may read them, how many there are of one token."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from urllib.parse import urlsplit

import aiohttp
import psycopg
import pytest

from ibconnect.database.pools import connect
from ibconnect.http.app import SERVICES
from ibconnect.http.server.limits import SESSIONS_PER_TOKEN
from ibconnect.http.server.signed_in import COOKIE, SignedIn
from ibconnect.times import utc_now
from tests.roles import attacking, install
from tests.serving import DU1, Served, admin, at, build_world, serving
from tests.waiting import until

TOKEN = "full-token-0123456789"
OURS = {"Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def served_with_token(url: str) -> AsyncIterator[Served]:
    async with serving(url, API_TOKENS=f"{TOKEN}@*;name=office") as server:
        yield server


async def sign_in(served: Served) -> tuple[int, dict[str, str]]:
    """Status, and the headers of somebody who has signed in."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client,
        client.post(f"{served.url}/v1/session", json={"Token": TOKEN}, headers=OURS) as got,
    ):
        return got.status, {**OURS, "Cookie": got.headers.get("Set-Cookie", "").partition(";")[0]}


async def status(served: Served, path: str, headers: dict[str, str]) -> int:
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client,
        client.get(served.url + path, headers=headers) as got,
    ):
        return got.status


@contextmanager
def shut(server_url: str, url: str) -> Iterator[None]:
    """Nobody gets at a database while the context lasts."""
    name = urlsplit(url).path.lstrip("/")
    with connect(server_url, name="test") as postgres:
        postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


async def test_sessions_that_were_seen_go_on_while_postgres_is_away(server_url: str, database_url: str) -> None:
    build_world(database_url, 1)
    async with served_with_token(database_url) as served:
        report = f"/v1/accounts/{DU1}/{at(0)}"
        (_, seen), (_, unseen) = await sign_in(served), await sign_in(served)
        # As another instance has it, which has signed nobody in.
        served.app[SERVICES].guard.signed_in._seen.popitem(last=True)  # type: ignore[union-attr]
        assert await status(served, report, seen) == 200
        with shut(server_url, database_url):

            async def is_away() -> bool:
                return await status(served, "/v1/accounts", {"Authorization": f"Bearer {TOKEN}"}) == 503

            await until(is_away, "Postgres is away")
            assert await status(served, report, seen) == 200, "what is kept is answered as to a token"
            assert await status(served, "/v1/session", seen) == 200
            assert await status(served, report, unseen) == 503, "nobody can tell: that is no end of a session"
            assert (await sign_in(served))[0] == 503

        async def is_back() -> bool:
            return await status(served, report, unseen) == 200

        await until(is_back, "Postgres is back")
        assert await status(served, report, seen) == 200


async def test_who_may_read_and_write_them(empty_database_url: str) -> None:
    install(empty_database_url)
    for role in ("reader", "backup", "recorder"):
        with attacking(empty_database_url, role) as connection:
            tried = [
                ("SELECT key, token FROM coordination.web_session", ("backup", "recorder")),
                ("DELETE FROM coordination.web_session", ("recorder",)),
                ("UPDATE coordination.web_session SET expires = 'infinity'", ("recorder",)),
                ("INSERT INTO coordination.web_session VALUES ('', '', '', now(), now(), now())", ("recorder",)),
            ]
            for statement, may in tried:
                if role in may:
                    connection.execute(statement)
                else:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(statement)


async def test_a_token_has_so_many_sessions_those_used_last(database_url: str) -> None:
    async with served_with_token(database_url) as served:
        with admin(database_url) as connection:
            connection.execute(
                """
                INSERT INTO coordination.web_session (key, token, name, used, expires)
                SELECT number::text::bytea, %s, 'office', now() - make_interval(mins => number), now() + interval '1 h'
                FROM generate_series(1, %s) AS number
                """,
                (sha256(TOKEN.encode()).digest(), SESSIONS_PER_TOKEN + 20),
            )
            code, cookie = await sign_in(served)
            assert (code, await status(served, "/v1/session", cookie)) == (201, 200)
            counted = connection.execute("SELECT count(*), max(length(key)) FROM coordination.web_session").fetchone()
            assert counted == (SESSIONS_PER_TOKEN, 32)
            left = connection.execute(
                "SELECT count(*) FROM coordination.web_session WHERE key = %s", (str(SESSIONS_PER_TOKEN).encode(),)
            ).fetchone()
            assert left == (0,)


def test_memory_is_bounded_and_nothing_made_up_gets_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.server.signed_in.SESSIONS_KEPT", 10)
    known = SignedIn()
    known.learn([b"made up"], [])
    assert not known.is_known(b"made up")
    for number in range(30):
        known.learn([b"%d" % number], [(b"%d" % number, b"token", utc_now(), 60.0)])
    assert [number for number in range(30) if known.is_known(b"%d" % number)] == list(range(20, 30))


@pytest.mark.parametrize("cookie", ["", "x", "é", "a" * 42, "a" * 44, "a" * 43 + '"', "a=b", "\x00" * 43])
async def test_what_is_no_secret_is_not_looked_up(world_url: str, cookie: str) -> None:
    async with served_with_token(world_url) as served:
        headers = {**OURS, "Cookie": f"{COOKIE}={cookie}; {COOKIE}x={'a' * 43}"} if "\x00" not in cookie else OURS
        assert await status(served, "/v1/accounts", headers) == 401
        assert not served.app[SERVICES].sessions._wanted
