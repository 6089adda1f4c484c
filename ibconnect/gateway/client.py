"""ib_async's own client, with every frame taken verbatim before ib_async sees it.

In: bytes of the socket. Out: each frame's payload to ``on_frame`` (account data, which is nearly everything, many at
once to ``on_run``), the few messages that steer us to ``on_message`` as text fields, and the end of the connection to
``on_lost``. ib_async keeps the connection, the handshake, the request encoding and the throttle (45 requests a
second); its decoder, which turns prices into floats and drops what it cannot parse, is replaced by one that hands on
text.
"""

import asyncio
from collections.abc import Callable
from struct import Struct
from typing import Any

from ib_async.client import Client
from ib_async.decoder import Decoder

from ibconnect.config import GatewayAddress
from ibconnect.errors import GatewayUnavailable
from ibconnect.events.wire import RUN_STARTS

# The longest frame that IB's own client accepts (ibapi, comm.py).
MAX_FRAME_BYTES = 0xFFFFFF

NOTICE = 4
NEXT_ID = 9
ACCOUNTS = 15
CURRENT_TIME = 49
DOWNLOAD_END = 54
POSITION_MULTI_END = 72
ACCOUNT_MULTI_END = 74

# Messages that steer the gateway room, with the number of fields that it needs of each.
STEERING: dict[int, int] = {
    NOTICE: 5,
    ACCOUNTS: 3,
    CURRENT_TIME: 3,
    DOWNLOAD_END: 3,
    POSITION_MULTI_END: 3,
    ACCOUNT_MULTI_END: 3,
}

_LENGTH = Struct(">I")
_STEERING_STARTS = tuple(b"%d\0" % number for number in (*STEERING, NEXT_ID))


def split_frames(data: bytes) -> tuple[list[bytes], bytes, int]:
    """The payloads of the whole frames at the start of ``data``, what follows them, and the length that claims.

    A length beyond :data:`MAX_FRAME_BYTES` is the end: nothing after it can be told apart.
    """
    payloads: list[bytes] = []
    start, end, length = 0, len(data), 0
    unpack = _LENGTH.unpack_from
    while end - start >= 4:
        (length,) = unpack(data, start)
        stop = start + 4 + length
        if stop > end or length > MAX_FRAME_BYTES:
            break
        payloads.append(data[start + 4 : stop])
        start = stop
    return payloads, data[start:], length


class _Steering(Decoder):  # type: ignore[misc]
    """Hands the steering messages on as text; everything else was recorded already and is not decoded."""

    def __init__(self, on_message: Callable[[int, list[str]], None]) -> None:
        super().__init__(None, 0)
        self.on_message = on_message

    def interpret(self, fields: list[str]) -> None:
        number = int(fields[0])
        if number in STEERING:
            if len(fields) < STEERING[number]:
                raise ValueError(f"message {number} has {len(fields)} fields, not {STEERING[number]}")
            self.on_message(number, fields)


class _Ears:
    """What ib_async's client expects of a wrapper, and no more."""

    def connectAck(self) -> None:  # noqa: N802
        """The handshake is over."""

    def setEventsDone(self) -> None:  # noqa: N802
        """The connection ended (asked of us before ``connectionClosed``)."""

    def connectionClosed(self) -> None:  # noqa: N802
        """The connection ended."""


class GatewayClient(Client):  # type: ignore[misc]
    """One connection to one gateway; never reused."""

    def __init__(
        self,
        *,
        on_handshake: Callable[[str, str], None],
        on_read: Callable[[], None],
        on_frame: Callable[[bytes], None],
        on_run: Callable[[list[bytes]], None],
        on_undecodable: Callable[[Exception], None],
        on_message: Callable[[int, list[str]], None],
        on_read_end: Callable[[], None],
        on_lost: Callable[[str, bytes], None],
    ) -> None:
        self._tail = b""
        self._on_handshake = on_handshake
        self._on_read = on_read
        self._on_frame = on_frame
        self._on_run = on_run
        self._on_undecodable = on_undecodable
        self._on_read_end = on_read_end
        self._on_lost = on_lost
        self._is_over = False
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        super().__init__(_Ears())
        self.decoder = _Steering(on_message)

    async def open(self, address: GatewayAddress, client_id: int, patience_s: float) -> None:
        """Connect and shake hands until the gateway has said its accounts and its next id.

        :raises GatewayUnavailable: nothing listens, the handshake is refused, or it does not end in time
        """
        shaking = asyncio.ensure_future(self.connectAsync(address.host, address.port, client_id, timeout=0))
        try:
            await asyncio.wait({shaking, self._over}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if shaking.done():
                shaking.result()
            elif self._over.done():
                raise GatewayUnavailable(
                    f"{address} closed the connection during the API handshake: {self._over.result()}"
                )
            else:
                raise GatewayUnavailable(f"{address} did not finish the API handshake within {patience_s:g} s")
        except ConnectionRefusedError as exc:
            raise GatewayUnavailable(f"nothing listens at {address}") from exc
        except OSError as exc:
            raise GatewayUnavailable(f"{address} cannot be connected: {exc.strerror or exc}") from exc
        finally:
            if not shaking.done():
                shaking.cancel()
                await asyncio.wait({shaking})

    def close(self) -> None:
        """Close the socket; ``on_lost`` is not called any more."""
        self._is_over = True
        if self.conn.transport is not None:
            self.conn.transport.abort()

    def _onSocketHasData(self, data: bytes) -> None:  # noqa: N802
        if self._is_over:
            return
        self._on_read()
        payloads, self._tail, claimed = split_frames(self._tail + data)
        self._take_all(payloads)
        if self._is_over:
            return
        if claimed > MAX_FRAME_BYTES:
            self._give_up(f"a frame claims {claimed} bytes", self._tail[:64])
            return
        self._on_read_end()

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
        if not self._serverVersion and payload.count(b"\0") == 2:
            self._shake_hands(payload)
            return
        self._on_frame(payload)
        if not payload:
            self._on_undecodable(ValueError("an empty frame"))
        elif not self._apiReady or payload.startswith(_STEERING_STARTS):
            self._feed(payload)

    def _shake_hands(self, payload: bytes) -> None:
        version, connection_time = payload.decode(errors="backslashreplace").split("\0")[:2]
        if not version.isdigit() or int(version) < self.MinClientVersion:
            self._give_up(
                f"server version {version} is not one of {self.MinClientVersion} to {self.MaxClientVersion}", b""
            )
            return
        self._on_handshake(version, connection_time)
        self._feed(payload)

    def _feed(self, payload: bytes) -> None:
        try:
            super()._onSocketHasData(_LENGTH.pack(len(payload)) + payload)
        except Exception as exc:  # noqa: BLE001 - ib_async raises whatever its parsing meets
            self._on_undecodable(exc)

    def _give_up(self, reason: str, unfinished: bytes) -> None:
        self._tail = b""
        self.close()
        self._on_read_end()
        self._end(f"broken-frame: {reason}", unfinished)

    def _onSocketDisconnected(self, msg: Any) -> None:  # noqa: N802
        was_over, self._is_over = self._is_over, True
        super()._onSocketDisconnected("")
        if not was_over:
            self._end(str(msg or "the gateway closed the connection"), self._tail)

    def _end(self, reason: str, unfinished: bytes) -> None:
        if not self._over.done():
            self._over.set_result(reason)
        self._on_lost(reason, unfinished)
