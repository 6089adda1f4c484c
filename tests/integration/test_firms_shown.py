"""What is shown of a refresh of many accounts while it runs, and of one that was cut off and resumed."""

from typing import Any

import orjson

from ibconnect.times import to_micros, utc_now
from tests.projecting import Stream, project, record
from tests.serving import DU1, DU2, GATEWAY, Served, admin, messages, serving

FULL, LIMITED = "everything-that-is", "only-one-account-x"
TOKENS = f"{FULL}@* {LIMITED}@{DU1}"
CREATED = "2025-01-01T00:00:00Z"


async def shown(served: Served, token: str = FULL) -> dict[str, Any]:
    async with served.get("/v1/gateways", headers={"Authorization": f"Bearer {token}"}) as response:
        (gateway,) = await response.json()
        return gateway["LastRefresh"]


def begun(stream: Stream, created: int, **facts: object) -> None:
    stream.message("15", "1", f"{DU1},{DU2}", timed=True)
    stream.own("rs", created=created, accounts=[DU1, DU2], **facts)


def concluded(stream: Stream, account: str) -> None:
    stream.own("as", account=account, source="updates")
    for fields in messages(account, 1):
        stream.message(*fields)
    stream.own("ac", class_version=2, account=account, ended="download-end")


async def test_a_refresh_says_how_long_it_will_take_and_a_resumed_one_counts_what_was_done(database_url: str) -> None:
    created = to_micros(utc_now()) - 40_000_000
    first = Stream(GATEWAY, at=created)
    begun(first, created, trigger="schedule")
    record(database_url, first.events)
    project(database_url)
    with admin(database_url) as connection:
        connection.execute(
            "INSERT INTO coordination.gateway (name, instance, state, connected) VALUES (%s, 'one', 'connected', TRUE)",
            (GATEWAY,),
        )
    async with serving(database_url, API_TOKENS=TOKENS, IB_GW=GATEWAY) as served:
        running = await shown(served)
        assert (running["Done"], running["Total"], running["SecondsLeft"]) == (0, 2, None), "nothing is known yet"

        done = len(first.events)
        concluded(first, DU1)
        record(database_url, first.events[done:])
        project(database_url)
        running = await shown(served)
        assert (running["Done"], running["Total"]) == (1, 2)
        assert 39 <= running["SecondsLeft"] <= 100, "as long as the first one has taken until now"

        done = len(first.events)
        first.own("sc", reason="lost", detail="")
        second = Stream(GATEWAY, at=first.at + 1_000_000)
        begun(second, created, trigger="resumed", resumed=[DU1])
        record(database_url, [*first.events[done:], *second.events])
        project(database_url)
        resumed = await shown(served)
        assert (resumed["Trigger"], resumed["Done"], resumed["Total"], resumed["SecondsLeft"]) == (
            "resumed",
            1,
            2,
            None,
        )
        own = await shown(served, LIMITED)
        assert (own["Outcome"], own["Done"], own["Total"], own["SecondsLeft"]) == ("complete", 1, 1, None)

        done = len(second.events)
        concluded(second, DU2)
        second.own("re", created=created, outcome="complete")
        record(database_url, second.events[done:])
        project(database_url)
        ended = await shown(served)
        assert (ended["Outcome"], ended["Done"], ended["Total"], ended["SecondsLeft"]) == ("complete", 2, 2, None)
        async with served.get("/v1/accounts", headers={"Authorization": f"Bearer {FULL}"}) as response:
            latest = {row["AccountCode"]: row["Latest"] for row in orjson.loads(await response.read())}
        assert latest[DU1] == latest[DU2], "both reports have the time of the one refresh"
