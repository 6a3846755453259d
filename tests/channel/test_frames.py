# SPDX-License-Identifier: MIT
from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.channel import frames
from testbed.channel.frames import Decoder, Event, Frame, FrameError, Request

TOKEN = bytes(range(16))
events = st.builds(
    Frame, st.integers(0, 2**32 - 1), st.sampled_from(Event), st.binary(max_size=300)
)


def encoded(event: Frame) -> bytes:
    return frames.frame(*event)


def hello_event(token: bytes = TOKEN, protocol: int = frames.PROTOCOL_VERSION) -> bytes:
    numbers = b"".join(n.to_bytes(4, "big") for n in (protocol, 65536, 65536))
    strings = b"".join(len(s).to_bytes(4, "big") + s for s in (b"Linux", b"n", b"6", b"v", b"arm"))
    return frames.frame(0, Event.HELLO, token + numbers + strings)


@given(st.lists(events, max_size=8), st.integers(1, 50))
def test_events_survive_any_cutting(sent: list[Frame], size: int) -> None:
    data = b"".join(encoded(event) for event in sent)
    decoder = Decoder()
    got = [e for i in range(0, len(data), size) for e in decoder.feed(data[i : i + size])]
    assert got == sent


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_a_frame_error(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        for event in Decoder().feed(data):
            for read in (frames.read_hello, frames.read_exit, frames.read_eof, frames.read_error):
                with contextlib.suppress(FrameError):
                    read(event.payload)
            with contextlib.suppress(FrameError):
                frames.read_u32(event)


@given(st.sampled_from([frames.read_hello, frames.read_error]), st.data())
def test_a_cut_payload_is_a_frame_error(read: object, data: st.DataObject) -> None:
    whole = {
        frames.read_hello: hello_event()[frames.HEADER_SIZE :],
        frames.read_error: bytes([0, 0, 0, 2, 0, 0, 0, 3]) + b"why",
    }[read]  # type: ignore[index]
    read(whole)  # type: ignore[operator]
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(FrameError):
        read(whole[:cut])  # type: ignore[operator]
    with pytest.raises(FrameError, match="1 bytes too many"):
        read(whole + b"x")  # type: ignore[operator]


def test_layout_of_a_request() -> None:
    data = frames.execute(7, ["ab", ""], "/", {"N": "=v"})
    payload = b"\0\0\0\2\0\0\0\2ab\0\0\0\0\0\0\0\1/\0\0\0\1\0\0\0\4N==v"
    assert data == bytes([0, 0, 0, len(payload), 0, 0, 0, 7, 2]) + payload
    assert frames.credit(1, Event.STDERR, 0x01020304)[8:] == bytes([0x0B, 0x84, 1, 2, 3, 4])
    assert (
        frames.open_tty(1, "/t", 9600, True)[9:] == bytes([0, 0, 0x25, 0x80, 1, 0, 0, 0, 2]) + b"/t"
    )


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        (bytes([0, 1, 0, 1, 0, 0, 0, 1, 0x83]), "payload length 65537 is over 65536"),
        (bytes([0, 0, 0, 0, 0, 0, 0, 9, 0x02]), "unknown kind 0x02 on stream 9"),
    ],
)
def test_a_bad_header_is_named(header: bytes, complaint: str) -> None:
    with pytest.raises(FrameError, match=complaint):
        list(Decoder().feed(header))


def test_what_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="NUL"):
        frames.execute(1, ["a\0b"], None, None)
    with pytest.raises(ValueError, match=r"EXEC request of .* over the channel's 65536"):
        frames.execute(1, ["x" * 70000], None, None)
    with pytest.raises(ValueError, match="at least its name"):
        frames.execute(1, [], None, None)
    assert frames.frame(1, Request.DATA, bytes(frames.MAX_PAYLOAD))


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_hello_is_found_among_leftovers(before: bytes, after: bytes) -> None:
    data = before + hello_event() + after
    found = frames.find_hello(data, TOKEN)
    assert found is not None
    hello, end = found
    assert hello.machine.machine == "arm"
    assert data[end:] == after
    assert frames.find_hello(before + hello_event()[:-1], TOKEN) is None
