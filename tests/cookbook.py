"""The world of docs/cookbook.md, and its requests: ``python -m tests.cookbook`` prints each with its whole answer.

In: the page. Out: a login of four clients over a week, recorded; what a server answers to each request of the page.
"""

import asyncio
import re
import shlex
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import migrate
from ibconnect.simulator import Scenario
from ibconnect.simulator.scenario.accounts import UPDATES
from ibconnect.simulator.scenario.book import trade
from ibconnect.simulator.scenario.figures import equity
from ibconnect.times import to_micros
from tests.docs.blocks import blocks_of
from tests.paths import ROOT
from tests.projecting import Stream, project, record
from tests.serving import Served, serving

PAGE = ROOT / "docs" / "cookbook.md"
GATEWAY = "127.0.0.1:4002"
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = 86_400
# Before the market opens in New York, in between, and when it closes.
HOURS = (timedelta(hours=14), timedelta(hours=18), timedelta(hours=21))
_HOST = "http://localhost:3000"


class Recipe(NamedTuple):
    """A request of the page, and what it says is answered."""

    line: int
    path: str
    headers: dict[str, str]
    printed: str


def recipes() -> Iterator[Recipe]:
    """All of the page."""
    for block in blocks_of(PAGE, ROOT):
        for step in block.steps:
            words = shlex.split(step.commands.replace("\\\n", " "))
            assert words[0] == "curl", step.commands
            headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
            (url,) = (word for word in words[1:] if word.startswith(_HOST))
            yield Recipe(block.line, url.removeprefix(_HOST), headers, step.printed)


async def answer(served: Served, recipe: Recipe) -> str:
    """What a server of that world says."""
    async with served.get(recipe.path, headers=recipe.headers, allow_redirects=True) as response:
        text = await response.text()
        assert response.status == 200, (recipe, text)
    return text.replace(served.url, _HOST)


def plain(text: str) -> str:
    """The text without the blanks and line ends that a page is made readable with."""
    return re.sub(r"\s+", "", text)


class Week:
    """A login of four clients, and what they do: buy Apple, sell it again, leave, take their money out."""

    def __init__(self) -> None:
        self.login = Scenario(seed=7, accounts=4, positions=2, advisor=True, activity=0.0)
        self.world = self.login.world
        _, *self.clients = self.world.accounts
        self.apple = next(each for each in self.world.pools["STK"] if each.symbol == "AAPL")

    def begin(self, day: int) -> None:
        """What happens in the morning of a day."""
        first, second, third, fourth = self.clients
        self.world.market.prices[self.apple.con_id] = Decimal(("230.15", "231.4", "228.95", "233.02", "234.6")[day])
        if day == 0:
            for client, size in ((first, "300"), (second, "120.5"), (third, "-50")):
                self._trade(client, size)
            return
        self.world.beats = day * DAY - 1
        self.login.advance()
        if day == 1:
            self._trade(first, "-150")
        if day == 2:
            self._trade(second, "-120.5")
        if day == 3:
            self.world.close_account(fourth)
        if day == 4:
            # Who owes nearly as much as he owns has a small cushion.
            client = self.world.accounts[third]
            self.world.deposit(third, -equity(client, self.world.market) * Decimal("0.97"), client.base)

    def _trade(self, client: str, size: str) -> None:
        price = self.world.market.price(self.apple)
        trade(self.world.accounts[client], self.apple, Decimal(size), price, Decimal(1))

    def pass_time(self) -> None:
        """Prices and rates move."""
        for _ in range(60):
            self.login.advance()


def build(url: str) -> None:
    """Record and project the week."""
    week, stream = Week(), Stream(GATEWAY, at=to_micros(MONDAY))
    for day in range(5):
        week.begin(day)
        for hour in HOURS:
            week.pass_time()
            stream.at = at = to_micros(MONDAY + timedelta(days=day) + hour)
            stream.message(*week.login.managed_accounts(), timed=True)
            codes = week.login.codes()
            stream.refresh({code: week.login.answer(UPDATES, code).first() for code in codes}, created=at)
    record(url, stream.events)
    project(url)


def main() -> None:
    """Print them."""
    with tempfile.TemporaryDirectory(prefix="ibc-cookbook-") as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url)
        build(server.url)
        asyncio.run(_print(server.url))


async def _print(url: str) -> None:
    async with serving(url, LOG_LEVEL="error") as served:
        for recipe in recipes():
            print(f"line {recipe.line}: {recipe.path}\n{await answer(served, recipe)}\n")


if __name__ == "__main__":
    main()
