"""Bytes of a socket cut into frames: whatever they are and however they come, all of them, in order, and cheaply."""

import time

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.events.codec import encode_message, payload_of, payloads_of
from ibconnect.events.frames import LENGTH, MAX_FRAME_BYTES, Frames, SmallFrames, split

MESSAGES = (
    b"62\x001\0",
    b"8\x001\x0012:30\0",
    b"15\x001\0DU1\0",
    b"4\x002\0-1\x00100\0x\0",
    b"6\x002\0K\x001\0\0DU1\0",
)
PAYLOADS = st.one_of(
    st.binary(max_size=3),
    st.binary(max_size=40),
    st.sampled_from(MESSAGES),
    st.just(bytes(range(256)) * 300),
)


def wire(payloads: list[bytes]) -> bytes:
    return b"".join(LENGTH.pack(len(payload)) + payload for payload in payloads)


def taken(frames: Frames, most: int = 512) -> list[bytes]:
    pieces: list[bytes] = []
    while found := frames.take(most):
        pieces += found
    return pieces


def apart(pieces: list[bytes]) -> list[bytes]:
    return [payload for piece in pieces for payload in (split(piece) if isinstance(piece, SmallFrames) else [piece])]


@given(
    st.lists(st.tuples(PAYLOADS, st.integers(1, 12)), max_size=20), st.lists(st.integers(1, 99_999)), st.integers(1, 9)
)
def test_all_frames_come_out_however_they_are_cut(runs: list[tuple[bytes, int]], cuts: list[int], most: int) -> None:
    sent = [payload for payload, times in runs for _ in range(times if len(payload) < 99 else 1)]
    data, frames, found = wire(sent), Frames(), []
    for cut in cuts:
        frames.feed(data[:cut])
        data = data[cut:]
        found += taken(frames, most)
    frames.feed(data + b"\0\0\1")
    found += taken(frames, most)
    assert apart(found) == sent
    assert frames.unfinished == b"\0\0\1"
    for piece in found:
        topic, state = encode_message(piece, 5)
        assert payload_of(topic, state) == piece
        assert payloads_of(topic, state) == apart([piece])


def test_what_steers_or_is_account_data_is_never_part_of_a_row() -> None:
    for message in MESSAGES:
        frames = Frames()
        frames.feed(wire([message] * (7 if message.startswith((b"6", b"8")) else 100)))
        assert not any(isinstance(piece, SmallFrames) for piece in taken(frames))


def test_a_frame_by_itself_is_no_row() -> None:
    frames = Frames()
    frames.feed(wire([b"", MESSAGES[0], b"\xff", MESSAGES[2], b"A\0"]))
    assert taken(frames) == [b"", MESSAGES[0], b"\xff", MESSAGES[2], b"A\0"]


def test_a_length_that_no_frame_has_is_the_end() -> None:
    frames = Frames()
    frames.feed(wire([b"AAAA"]) + LENGTH.pack(MAX_FRAME_BYTES + 1) + b"x")
    assert (taken(frames), frames.is_broken, frames.claimed) == ([b"AAAA"], True, MAX_FRAME_BYTES + 1)


def test_a_long_frame_that_comes_a_byte_at_a_time_is_not_copied_each_time() -> None:
    frames = Frames()
    frames.feed(LENGTH.pack(MAX_FRAME_BYTES) + bytes(MAX_FRAME_BYTES - 20_000))
    began = time.process_time()
    for _ in range(20_000):
        assert frames.take(512) == []
        frames.feed(b"x")
    # Copied each time, 20,000 times sixteen megabytes take a minute.
    assert time.process_time() - began < 5
    assert len(frames.take(512)[0]) == MAX_FRAME_BYTES
