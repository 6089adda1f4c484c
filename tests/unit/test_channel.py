"""The line between two processes of an instance: questions are answered in time or not at all; nonsense ends it."""

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.service.channel import _MOST_BYTES, Channel, Given, Message

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=3))


class End:
    """One end that answers what it is asked with the same, slowly if so asked."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.heard: list[Message] = []
        self.reading = asyncio.create_task(channel.run(self._answer, self.heard.append))

    async def _answer(self, question: Message) -> Message:
        await asyncio.sleep(question.get("after", 0))
        return question


async def ends() -> tuple[End, socket.socket]:
    """One end, and the socket of the other."""
    ours, theirs = socket.socketpair()
    return End(await Channel.over(ours)), theirs


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=5))
def test_questions_are_answered_each_by_its_own(questions: list[dict[str, Any]]) -> None:
    async def ask_all() -> None:
        one, theirs = await ends()
        other = End(await Channel.over(theirs))
        asked = [one.channel.ask({"it": each}, 20.0) for each in questions]
        assert await asyncio.gather(*asked) == [{"it": each} for each in questions]
        for each in (one, other):
            each.channel.close()
        await asyncio.gather(one.reading, other.reading)

    asyncio.run(ask_all())


async def test_who_does_not_answer_in_time_has_said_nothing() -> None:
    one, theirs = await ends()
    other = End(await Channel.over(theirs))
    assert await one.channel.ask({"after": 60}, 0.05) is None
    assert await one.channel.ask({"after": 0}, 20.0) == {"after": 0}
    waiting = asyncio.create_task(one.channel.ask({"after": 60}, 60.0))
    one.channel.tell({"word": 1})
    assert await one.channel.ask({"after": 0}, 20.0) == {"after": 0}
    assert other.heard == [{"word": 1}]
    other.channel.close()
    assert await waiting is None, "it is gone"
    assert await one.channel.ask({}, 60.0) is None
    await asyncio.gather(one.reading, other.reading)


@pytest.mark.parametrize(
    "said",
    [b"", b"\0\0\0\1", b"\0\0\0\1{", b"\0\0\0\2[]", (_MOST_BYTES + 1).to_bytes(4) + b"{}", b"\0\0\0\2\xff\xff"],
    ids=["nothing", "half", "no JSON", "no object", "too long", "no text"],
)
async def test_what_is_no_message_ends_the_line(said: bytes) -> None:
    one, theirs = await ends()
    with theirs:
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(20):
            await one.reading


async def test_nothing_piles_up_for_who_does_not_read() -> None:
    one, theirs = await ends()
    with theirs:
        for _ in range(100):
            one.channel.tell({"much": "x" * (1 << 20)})
        assert one.channel._writer.transport.get_write_buffer_size() < _MOST_BYTES + (4 << 20)
    one.channel.close()
    await one.reading


def test_what_a_process_is_given_survives_its_command_line() -> None:
    given_to_it = Given(7, (8, 9), (("127.0.0.1", 3000), ("::1", 3000)))
    assert Given.from_argument(given_to_it.as_argument()) == given_to_it
