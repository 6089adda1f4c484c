"""ib_async's own client, with every frame taken verbatim before ib_async sees it.

In: bytes of the socket, and requests. Out: each frame's payload to ``on_frame`` (account data, which is nearly
everything, many at once to ``on_run``; small frames in a row as one piece), the few messages that steer us to
``on_message`` as text fields, and the end of the connection to ``on_lost``. Requests go out as the pacing allows.
ib_async keeps the connection, the handshake and the encoding of requests; it is shown nothing but what it needs for
that, since its decoder turns prices into floats and drops what it cannot parse.

A gateway may be anything that listens there. What is read at once is looked through in turns of a few milliseconds,
between which the others have theirs, and nothing more is read meanwhile. Until a gateway has said its accounts and its
next id it may say little.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any

from ib_async.client import Client
from ib_async.decoder import Decoder

from ibconnect.errors import GatewayError, GatewayUnavailable, HandshakeUnfinished
from ibconnect.events.codec import RUN_STARTS
from ibconnect.events.frames import LENGTH, Frames, SmallFrames
from ibconnect.events.layouts import with_version
from ibconnect.gateway import greeting
from ibconnect.gateway.outbox import Outbox
from ibconnect.gateway.pacing import Batch
from ibconnect.setting_values import GatewayAddress
from ibconnect.texts import decoded

NOTICE = 4
NEXT_ID = 9
ACCOUNTS = 15
CURRENT_TIME = 49
SYMBOL_SAMPLES = 79

# Messages that steer every connection, with the number of fields that it needs of each. Collectors have more.
STEERING: Mapping[int, int] = {
    NOTICE: 5,
    ACCOUNTS: 3,
    CURRENT_TIME: 3,
    SYMBOL_SAMPLES: 2,
}

_NO_WORD = "before a word: is its API switched on, and does it trust this address?"
# How long frames are taken for before others have their turn, and how many of them between two looks at the time.
_TURN_S, _AT_ONCE = 0.004, 512
# What ib_async waits for before it counts as ready, and takes its request ids from.
_LOGIN_STARTS = (b"%d\0" % NEXT_ID, b"%d\0" % ACCOUNTS)


class _NoDecoder(Decoder):  # type: ignore[misc]
    """Decodes nothing: what there is to know of a message was taken from it before."""

    def interpret(self, fields: list[str]) -> None:
        """Nothing."""


class _Wrapper:
    """What ib_async's client expects of a wrapper, and no more."""

    def connectAck(self) -> None:  # noqa: N802
        """The handshake is over."""

    def setEventsDone(self) -> None:  # noqa: N802
        """The connection ended (asked of us before ``connectionClosed``)."""

    def connectionClosed(self) -> None:  # noqa: N802
        """The connection ended."""


