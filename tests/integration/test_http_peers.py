"""Asking another instance whether it has Postgres: real servers, right, wrong, slow and hostile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from ibconnect.cluster.peers import Peers
from ibconnect.cluster.probe import PATIENCE_S, asking
from ibconnect.cluster.quorum import STEP_DOWN_S
from ibconnect.cluster.registry import Registry
from ibconnect.database.pools import connect
from ibconnect.http.app import create_app, serve
from tests.serving import settings
from tests.waiting import DEADLINE_S, until

RIGHT = '{"Alive":true,"Instance":"bert","DatabaseSeconds":12.5}'


@asynccontextmanager
async def answering(text: str, status: int = 200, delay: float = 0.0, **headers: str) -> AsyncIterator[str]:
    """A server whose /healthz answers this; its address."""

    async def health(_: web.Request) -> web.Response:
        await asyncio.sleep(delay)
        return web.Response(text=text, status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/healthz", health)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield "{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


async def asked(text: str, status: int = 200, delay: float = 0.0, **headers: str) -> float | None:
    async with answering(text, status, delay, **headers) as address, asking() as ask:
        return await ask("bert", address)


@pytest.mark.parametrize("seconds", [0, 12.5])
async def test_an_instance_says_for_how_long_it_has_had_postgres(seconds: float) -> None:
    app = create_app(settings("postgresql://nowhere/x", INSTANCE="bert"), lambda: seconds)
    async with serve(app, ["127.0.0.1"], 0) as site, asking() as ask:
        host, port = site.bound[0]
        assert await ask("bert", f"{host}:{port}") == seconds
        assert await ask("anna", f"{host}:{port}") is None


@pytest.mark.parametrize(
    "text",
    [
        RIGHT.replace("bert", "carl"),
        '{"Alive":true}',
        RIGHT.replace("12.5", '"12.5"'),
        RIGHT.replace("12.5", "null"),
        RIGHT.replace("12.5", "true"),
        RIGHT.replace("12.5", "-1"),
        "[1]",
        "It works!",
        "",
        RIGHT + " " * 5000,
    ],
)
async def test_what_is_not_its_answer_is_none(text: str) -> None:
    assert await asked(text) is None


async def test_only_an_answer_in_time_and_from_there_counts() -> None:
    assert await asked(RIGHT) == 12.5
    assert await asked(RIGHT, status=503) is None
    assert await asked(RIGHT, **{"Content-Encoding": "br"}) == 12.5, "nothing is unpacked, whatever it says to be"
    async with answering(RIGHT) as elsewhere:
        assert await asked(RIGHT, status=302, Location=f"http://{elsewhere}/healthz") is None
    async with asyncio.timeout(DEADLINE_S):
        assert await asked(RIGHT, delay=3600.0) is None, "nobody waits an hour"
    assert PATIENCE_S < STEP_DOWN_S, "a leader that asks has the answer before it must step down"


@pytest.mark.parametrize("address", ["127.0.0.1", "nothing", "", "127.0.0.1:99999", "[fe80::1%no]:3000", "a b:1"])
async def test_an_address_that_leads_nowhere_is_none(address: str) -> None:
    async with asking() as ask:
        assert await ask("bert", address) is None


async def test_nobody_listens() -> None:
    async with asking() as ask:
        assert await ask("bert", f"127.0.0.1:{unused_port()}") is None


async def test_no_proxy_of_the_environment_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    assert await asked(RIGHT) == 12.5


async def test_instances_learn_where_the_others_can_be_asked(database_url: str, tmp_path: Path) -> None:
    anna, bert, old = Peers(), Peers(), Peers()
    anna.bound, bert.bound = [("0.0.0.0", 3000)], [("10.0.0.7", 3001)]
    meeting = [
        Registry(database_url, name, ["gateway"], 1, peers)
        for name, peers in (("anna", anna), ("bert", bert), ("old", old))
    ]
    running = [asyncio.create_task(each.run()) for each in meeting]
    try:
        await until(lambda: all(len(each.peers.known) == 2 for each in meeting), "all know of one another")
        assert anna.known == {"bert": "10.0.0.7:3001", "old": None}
        assert bert.known == {"anna": "127.0.0.1:3000", "old": None}, "connected by a Unix socket, so on this machine"
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for each in meeting:
            await each.leave()
    with connect(database_url, name="test") as connection:
        assert connection.execute("SELECT count(*) FROM coordination.instance").fetchone() == (0,)


async def test_a_servers_clock_that_steps_makes_nobody_a_stranger(database_url: str) -> None:
    """As if it had stepped forward by an hour after each beat: all that is seen of a beat is that it is a new one."""
    with connect(database_url, name="test") as connection:
        connection.execute(
            """
            CREATE FUNCTION coordination.dated() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.heartbeat := NEW.heartbeat - interval '1 hour'; RETURN NEW; END $$
            """
        )
        connection.execute(
            """
            CREATE TRIGGER dated BEFORE INSERT OR UPDATE ON coordination.instance
            FOR EACH ROW EXECUTE FUNCTION coordination.dated()
            """
        )
    meeting = [Registry(database_url, name, ["gateway"], 1) for name in ("anna", "bert")]
    running = [asyncio.create_task(each.run()) for each in meeting]
    try:
        await until(lambda: all(each.has_peers for each in meeting), "they know of one another")
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for each in meeting:
            await each.leave()
