"""One client's socket: bytes to requests, messages to bytes, back-pressure.

In: bytes of a client. Out: calls of an :class:`Owner` (the gateway) per event, and bytes to the client. The
outgoing side is where faults take hold: each message passes the connection's tampers.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from ibconnect.simulator.mixing import Mixer
from ibconnect.simulator.source import Feed
from ibconnect.simulator.wire.frames import Fields, Hello, WireError, frame, parse_hello, payload, split, take_frames
from ibconnect.simulator.wire.messages import error, for_version

_LINGER_RESET = struct.pack("ii", 1, 0)


class Owner(Protocol):
    """What a connection reports to the gateway."""

    def connected(self, connection: "Connection") -> None: ...

    def negotiate(self, hello: Hello) -> int: ...

    def connection_time(self) -> str:
        """The gateway's own time with its zone, as the handshake says it."""
        ...

    def started(self, connection: "Connection", client_id: int) -> None: ...

    def requested(self, connection: "Connection", fields: list[str]) -> None: ...

    def disconnected(self, connection: "Connection") -> None: ...


class Tamper(Protocol):
    """An active fault on the way out."""

    def apply(self, connection: "Connection", fields: Fields) -> Fields | bytes | None:
        """What to send in place of this message: another one, or bytes that are none; None leaves it."""
        ...


