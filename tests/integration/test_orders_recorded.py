"""From a simulated gateway's socket to the tables: what was sent is recorded, and the tables are what the books say."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ibconnect.projections.engine.rebuild import rebuild
from ibconnect.projections.orders.projection import ORDERS
from ibconnect.simulator import Gateway, Scenario
from tests.collecting import of_number
from tests.orders import project, read_tables, rows
from tests.recording import recording
from tests.waiting import until

STATES = """
    SELECT perm_id, ordinal, status, filled, remaining, avg_fill_price, last_fill_price
    FROM v_order_state
    WHERE perm_id IS NOT NULL
    ORDER BY perm_id, ordinal
"""


def shown(state: Any) -> tuple[Any, ...]:
    return (state.status, state.filled, state.remaining, state.average_price, state.last_price)


def is_told(told: tuple[Any, ...], booked: tuple[Any, ...]) -> bool:
    """Whether a row is this state of the books, as far as it is known: completed orders say no prices."""
    return told[:2] == booked[:2] and all(each in (None, other) for each, other in zip(told, booked, strict=True))


def follows(told: list[tuple[Any, ...]], booked: list[tuple[Any, ...]]) -> bool:
    """Whether the rows are states of the books, in their order; terms may have changed within one."""
    at = 0
    for row in told:
        same = [number for number in range(at, len(booked)) if is_told(row, booked[number])]
        if not same:
            return False
        at = same[0]
    return True


@pytest.mark.parametrize("version", [pytest.param(157, marks=pytest.mark.slow), 200])
async def test_the_tables_are_what_the_books_say(database_url: str, tmp_path: Path, version: int) -> None:
    scenario = Scenario(seed=version, accounts=2, positions=3, activity=6.0, orders=30.0, advisor=True)
    options = {"server_version": version, "speed": 60.0, "master_client": 5555}
    settings = {"COLLECT": "orders", "EXEC_REF": "* * * * * *"}
    async with (
        Gateway(scenario, **options) as gateway,
        recording(database_url, tmp_path, gateway.port, **settings) as seen,
    ):
        for count in (1, 2, 3):
            await until(lambda wanted=2 * count: len(of_number(seen, 102)) >= wanted, "answers of each connection")
            gateway.live[0].close()
        await until(lambda: len(of_number(seen, 102)) >= 8, "answers of the last connection")
        await seen.writer.flushed()
        inbound = seen.inbound()
    for recorded, sent in zip(inbound, gateway.sent, strict=True):
        assert recorded == sent[: len(recorded)], "a prefix of what was sent"
    project(database_url)
    booked = {order.perm_id: [shown(state) for state in order.states] for order in scenario.world.orders}
    told: dict[int, list[tuple[Any, ...]]] = {}
    for perm_id, _, *state in rows(database_url, STATES):
        told.setdefault(perm_id, []).append(
            (state[0], *(each if each is None else Decimal(each) for each in state[1:]))
        )
    assert len(told) > 20
    assert set(told) <= set(booked)
    assert [perm_id for perm_id, states in told.items() if not follows(states, booked[perm_id])] == []
    found = read_tables(database_url)
    rebuild(database_url, [ORDERS])
    assert read_tables(database_url) == found
    assert found["poison_event"] == []
