"""One recorded session, played to one client: in the recorded order, at the recorded pace or faster.

In: a tape, and what the client asks. Out: messages on the connection, byte for byte as they were recorded. Where the
recorder asked for something, the play stops until this client asks too (or has not for a while), then goes on from
there. A client that asks for something else than the recorder did at that place gets the nearest recorded answer to it,
put in between. The play itself leaves out answers that this client does not ask for, as a gateway would: executions,
orders, profits. Called by ``replay.server``.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ibconnect.events.codec import fields_of, is_inbound, payload_of, payloads_of
from ibconnect.events.selection import Stored
from ibconnect.events.types import AccountsListed, MessageReceived
from ibconnect.simulator.connection import Connection
from ibconnect.simulator.replay.answers import Recorded
from ibconnect.simulator.replay.requests import (
    ANSWER,
    LIST,
    MULTI,
    POSITION_END,
    POSITIONS,
    UPDATES,
    Ask,
    not_recorded,
)
from ibconnect.simulator.replay.tape import Download, Tape
from ibconnect.simulator.scenario.registry import MESSAGES
from ibconnect.simulator.source import no_such_account
from ibconnect.simulator.wire.frames import Fields, frame, payload, split
from ibconnect.simulator.wire.messages import for_version, is_timed
from ibconnect.simulator.wire.versions import LAYOUTS, convert

_FLUSH_BYTES = 1 << 16
_NEXT_ID, _TIME, _NOTICE = b"9\0", b"49\0", b"4\0"
_CONVERTED = tuple(f"{number}\0".encode() for number in LAYOUTS)
"""Messages whose layout differs between server versions, besides notices."""
_ROWS = {"76": (b"73\0", b"74\0"), "74": (b"71\0", b"72\0"), POSITIONS: (b"61\0", b"62\0")}


class _Clock:
    """Recorded times (microseconds) as times of the event loop; restarted wherever the play stood still."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._recorded = 0
        self._started = 0.0

    def start(self, recorded: int) -> None:
        self._recorded, self._started = recorded, asyncio.get_running_loop().time()

    def due(self, recorded: int) -> float:
        return self._started + (recorded - self._recorded) / 1e6 / self._speed


