"""A client that means harm, in a process of its own: ``python -m tests.faults.attacking URL ATTACK``.

It goes on until it is killed. Each line of its output counts the answers of the last second by status.
"""

import asyncio
import itertools
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.paths import ROOT
from tests.serving import DU1, DU2

CONNECTIONS = 64
_TAGS = ("NetLiquidation", "CashBalance", "BuyingPower", "AccruedCash", "Cushion")
_numbers = itertools.count(1)
answers: Counter[str] = Counter()


class Line:
    """One connection, opened again whenever it is closed."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._place = (str(place.hostname), int(place.port or 80))

    async def opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._place)

    async def ask(self, path: str, *headers: str) -> None:
        """Ask and take the answer to its end."""
        reader, writer = await self.opened()
        try:
            lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
            writer.write("\r\n".join(lines).encode())
            head = await reader.readline()
            answers[head.split()[1].decode() if head else "none"] += 1
            while await reader.read(1 << 16):
                pass
        finally:
            writer.close()


async def reads(line: Line) -> None:
    """The dearest answers that nobody has kept: histories of everything, each asked for once."""
    tags = random.sample(_TAGS, 3)
    account = random.choice((DU1, DU2))
    await line.ask(f"/v1/accounts/{account}/history?tag={','.join(tags)}&from=-{20_000 + next(_numbers)}d")


async def scans(line: Line) -> None:
    """Searches of all events for what is not there."""
    await line.ask(f"/v1/events?account=DU9{next(_numbers):06}")


async def refreshes(line: Line) -> None:
    await line.ask("/v1/accounts", "Cache-Control: max-age=0")


async def heads(line: Line) -> None:
    """Heads beyond every bound."""
    await line.ask("/v1/accounts", f"X-Long: {'x' * 7000}", *(f"X-{number}: {'y' * 500}" for number in range(100)))


async def idle(line: Line) -> None:
    """A connection that says nothing."""
    reader, writer = await line.opened()
    try:
        answers["idle"] += 1
        await reader.read()
    finally:
        writer.close()


async def slow(line: Line) -> None:
    """A head that comes byte by byte, then an answer that is not taken."""
    _, writer = await line.opened()
    try:
        for letter in "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n":
            writer.write(letter.encode())
            await writer.drain()
            await asyncio.sleep(0.05)
        answers["slow"] += 1
        await asyncio.sleep(30)
    finally:
        writer.close()


ATTACKS: dict[str, tuple[tuple[Callable[[Line], Awaitable[None]], int], ...]] = {
    "connections": ((idle, 200), (slow, 32), (heads, 32)),
    "reads": ((reads, CONNECTIONS),),
    "scans": ((scans, CONNECTIONS),),
    "refreshes": ((refreshes, CONNECTIONS),),
    "all": ((idle, 100), (reads, 32), (scans, 8), (refreshes, 8), (slow, 16), (heads, 8)),
}


async def _attack(url: str, name: str) -> None:
    async def again(act: Callable[[Line], Awaitable[None]]) -> None:
        while True:
            try:
                await act(Line(url))
            except (OSError, asyncio.IncompleteReadError, IndexError) as exc:
                answers[type(exc).__name__] += 1
                await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for act, count in ATTACKS[name]:
            for _ in range(count):
                group.create_task(again(act))
        while True:
            await asyncio.sleep(1)
            print(dict(answers), flush=True)
            answers.clear()


@contextmanager
def attack(url: str, name: str) -> Iterator["subprocess.Popen[str]"]:
    """Attack for as long as the context lasts, once the first answers have come."""
    command = [sys.executable, "-m", "tests.faults.attacking", url, name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "the attack has begun"
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    # It stands for other machines, whose work takes nothing from this one's.
    os.nice(10)
    asyncio.run(_attack(*sys.argv[1:3]))
