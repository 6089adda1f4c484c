"""One connection to one gateway, with its session of events: everything that arrives is recorded as it arrives.

In: the transport's callbacks. Out: a recorded session, the accounts that the gateway manages, whether it is connected
to IB, the steering messages to whoever watches, and one answer to "how did it end". Called by the supervisor; used by
the collectors.
"""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import tzinfo
from typing import Any

from ibconnect import __version__
from ibconnect import observe as o
from ibconnect.clocks import zone_of
from ibconnect.errors import GatewayLost, GatewayUnavailable
from ibconnect.events.journal import JournalFull
from ibconnect.events.notices import FARMS, label
from ibconnect.events.stream import Stream
from ibconnect.events.types import DecodeFailed, OwnEvent, SessionClosed
from ibconnect.events.writer import Writer
from ibconnect.gateway.account_list import AccountList
from ibconnect.gateway.allowance import Allowance
from ibconnect.gateway.connectivity import Connectivity
from ibconnect.gateway.freshness import Freshness
from ibconnect.gateway.listeners import Listeners
from ibconnect.gateway.transport import ACCOUNTS, NOTICE, SYMBOL_SAMPLES, Transport
from ibconnect.gateway.unnumbered import Unnumbered
from ibconnect.observe import Kind, observe
from ibconnect.setting_values import GatewayAddress
from ibconnect.texts import one_line
from ibconnect.times import utc_now

# Long, since a handshake that is broken off may cost a gateway more than the time: some then let nobody in.
HANDSHAKE_S = 25.0
# A half-open connection is found within 30 s: asked after 10 s of silence, given up after 25 s.
ASK_AFTER_S = 10.0
GIVE_UP_AFTER_S = 25.0
# A message that comes byte by byte is heard as silence; one that is long is not.
_HEARD_BYTES = 4096
# What only IB's own servers can answer, so an answer shows that the gateway has them.
_PROBE = "IBKR"

LONGEST_CODE = 12
"""Of a notice, as people read it: a gateway may send any text in its place."""

_DATA_STARTS = (b"6\0", b"7\0", b"8\0", b"71\0", b"73\0")