class Transport(Client):  # type: ignore[misc]
    """One connection to one gateway; never reused. ``on_message`` is given notices (4) in one layout: with a version.

    :param steering: the messages that are given to ``on_message`` besides those of every connection, with the number of
        fields that are needed of each
    """

    # 200 is the last server version whose messages are all text: from 201 on prices and amounts are binary doubles.
    MinClientVersion = 157
    MaxClientVersion = 200

    def __init__(
        self,
        *,
        on_handshake: Callable[[str, str], None],
        on_read: Callable[[int], None],
        on_frame: Callable[[bytes], None],
        on_run: Callable[[list[bytes]], None],
        on_undecodable: Callable[[Exception], None],
        on_message: Callable[[int, list[str]], None],
        on_read_end: Callable[[], None],
        on_lost: Callable[[str, str, bytes], None],
        steering: Mapping[int, int] | None = None,
    ) -> None:
        self._steering = {**STEERING, **(steering or {})}
        self._steering_starts = tuple(b"%d\0" % number for number in self._steering)
        self._frames = Frames(self._steering)
        self._outbox = Outbox(self._write)
        self._gathered: list[bytes] | None = None
        self._login_bytes = 0
        self._turn: asyncio.Handle | None = None
        self._on_message = on_message
        self._on_handshake = on_handshake
        self._on_read = on_read
        self._on_frame = on_frame
        self._on_run = on_run
        self._on_undecodable = on_undecodable
        self._on_read_end = on_read_end
        self._on_lost = on_lost
        self._is_over = False
        self._refusal = ""
        self._gave_up = False
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[str] = self._loop.create_future()
        super().__init__(_Wrapper())
        self.decoder = _NoDecoder(None, 0)

    async def open(self, address: GatewayAddress, client_id: int, patience_s: float) -> None:
        """Connect and shake hands until the gateway has said its accounts and its next id.

        :raises GatewayUnavailable: nothing listens, or the handshake is refused
        :raises HandshakeUnfinished: it does not end in time, or we broke it off
        """
        shaking = asyncio.ensure_future(self.connectAsync(address.host, address.port, client_id, timeout=0))
        try:
            await asyncio.wait({shaking, self._over}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if shaking.done():
                shaking.result()
            elif self._over.done():
                kind = HandshakeUnfinished if self._gave_up else GatewayUnavailable
                raise kind(f"{address}: {self._over.result()}")
            elif self.conn.transport is None:
                raise GatewayUnavailable(f"{address} does not accept a connection within {patience_s:g} s")
            else:
                raise HandshakeUnfinished(f"{address} {self._silence()} within {patience_s:g} s")
        except ConnectionRefusedError as exc:
            raise GatewayUnavailable(f"nothing listens at {address}") from exc
        except OSError as exc:
            raise GatewayUnavailable(f"{address} cannot be connected: {exc.strerror or exc}") from exc
        finally:
            if not shaking.done():
                shaking.cancel()
                await asyncio.wait({shaking})

    def _silence(self) -> str:
        has_version, has_accounts = bool(self._serverVersion), bool(self._accounts)
        waiting = self._frames.waiting
        return greeting.silence(self._login_bytes, waiting, has_version=has_version, has_accounts=has_accounts)

    def sendMsg(self, msg: str) -> None:  # noqa: N802
        """Send a message as soon as the pacing lets it; ib_async's requests end here."""
        message = self._prefix(msg.encode())
        if self._gathered is not None:
            self._gathered.append(message)
        else:
            self._outbox.put(message)

    def send_later(self, ask: Callable[[], None], on_gone: Callable[[], None]) -> Batch:
        """Have what ``ask`` sends go out after everything that is more urgent; it can be dropped until then.

        What ``ask`` raises is raised here.

        :param on_gone: called when the last message of it goes out: before anything can be answered
        :raises GatewayError: ``ask`` sends nothing
        """
        gathered: list[bytes] = []
        self._gathered = gathered
        try:
            ask()
        finally:
            self._gathered = None
        if not gathered:
            raise GatewayError("a question was asked that sends nothing")
        return self._outbox.put_later(gathered, on_gone)

    def _write(self, message: bytes) -> None:
        self.conn.sendMsg(message)

    def close(self) -> None:
        """Close the socket; ``on_lost`` is not called any more."""
        self._is_over = True
        self._outbox.close()
        self._end_turn()
        if not self._over.done():
            self._over.set_result("we closed the connection")
        if self.conn.transport is not None:
            self.conn.transport.abort()

    def _onSocketHasData(self, data: bytes) -> None:  # noqa: N802
        if self._is_over:
            return
        self._on_read(len(data))
        self._frames.feed(data)
        if not self._apiReady:
            self._login_bytes += len(data)
        self._take_turn(_TURN_S)

    def _take_turn(self, seconds: float) -> None:
        """Take what has been read, for so long at most; the rest in the next turn."""
        end = self._loop.time() + seconds
        self._turn = None
        while pieces := self._frames.take(_AT_ONCE):
            self._take_all(pieces)
            if self._is_over:
                return
            if self._loop.time() >= end:
                self._on_read_end()
                self._wait_for_turn()
                return
        if self._frames.is_broken:
            self._give_up(self._stranger(), self._frames.unfinished[:64])
        elif self._refusal:
            self._give_up(self._refusal, self._frames.unfinished, kind="refused")
        elif wrong := self._says_too_much():
            self._give_up(wrong, b"")
        else:
            self._on_read_end()
            if not self._is_over:
                self._read_on()

    def _wait_for_turn(self) -> None:
        """Read the rest when the others have had their turn; nothing more, if the connection is over by now."""
        if not self._is_over:
            if self.conn.transport is not None:
                self.conn.transport.pause_reading()
            self._turn = self._loop.call_soon(self._take_turn, _TURN_S)

    def _read_on(self) -> None:
        if self.conn.transport is not None and not self.conn.transport.is_closing():
            self.conn.transport.resume_reading()

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _stranger(self) -> str:
        claimed, start = self._frames.claimed, self._frames.unfinished
        return greeting.stranger(start, claimed, has_version=bool(self._serverVersion))

    def _says_too_much(self) -> str:
        size = max(self._login_bytes, self._frames.claimed)
        return "" if self._apiReady else greeting.too_much(size, has_version=bool(self._serverVersion))

    def _take_all(self, payloads: list[bytes]) -> None:
        """Take frames one by one, but those that steer nothing, which are nearly all, in runs."""
        run: list[bytes] = []
        for payload in payloads:
            if payload.startswith(RUN_STARTS) and self._apiReady:
                run.append(payload)
                continue
            if run:
                self._on_run(run)
                run = []
            self._take(payload)
            if self._is_over:
                return
        if run:
            self._on_run(run)

    def _take(self, payload: bytes) -> None:
        if isinstance(payload, SmallFrames):
            self._on_frame(payload)
            return
        if not self._serverVersion and payload.count(b"\0") == 2:
            self._shake_hands(payload)
            return
        self._on_frame(payload)
        if self._refusal:
            # Whatever it is, it is not in the language that we speak.
            return
        if not self._apiReady and payload.startswith(_LOGIN_STARTS):
            self._feed(payload)
        if payload.startswith(self._steering_starts):
            self._steer(payload)

    def _steer(self, payload: bytes) -> None:
        fields = decoded(payload).split("\0")[:-1]
        number = int(fields[0]) if fields else 0
        if number == NOTICE:
            fields = with_version(fields)
        needed = self._steering.get(number, 1)
        if len(fields) < needed:
            self._on_undecodable(ValueError(f"message {number} has {len(fields)} fields, not {needed}"))
        else:
            self._on_message(number, fields)

    def _shake_hands(self, payload: bytes) -> None:
        version, connection_time = decoded(payload).split("\0")[:2]
        if greeting.is_too_new(version, self.MaxClientVersion):
            # What it says with its greeting is recorded, as frames; it is not answered.
            self._refusal = f"{greeting.too_new(version, self.MaxClientVersion)} (we closed the connection)"
            self._serverVersion = int(version)
        elif wrong := greeting.wrong_version(version, self.MinClientVersion):
            self._give_up(f"{wrong} (we closed the connection)", b"")
            return
        self._on_handshake(version, connection_time)
        if not self._refusal:
            self._feed(payload)

    def _feed(self, payload: bytes) -> None:
        try:
            super()._onSocketHasData(LENGTH.pack(len(payload)) + payload)
        except Exception as exc:  # noqa: BLE001 - ib_async raises whatever its parsing meets
            self._on_undecodable(exc)

    def _give_up(self, reason: str, unfinished: bytes, kind: str = "broken-frame") -> None:
        self._gave_up = True
        self._over.set_result(reason)
        self.close()
        self._on_read_end()
        self._end(kind, reason, unfinished)

    def _onSocketDisconnected(self, msg: Any) -> None:  # noqa: N802
        if not self._is_over and self._turn is not None:
            # What was read before the end came is recorded before it.
            self._end_turn()
            self._take_turn(math.inf)
        was_over, self._is_over = self._is_over, True
        self._outbox.close()
        had_answered = bool(self._serverVersion)
        super()._onSocketDisconnected("")
        if not was_over:
            reason = str(msg or "the gateway closed the connection")
            self._end("lost", reason if had_answered else f"{reason} {_NO_WORD}", self._frames.unfinished)

    def _end(self, kind: str, reason: str, unfinished: bytes) -> None:
        if not self._over.done():
            self._over.set_result(reason)
        self._on_lost(kind, reason, unfinished)
