"""A client of the text protocol that hides nothing: frames as they come, for tests of the simulated gateway."""

import asyncio
import contextlib
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.waiting import DEADLINE_S

Message = list[str]


class RawClient:
    """One connection: handshake and startApi on entering; ``seen`` holds every message after the handshake."""

    def __init__(self, port: int, client_id: int | None = 1, versions: str = "v157..178") -> None:
        self.port = port
        self.client_id = client_id
        self.versions = versions
        self.version = 0
        self.seen: list[Message] = []

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        hello = self.versions.encode()
        self._writer.write(b"API\0" + struct.pack(">I", len(hello)) + hello)
        if self.client_id is not None:
            answer = await self.read()
            self.version = int(answer[0])
            self.send("71", "2", str(self.client_id), "")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            # A reset is an error here too, and was what the test was about.
            await self._writer.wait_closed()

    def send(self, *fields: str) -> None:
        self.send_raw("".join(f"{field}\0" for field in fields).encode())

    def send_raw(self, body: bytes) -> None:
        self._writer.write(struct.pack(">I", len(body)) + body)

    async def read_bytes(self, count: int) -> bytes:
        """Bytes from the socket; raises IncompleteReadError at its end."""
        return await asyncio.wait_for(self._reader.readexactly(count), DEADLINE_S)

    async def read(self) -> Message:
        """One message, within the deadline."""
        (length,) = struct.unpack(">I", await self.read_bytes(4))
        body = await self.read_bytes(length)
        return body.decode("utf-8", "surrogateescape").split("\0")[:-1]

    async def until(self, wanted: Callable[[Message], bool] | str) -> list[Message]:
        """Messages up to and including the first that is wanted (a test, or a message id)."""
        found: list[Message] = []
        while True:
            message = await self.read()
            self.seen.append(message)
            found.append(message)
            if message[0] == wanted if isinstance(wanted, str) else wanted(message):
                return found

    async def logged_in(self) -> None:
        """Read what a gateway says after startApi: up to the last of the farm notices."""
        await self.until(lambda m: m[3:4] == ["2158"])

    async def error(self) -> tuple[int, int, str]:
        """The next message 4 that is no farm notice: request id, code, text."""
        while True:
            message = (await self.until("4"))[-1]
            if message[3] not in ("2104", "2106", "2158"):
                return int(message[2]), int(message[3]), message[4]

    async def ask(self, *fields: str, end: str) -> list[Message]:
        """Send a request; everything that comes up to the message id ``end``."""
        self.send(*fields)
        return await self.until(end)

    async def ended(self) -> None:
        """Wait for the gateway to end the connection, whatever it still sends."""
        await asyncio.wait_for(self._reader.read(), DEADLINE_S)
