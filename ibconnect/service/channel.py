"""A line between two processes of one instance, over a pair of sockets that nobody else can reach.

In: questions and words, JSON objects, of either end. Out: what the other end answers, or that it does not in time.
Called by the supervisor (``ibconnect serve``) and by the processes that it has started; what it gives them at their
start is here too. Each message is its length in four bytes, then JSON; what is longer than any of ours, or no JSON,
ends the line.
"""

import asyncio
import itertools
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Self

Message = dict[str, Any]
Answer = Callable[[Message], Awaitable[Message]]
"""What answers a question of the other end."""
Hear = Callable[[Message], None]
"""What is told each word of the other end."""

_LENGTH = 4
# The metrics of a process are some hundred kilobytes.
_MOST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Given:
    """What a parent gives: descriptors of the channel and of listening sockets, and what of them is bound."""

    line: int
    listen: tuple[int, ...]
    bound: tuple[tuple[str, int], ...]

    def as_argument(self) -> str:
        """For the command line of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_argument(cls, text: str) -> Self:
        """What stands there."""
        said = json.loads(text)
        bound = tuple((str(host), int(port)) for host, port in said["bound"])
        return cls(int(said["line"]), tuple(map(int, said["listen"])), bound)


class Channel:
    """One end of the line; :meth:`run` reads it until the other end is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._is_over = False

    @classmethod
    async def over(cls, line: socket.socket) -> Self:
        """The end that this socket is."""
        return cls(*await asyncio.open_unix_connection(sock=line))

    def tell(self, word: Message) -> None:
        """Say this. An end that does not read is told nothing more, so that nothing piles up for it."""
        self._send({"tell": word})

    async def ask(self, question: Message, seconds: float) -> Message | None:
        """The other end's answer; None if it gives none in time, or is gone."""
        if self._is_over:
            return None
        number = next(self._numbers)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self._send({"ask": question, "number": number})
            async with asyncio.timeout(seconds):
                return await answer
        except (TimeoutError, ConnectionError):
            return None
        finally:
            del self._asked[number]

    async def run(self, answer: Answer, hear: Hear) -> None:
        """Answer and hear the other end until it is gone."""
        try:
            while (message := await self._receive()) is not None:
                self._take(message, answer, hear)
        finally:
            self._is_over = True
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_exception(ConnectionResetError("the other process is gone"))
            for task in self._answering:
                task.cancel()
            self.close()

    def _take(self, message: Message, answer: Answer, hear: Hear) -> None:
        match message:
            case {"tell": dict(word)}:
                hear(word)
            case {"ask": dict(question), "number": int(number)}:
                task = asyncio.ensure_future(self._answer(question, number, answer))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            case {"answer": dict(said), "number": int(number)}:
                asked = self._asked.get(number)
                if asked is not None and not asked.done():
                    asked.set_result(said)

    async def _answer(self, question: Message, number: int, answer: Answer) -> None:
        self._send({"answer": await answer(question), "number": number})

    async def _receive(self) -> Message | None:
        """The next message; None: there is none any more."""
        with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            size = int.from_bytes(await self._reader.readexactly(_LENGTH))
            if size <= _MOST_BYTES:
                found: Message | None = json.loads(await self._reader.readexactly(size))
                return found if isinstance(found, dict) else None
        return None

    def _send(self, message: Message) -> None:
        if self._writer.is_closing() or self._writer.transport.get_write_buffer_size() > _MOST_BYTES:
            return
        body = json.dumps(message).encode()
        self._writer.write(len(body).to_bytes(_LENGTH) + body)

    async def drained(self, seconds: float) -> None:
        """Wait until what was said is on its way, for so long at most."""
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(seconds):
                self._writer.transport.set_write_buffer_limits(0)
                await self._writer.drain()

    def close(self) -> None:
        """Say nothing more."""
        self._writer.close()