class Play:
    """See the module. ``run`` plays to the end, ``linger`` goes on answering after it."""

    def __init__(self, connection: Connection, tape: Tape, speed: float, patience: float) -> None:
        self._connection = connection
        self._tape = tape
        self._patience = patience
        self._clock = _Clock(speed)
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._asked: list[Ask] = []
        self._has_asked = False
        self._is_left_alone = False
        self._was_listed_unasked = False
        self._is_time_next = False
        self._is_time_asked = False
        self._ids: dict[str, str] = {}
        self._not_wanted: set[str] = set()
        self._left_out: list[Recorded] = []
        self._version = 0
        self._at = tape.session.began
        self._list: bytes | None = None
        self._next_id: bytes | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    async def run(self) -> None:
        """Play the session to its end. The tape is open.

        :raises EventError: an event cannot be read
        :raises DatabaseUnavailable: Postgres was lost
        """
        self._clock.start(self._tape.session.began)
        async for stored in self._tape.events():
            if is_inbound(stored.topic):
                if (answer := self._tape.answer_at(stored.version)) is not None:
                    await self._await_question(stored, answer)
                if not self._is_left_out(stored):
                    await self._play(stored)
            elif self._tape.begins_at(stored.version):
                await self._await_subscription(stored)
            self._version, self._at = stored.version, stored.arrived
        await self._flush()

    async def linger(self) -> None:
        """After the end: answer what the recording can answer, for as long as the client stays."""
        while True:
            await self._answer_those(lambda ask: False)
            await self._wait(None)

    # What requests do (requests.Player).

    def ask(self, ask: Ask) -> None:
        """Take a request that the recording may answer, or refuse it."""
        accounts = self._tape.accounts(ask.source)
        if ask.source == UPDATES and not ask.account and len(accounts) == 1:
            ask = Ask(UPDATES, *accounts)
        if ask.source == UPDATES and ask.account not in accounts:
            refusal = no_such_account(ask.account)
            self._connection.send_error(-1, refusal.code, refusal.text)
        elif ask.source == MULTI and not self._tape.has_answer(ask):
            number = int(ask.request_id) if ask.request_id.isdecimal() else -1
            self._connection.send_error(number, *not_recorded(f"this request for {ask.account}"))
        elif ask.source == POSITIONS and not self._tape.has_answer(ask):
            self._connection.send_error(-1, *not_recorded("reqPositions"))
            # Clients wait for the end of the list although they get the error.
            self._connection.send((POSITION_END,))
        elif ask.source == LIST and self._was_listed_unasked:
            self._was_listed_unasked = False
        else:
            self._asked.append(ask)
            self._has_asked, self._is_left_alone = True, False
            self._woken.set()

    def can_answer(self, ask: Ask) -> bool:
        """Whether a recorded answer of another kind than accounts answers it."""
        return any(each.answers(ask) for each in self._tape.answers)

    def withdraw(self, ask: Ask) -> None:
        """Forget what the client has asked and does not want any more."""
        if ask.source == UPDATES:
            self._asked = [each for each in self._asked if each.source != UPDATES]
        else:
            gone = (ask.number, ask.request_id)
            self._asked = [each for each in self._asked if (each.number, each.request_id) != gone]

    def ask_time(self) -> None:
        """The recorded answer if it is what comes next, otherwise the recorded time of now."""
        if self._is_time_next:
            self._is_time_asked = True
            self._woken.set()
        else:
            self._connection.send((("49", "1", str(self._at // 1_000_000)),))

    def next_id(self) -> Fields:
        """The recorded nextValidId, once it has been sent."""
        return split(self._next_id) if self._next_id is not None else ("9", "1", "1")

    # The play.

    async def _play(self, stored: Stored) -> None:
        body = payload_of(stored.topic, stored.state)
        if stored.topic == AccountsListed.TOPIC:
            # After the first one a list answers a request; but no client asks before it has an id.
            if self._list is not None and self._next_id is not None:
                # Our recorder takes an unasked list for a change, asks for it once more, and then for the accounts:
                # that answer has then been given.
                self._was_listed_unasked = not await self._stand(stored, lambda: bool(self._asked))
                self._asked = [ask for ask in self._asked if ask.source != LIST]
            self._list = body
        elif body.startswith(_NEXT_ID):
            self._next_id = body
        due = self._clock.due(stored.arrived)
        if due > self._loop.time():
            await self._flush()
            await self._pause(due, is_time_next=body.startswith(_TIME))
        await self._send_all(stored, self._ids)

    async def _pause(self, until: float, *, is_time_next: bool = False) -> None:
        """Wait for a time of the loop, answering meanwhile what the play does not come to soon."""
        self._is_time_next, self._is_time_asked = is_time_next, False
        while until > self._loop.time() and not self._is_time_asked:
            await self._answer_those(self._is_ahead)
            await self._wait(until)
        self._is_time_next = False

    def _is_ahead(self, ask: Ask) -> bool:
        if ask.source == ANSWER:
            answer = self._tape.next_answer(ask, self._version)
            return answer is not None and self._clock.due(answer.at) <= self._loop.time() + self._patience
        following = self._tape.next_download(self._version)
        if following is None or self._clock.due(following.at) > self._loop.time() + self._patience:
            return False
        return ask.source == LIST or following.answers(ask)

    async def _await_subscription(self, stored: Stored) -> None:
        download = self._tape.next_download(self._version)
        assert download is not None
        if not await self._stand(stored, lambda: any(download.answers(ask) for ask in self._asked)):
            self._is_left_alone = True
        self._was_listed_unasked = False
        for ask in [ask for ask in self._asked if download.answers(ask)]:
            self._asked.remove(ask)
            self._ids.update(_ids_of(ask, download))

    async def _await_question(self, stored: Stored, answer: Recorded) -> None:
        """Stop where the answer to something begins, until the client asks for it; once in vain for each kind."""
        await self._flush()
        due = self._clock.due(stored.arrived)
        await self._pause(due)
        if self._has_asked and answer.kind not in self._not_wanted:
            deadline = max(due, self._loop.time()) + self._patience
            while not self._asked_for(answer) and self._loop.time() < deadline:
                await self._answer_those(lambda ask: ask.source == ANSWER and self._is_ahead(ask))
                if not self._asked_for(answer):
                    await self._wait(deadline)
            self._clock.start(stored.arrived)
        asked = self._asked_for(answer)
        if not asked:
            self._not_wanted.add(answer.kind)
            self._left_out = [each for each in self._left_out if each.until >= stored.version] + [answer]
            return
        self._not_wanted.discard(answer.kind)
        self._asked.remove(asked[0])
        self._ids.update(_renumbered(answer.request, asked[0]))

    def _is_left_out(self, stored: Stored) -> bool:
        """Whether a message is of an answer to something that this client has not asked."""
        if not self._left_out or stored.topic != MessageReceived.TOPIC:
            return False
        fields = fields_of(stored.topic, stored.state)
        return any(answer.has(fields, stored.version) for answer in self._left_out)

    def _asked_for(self, answer: Recorded) -> list[Ask]:
        return [ask for ask in self._asked if answer.answers(ask)]

    async def _stand(self, stored: Stored, has_asked: Callable[[], bool]) -> bool:
        """Stop where the recorder asked for something, until the client has asked (True) or is not going to.

        Before its first request a client is waited for without limit: one that asks for nothing gets nothing. After
        that, one that does not ask for an account in time is left alone (the play goes on at its pace) until it asks
        for something again.
        """
        await self._flush()
        due = self._clock.due(stored.arrived)
        await self._pause(due - self._patience)
        deadline = max(due, self._loop.time()) + self._patience
        while not has_asked():
            end = self._end_of_wait(due, deadline)
            if end is not None and self._loop.time() >= end:
                if not self._is_left_alone:
                    self._clock.start(stored.arrived)
                return False
            await self._answer_those(lambda ask: False)
            if not has_asked():
                await self._wait(self._end_of_wait(due, deadline))
        self._clock.start(stored.arrived)
        return True

    def _end_of_wait(self, due: float, deadline: float) -> float | None:
        if not self._has_asked:
            return None
        return due if self._is_left_alone else deadline

    async def _wait(self, until: float | None) -> None:
        """Wait until something is asked, or a time of the loop has come."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._woken.wait()
        # Whoever waits looks at everything again after this, and before it waits again.
        self._woken.clear()

    async def _answer_those(self, is_to_wait: Callable[[Ask], bool]) -> None:
        """Answer every request that is not to wait for the play to come to it."""
        for ask in [ask for ask in self._asked if not is_to_wait(ask)]:
            self._asked.remove(ask)
            if ask.source == LIST:
                if self._list is not None:
                    await self._send(self._list, {})
            elif ask.source == ANSWER:
                if (answer := self._tape.nearest_answer(ask, self._version + 1)) is not None:
                    await self._put_answer_in(ask, answer)
            elif (download := self._tape.nearest(ask, self._version + 1)) is not None:
                await self._put_in(ask, download)
        await self._flush()

    async def _put_in(self, ask: Ask, download: Download) -> None:
        async for stored in self._tape.events(download.start):
            if stored.version >= download.end:
                return
            if not is_inbound(stored.topic) or stored.topic == AccountsListed.TOPIC:
                continue
            body = payload_of(stored.topic, stored.state)
            rows = _ROWS[ask.number or ask.source] if ask.source != UPDATES else ()
            if not body.startswith(_TIME) and (ask.source == UPDATES or body.startswith((*rows, _NOTICE))):
                await self._send_all(stored, _ids_of(ask, download))

    async def _put_answer_in(self, ask: Ask, answer: Recorded) -> None:
        last = max(answer.end, min(answer.until, self._version))
        async for stored in self._tape.events(answer.start - 1):
            if stored.version > last:
                return
            if stored.topic == MessageReceived.TOPIC and answer.has(
                fields_of(stored.topic, stored.state), stored.version
            ):
                await self._send_all(stored, _renumbered(answer.request, ask))

    async def _send_all(self, stored: Stored, ids: dict[str, str]) -> None:
        for body in payloads_of(stored.topic, stored.state):
            await self._send(body, ids)

    async def _send(self, body: bytes, ids: dict[str, str]) -> None:
        self._waiting.append(self._as_client_expects(body, ids))
        self._waiting_bytes += len(body)
        if self._waiting_bytes >= _FLUSH_BYTES:
            await self._flush()

    def _as_client_expects(self, body: bytes, ids: dict[str, str]) -> bytes:
        """The same bytes, unless this client's request id or server version is another than the recorder's."""
        version = self._connection.version
        is_other = str(version) != self._recorded_version and body.startswith((_NOTICE, *_CONVERTED))
        if not is_other and not ids:
            return body
        fields = split(body)
        place = _id_place(fields)
        if place is not None and place < len(fields) and fields[place] in ids:
            fields[place] = ids[fields[place]]
        elif not is_other:
            return body
        if is_other and self._recorded_version.isdecimal():
            fields = list(convert(fields, int(self._recorded_version), version))
        return payload(for_version(fields, version) if is_other else fields)

    @property
    def _recorded_version(self) -> str:
        opened = self._tape.session.opened
        return opened.server_version if opened else ""

    async def _flush(self) -> None:
        if self._waiting:
            bodies, self._waiting, self._waiting_bytes = self._waiting, [], 0
            self._connection.send_block(b"".join(map(frame, bodies)), lambda: bodies, len(bodies))
            await self._connection.writable.wait()
            # Requests that have come in meanwhile are seen before the play goes on.
            await asyncio.sleep(0)


def _ids_of(ask: Ask, download: Download) -> dict[str, str]:
    """Recorded request id → the client's, if they differ."""
    recorded = {"76": download.values_request, "74": download.positions_request}.get(ask.number, "")
    return {recorded: ask.request_id} if recorded and recorded != ask.request_id else {}


def _renumbered(recorded: str, ask: Ask) -> dict[str, str]:
    """A recorded request id → the client's, if they differ."""
    return {recorded: ask.request_id} if recorded and recorded != ask.request_id else {}


def _id_place(fields: Fields) -> int | None:
    """Where a message repeats the id of a request which the recorder made."""
    if fields[:1] == ["4"]:
        return 1 if is_timed(fields) else 2
    message = MESSAGES.get(fields[0]) if fields else None
    return message.place(fields) if message is not None else None
