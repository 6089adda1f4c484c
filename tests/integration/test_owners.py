"""An account belongs to a gateway: another that names it becomes nobody's latest figures, and is told of.

Each case is an attack: gateway B lists an account of A's and invents figures for it.
"""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ibconnect.codes import listed_codes
from ibconnect.database.pools import connect
from ibconnect.projections.accounts.owners import News, Standing
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.runner import Projector
from ibconnect.projections.upkeep import ensure, rebuild
from tests.owners import (
    BOTH,
    EVER,
    FULL,
    HOUR,
    INVENTED,
    LIMITED,
    OF_ANOTHER,
    TRUE,
    A,
    B,
    Gateway,
    answer,
    bearer,
    conflicts,
    counted,
    figures,
    status,
    worth,
)
from tests.projecting import START, Stream, read_tables, record
from tests.serving import Served, logged, serving, tell_gateway
from tests.waiting import wait_for


def attack_before(url: str) -> None:
    """B lists it before A's first refresh of the account, and is asked for it first."""
    a, b = Gateway(url, A, gateways=BOTH), Gateway(url, B, gateways=BOTH)
    a.lists("DU1")
    b.lists("DU1")
    b.refreshes(0, {"DU1": figures(INVENTED, contract=666)})
    a.refreshes(0, {"DU1": figures(TRUE)})
    b.refreshes(1, {"DU1": figures(INVENTED, contract=666)})


def attack_during(url: str) -> None:
    """B's refresh lies in the middle of A's, at the same time."""
    a, b = Gateway(url, A, gateways=BOTH), Gateway(url, B, gateways=BOTH)
    a.lists("DU1,DU5")
    a.stream.own("rs", created=START, trigger="test", accounts=["DU1", "DU5"], gateways=BOTH, knows_others=True)
    a.store()
    b.lists("DU1")
    b.refreshes(0, {"DU1": figures(INVENTED, contract=666)})
    a.stream.download("DU1", figures(TRUE))
    a.stream.own("re", created=START, outcome="complete")
    a.store()
    b.refreshes(2, {"DU1": figures(INVENTED, contract=666)})


def attack_after(url: str) -> None:
    """B names it long after, again and again."""
    a, b = Gateway(url, A, gateways=BOTH), Gateway(url, B, gateways=BOTH)
    a.lists("DU1")
    a.refreshes(0, {"DU1": figures(TRUE)})
    b.lists("DU1")
    for hour in range(1, 5):
        b.refreshes(hour, {"DU1": figures(INVENTED, contract=666)})


def attack_offline(url: str) -> None:
    """A's session has ended, and it is still configured."""
    a, b = Gateway(url, A, gateways=BOTH), Gateway(url, B, gateways=BOTH)
    a.lists("DU1")
    a.refreshes(0, {"DU1": figures(TRUE)})
    a.stream.own("sc", reason="lost")
    a.store()
    b.lists("DU1")
    b.refreshes(1, {"DU1": figures(INVENTED, contract=666)})


def attack_elsewhere(url: str) -> None:
    """A is configured at another instance alone."""
    a = Gateway(url, A, gateways={A: []}, others=[B])
    b = Gateway(url, B, gateways={B: []}, others=[A])
    a.lists("DU1")
    a.refreshes(0, {"DU1": figures(TRUE)})
    b.lists("DU1")
    b.refreshes(1, {"DU1": figures(INVENTED, contract=666)})


def attack_alone(url: str) -> None:
    """B's recorder has not heard of other instances yet: Postgres was away when it began."""
    a = Gateway(url, A, gateways={A: []}, others=[B])
    b = Gateway(url, B, gateways={B: []}, others=[])
    b.configured = {"gateways": {B: []}}
    a.lists("DU1")
    a.refreshes(0, {"DU1": figures(TRUE)})
    b.lists("DU1")
    b.refreshes(1, {"DU1": figures(INVENTED, contract=666)})


def attack_pinned(url: str) -> None:
    """A's account is pinned to it, and B was the first to name it, when A had never been connected."""
    pinned: dict[str, list[str]] = {A: ["DU1"], B: []}
    a, b = Gateway(url, A, gateways=pinned), Gateway(url, B, gateways=pinned)
    b.lists("DU1")
    b.refreshes(0, {"DU1": figures(INVENTED, contract=666)})
    a.lists("DU1")
    a.refreshes(0, {"DU1": figures(TRUE)})
    b.refreshes(1, {"DU1": figures(INVENTED, contract=666)})


def attack_late(url: str) -> None:
    """B's session is the rest of one that was closed: what lies in it is older, and comes last."""
    a = Gateway(url, A, gateways=BOTH)
    a.lists("DU1")
    a.refreshes(0, {"DU1": figures(TRUE)})
    b = Gateway(url, B, gateways={B: []})
    b.stream = Stream(B, continues=str(a.stream.id))
    b.refreshes(0.5, {"DU1": figures(INVENTED, contract=666)})


