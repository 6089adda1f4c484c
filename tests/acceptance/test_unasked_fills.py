"""Fills and orders that come in unasked are found by their account, by everybody who may see it and by nobody else."""

import asyncio
from collections import Counter

import aiohttp
import orjson
import pytest

from ibconnect.events.reader import Reader
from ibconnect.events.selection import Wanted
from ibconnect.simulator import Captures, Gateway
from tests.acceptance.conftest import Start
from tests.paths import TESTS

pytestmark = pytest.mark.with_tables

FILLS = TESTS / "fixtures" / "gateways" / "unasked-fills.jsonl"
ONE, OTHER = "DU0000021", "DU0000022"
TOKENS = {ONE: "token-of-one-0123456789", OTHER: "token-of-other-0123456789"}
FULL = "token-of-everybody-0123456789"


async def found(session: aiohttp.ClientSession, root: str, query: str, token: str) -> list[dict[str, object]]:
    """The events of a search."""
    headers = {"Authorization": f"Bearer {token}"}
    async with session.get(f"{root}/v1/events{query}", headers=headers) as response:
        assert response.status == 200, await response.text()
        return [orjson.loads(line) for line in (await response.read()).splitlines()]


def kinds(events: list[dict[str, object]]) -> Counter[str]:
    """How many messages there are of each id among those that have no type of their own."""
    return Counter(event["Message"][0] for event in events if event["Type"] == "MessageReceived")  # type: ignore[index]


async def test_unasked_fills_are_found_by_their_account(start: Start) -> None:
    tokens = " ".join([FULL, *(f"{token}@{code}" for code, token in TOKENS.items())])
    async with Gateway(Captures.load(FILLS)) as gateway, aiohttp.ClientSession() as session:
        service = await start(gateway.port, API_TOKENS=tokens)
        root = service.urls[0]
        headers = {"Authorization": f"Bearer {FULL}", "Accept": "text/event-stream"}
        async with session.get(f"{root}/v1/events?type=RefreshEnded&after=0&limit=1", headers=headers) as response:
            assert "RefreshEnded" in await asyncio.wait_for(response.text(), 20)
        for code, other in ((ONE, OTHER), (OTHER, ONE)):
            named = await found(session, root, f"?account={code}", FULL)
            assert kinds(named) == {"11": 3, "5": 1, "101": 1}, "its own two, and the other's that names it"
            shown = await found(session, root, "", TOKENS[code])
            assert kinds(shown) == {"11": 1, "5": 1, "101": 1}
            assert other not in orjson.dumps(shown).decode()
            assert shown == await found(session, root, f"?account={code}", TOKENS[code])
            assert await asyncio.to_thread(positions, service.db_url, code) == [event["Position"] for event in named]


def positions(url: str, code: str) -> list[int]:
    """What the command line finds."""
    with Reader(url) as reader:
        return [stored.position for page in reader.pages(Wanted(account=code)) for stored in page.events]
