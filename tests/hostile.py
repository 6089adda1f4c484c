"""A gateway that means harm: it logs in like any other, and then sends what it wants, as fast as it is read.

:class:`HostileGateway` keeps what it sent, frame by frame. The attacks of :data:`FLOODS` are bytes of a wanted size,
the same for the same chance.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random

from ibconnect.events.frames import split
from tests.small_gateway import SmallGateway, end, frame, notice, position, value, values

PUSHED_BYTES = 1 << 18


class HostileGateway(SmallGateway):
    """Has the accounts that it says, answers for them, and sends whatever :meth:`push` is given."""

    def __init__(self, *accounts: str) -> None:
        super().__init__()
        self.accounts: Sequence[str] = accounts or ("DU6660001",)
        self.sent: list[list[bytes]] = []
        """The payloads of each connection, the handshake's left out."""
        self.connections = 0

    async def subscribed(self, account: str, nth: int) -> None:
        """An account worth a fortune."""
        await self.say(*values(account, "999999999.99"), position(account, 666, "EVIL"), end(account))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        self.connections += 1
        self.sent.append([])
        await super().serve(reader, writer)

    def keep(self, data: bytes) -> None:
        """Remember what is sent to the client."""
        self.sent[-1] += split(data)

    async def push(self, data: bytes) -> bool:
        """Send bytes as they are; whether all of them went out."""
        writer = self._writer
        assert writer is not None
        self.keep(data)
        with suppress(ConnectionError):
            for start in range(0, len(data), PUSHED_BYTES):
                writer.write(data[start : start + PUSHED_BYTES])
                await writer.drain()
            return not writer.is_closing()
        return False


def _times(size: int, make: Callable[[int], bytes]) -> bytes:
    """Pieces one after the other, so many bytes at least."""
    pieces: list[bytes] = []
    have = number = 0
    while have < size:
        pieces.append(make(number))
        have, number = have + len(pieces[-1]), number + 1
    return b"".join(pieces)


def _same(size: int, piece: bytes) -> bytes:
    return piece * -(-size // len(piece))


def _text(random: Random, most: int) -> str:
    return "".join(chr(random.choice((random.randrange(1, 128), random.randrange(1, 0xD7FF)))) for _ in range(most))


def _garbage(random: Random) -> bytes:
    return frame(random.randbytes(random.choice((0, 1, 2, 3, 7, 15, 16, 31, 32, 100, 5000))))


def _listed(random: Random) -> bytes:
    return frame(["15", "1", ",".join(f"DU{random.randrange(10**7)}" for _ in range(random.choice((1, 3, 300))))])


# Attacks that are a flood of something: the bytes of a wanted size.
FLOODS: Mapping[str, Callable[[int, Random], bytes]] = {
    "empty frames": lambda size, _: _same(size, frame(b"")),
    "frames of a byte": lambda size, _: _same(size, frame(b"A")),
    "frames of a NUL": lambda size, _: _same(size, frame(b"\0")),
    "one short field": lambda size, _: _same(size, frame(["A"])),
    "ids alone": lambda size, _: _same(size, frame(["9"])),
    "short unknown messages": lambda size, _: _same(size, frame(["53", "1"])),
    "account times": lambda size, _: _same(size, frame(["8", "1", ""])),
    "values without fields": lambda size, _: _same(size, frame(["6", "2", "x"])),
    "small frames of all lengths": lambda size, random: _times(
        size, lambda _: frame(random.randbytes(random.randrange(32)))
    ),
    "garbage": lambda size, random: _times(size, lambda _: _garbage(random)),
    "other codes of notices": lambda size, _: _times(size, lambda number: frame(notice(100_000 + number, "x"))),
    "notices of any text": lambda size, random: _times(
        size, lambda _: frame(["4", "2", "-1", _text(random, random.choice((1, 20, 3000))), _text(random, 40), ""])
    ),
    "other lists of accounts": lambda size, random: _times(size, lambda _: _listed(random)),
    "ends of downloads": lambda size, random: _times(size, lambda _: frame(end(f"DU{random.randrange(10**7)}"))),
    "other keys": lambda size, _: _times(size, lambda number: frame(value("DU6660001", f"Key{number}", "1"))),
    "other contracts": lambda size, _: _times(
        size, lambda number: frame(position("DU6660001", number, f"S{number}", currency=f"C{number % 999}"))
    ),
    "values": lambda size, _: _same(size, frame(value("DU6660001", "NetLiquidation", "999999999.99", "USD"))),
    "long messages": lambda size, random: _times(size, lambda _: frame(["6", "2", "K" * 100_000, "1", "", "DU1"])),
}


def claiming(length: int, data: bytes = b"") -> bytes:
    """The beginning of a frame that says it is so long."""
    return struct.pack(">I", length) + data
