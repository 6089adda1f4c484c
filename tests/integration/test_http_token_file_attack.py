"""The file of tokens is written, in every bad way, while clients ask with all that it ever held for a moment."""

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ibconnect.http.app import SERVICES
from ibconnect.http.server.tokens import parse_tokens
from tests.serving import DU1, DU2, Served, logged, serving
from tests.waiting import DEADLINE_S

SECONDS = 0.8
FULL, LIMITED, READER = "full-token-of-the-back-office", "limited-token-of-a-client", "reading-token-of-a-partner"
# What is whole, each followed by any other. Cut anywhere, the limited ones look like tokens with full rights.
FILES = [
    f"{FULL}@*\n{LIMITED}@{DU1},metrics\n{READER}@*,read\n",
    f"# renewed\n{LIMITED}@{DU1};name=client\n{FULL}@*\n",
    f"{LIMITED}@{DU1};until=2090-01-01 {READER}@{DU1},read\n{FULL}@*\n",
]
TOKENS = (FULL, LIMITED, READER)
PREFIXES = sorted({token[:length] for token in TOKENS for length in range(16, len(token))})

Write = Callable[[Path, bytes, Callable[[], None]], None]


def by_bytes(path: Path, data: bytes, pause: Callable[[], None]) -> None:
    with path.open("wb", buffering=0) as file:
        for byte in data:
            file.write(bytes((byte,)))
            pause()


def in_place(path: Path, data: bytes, pause: Callable[[], None]) -> None:
    """Cut off, then written in two pieces."""
    os.truncate(path, 0)
    pause()
    middle = random.randrange(len(data))
    with path.open("r+b", buffering=0) as file:
        for piece in (data[:middle], data[middle:]):
            file.write(piece)
            pause()


def grown(path: Path, data: bytes, pause: Callable[[], None]) -> None:
    """What is there is shortened byte by byte, then what is to come is appended line by line."""
    for size in range(path.stat().st_size, -1, -1):
        os.truncate(path, size)
        pause()
    with path.open("ab", buffering=0) as file:
        for piece in data.splitlines(keepends=True):
            file.write(piece[:-1])
            pause()
            file.write(piece[-1:])
            pause()


def renamed_half(path: Path, data: bytes, pause: Callable[[], None]) -> None:
    """A part takes the file's place at once, then the whole."""
    for part in (data[: random.randrange(len(data))], data):
        new = path.with_suffix(".new")
        new.write_bytes(part)
        new.replace(path)
        pause()


@contextmanager
def writer(path: Path, write: Write) -> Iterator[list[int]]:
    """Write one file after the other, resting for longer than a look takes now and then; how often it was whole."""
    is_over, count = threading.Event(), [0]

    def pause() -> None:
        # Mostly between two looks, sometimes over several: then only what stands there can tell that it is not whole.
        is_over.wait(random.choice((0.0, 0.0005, 0.001, 0.001, 0.03)))

    def work() -> None:
        while not is_over.is_set():
            write(path, FILES[count[0] % len(FILES)].encode(), pause)
            count[0] += 1
            is_over.wait(0.05)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield count
    finally:
        is_over.set()
        thread.join()


async def asked(served: Served, path: str, token: str) -> tuple[int, str]:
    async with served.get(path, headers={"Authorization": f"Bearer {token}"}) as response:
        return response.status, await response.text()


async def attack(served: Served) -> dict[int, int]:
    """Ask in every way that must give no more than the most that any of the files gives; how often each status came."""
    statuses: dict[int, int] = {}
    for token, path in [
        (LIMITED, "/v1/accounts"),
        (LIMITED, f"/v1/accounts/{DU2}/snapshots"),
        (LIMITED, "/v1/instances"),
        (READER, "/v1/events?limit=1"),
        (READER, "/metrics"),
        *((random.choice(PREFIXES), path) for path in ("/v1/accounts", "/v1/gateways", "/metrics")),
    ]:
        status, body = await asked(served, path, token)
        statuses[status] = statuses.get(status, 0) + 1
        if token in PREFIXES:
            assert status in (401, 429), (token, path)
        elif token == READER:
            assert status in (401, 403, 429), path
        else:
            assert status in (200, 401, 404, 429), path
            assert DU2 not in body or status != 200, path
            assert path != "/v1/instances" or status != 200 or body == "[]"
    return statuses


@pytest.mark.parametrize("write", [by_bytes, in_place, grown, renamed_half])
async def test_nobody_has_more_rights_than_a_whole_file_gives(
    world_url: str, tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many looks, so that they find every state; two of them are further apart than the writer's usual pause.
    monkeypatch.setattr("ibconnect.http.server.auth._RELOAD_SECONDS", 0.005)
    path = tmp_path / "tokens"
    path.write_text(FILES[0])
    wholes = [parse_tokens(text) for text in FILES]
    async with serving(world_url, API_TOKENS_FILE=str(path)) as served:
        guard = served.app[SERVICES].guard
        taken, answered = set(), 0
        with logged() as lines, writer(path, write) as count:
            end = time.monotonic() + SECONDS
            # For so long, and until something was written, taken and answered, which takes a while on a busy machine.
            while (now := time.monotonic()) < end or (
                not (count[0] > 1 and len(taken) > 1 and answered) and now < end + DEADLINE_S
            ):
                answered += (await attack(served)).get(200, 0)
                await asyncio.sleep(0)
                tokens = guard.tokens
                assert tokens is not None
                taken.add(id(tokens))
                assert [prefix for prefix in PREFIXES if tokens.principal_of(prefix)] == []
                for token in TOKENS:
                    has = tokens.principal_of(token)
                    most = [whole.principal_of(token) for whole in wholes]
                    assert has is None or any(each and each.covers(has) for each in most), (token, has)
            assert not any(prefix in lines.text() for prefix in PREFIXES)
        assert count[0] > 1
        assert len(taken) > 1, "none was ever taken"
        assert answered, "nothing was ever answered"