class Connection:
    """A live connection. ``lost`` resolves to the reason once it is over; ``floods``: that it sent too much.

    :param allowance: how much the gateway may send, over all of its connections
    :param steering: the messages that collectors watch besides those that every connection needs, with the number of
        fields that are needed of each
    """

    def __init__(
        self,
        address: GatewayAddress,
        client_id: int,
        writer: Writer,
        instance: str,
        allowance: Allowance,
        *,
        steering: Mapping[int, int] | None = None,
    ) -> None:
        self.address = address
        self.session = Stream(writer, str(address))
        self.floods = False
        self.server_version = ""
        self.zone: tzinfo | None = None
        """That of the gateway's own clock, as far as it is known."""
        self.last_notice: tuple[str, str] | None = None
        """Code and text of the newest notice that is not about a farm."""
        self.freshness = Freshness()
        self.unnumbered = Unnumbered()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._allowance = allowance
        self._heard_at = self._read_at = 0.0
        self._arrived = self._unheard = self._size = self._version = 0
        self._list = AccountList(address.pins, allowance)
        self._undecodable: tuple[int, str] | None = None
        self._more_undecodable = 0
        self._client_id = client_id
        self._instance = instance
        self._early: list[bytes] = []
        self._is_ready = self._has_taken = False
        self._has_flagged = False
        self._listeners = Listeners()
        self.watching = self._listeners.watching
        self.hearing = self._listeners.hearing
        self.collecting = self._listeners.collecting
        self._loop = asyncio.get_running_loop()
        self.transport = Transport(
            on_handshake=self._on_handshake,
            on_read=self._on_read,
            on_frame=self._on_frame,
            on_run=self._on_run,
            on_undecodable=self._on_undecodable,
            on_message=self._on_message,
            on_read_end=self._on_read_end,
            on_lost=self._on_lost,
            steering=steering,
        )

    @property
    def accounts(self) -> list[str]:
        """The accounts that it lists and is to be asked for: where some are pinned to it, no others."""
        return self._list.accounts

    @property
    def lists_too_many(self) -> bool:
        """Whether the newest list of accounts is longer than what is asked for."""
        return self._list.is_too_long

    @property
    def connectivity(self) -> Connectivity:
        """Whether the gateway has IB."""
        return self.freshness.connectivity

    async def open(self) -> None:
        """Connect and shake hands.

        :raises GatewayUnavailable: nothing listens, or the gateway refuses; what it said is recorded
        :raises HandshakeUnfinished: it has begun to let us in, and did not end
        """
        try:
            await self.transport.open(self.address, self._client_id, HANDSHAKE_S)
            self._is_ready = True
        except GatewayUnavailable as exc:
            why = f"{self.address}: {self.lost.result()}" if self.floods else self._refusal(str(exc))
            self.close("refused", why)
            raise type(exc)(why) from exc
        except BaseException:
            self.close("stopped", "")
            raise

    def _refusal(self, text: str) -> str:
        return f"{text} (the gateway said {self.last_notice[0]}: {self.last_notice[1]})" if self.last_notice else text

    def record(self, kind: type[OwnEvent], **facts: Any) -> int:
        """Record something that we did; return its version in the stream.

        :raises GatewayLost: the connection is over
        """
        if not self.session.is_open or self.lost.done():
            raise GatewayLost(f"the connection to {self.address} is over")
        self.session.tell(kind, **facts)
        version = self.session.version
        self._hand_over()
        return version

    def close(self, reason: str, detail: str, unfinished: bytes = b"") -> None:
        """End the connection and its session. Safe to call twice; the first reason stands."""
        self.transport.close()
        self.freshness.close()
        if self.session.is_open and self.session.version:
            self._record_undecodable()
            # If the spool is full, the session has noted that and how it ended.
            with suppress(JournalFull):
                text = b64encode(unfinished).decode()
                self.session.end(SessionClosed, reason=reason, detail=detail, unfinished=text)
        if not self.lost.done():
            self.lost.set_result(f"{reason}: {detail}" if detail else reason)

    async def until(self, seconds: float | None, *wanted: asyncio.Future[Any]) -> None:
        """Wait until one of these has come, the connection is over, or so many seconds have passed."""
        await asyncio.wait({*wanted, self.lost}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def keep_alive(self) -> None:
        """Ask for the time when the gateway is silent, and give up when it stays so; ends with the connection."""
        self._heard_at = self._loop.time()
        while not self.lost.done():
            silent = self._loop.time() - self._heard_at
            if silent >= GIVE_UP_AFTER_S:
                came = f"{self._unheard} bytes and no whole message" if self._unheard else "nothing"
                self.close("silent", f"{came} heard for {silent:.0f} s")
                return
            if silent >= ASK_AFTER_S:
                self.transport.reqCurrentTime()
            await self.until(max(1.0, min(ASK_AFTER_S - silent, 5.0)))

    def probe(self) -> None:
        """Ask IB something, if it is time to, since the gateway does not say whether it has IB again."""
        if not self.lost.done() and self.connectivity.wants_probe(self._loop.time()):
            self.transport.reqMatchingSymbols(self.transport.getReqId(), _PROBE)

    def _on_handshake(self, version: str, connection_time: str) -> None:
        self.server_version = version
        self.zone = zone_of(connection_time, utc_now())
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

    def _on_read(self, size: int) -> None:
        self._read_at = self._loop.time()
        self._arrived = self.session.now()
        self._size += size
        self._unheard += size

    def _on_frame(self, payload: bytes) -> None:
        self._has_taken = True
        if not self.session.version:
            self._early.append(payload)
            return
        if not self.session.receive(payload, self._arrived):
            self._flag("the message does not have the layout of its id")
        self._listeners.collect(payload)
        if payload.startswith(_DATA_STARTS):
            self._take_data([payload])

    def _on_run(self, payloads: list[bytes]) -> None:
        self._has_taken = True
        if self.session.receive_run(payloads, self._arrived):
            self._take_data(payloads)
            return
        for payload in payloads:
            self._on_frame(payload)

    def _take_data(self, payloads: list[bytes]) -> None:
        self._listeners.hear(payloads, self._read_at, self._arrived)
        self.freshness.note_data(self._read_at)

    def _on_undecodable(self, error: Exception) -> None:
        version = self.session.version
        if version and (self._undecodable is None or self._undecodable[0] != version):
            self._flag(f"{type(error).__name__}: {error}")

    def _flag(self, error: str) -> None:
        """Note that the newest message could not be understood; of many in a turn the first is named."""
        if self._undecodable is None:
            self._undecodable = self.session.version, error
        else:
            self._more_undecodable += 1

    def _record_undecodable(self) -> None:
        if self._undecodable is None or not self.session.is_open:
            return
        version, error = self._undecodable
        self.session.tell(DecodeFailed, version=version, error=error, more=self._more_undecodable or None)
        self._undecodable, self._more_undecodable = None, 0
        if not self._has_flagged:
            self._has_flagged = True
            observe(Kind.MESSAGE_UNDECODABLE, gateway=str(self.address), session=str(self.session.id), error=error)

    def _on_message(self, number: int, fields: list[str]) -> None:
        if number == ACCOUNTS:
            self._list.add(fields)
            return
        if number == NOTICE:
            self.unnumbered.note(fields)
            self._on_notice(one_line(fields[3], LONGEST_CODE), one_line(fields[4]))
        elif number == SYMBOL_SAMPLES:
            self.freshness.note_answer(self._read_at)
        self._listeners.dispatch(number, fields)

    def _take_list(self) -> str:
        """Look through the newest list of accounts; why lists are too many by now, or empty."""
        if (fields := self._list.look()) is None:
            return ""
        self._listeners.dispatch(ACCOUNTS, fields)
        return self._list.use(self._loop.time())

    def _on_notice(self, code: str, text: str) -> None:
        o.NOTICES.labels(str(self.address), label(code)).inc()
        if code not in FARMS:
            self.last_notice = (code, text)
        self.freshness.note(code, text, self._read_at)

    def _on_read_end(self) -> None:
        """What was read, or as much of it as there was time for, is taken."""
        too_much = self._take_list()
        self._record_undecodable()
        if self._has_taken or self._unheard >= _HEARD_BYTES:
            self._heard_at, self._unheard, self._has_taken = self._read_at, 0, False
        size, self._size = self._size, 0
        events, self._version = self.session.version - self._version, self.session.version
        self._hand_over()
        too_much = self._allowance.use(size, events, self._loop.time()) or too_much
        if too_much and not self.lost.done():
            self.floods = True
            self.close("flood", too_much)

    def _hand_over(self) -> None:
        try:
            self.session.hand_over()
        except JournalFull as exc:
            self.close("spool-full", str(exc))

    def _on_lost(self, kind: str, reason: str, unfinished: bytes) -> None:
        if kind == "broken-frame":
            self.close("broken-frame", reason, unfinished)
        elif self._is_ready:
            self.close("lost", reason, unfinished)
        else:
            self.close("refused", self._refusal(reason), unfinished)
