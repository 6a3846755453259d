# SPDX-License-Identifier: MIT
"""The wire format, against the sizes and offsets of the specification."""

from __future__ import annotations

import itertools
import random
import re
import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rp_rig import TRIED, Mutator, sample_packets

from testbed.remoteport import codec
from testbed.remoteport.codec import (
    Ats,
    BusAccess,
    Cfg,
    Decoder,
    Flags,
    Hello,
    Interrupt,
    Nop,
    Packet,
    ProtocolError,
    Response,
    Sync,
    Unknown,
    answer_to,
    encode,
    encode_answer,
)

# remote-port-proto.h, packed structures.
SPECIFIED = {
    "header": 20,
    "hello": 32,
    "cfg": 25,
    "busaccess": 58,
    "busaccess ext": 80,
    "interrupt": 41,
    "sync": 28,
    "ats": 88,
}


def test_constants_are_the_specified_sizes() -> None:
    assert {
        "header": codec.HEADER_SIZE,
        "hello": codec.HELLO_SIZE,
        "cfg": codec.CFG_SIZE,
        "busaccess": codec.BUSACCESS_SIZE,
        "busaccess ext": codec.BUSACCESS_EXT_SIZE,
        "interrupt": codec.INTERRUPT_SIZE,
        "sync": codec.SYNC_SIZE,
        "ats": codec.ATS_SIZE,
    } == SPECIFIED


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (Nop(), "header"),
        (Hello(), "hello"),
        (Cfg(0, 0), "cfg"),
        (BusAccess(False, 0, 4), "busaccess"),
        (BusAccess(False, 0, 4, attributes=4), "busaccess ext"),
        (Interrupt(0, 1), "interrupt"),
        (Sync(0), "sync"),
        (Ats(False, 0, 0), "ats"),
    ],
)
def test_encoded_packets_have_the_specified_size(packet: Packet, kind: str) -> None:
    data = encode(packet)
    assert len(data) == SPECIFIED[kind]
    assert int.from_bytes(data[4:8], "big") == SPECIFIED[kind] - 20


def words(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (
            Hello(4, 3, (1, 2, 3), id=7, dev=9),
            words("00000001 00000018 00000007 00000000 00000009")
            + words("0004 0003 00000020 0003 0000 00000001 00000002 00000003"),
        ),
        (
            Cfg(2, 1, id=3),
            words("00000002 00000005 00000003 00000000 00000000 00000002 01"),
        ),
        (
            BusAccess(
                True,
                0x0102030405060708,
                4,
                b"data",
                id=5,
                flags=4,
                dev=6,
                attributes=3,
                timestamp=0x1112131415161718,
                width=1,
                stream_width=4,
                master_id=0xABCD,
            ),
            words("00000004 0000002a 00000005 00000004 00000006")
            + words("1112131415161718 0000000000000003 0102030405060708")
            + words("00000004 00000001 00000004 abcd")
            + b"data",
        ),
        (
            BusAccess(
                True,
                0x10,
                4,
                b"data",
                id=5,
                attributes=4,
                stream_width=4,
                master_id=0x1122334455667788,
                byte_enable=b"\xff\x00",
            ),
            words("00000004 00000042 00000005 00000000 00000000")
            + words("0000000000000000 0000000000000004 0000000000000010")
            + words("00000004 00000000 00000004 7788")
            + words("5566 11223344 00000050 00000000 00000054 00000002")
            + b"data\xff\x00",
        ),
        (
            Interrupt(3, 1, vector=1, timestamp=2, id=4, flags=4, dev=5),
            words("00000005 00000015 00000004 00000004 00000005")
            + words("0000000000000002 0000000000000001 00000003 01"),
        ),
        (
            Sync(0x55, id=1, flags=2),
            words("00000006 00000008 00000001 00000002 00000000 0000000000000055"),
        ),
        (
            Ats(True, 0x1000, 0x2000, attributes=6, result=1, timestamp=9, id=2),
            words("00000008 00000044 00000002 00000000 00000000")
            + words("0000000000000009 0000000000000006 0000000000001000 0000000000002000")
            + words("00000001")
            + bytes(32),
        ),
    ],
    ids=["hello", "cfg", "base", "extended", "interrupt", "sync", "ats"],
)
def test_fields_lie_where_the_specification_puts_them(packet: Packet, expected: bytes) -> None:
    assert encode(packet) == expected
    assert Decoder().feed(expected) == [packet]


