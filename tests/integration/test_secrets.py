"""What a real Postgres repeats of a secret reaches nobody: no error, no log line, no answer, whatever way it takes."""

import asyncio
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from ibconnect.cluster.lease import Lease
from ibconnect.config import load
from ibconnect.database import discreet
from ibconnect.database.pools import connect, parameters
from ibconnect.errors import DatabaseError
from ibconnect.http.app import SERVICES
from ibconnect.http.resources.progress import Progress
from tests.paths import ROOT
from tests.serving import logged, serving, until

PIECE = 4
SECRET = "h7Wq-Xq9zW2v"
TOKEN = "k9Zp-Vb8jQ3x_Yw5mNd"
# Each makes Postgres or libpq say what it was given.
REPEATED = [
    f"options=-c%20statement_timeout%3D{SECRET}",
    f"options=--{SECRET}",
    f"options={SECRET}",
    f"options=-c%20{SECRET}.x%20{SECRET}",
    f"options=password%3D{SECRET}",
    f"service={SECRET}",
    f"require_auth={SECRET}",
    f"requirepeer={SECRET}",
    f"client_encoding={SECRET}",
    f"replication={SECRET}",
    f"dbname=postgresql://u:{SECRET}@h/d",
    f"user=u:{SECRET}",
]


def has_pieces(text: str, secret: str = SECRET, beside: str = "") -> list[str]:
    """The pieces of a secret in a text, but for those that are there anyway."""
    pieces = {secret[place : place + PIECE] for place in range(len(secret) - PIECE + 1)}
    # A blank, a quotation mark and the backslash of a line end stand beside shorter pieces as well.
    pieces = {piece for piece in pieces if not {*" '\\"}.intersection(piece)}
    return sorted(piece for piece in pieces if piece in text and piece not in beside)


def told(exc: BaseException) -> str:
    """Everything that can be got out of an error, as ``ERR_INFO`` and a log would show it, and more."""
    lines = ["".join(traceback.format_exception(exc))]
    each: BaseException | None = exc
    while each is not None:
        lines += [str(each), repr(each), repr(each.args)]
        each = each.__cause__ or each.__context__
    return "\n".join(lines)


async def test_what_postgres_repeats_is_in_no_error(server_url: str) -> None:
    for query in REPEATED:
        url = load({"DB_URL": f"{server_url}&{query}"}).db_url
        for attempt in (
            asyncio.to_thread(connect, url, name="test"),
            discreet.AsyncConnection[TupleRow].connect(**parameters(url, name="test")),
            Lease(url, "127.0.0.1:1").reach(),
        ):
            with pytest.raises((psycopg.Error, DatabaseError)) as caught:
                await attempt
            said = told(caught.value)
            assert has_pieces(said) == [], query
            assert "***" in said, query


@pytest.mark.parametrize("query", [REPEATED[0], REPEATED[5]])
async def test_what_postgres_repeats_is_in_no_answer_and_no_line(server_url: str, query: str) -> None:
    url = load({"DB_URL": f"{server_url}&{query}"}).db_url
    with logged("debug") as lines:
        async with serving(url, ERR_INFO="true", API_TOKENS=TOKEN, ACCESS_LOG="true", LOG_FORMAT="json") as served:
            services = served.app[SERVICES]
            for pool in (services.pool, services.scans.pool, services.part(Progress).pool):
                pool.timeout = 0.1
            for path in ("/v1/accounts", "/v1/events", "/readyz", "/healthz", "/metrics", "/v1/openapi.json"):
                async with served.get(path, headers={"Authorization": f"Bearer {TOKEN}"}) as response:
                    said = f"{response.headers} {await response.text()}"
                    assert has_pieces(said) == has_pieces(said, TOKEN) == [], path
            await until(lambda: any(line["kind"] == "database_lost" for line in lines()), "it is told")
        text = lines.text()
    assert has_pieces(text) == has_pieces(text, TOKEN) == []
    assert "***" in text


OPTIONS = st.text("abcXYZ0189-_=:/.,@+ \\'", min_size=PIECE, max_size=20).filter(str.strip)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=OPTIONS)
@example("-c statement_timeout=hunter2")
@example("hunt\\ er2=xyz")
@example("--xyz=a=b=hunter2")
@example("hunter2:\\\\xyz")
@example("two\\ words\\\\of hunter2\\")
@example("-chunter2")
@example("-c 'quoted hunter2'")
def test_no_options_are_repeated(server_url: str, secret: str) -> None:
    with pytest.raises(DatabaseError) as known:
        connect(f"{server_url}&options=x", name="test")
    try:
        url = load({"DB_URL": f"{server_url}&options={quote(secret)}"}).db_url
        connect(url, name="test").close()
    except DatabaseError as exc:
        assert has_pieces(told(exc), secret, beside=told(known.value)) == []


def test_every_connection_is_a_discreet_one() -> None:
    """But for those to the embedded server, whose URL this program makes, and which holds no secret."""
    sources = {path: path.read_text(encoding="utf-8") for path in _sources()}
    ways = ("psycopg.connect(", "psycopg.Connection.connect(", " AsyncConnection.connect(", " Connection.connect(")
    found = [path.name for path, text in sources.items() if any(way in text for way in ways)]
    assert found == ["cluster.py"]
    assert sum("discreet." in text for text in sources.values()) >= 6


def _sources() -> Iterator[Path]:
    yield from (ROOT / "ibconnect").rglob("*.py")
