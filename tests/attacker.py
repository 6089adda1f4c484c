"""One token that asks for all it can get: 64 connections, each with the next request as soon as the last is answered.

``python -m tests.attacker URL TOKEN FROM TO``: goes on until it is killed; says when it has begun, and every second
which statuses it has been answered with. A process of its own, so that what it does costs the measuring side nothing,
and nice to others: an attacker would have a machine of his own.
"""

import asyncio
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from ibconnect.times import format_rfc3339

CONNECTIONS = 64
ACCOUNT = "DU1000001"
TAGS = "NetLiquidation,CashBalance,Cushion,TotalCashBalance,AccruedCash,BuyingPower,NewFigureOfTomorrow"


def requests(first: datetime, hours: int) -> list[str]:
    """A round of what costs most."""
    moment = first + timedelta(hours=random.randrange(hours))
    nothing = format_rfc3339(moment + timedelta(microseconds=random.randrange(1, 1_000_000)))
    history = f"/v1/accounts/{ACCOUNT}/history?tag={TAGS}"
    return [
        history,
        f"{history}&step=1m&from={format_rfc3339(first)}",
        f"/v1/accounts/{ACCOUNT}/{format_rfc3339(moment)}",
        f"/v1/accounts/{ACCOUNT}/{nothing}",
        f"/v1/accounts/{ACCOUNT}/as-of/{nothing}",
        f"/v1/accounts/{ACCOUNT}/snapshots?limit=10000",
        f"/v1/accounts/{ACCOUNT}/positions/265598/history",
        "/v1/events?type=DecodeFailed",
        "/v1/events",
        "/v1/gateways",
        "/v1/accounts#refresh",
        f"/v1/accounts/{ACCOUNT}#refresh",
        "/metrics",
        "/readyz",
    ]


async def attack(address: tuple[str, int], token: str, rounds: Callable[[], list[str]], statuses: Counter[str]) -> None:
    """Ask, take what comes, ask again."""
    host, port = address
    while True:
        wanted = rounds()
        random.shuffle(wanted)
        for each in wanted:
            path, _, fresh = each.partition("#")
            more = "Cache-Control: max-age=0\r\n" if fresh else ""
            head = f"Authorization: Bearer {token}\r\n{more}Accept-Encoding: br\r\nAccept: */*\r\nConnection: close\r\n"
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n".encode())
                status = await reader.readline()
                statuses[status[9:12].decode()] += 1
                while await reader.read(1 << 18):
                    pass
                writer.close()


async def main(url: str, token: str, first: str, hours: str) -> None:
    """All of them."""
    os.nice(10)
    host, _, port = url.removeprefix("http://").rpartition(":")
    statuses: Counter[str] = Counter()
    began = datetime.fromisoformat(first)
    rounds = partial(requests, began, int(hours))
    attacks = [attack((host, int(port)), token, rounds, statuses) for _ in range(CONNECTIONS)]
    attacking = asyncio.gather(*attacks)
    while not attacking.done():
        await asyncio.wait({attacking}, timeout=1)
        print(json.dumps(dict(statuses)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
