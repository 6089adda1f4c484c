"""What a real recorder makes of simulated gateways: all that is shown is what a second reader gets from the events.

Two gateways show one login; accounts trade, change their base currency and close; downloads end in silence, are cut
off, reset, or have to be asked for in another way. The reader is in tests/witness.
"""

import random
from pathlib import Path

import aiohttp
import psycopg
import pytest

from ibconnect.config import load
from ibconnect.service.process import running
from ibconnect.simulator import Gateway, Scenario
from tests.projecting import project
from tests.serving import serving
from tests.waiting import until
from tests.witness.asking import Asker
from tests.witness.comparing import compare_rest
from tests.witness.events import read_events
from tests.witness.histories import CURRENCIES
from tests.witness.snapshots import Witness
from tests.witness.views import compare_views

pytestmark = pytest.mark.with_tables

FAULTS = (
    ("account-not-ready", {"count": 2}),
    ("no-end", {}),
    ("unset", {"skip": 40, "count": 5}),
    ("missing-field", {"skip": 30}),
    ("foreign-account", {}),
    ("non-utf8", {"skip": 20}),
    ("subscription-held", {"seconds": 1.0}),
    ("connectivity", {"seconds": 0.5}),
)


def change_something(chance: random.Random, login: Scenario, gateways: list[Gateway]) -> None:
    """What happens between two refreshes."""
    world = login.world
    gateways[0].advance(20)
    world.trade_something(chance.choice(world.clients()))
    if chance.random() < 0.5:
        world.account(chance.choice(list(world.accounts))).base = chance.choice(CURRENCIES)
    if chance.random() < 0.3 and len(world.clients()) > 1:
        world.close_account(chance.choice(world.clients()).code)
        world.open_account(2)
    for gateway in gateways:
        gateway.publish()
        name, parameters = chance.choice(FAULTS)
        gateway.inject(name, **parameters)


async def live(url: str, folder: Path, chance: random.Random, rounds: int, *, is_pinned: bool) -> None:
    """Record so many refreshes of two gateways with one login."""
    login = Scenario(seed=chance.randrange(1000), accounts=2, positions=4, activity=60.0)
    async with Gateway(login, speed=0.01) as one, Gateway(login, speed=0.01) as two, aiohttp.ClientSession() as client:
        codes = list(login.codes())
        pins = (f"@{','.join(codes)}", f"@{codes[0]}") if is_pinned else ("", "")
        named = ",".join(f"127.0.0.1:{gateway.port}{pin}" for gateway, pin in zip((one, two), pins, strict=True))
        quick = {"QUIET_TIME": "0.3", "DOWNLOAD_TIMEOUT": "3", "REFRESH_FLOOR": "0", "REFRESH_TIMEOUT": "60"}
        ours = {"DB_URL": url, "DATA_DIR": str(folder), "PORT": "0", "HOST": "127.0.0.1", "IB_GW": named}
        async with running(load({**ours, **quick})) as service:
            for number in range(rounds):
                await refreshed(client, service.urls[0], url, 2 * (number + 1))
                change_something(chance, login, [one, two])


async def refreshed(client: aiohttp.ClientSession, root: str, url: str, count: int) -> None:
    """Ask for newer figures until so many refreshes have ended."""

    async def have_ended() -> bool:
        async with client.get(f"{root}/v1/accounts", headers={"Cache-Control": "max-age=0"}) as response:
            assert response.status in (200, 503), await response.text()
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM stored_events WHERE topic = 're'").fetchone()
        return row is not None and row[0] >= count

    await until(have_ended, f"{count} refreshes")


@pytest.mark.parametrize("is_pinned", [False, True], ids=["owned by the first", "pinned to both"])
async def test_all_that_is_shown_is_what_gateways_sent(database_url: str, tmp_path: Path, is_pinned: bool) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    await compare(database_url, tmp_path, random.Random(seed), 3, is_pinned=is_pinned)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_so_it_is_in_longer_histories(database_url: str, tmp_path: Path, seed: int) -> None:
    await compare(database_url, tmp_path, random.Random(seed), 12, is_pinned=seed % 2 == 0)


async def compare(url: str, folder: Path, chance: random.Random, rounds: int, *, is_pinned: bool) -> None:
    await live(url, folder, chance, rounds, is_pinned=is_pinned)
    project(url)
    witness = Witness(read_events(url))
    assert len(witness.snapshots) >= rounds
    compare_views(url, witness)
    async with serving(url) as served:
        await compare_rest(Asker(served), witness)
