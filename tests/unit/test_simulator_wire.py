"""Frames, fields and the handshake: what goes in comes out, whatever way the bytes are cut."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.errors import SimulatorError
from ibconnect.simulator.options import Options
from ibconnect.simulator.wire.frames import Hello, WireError, frame, parse_hello, payload, split, take_frames
from ibconnect.simulator.wire.messages import error, for_version

_FIELD = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
_MESSAGE = st.lists(_FIELD, min_size=1, max_size=25)


@given(st.lists(_MESSAGE, max_size=10), st.integers(1, 50))
def test_messages_survive_any_cutting_of_the_stream(messages: list[list[str]], size: int) -> None:
    data = b"".join(frame(payload(fields)) for fields in messages)
    buffer, seen = bytearray(), []
    for start in range(0, len(data), size):
        buffer += data[start : start + size]
        seen += [split(body) for body in take_frames(buffer)]
    assert seen == messages
    assert not buffer


def test_bytes_that_are_no_utf8_survive() -> None:
    body = b"6\x002\x00\xff\xfe\x80\x00"
    assert payload(split(body)) == body


def test_a_frame_longer_than_ib_allows_is_refused() -> None:
    with pytest.raises(WireError, match="longer"):
        list(take_frames(bytearray(b"\x01\x00\x00\x00")))


@pytest.mark.parametrize(
    ("body", "hello"),
    [
        (b"v157..178", Hello(157, 178)),
        (b"v100..225 +PACEAPI", Hello(100, 225, "+PACEAPI")),
        (b"v176", Hello(176, 176)),
        (b"v157..178\0", Hello(157, 178)),
    ],
)
def test_version_ranges_are_read(body: bytes, hello: Hello) -> None:
    assert parse_hello(body) == hello


@pytest.mark.parametrize("body", [b"", b"178", b"v", b"v1..", b"GET / HTTP/1.1"])
def test_other_greetings_are_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        parse_hello(body)


def test_message_4_has_the_layout_of_its_server_version() -> None:
    notice = error(-1, 2104, "OK")
    assert for_version(notice, 165) == ["4", "2", "-1", "2104", "OK"]
    assert for_version(notice, 178) == ["4", "2", "-1", "2104", "OK", ""]
    newest = for_version(notice, 194)
    assert newest[:5] == ["4", "-1", "2104", "OK", ""]
    assert newest[5].isdigit()
    assert for_version(("4", "2", "-1", "2104", "OK"), 178) == ["4", "2", "-1", "2104", "OK", ""]


@pytest.mark.parametrize(
    "options",
    [
        {"server_version": 156},
        {"server_version": 201},
        {"pacing": "never"},
        {"speed": 0},
        {"rate": -1},
        {"rate": nan},
        {"speed": nan},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SimulatorError, match=next(iter(options))):
        Options(**options)  # type: ignore[arg-type]
