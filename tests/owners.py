"""A gateway that names accounts of another one: streams of events as recorders tell them, and what the API says."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from ibconnect.projections.engine.live import Step
from tests.projecting import START, Stream, position, project, record, value
from tests.serving import Served

A, B = "10.0.0.1:4001", "10.0.0.2:4002"
HOUR = 3_600_000_000
TRUE, INVENTED = "100.1", "999999.99"
FULL, LIMITED, OF_ANOTHER = "full-token-0123456789", "limited-token-0123456789", "another-token-0123456789"
EVER = "2100-01-01T00:00:00Z"


def figures(amount: str, account: str = "DU1", contract: int = 265598) -> list[Sequence[str]]:
    """What a gateway sends of an account."""
    head = [value("AccountCode", account, account=account), value("AccountReady", "true", account=account)]
    return [*head, value("NetLiquidation", amount, "USD", account), position(contract, account=account)]


class Gateway:
    """A gateway as its recorder tells of it: one session, as many refreshes as it is asked for."""

    def __init__(self, url: str, name: str, *, gateways: dict[str, list[str]] | None, others: Any = ()) -> None:
        self.url = url
        self.stream = Stream(name)
        self.configured = (
            {} if gateways is None else {"gateways": gateways, "others": list(others), "knows_others": True}
        )
        self._stored = 0
        self.on_step: Callable[[Step], object] = lambda step: None

    def lists(self, codes: str) -> None:
        self.stream.message("15", "1", codes, timed=True)
        self.store()

    def refreshes(self, hour: float, downloads: dict[str, list[Sequence[str]]]) -> None:
        """A refresh of that hour."""
        created = START + int(hour * HOUR)
        self.stream.at = max(self.stream.at, created)
        self.stream.configured = self.configured
        self.stream.refresh(downloads, created=created)
        self.store()

    def store(self) -> None:
        """Store what it has told so far, and apply it."""
        record(self.url, self.stream.events[self._stored :])
        self._stored = len(self.stream.events)
        for step in project(self.url):
            self.on_step(step)


BOTH: dict[str, list[str]] = {A: [], B: []}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def status(served: Served, path: str, token: str = FULL) -> int:
    async with served.client.get(served.url + path, headers=bearer(token)) as response:
        return response.status


async def answer(served: Served, path: str, token: str = FULL) -> Any:
    async with served.client.get(served.url + path, headers=bearer(token)) as response:
        assert response.status == 200, (path, await response.text())
        return await response.json()


async def worth(served: Served, query: str, token: str = FULL) -> set[str]:
    """All figures of the account's history."""
    found = await answer(served, f"/v1/accounts/DU1/history?tag=NetLiquidation{query}", token)
    return {str(point["NetLiquidation"]) for point in found["Points"]} - {"None"}


async def conflicts(served: Served, token: str = FULL) -> dict[str, Any]:
    return {row["Gateway"]: row["Conflicts"] for row in await answer(served, "/v1/gateways", token)}


async def counted(served: Served) -> dict[str, float]:
    async with served.get("/metrics", headers=bearer(FULL)) as response:
        text = await response.text()
    return {
        name: float(number) for name, number in re.findall(r'ibconnect_account_conflicts{gateway="(.+)"} (.+)', text)
    }