class Connection(asyncio.Protocol):
    """The state of one connection; the gateway holds one per socket."""

    def __init__(self, owner: Owner, number: int, record: bool) -> None:
        self.number = number
        self.version = 0
        self.client_id: int | None = None
        self.hello = Hello(0, 0)
        self.feeds: dict[tuple[str, int], Feed] = {}
        self.requests: list[list[str]] = []
        self.sent: list[bytes] = []
        self.sent_count = 0
        self.tampers: list[Tamper] = []
        self.mixer: Mixer | None = None
        self.silent = False
        self.closed = False
        self.writable = asyncio.Event()
        self.slow_interval = 0.0
        self.pace_violations = 0
        self._owner = owner
        self._record = record
        self._buffer = bytearray()
        self._greeted = False
        self._transport: asyncio.Transport | None = None
        self._spoilt_at = 0
        self._spoilt: bytearray | None = None
        """Every byte from the first on that belongs to no message of ``sent``; None while there is none."""
        self._slow: deque[bytes] = deque()
        self._slots: deque[float] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.writable.set()
        self._owner.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.writable.set()
        self._owner.disconnected(self)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            if self._greeted or self._greet():
                for body in take_frames(self._buffer):
                    self._received(body)
        except WireError:
            self.close()

    def _greet(self) -> bool:
        """Take the handshake from the buffer; whether it is complete."""
        if not b"API\0".startswith(bytes(self._buffer[:4])):
            # A client from before the versioned handshake (or no client of IB's at all).
            self._refuse(503, "The TWS is out of date and must be upgraded.")
        if len(self._buffer) < 8:
            return False
        length = int.from_bytes(self._buffer[4:8], "big")
        if length > 1024:
            raise WireError("the handshake is not a version range")
        if len(self._buffer) < 8 + length:
            return False
        self.hello = parse_hello(bytes(self._buffer[8 : 8 + length]))
        del self._buffer[: 8 + length]
        self._greeted = True
        self._answer_hello()
        return True

    def _answer_hello(self) -> None:
        version = self._owner.negotiate(self.hello)
        if version > self.hello.highest:
            self._refuse(503, "The socket client is out of date and needs to be upgraded.")
        if version < self.hello.lowest:
            self._refuse(503, "The TWS is out of date and must be upgraded.")
        self.version = version
        self._emit(frame(payload((str(version), self._owner.connection_time()))))

    def _refuse(self, code: int, text: str) -> None:
        self._emit(frame(payload(for_version(error(-1, code, text), self.hello.highest))))
        raise WireError(text)

    def _received(self, body: bytes) -> None:
        fields = split(body)
        if self._record:
            self.requests.append(fields)
        if self.client_id is not None:
            self._owner.requested(self, fields)
        elif fields and fields[0] == "71":
            self._start(fields)

    def _start(self, fields: list[str]) -> None:
        try:
            client_id = int(fields[2])
        except (IndexError, ValueError):
            raise WireError("startApi without a client id") from None
        self._owner.started(self, client_id)

    def send(self, messages: Iterable[Fields]) -> None:
        """Send messages in order, through whatever faults are set on this connection."""
        messages = list(messages)
        if self.mixer is None or not self.mixer.take(messages):
            self._send(messages)

    def _send(self, messages: Sequence[Fields]) -> None:
        if self.closed or self.silent:
            return
        if self.tampers:
            for fields in messages:
                self._send_tampered(for_version(fields, self.version))
            return
        bodies = [payload(for_version(fields, self.version)) for fields in messages]
        self.sent_count += len(bodies)
        if self._record:
            self.sent.extend(bodies)
        self._emit(b"".join(map(frame, bodies)))

    def mix(self, is_mixed: bool) -> None:
        """Send answers to several requests mixed from now on, or do so no more."""
        self.mixer = Mixer(self._send) if is_mixed else None

    def send_error(self, request_id: int, code: int, text: str) -> None:
        """Send one message 4."""
        self.send((error(request_id, code, text),))

    def send_block(self, data: bytes, bodies: Callable[[], Iterable[bytes]], count: int) -> None:
        """Send ``count`` messages encoded beforehand; ``bodies`` gives them one by one if they are needed."""
        if self.closed or self.silent:
            return
        if self.tampers:
            for body in bodies():
                self._send_tampered(split(body))
            return
        self.sent_count += count
        if self._record:
            self.sent.extend(bodies())
        self._emit(data)

    def send_body(self, body: bytes) -> None:
        """Send one well-framed message whatever it holds."""
        if self.closed or self.silent:
            return
        self.sent_count += 1
        if self._record:
            self.sent.append(body)
        self._emit(frame(body))

    def send_raw(self, data: bytes) -> None:
        """Send bytes that are no message of the protocol."""
        if self._record and self._spoilt is None and data:
            self._spoilt_at, self._spoilt = len(self.sent), bytearray()
        self._emit(data)

    def sent_fields(self) -> list[list[str]]:
        """Every message sent so far, without the handshake, as a client splits it."""
        return [split(body) for body in self.sent]

    def readable(self) -> list[bytes]:
        """Every message that a client could read by now: those sent, and from other bytes on what these look like.

        A length prefix that is too small has the client read the rest of that message as the next one's length.
        """
        if self._spoilt is None:
            return self.sent[:]
        found = self.sent[: self._spoilt_at]
        with suppress(WireError):
            found.extend(take_frames(self._spoilt[:]))
        return found

    def _send_tampered(self, fields: Fields) -> None:
        for tamper in tuple(self.tampers):
            if self.closed:
                return
            changed = tamper.apply(self, fields)
            if isinstance(changed, bytes):
                self.send_raw(changed)
                return
            fields = changed or fields
        self.send_body(payload(fields))

    def _emit(self, data: bytes) -> None:
        if self._transport is None or not data:
            return
        if self._spoilt is not None:
            self._spoilt += data
        if self.slow_interval or self._slow:
            self._emit_slowly(data)
        else:
            self._transport.write(data)

    def _emit_slowly(self, data: bytes) -> None:
        if not self._slow:
            asyncio.get_running_loop().call_soon(self._trickle)
        self._slow.append(data)
        self.writable.clear()

    def _trickle(self) -> None:
        """Write one byte, or everything once the fault is over; then come back while there is more."""
        if self._transport is None or self.closed:
            return
        if not self.slow_interval:
            self.writable.set()
            self._transport.write(b"".join(self._slow))
            self._slow.clear()
            return
        head = self._slow[0]
        self._transport.write(head[:1])
        if len(head) > 1:
            self._slow[0] = head[1:]
        else:
            self._slow.popleft()
        if self._slow:
            asyncio.get_running_loop().call_later(self.slow_interval, self._trickle)
        else:
            self.writable.set()

    def hush(self, silent: bool) -> None:
        """Neither read nor write from now on (or do so again), with the socket open: a hung gateway."""
        self.silent = silent
        if self._transport is None or self.closed:
            return
        if silent:
            self._transport.pause_reading()
        elif not self._transport.is_reading():
            self._transport.resume_reading()

    def close(self) -> None:
        """End the connection after what was written has gone out."""
        self.closed = True
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """End the connection at once with a TCP RST."""
        self.closed = True
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self._transport.abort()

    def shut_down(self) -> None:
        """End the connection without waiting for a client that does not read."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort() if self._transport.get_write_buffer_size() else self._transport.close()

    def next_slot(self, rate: int, now: float) -> float:
        """When (``loop.time()``) a request that came now is due at ``rate`` a second; ``now`` or later."""
        if len(self._slots) < rate:
            return now
        return max(now, self._slots[0] + 1.0)

    def take_slot(self, rate: int, slot: float) -> None:
        """Count a request as served at ``slot``."""
        self._slots.append(slot)
        while len(self._slots) > rate:
            self._slots.popleft()