def test_status_is_in_attribute_bits_11_to_8() -> None:
    request = BusAccess(False, 0x10, 4, id=3, dev=2, flags=1, timestamp=8, stream_width=4)
    data = encode_answer(request, b"abcd", Response.ADDRESS_ERROR)
    assert int.from_bytes(data[28:36], "big") == 0x200
    (answer,) = Decoder().feed(data)
    assert answer == answer_to(request, b"abcd", 2)
    assert isinstance(answer, BusAccess)
    assert answer.status is Response.ADDRESS_ERROR
    assert answer.flags == Flags.OPTIONAL | Flags.RESPONSE


def u(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


FLAGS = st.integers(0, 7)
HEADER = {"id": u(32), "flags": FLAGS, "dev": u(32)}


@st.composite
def accesses(draw: st.DrawFn) -> BusAccess:
    write = draw(st.booleans())
    flags = draw(FLAGS)
    extended = draw(st.booleans())
    content = draw(st.binary(max_size=200))
    carries = write != bool(flags & Flags.RESPONSE)
    size = len(content) if carries else draw(st.integers(0, 1 << 20))
    status = draw(st.integers(0, 2)) if flags & Flags.RESPONSE else 0
    enable = st.lists(st.sampled_from([0, 255]), max_size=min(size, 9)).map(bytes)
    return BusAccess(
        write=write,
        address=draw(u(64)),
        size=size,
        data=content if carries else b"",
        id=draw(u(32)),
        flags=flags,
        dev=draw(u(32)),
        attributes=draw(st.sampled_from([0, 1, 2, 8])) | status << 8 | (4 if extended else 0),
        timestamp=draw(u(64)),
        width=draw(u(32)),
        stream_width=draw(st.sampled_from([0, size, size + 1])),
        master_id=draw(u(64 if extended else 16)),
        byte_enable=draw(enable) if extended else b"",
    )


PACKETS = st.one_of(
    accesses(),
    st.builds(
        Hello,
        u(16),
        u(16),
        st.none() | st.lists(u(32), max_size=9).map(tuple),
        **HEADER,
    ),
    st.builds(Cfg, u(32), u(8), **HEADER),
    st.builds(Interrupt, u(32), st.integers(0, 1), u(64), u(64), **HEADER),
    st.builds(Sync, u(64), **HEADER),
    st.builds(Nop, payload=st.binary(max_size=30), **HEADER),
    st.builds(Ats, st.booleans(), u(64), u(64), u(64), u(32), u(64), **HEADER),
    st.builds(
        Unknown,
        st.integers(9, 0xFFFFFFFF),
        st.binary(max_size=30),
        id=u(32),
        flags=st.sampled_from([1, 3, 5, 7]),
        dev=u(32),
    ),
)


@settings(max_examples=300)
@given(st.lists(PACKETS, min_size=1, max_size=6), st.data())
def test_packets_survive_the_wire_in_pieces_of_any_size(
    packets: list[Packet], data: st.DataObject
) -> None:
    stream = b"".join(encode(packet) for packet in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder = Decoder()
    decoded = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        decoded += decoder.feed(stream[start:end])
    assert decoded == packets
    assert decoder.pending == 0


def test_a_packet_of_the_largest_size(rng: random.Random) -> None:
    data = rng.randbytes(codec.MAX_DATA)
    packet = BusAccess(True, 0, len(data), data, stream_width=len(data))
    decoder = Decoder()
    assert decoder.feed(encode(packet) + encode(Sync(1))) == [packet, Sync(1)]
    # Its memory is not kept for the small packets that follow.
    assert decoder.feed(encode(packet)) == [packet]
    decoder.feed(encode(Sync(1))[:10])
    assert len(decoder.space()) < 1 << 20


def patched(packet: Packet, *patches: tuple[int, str, int]) -> bytes:
    """`packet` with numbers put at byte offsets; the header's length follows a changed size."""
    data = bytearray(encode(packet))
    for offset, layout, value in patches:
        struct.pack_into("!" + layout, data, offset, value)
    return bytes(data)


READ = BusAccess(False, 0, 4, stream_width=4)
WRITE = BusAccess(True, 0, 4, b"abcd", stream_width=4)
READ_EXT = replace(READ, attributes=4)
WRITE_EXT = replace(WRITE, attributes=4, byte_enable=b"\xff\x00")
ANSWER = answer_to(READ, b"abcd")
OVER = codec.MAX_DATA + 1


@pytest.mark.parametrize(
    ("data", "packet", "field", "held"),
    [
        (patched(Nop(), (0, "I", 9)), "header", "cmd", "9"),
        (patched(Nop(), (0, "I", 0xFFFFFFFF)), "header", "cmd", "0xffffffff"),
        (patched(Nop(), (0, "I", 9), (12, "I", 1), (4, "I", OVER)), "header", "len", "0x1000001"),
        (patched(Nop(), (4, "I", 4097)), "nop", "len", "0x1001"),
        (patched(Nop(), (12, "I", 8)), "nop", "flags", "8"),
        (patched(Hello(), (4, "I", 3)), "hello", "len", "3"),
        (patched(Hello(), (4, "I", 8)), "hello", "len", "8"),
        (patched(Hello(), (4, "I", 0xFFFFFF)), "hello", "len", "0xffffff"),
        (patched(Hello(capabilities=(1,)), (28, "H", 2)), "hello", "caps_len", "2"),
        (patched(Hello(capabilities=(1,)), (28, "H", 0xFFFF)), "hello", "caps_len", "0xffff"),
        (patched(Hello(capabilities=(1,)), (24, "I", 28)), "hello", "caps_offset", "28"),
        (patched(Hello(capabilities=(1,)), (24, "I", 33)), "hello", "caps_offset", "33"),
        (patched(Cfg(0, 0), (4, "I", 4)), "cfg", "len", "4"),
        (patched(Cfg(0, 0), (4, "I", 6)), "cfg", "len", "6"),
        (patched(Interrupt(0, 0), (4, "I", 20)), "interrupt", "len", "20"),
        (patched(Interrupt(0, 0), (40, "B", 2)), "interrupt", "val", "2"),
        (patched(Interrupt(0, 0), (12, "I", 16)), "interrupt", "flags", "16"),
        (patched(Sync(0), (4, "I", 9)), "sync", "len", "9"),
        (patched(Ats(False, 0, 0), (4, "I", 0)), "ats_req", "len", "0"),
        (patched(Ats(True, 0, 0), (4, "I", 69)), "ats_inv", "len", "69"),
        (patched(READ, (4, "I", 37)), "read", "len", "37"),
        (patched(READ, (4, "I", 0xFFFFFFFF)), "read", "len", "0xffffffff"),
        (patched(READ, (4, "I", 39)) + b"x", "read", "len", "39"),
        (patched(READ, (12, "I", 0x80000000)), "read", "flags", "0x80000000"),
        (patched(READ, (44, "I", OVER)), "read", "len (of the access)", "0x1000001"),
        (patched(READ, (52, "I", 2)), "read", "stream_width", "2"),
        (patched(READ, (28, "Q", 4)), "read", "len", "38"),
        (patched(READ_EXT, (68, "I", 80)), "read", "next_offset", "80"),
        (patched(READ_EXT, (76, "I", 5)), "read", "byte_enable_len", "5"),
        (patched(READ_EXT, (76, "I", 1)), "read", "byte_enable_offset", "80"),
        (patched(WRITE, (44, "I", 5), (52, "I", 0)), "write", "len (of the access)", "5"),
        (patched(WRITE, (44, "I", 3)), "write", "len (of the access)", "3"),
        (patched(WRITE, (4, "I", 38)), "write", "len (of the access)", "4"),
        (patched(WRITE_EXT, (64, "I", 79)), "write", "data_offset", "79"),
        (patched(WRITE_EXT, (64, "I", 87)), "write", "data_offset", "87"),
        (patched(WRITE_EXT, (64, "I", 84)), "write", "len (of the access)", "4"),
        (patched(WRITE_EXT, (44, "I", 7), (52, "I", 0)), "write", "len (of the access)", "7"),
        (patched(WRITE_EXT, (72, "I", 79)), "write", "byte_enable_offset", "79"),
        (patched(WRITE_EXT, (72, "I", 85)), "write", "byte_enable_offset", "85"),
        (patched(WRITE_EXT, (84, "B", 3)), "write", "byte_enable", "3"),
        (patched(ANSWER, (28, "Q", 0x300)), "read response", "attributes", "768"),
        (patched(ANSWER, (44, "I", 5)), "read response", "len (of the access)", "5"),
        (patched(ANSWER, (4, "I", 38)), "read response", "len (of the access)", "4"),
    ],
    ids=map(str, itertools.count()),
)
def test_a_malformed_field_is_named(data: bytes, packet: str, field: str, held: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        Decoder().feed(data)
    assert str(caught.value).startswith(f"{packet}: {field} holds {held}, expected ")


def test_a_length_beyond_the_limit_is_refused_from_the_header_alone() -> None:
    header = encode(WRITE)[:4] + (2 * codec.MAX_DATA + 100).to_bytes(4, "big") + bytes(12)
    with pytest.raises(ProtocolError, match=r"^write: len holds"):
        Decoder().feed(header)


def test_a_smaller_limit_than_the_default() -> None:
    assert Decoder(max_data=4).feed(encode(WRITE)) == [WRITE]
    big = BusAccess(True, 0, 5, b"abcde", stream_width=5)
    with pytest.raises(ProtocolError, match=r"^write: len \(of the access\) holds 5"):
        Decoder(max_data=4).feed(encode(big))


def test_after_an_error_the_stream_stays_broken() -> None:
    decoder = Decoder()
    with pytest.raises(ProtocolError) as first:
        decoder.feed(patched(Interrupt(0, 0), (40, "B", 2)))
    with pytest.raises(ProtocolError) as second:
        decoder.feed(encode(Sync(0)))
    assert str(first.value) == str(second.value)


def test_a_refused_read_may_come_without_data() -> None:
    bare = replace(ANSWER, data=b"", attributes=0x100)
    assert Decoder().feed(encode(bare)) == [bare]
    extended = replace(bare, attributes=0x104)
    assert Decoder().feed(encode(extended)) == [extended]


@pytest.mark.parametrize(
    "packet",
    [
        replace(WRITE, size=5),
        replace(READ, data=b"abcd"),
        replace(READ, address=1 << 64),
        replace(READ, master_id=1 << 16),
        replace(WRITE, byte_enable=b"\xff"),
        Interrupt(-1, 0),
        Hello(major=1 << 16),
    ],
)
def test_a_packet_that_cannot_be_encoded_is_a_value_error(packet: Packet) -> None:
    with pytest.raises(ValueError, match=r"^(read|write|interrupt|hello)"):
        encode(packet)


@pytest.mark.parametrize(("enable", "enabled"), [(b"", "1111"), (b"\xff\x00\x00", "1001")])
def test_byte_enables_repeat_over_the_data(enable: bytes, enabled: str) -> None:
    access = replace(WRITE, attributes=4, byte_enable=enable)
    assert "".join(str(int(access.enables(index))) for index in range(4)) == enabled


NAMED = re.compile(
    r"(header|nop|hello|cfg|read|write|interrupt|sync|ats_req|ats_inv|command \d+)( response)?:"
    r" [a-z_]+( \(of the access\))? holds (\d+|0x[0-9a-f]+), expected .+"
)


def decode_all(decoder: Decoder, data: bytes, step: int) -> list[Packet]:
    packets = []
    for start in range(0, len(data), step):
        packets += decoder.feed(data[start : start + step])
    return packets


def test_mutated_input_never_raises_anything_but_a_named_field(rng: random.Random) -> None:
    mutator = Mutator(rng)
    decoder = Decoder(max_data=1 << 16)
    errors: list[str] = []
    for _ in range(20_000):
        TRIED["the codec"] += 1
        try:
            decode_all(decoder, mutator.input(), rng.choice([1 << 20, 1 << 20, 37]))
        except ProtocolError as error:
            errors.append(str(error))
            decoder = Decoder(max_data=1 << 16)
        # Without an error what is left over stays: the next input lands inside a packet.
    assert [error for error in errors if not NAMED.fullmatch(error)] == []
    assert len(errors) > 2_000


@settings(max_examples=400)
@given(
    st.lists(st.sampled_from(sample_packets()), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 399), u(8)), min_size=1, max_size=4),
    st.integers(1, 400),
)
def test_what_decodes_encodes_to_a_packet_that_decodes_alike(
    packets: list[Packet], changes: list[tuple[int, int]], step: int
) -> None:
    TRIED["the codec"] += 1
    stream = bytearray(b"".join(encode(packet) for packet in packets))
    for offset, value in changes:
        stream[offset % len(stream)] = value
    error = ""
    decoded: list[Packet] = []
    try:
        decoded = decode_all(Decoder(), bytes(stream), step)
    except ProtocolError as caught:
        error = str(caught)
    assert not error or NAMED.fullmatch(error)
    for packet in decoded:
        assert Decoder().feed(encode(packet)) == [packet]