ATTACKS = [
    attack_before,
    attack_during,
    attack_after,
    attack_offline,
    attack_elsewhere,
    attack_alone,
    attack_pinned,
    attack_late,
]


@pytest.fixture(params=ATTACKS, ids=lambda attack: attack.__name__)
async def attacked(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[tuple[Served, str]]:
    request.param(database_url)
    tokens = f"{FULL} {LIMITED}@DU1 {OF_ANOTHER}@DU5"
    with connect(database_url, name="test") as connection:
        tell_gateway(connection, A)
        tell_gateway(connection, B)
    async with serving(database_url, API_TOKENS=tokens, IB_GW=f"{A},{B}") as served:
        yield served, database_url


async def test_the_account_stays_its_owners_and_the_other_can_be_asked_for(attacked: tuple[Served, str]) -> None:
    served, url = attacked
    for _ in range(2):
        for token in (FULL, LIMITED):
            await see_only_the_owners(served, token)
            await see_the_others_if_asked(served, token)
        see_only_the_owners_in_sql(url)
        live = read_tables(url)
        rebuild(url)
        assert read_tables(url) == live


async def see_only_the_owners(served: Served, token: str) -> None:
    (row, *_) = await answer(served, "/v1/accounts", token)
    assert (row["AccountCode"], row["Listed"], row["Ready"]) == ("DU1", True, True)
    for path in (f"/{row['Latest']}", "", "?ready=any", f"/as-of/{EVER}", f"/as-of/{EVER}?ready=any"):
        report = await answer(served, f"/v1/accounts/DU1{path}", token)
        assert (report["Gateway"], report["Balance"]["NetLiquidation"]) == (A, f"USD {TRUE}"), path
    assert await answer(served, "/v1/accounts/DU1/snapshots", token) == [row["Latest"]]
    for query in ("", "&ready=any", "&step=1h"):
        assert await worth(served, query, token) == {TRUE}, query
    assert await status(served, "/v1/accounts/DU1/positions/666/history", token) == 404


def see_only_the_owners_in_sql(url: str) -> None:
    with connect(url, name="test") as connection:
        latest = connection.execute(
            "SELECT gateway, gateways, latest FROM v_account_snapshot_latest WHERE account_code = 'DU1'"
        ).fetchall()
        assert [(gateway, gateways) for gateway, gateways, _ in latest] == [(A, [A])]
        for query, wanted in (
            ("SELECT net_liquidation::text FROM v_account_amount WHERE account_code = 'DU1'", [(TRUE,)]),
            ("SELECT ib_contract_id FROM v_account_position WHERE account_code = 'DU1'", [(265598,)]),
            (
                "SELECT value FROM v_account_value WHERE account_code = 'DU1' AND tag = 'NetLiquidation'",
                [(TRUE,)],
            ),
        ):
            assert connection.execute(query.encode()).fetchall() == wanted


async def see_the_others_if_asked(served: Served, token: str) -> None:
    assert await worth(served, f"&gateway={B}", token) == {INVENTED}
    for path in ("?", f"/as-of/{EVER}?"):
        report = await answer(served, f"/v1/accounts/DU1{path}gateway={B}", token)
        assert (report["Gateway"], report["Balance"]["NetLiquidation"]) == (B, f"USD {INVENTED}")
        (remark,) = report["Remarks"]
        assert (remark["Code"], A in remark["Detail"], report["Ready"]) == ("not-owner", True, True)
    times = await answer(served, f"/v1/accounts/DU1/snapshots?gateway={B}", token)
    assert times[0] == report["Timestamp"]
    assert await worth(served, f"&gateway={A}", token) == {TRUE}
    found = await answer(served, f"/v1/accounts/DU1/positions/666/history?gateway={B}", token)
    assert {point["Position"] for point in found["Points"]} == {100}


@pytest.mark.parametrize("path", ["?", f"/as-of/{EVER}?", "/snapshots?", "/history?tag=Cushion&"])
async def test_of_a_gateway_that_never_named_the_account_nothing_can_be_learnt(database_url: str, path: str) -> None:
    """Whether there is such a gateway, which other accounts have, is nobody's business who may see this one alone."""
    a, other = Gateway(database_url, A, gateways=BOTH), Gateway(database_url, B, gateways=BOTH)
    a.lists("DU1")
    a.refreshes(0, {"DU1": figures(TRUE)})
    other.lists("DU5")
    async with serving(database_url, API_TOKENS=f"{LIMITED}@DU1") as served:
        told = []
        for gateway in (B, "10.0.0.9:1"):
            async with served.get(f"/v1/accounts/DU1{path}gateway={gateway}", headers=bearer(LIMITED)) as response:
                text = (await response.text()).replace(gateway, "")
                told.append((response.status, re.sub(r'"error_id":"\w+"', "", text)))
        assert told[0] == told[1]
        assert told[0][0] == 404 and "unknown-gateway" in told[0][1]


@pytest.mark.parametrize("attack", [attack_during, attack_offline])
async def test_a_conflict_is_shown_and_counted(database_url: str, attack: Any) -> None:
    with logged():
        attack(database_url)
    found = {"AccountCode": "DU1", "Owners": [A], "Pinned": False}
    with connect(database_url, name="test") as connection:
        tell_gateway(connection, A)
        tell_gateway(connection, B)
    tokens = f"{FULL} {LIMITED}@DU1 {OF_ANOTHER}@DU5"
    async with serving(database_url, API_TOKENS=tokens, IB_GW=f"{A},{B}") as served:
        assert await conflicts(served) == {A: [], B: [found]}
        assert await conflicts(served, LIMITED) == {A: [], B: [found]}
        assert [found] not in (await conflicts(served, OF_ANOTHER)).values()
        assert await counted(served) == {A: 0, B: 1}
        b = Gateway(database_url, B, gateways=BOTH)
        b.lists("DU7")
        assert await conflicts(served) == {A: [], B: []}, "it lists it no more"
        assert await counted(served) == {A: 0, B: 0}


async def test_a_gateway_that_lists_everybodys_accounts_is_shown_in_bounds(database_url: str) -> None:
    codes = [f"DU{number}" for number in range(1000)]
    a, b = Gateway(database_url, A, gateways=BOTH), Gateway(database_url, B, gateways=BOTH)
    a.lists(",".join(codes))
    a.refreshes(0, {})
    b.lists(",".join(reversed(codes)))
    with connect(database_url, name="test") as connection:
        tell_gateway(connection, B)
    async with serving(database_url, API_TOKENS=f"{FULL} {LIMITED}@DU999", IB_GW=B) as served:
        assert [row["AccountCode"] for row in (await conflicts(served))[B]] == sorted(codes)[:100]
        assert [row["AccountCode"] for row in (await conflicts(served, LIMITED))[B]] == ["DU999"]
        assert await counted(served) == {B: 1000}


def test_a_conflict_is_told_once(database_url: str) -> None:
    a, b = Gateway(database_url, A, gateways=BOTH), Gateway(database_url, B, gateways=BOTH)
    told: list[News] = []
    for gateway in (a, b):
        gateway.on_step = lambda step: told.extend(step.news)
    a.lists("DU1,DU2")
    a.refreshes(0, {"DU1": figures(TRUE)})
    assert told == []
    b.lists("DU2,DU1,DU3")
    assert told == [News(B, Standing.CONFLICT, 2)]
    b.lists("DU3")
    b.lists("DU2,DU1,DU3")
    b.refreshes(1, {"DU1": figures(INVENTED)})
    assert len(told) == 1


def test_the_projector_tells_it_in_the_log(database_url: str) -> None:
    with logged() as log:
        projector = Projector(database_url, ACCOUNTS)
        ensure(database_url)
        projector.start()
        try:
            for name in (A, B):
                stream = Stream(name)
                stream.configured = {"gateways": BOTH, "knows_others": True}
                stream.message("15", "1", "DU1,DU2", timed=True)
                stream.refresh({"DU1": figures(TRUE)}, created=START)
                record(database_url, stream.events)
            moved = Stream(B)
            moved.configured = {"gateways": {B: []}, "knows_others": True}
            moved.refresh({}, created=START + HOUR)
            record(database_url, moved.events)
            wait_for(lambda: [line for line in log() if line["kind"] == "accounts_moved"], log.text)
        finally:
            assert projector.stop()
        lines = [line for line in log() if line["kind"].startswith("accounts_")]
    told = [(line["kind"], line["level"], line["gateway"], line["accounts"]) for line in lines]
    assert told == [("accounts_in_conflict", "warning", B, 2), ("accounts_moved", "warning", B, 2)]
    assert "DU1" not in log.text()


SPELLINGS = [
    *("du1", "\\u0044U1", "D\u00aaU1", "\uff24\uff35\uff11", "DU1.", "DU 1"),
    *("DU1\u200b", " DU1 ", "\tDU1", "DU1;", "DU1/", "%44U1"),
]


async def test_another_spelling_of_the_code_is_another_account_or_the_same_conflict(database_url: str) -> None:
    a, b = Gateway(database_url, A, gateways=BOTH), Gateway(database_url, B, gateways=BOTH)
    a.lists("DU1")
    a.refreshes(0, {"DU1": figures(TRUE)})
    for hour, spelling in enumerate(SPELLINGS, 1):
        b.lists(f"{spelling},DU9")
        # What is asked of B is what its list names; the rows that it sends say DU1 all the same.
        listed = listed_codes(f"{spelling},DU9")
        b.refreshes(hour, {code: [*figures(INVENTED, code), *figures(INVENTED, contract=666)] for code in listed})
    async with serving(database_url, API_TOKENS=FULL) as served:
        report = await answer(served, "/v1/accounts/DU1")
        assert (report["Gateway"], report["Balance"]["NetLiquidation"]) == (A, f"USD {TRUE}")
        assert await worth(served, "") == {TRUE}
        rows = await answer(served, "/v1/accounts")
        assert {row["AccountCode"] for row in rows} > {"DU1", "DU9", "du1", "\uff24\uff35\uff11"}
