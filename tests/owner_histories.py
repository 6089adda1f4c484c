"""Histories of several gateways that name the same accounts, made by chance, and what has to hold after any of them.

Of sessions and their rest, lists, refreshes at the same times and at odd ones, pins and gateways that come and go.
"""

import os
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ibconnect.database.pools import connect
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.live import LiveTables
from ibconnect.projections.upkeep import ensure, rebuild
from tests.conftest import create_database, drop_database
from tests.owners import HOUR, A, B, figures
from tests.projecting import START, Stream, project, read_tables, record, value


class Ask(NamedTuple):
    """A step of a history: who tells what."""

    gateway: str
    lists: tuple[str, ...] | None
    refreshes: tuple[str, ...]
    gateways: dict[str, list[str]] | None
    others: list[str] | None
    hour: float
    is_ready: bool
    is_late: bool
    is_new: bool


CODES, NAMES = ("DU1", "DU2"), (A, B, "10.0.0.3:4003")
PINS = st.lists(st.sampled_from(CODES), unique=True, max_size=1)
ASKS = st.builds(
    Ask,
    st.sampled_from(NAMES),
    st.none() | st.lists(st.sampled_from(CODES), unique=True).map(tuple),
    st.lists(st.sampled_from(CODES), unique=True).map(tuple),
    st.none() | st.dictionaries(st.sampled_from(NAMES), PINS, min_size=1),
    st.none() | st.lists(st.sampled_from(NAMES), unique=True),
    # Less than two minutes apart: a clock was set back.
    st.sampled_from([0, 0.02, 1, 1.02, 1.04, 3]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


def told(asks: list[Ask]) -> list[Any]:
    """Their events."""
    streams: dict[str, Stream] = {}
    events: list[Any] = []
    for number, ask in enumerate(asks):
        stream = streams.get(ask.gateway)
        if stream is None or ask.is_new:
            late = {"continues": str(stream.id)} if stream is not None and ask.is_late else {}
            stream = streams[ask.gateway] = Stream(ask.gateway, **late)
        before = len(stream.events) if stream.events[0] in events else 0
        if ask.lists is not None:
            stream.message("15", "1", ",".join(ask.lists), timed=True)
        others = {} if ask.others is None else {"others": ask.others, "knows_others": True}
        stream.configured = {} if ask.gateways is None else {"gateways": ask.gateways, **others}
        ready = "true" if ask.is_ready else "false"
        downloads = {
            code: [*figures(f"{number}.50", code), value("AccountReady", ready, account=code)] for code in ask.refreshes
        }
        stream.refresh(downloads, created=START + int(ask.hour * HOUR))
        events += stream.events[before:]
    return events


def rebuilds_alike(server_url: str, template: str, asks: list[Ask], limit: int) -> None:
    """Live in steps of any size, each by a projector that has just been started, and from the first event on."""
    name = f"owners_{os.getpid()}"
    url = create_database(server_url, name, template)
    try:
        record(url, told(asks))
        project(url, limit=limit)
        live = read_tables(url)
        assert live["poison_event"] == []
        assert project_anew(url, limit) == live
        rebuild(url, reports=(ACCOUNTS,))
        assert read_tables(url) == live
        owned_by_one(url)
        taken_of_one(url)
    finally:
        drop_database(server_url, name)


def project_anew(url: str, limit: int) -> dict[str, Any]:
    """The tables as made by projectors of which each makes one step."""
    with connect(url, name="test") as connection:
        connection.execute("DROP SCHEMA accounts CASCADE")
    ensure(url, (ACCOUNTS,))
    is_behind = True
    while is_behind:
        with connect(url, name="test") as connection:
            is_behind = LiveTables(connection, ACCOUNTS, limit).step().is_behind
    return read_tables(url)


def owned_by_one(url: str) -> None:
    """Of each account without pins at most one configured gateway is the owner, and nothing foreign is anywhere."""
    with connect(url, name="test") as connection:
        (configured,) = connection.execute("SELECT open -> 'configured' FROM accounts.projection").fetchone() or ([],)
        pinned = {code for _, pins in configured for code in pins}
        names = {name for name, _ in configured}
        query = """
            SELECT account.code, gateway.name
            FROM accounts.gateway_account
            JOIN accounts.account ON account.id = account_id
            JOIN accounts.gateway ON gateway.id = gateway_id
            WHERE is_owner
        """
        owners = [code for code, name in connection.execute(query) if name in names and code not in pinned]
        assert len(owners) == len(set(owners))
        query = "SELECT count(*) FROM accounts.account_snapshot WHERE is_foreign AND is_repeat"
        assert connection.execute(query).fetchone() == (0,)


def taken_of_one(url: str) -> None:
    """Of each refresh of an account one owner's snapshots are taken, of one that has any to rely on if one has."""
    query = """
        SELECT account_id, refresh.created, account_snapshot.gateway_id, is_repeat, ready
        FROM accounts.account_snapshot
        JOIN accounts.refresh ON refresh.id = refresh_id
        WHERE NOT is_foreign
    """
    made: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    with connect(url, name="test") as connection:
        for account, refreshed, *snapshot in connection.execute(query):
            made.setdefault((account, refreshed), []).append(tuple(snapshot))
    for snapshots in made.values():
        taken = {gateway for gateway, is_repeat, _ in snapshots if not is_repeat}
        assert len(taken) == 1, snapshots
        assert not any(is_repeat for gateway, is_repeat, _ in snapshots if gateway in taken), snapshots
        ready = {gateway for gateway, _, is_ready in snapshots if is_ready}
        assert taken <= ready or not ready, snapshots


HISTORIES = given(st.lists(ASKS, min_size=2, max_size=8), st.integers(1, 12))


def examples(count: int) -> settings:
    """So many histories; each takes a database of its own, so what shrinking would find is not worth the minutes."""
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    return settings(max_examples=count, phases=phases, suppress_health_check=[HealthCheck.function_scoped_fixture])
