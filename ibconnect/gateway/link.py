"""One connection to one gateway, with its session of events: everything that arrives is recorded as it arrives.

In: the client's callbacks. Out: a recorded session, the accounts that the gateway manages, the steering messages
to whoever watches, and one answer to "how did it end". Called by the keeper; used by refreshes.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ibconnect import __version__
from ibconnect import observe as o
from ibconnect.config import GatewayAddress
from ibconnect.errors import GatewayLost, GatewayUnavailable
from ibconnect.events.journal import JournalFull
from ibconnect.events.kinds import DecodeFailed, OwnEvent, SessionClosed
from ibconnect.events.session import Session
from ibconnect.events.writer import Writer
from ibconnect.gateway.client import ACCOUNTS, NOTICE, GatewayClient
from ibconnect.observe import Kind, observe

HANDSHAKE_S = 10.0
# A half-open connection is found within 30 s: asked after 10 s of silence, given up after 25 s.
ASK_AFTER_S = 10.0
GIVE_UP_AFTER_S = 25.0

_DATA_STARTS = (b"6\0", b"7\0", b"8\0", b"71\0", b"73\0")
_NOT_READY = b"6\x002\x00accountready\x00false\x00"

Watcher = Callable[[int, list[str]], None]


class Link:
    """A live connection. ``lost`` resolves to the reason once it is over."""

    def __init__(self, address: GatewayAddress, client_id: int, writer: Writer, instance: str) -> None:
        self.address = address
        self.session = Session(writer, str(address))
        self.accounts: list[str] = []
        self.server_version = ""
        self.last_notice: tuple[str, str] | None = None
        self.data_at = 0.0
        self.saw_not_ready = False
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._heard_at = 0.0
        self._arrived = 0
        self._client_id = client_id
        self._instance = instance
        self._early: list[bytes] = []
        self._watchers: list[Watcher] = []
        self._is_ready = False
        self._is_flagged = False
        self._has_flagged = False
        self._loop = asyncio.get_running_loop()
        self.client = GatewayClient(
            on_handshake=self._on_handshake,
            on_read=self._on_read,
            on_frame=self._on_frame,
            on_run=self._on_run,
            on_undecodable=self._on_undecodable,
            on_message=self._on_message,
            on_read_end=self._hand_over,
            on_lost=self._on_lost,
        )

    async def open(self) -> None:
        """Connect and shake hands.

        :raises GatewayUnavailable: nothing listens, or the gateway refuses; what it said is recorded
        """
        try:
            await self.client.open(self.address, self._client_id, HANDSHAKE_S)
            self._is_ready = True
        except GatewayUnavailable as exc:
            self.close("refused", self._refusal(str(exc)))
            raise GatewayUnavailable(self._refusal(str(exc))) from exc
        except BaseException:
            self.close("stopped", "")
            raise

    def _refusal(self, text: str) -> str:
        return f"{text} (the gateway said {self.last_notice[0]}: {self.last_notice[1]})" if self.last_notice else text

    @contextmanager
    def watching(self, watcher: Watcher) -> Iterator[None]:
        """Have ``watcher(message id, fields)`` called for each steering message while the context lasts."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    def tell(self, kind: type[OwnEvent], **facts: Any) -> None:
        """Record something that we did.

        :raises GatewayLost: the connection is over
        """
        if not self.session.is_open or self.lost.done():
            raise GatewayLost(f"the connection to {self.address} is over")
        self.session.tell(kind, **facts)
        self._hand_over()

    def close(self, reason: str, detail: str, unfinished: bytes = b"") -> None:
        """End the connection and its session. Safe to call twice; the first reason stands."""
        self.client.close()
        if self.session.is_open and self.session.version:
            try:
                text = b64encode(unfinished).decode()
                self.session.end(SessionClosed, reason=reason, detail=detail, unfinished=text)
            except JournalFull as exc:
                observe(Kind.SPOOL_FULL, gateway=str(self.address), error=exc)
        if not self.lost.done():
            self.lost.set_result(f"{reason}: {detail}" if detail else reason)

    async def keep_alive(self) -> None:
        """Ask for the time when the gateway is silent, and give up when it stays so; ends with the connection."""
        self._heard_at = self._loop.time()
        while not self.lost.done():
            silent = self._loop.time() - self._heard_at
            if silent >= GIVE_UP_AFTER_S:
                self.close("silent", f"nothing heard for {silent:.0f} s")
                return
            if silent >= ASK_AFTER_S:
                self.client.reqCurrentTime()
            await asyncio.wait({self.lost}, timeout=max(1.0, min(ASK_AFTER_S - silent, 5.0)))

    def _on_handshake(self, version: str, connection_time: str) -> None:
        self.server_version = version
        self.session.open(
            client_id=self._client_id,
            server_version=version,
            connection_time=connection_time,
            instance=self._instance,
            software=f"ibconnect {__version__}",
        )
        for payload in self._early:
            self.session.receive(payload, self._arrived)
        self._early.clear()

    def _on_read(self) -> None:
        self._heard_at = self._loop.time()
        self._arrived = self.session.now()

    def _on_frame(self, payload: bytes) -> None:
        if not self.session.version:
            self._early.append(payload)
            return
        self._is_flagged = False
        if not self.session.receive(payload, self._arrived):
            self._flag("the message does not have the layout of its id")
        if payload.startswith(_DATA_STARTS):
            self.data_at = self._heard_at
            if payload[: len(_NOT_READY)].lower() == _NOT_READY:
                self.saw_not_ready = True

    def _on_run(self, payloads: list[bytes]) -> None:
        if not self.session.receive_run(payloads, self._arrived):
            for payload in payloads:
                self._on_frame(payload)
            return
        self.data_at = self._heard_at
        if _NOT_READY in b"".join(payloads).lower():
            self.saw_not_ready = True

    def _on_undecodable(self, error: Exception) -> None:
        if self.session.version and not self._is_flagged:
            self._flag(f"{type(error).__name__}: {error}")

    def _flag(self, error: str) -> None:
        self._is_flagged = True
        self.session.tell(DecodeFailed, version=self.session.version, error=error)
        if not self._has_flagged:
            self._has_flagged = True
            observe(Kind.MESSAGE_UNDECODABLE, gateway=str(self.address), session=str(self.session.id), error=error)

    def _on_message(self, number: int, fields: list[str]) -> None:
        if number == ACCOUNTS:
            self.accounts = list(dict.fromkeys(code for code in fields[2].split(",") if code))
        elif number == NOTICE:
            self.last_notice = (fields[3], fields[4])
            o.NOTICES.labels(str(self.address), fields[3]).inc()
        for watcher in tuple(self._watchers):
            watcher(number, fields)

    def _hand_over(self) -> None:
        try:
            self.session.hand_over()
        except JournalFull as exc:
            observe(Kind.SPOOL_FULL, gateway=str(self.address), error=exc)
            self.close("spool-full", str(exc))

    def _on_lost(self, reason: str, unfinished: bytes) -> None:
        if reason.startswith("broken-frame: "):
            self.close("broken-frame", reason.removeprefix("broken-frame: "), unfinished)
        elif self._is_ready:
            self.close("lost", reason, unfinished)
        else:
            self.close("refused", self._refusal(reason), unfinished)
