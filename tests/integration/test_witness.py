"""Every figure that is shown, by REST as JSON and CSV and by SQL, is the one that a second reader gets from the events.

For histories made by chance; the reader is in tests/witness.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import create_database, drop_database
from tests.serving import serving
from tests.witness import histories
from tests.witness.asking import Asker
from tests.witness.changes import compare_changes
from tests.witness.comparing import compare_limited, compare_rest
from tests.witness.events import read_events
from tests.witness.holdings import compare_positions
from tests.witness.ledgers import compare_ledgers, compare_tags
from tests.witness.money_views import compare_money_views
from tests.witness.overviews import compare_overviews
from tests.witness.snapshots import Witness
from tests.witness.stepped import compare_steps
from tests.witness.views import compare_views

FULL, LIMITED = "full-token-0123456789", "limited-token-0123456789"
DIFFERENT = "shown .*, expected "
VIEWS: tuple[Callable[[str, Witness], None], ...] = (compare_views, compare_money_views)
TABLES: tuple[Callable[[Asker, Witness], Awaitable[None]], ...] = (
    compare_ledgers,
    compare_tags,
    compare_positions,
    compare_changes,
    compare_overviews,
    compare_steps,
)
"""Resources that whoever may see one account gets as well, with what concerns that one."""
SEEDS = given(seed=st.integers(0, 2**32))


def examples(count: int) -> settings:
    """So many histories; each takes a database of its own, so what shrinking would find is not worth the minutes."""
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    return settings(max_examples=count, phases=phases, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def history(server_url: str, template: str, seed: int, hours: int) -> Iterator[str]:
    """A database that holds one."""
    name = f"witness_{os.getpid()}"
    url = create_database(server_url, name, template)
    try:
        histories.make(url, seed, hours)
        yield url
    finally:
        drop_database(server_url, name)


@asynccontextmanager
async def asking(url: str, account: str = "nobody") -> AsyncIterator[tuple[Asker, Asker]]:
    """Somebody who may see all, and somebody who may see one account."""
    async with serving(url, API_TOKENS=f"{FULL}@* {LIMITED}@{account}") as served:
        yield Asker(served, FULL), Asker(served, LIMITED)


@pytest.mark.slow
@examples(3)
@SEEDS
async def test_all_that_is_shown_is_what_the_events_say(server_url: str, template: str, seed: int) -> None:
    await compare(server_url, template, seed, hours=3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@examples(40)
@SEEDS
async def test_so_it_is_for_many_longer_histories(server_url: str, template: str, seed: int) -> None:
    await compare(server_url, template, seed, hours=8)


async def compare(server_url: str, template: str, seed: int, hours: int) -> None:
    with history(server_url, template, seed, hours) as url:
        await compare_all(url, Witness(read_events(url)))


async def compare_all(url: str, witness: Witness) -> None:
    for compare_view in VIEWS:
        compare_view(url, witness)
    mine = witness.snapshots[0].account if witness.snapshots else min(witness.accounts)
    async with asking(url, mine) as (full, limited):
        await compare_rest(full, witness)
        await compare_limited(limited, witness, mine)
        for compare_table in TABLES if witness.snapshots else ():
            await compare_table(full, witness)
            await compare_table(limited, witness.seen_by({mine}))


SPOILED = {
    "account_segment": "UPDATE accounts.account_segment SET net_liquidation = net_liquidation + 0.01",
    "account_ledger": "UPDATE accounts.account_ledger SET cash_balance = cash_balance * 1.0",
    "account_value": "UPDATE accounts.account_value SET value = value || '0'",
    "account_position": "UPDATE accounts.account_position SET average_cost = average_cost + 0.00000001",
    "account_attribute": "UPDATE accounts.account_attribute SET value = value || '.'",
    "contract": "UPDATE accounts.contract SET last_trade_date = last_trade_date || '1'",
    "account_snapshot": "UPDATE accounts.account_snapshot SET completed = completed + interval '1 microsecond'",
    "cushion": "UPDATE accounts.account_snapshot SET cushion = cushion + 0.000001",
    "ready": "UPDATE accounts.account_snapshot SET ready = NOT ready",
    "listed": "UPDATE accounts.gateway_account SET is_listed = NOT is_listed",
}
A_SEED = 3


@pytest.fixture(scope="module")
def sound(server_url: str, template: str) -> Iterator[tuple[str, Witness]]:
    """The name of a database that holds a history, and what the witness says of it."""
    with history(server_url, template, A_SEED, 3) as url:
        yield f"witness_{os.getpid()}", Witness(read_events(url))


async def test_all_that_one_history_shows_is_what_its_events_say(server_url: str, sound: tuple[str, Witness]) -> None:
    name, witness = sound
    assert witness.snapshots
    url = create_database(server_url, f"{name}_whole", name)
    try:
        await compare_all(url, witness)
    finally:
        drop_database(server_url, f"{name}_whole")


@pytest.mark.parametrize("what", SPOILED)
async def test_one_figure_that_is_wrong_is_found(server_url: str, sound: tuple[str, Witness], what: str) -> None:
    """In whichever table it is, by whichever way it is shown."""
    name, witness = sound
    url = create_database(server_url, f"{name}_spoiled", name)
    try:
        with psycopg.connect(url) as connection:
            assert (connection.execute(SPOILED[what]).rowcount or 0) > 0
        with pytest.raises(AssertionError, match=DIFFERENT):
            compare_views(url, witness)
        async with asking(url) as (asker, _):
            with pytest.raises(AssertionError, match=DIFFERENT):
                await compare_rest(asker, witness)
    finally:
        drop_database(server_url, f"{name}_spoiled")


NOTICE: dict[str, tuple[Callable[[Asker, Witness], Awaitable[None]], ...]] = {
    SPOILED["account_segment"]: (compare_overviews, compare_steps),
    SPOILED["account_ledger"]: (compare_ledgers, compare_changes),
    SPOILED["account_position"]: (compare_positions,),
    "DELETE FROM accounts.account_key WHERE tag = 'NetLiquidation'": (compare_tags,),
}
"""What is spoiled so that whoever compares these resources notices as well."""


@pytest.mark.parametrize("statement", NOTICE, ids=lambda statement: statement.split()[1])
async def test_it_is_found_in_each_table(server_url: str, sound: tuple[str, Witness], statement: str) -> None:
    name, witness = sound
    url = create_database(server_url, f"{name}_spoiled", name)
    try:
        with psycopg.connect(url) as connection:
            connection.execute(statement)
        async with asking(url) as (asker, _):
            for compare_table in NOTICE[statement]:
                with pytest.raises(AssertionError, match=DIFFERENT):
                    await compare_table(asker, witness)
    finally:
        drop_database(server_url, f"{name}_spoiled")
