# SPDX-License-Identifier: MIT
"""eTSEC: what comes from the far end reaches a driver, or is dropped as the registers say."""

from __future__ import annotations

import struct

import pytest
from etsec_rig import (
    BABR,
    BROAD,
    BSY,
    CRCERR,
    DMACTRL,
    EBERR,
    EDIS,
    EMPTY,
    FGPI,
    FIQ,
    FIR,
    FIRST,
    GADDR,
    GRS,
    GRSC,
    HUGE,
    IEVENT,
    IGADDR,
    INTERRUPT,
    LARGE,
    LAST,
    LOOPBACK,
    MAC01ADDR1,
    MACCFG1,
    MACCFG2,
    MAXFRM,
    MISS,
    MULTI,
    PEER,
    PERR,
    RBASE,
    RBASEH,
    RBCA,
    RBDBPH,
    RBPTR,
    RBYT,
    RCTRL,
    RDRP,
    RING,
    RMCA,
    RPKT,
    RQFAR,
    RQFCR,
    RQFPR,
    RQUEUE,
    RREJ,
    RSTAT,
    RX_BUFFERS,
    RX_EN,
    RX_FLOW,
    RX_RING,
    RXB,
    RXC,
    RXF,
    RXIC,
    SHORT,
    STATION,
    TRUNCATED,
    TX_EN,
    WRAP,
    Rig,
    fcs,
    frame,
)
from sata_rig import seeded
from test_etsec_transmit import ipv4, ipv6, summed

PROM, BC_REJ, RSF, EMEN, GHTX, VLEX, FILREN = 0x08, 0x10, 0x04, 0x02, 0x400, 0x2000, 0x1000
IPCSEN, TUCSEN, PRSDEP = 0x200, 0x100, 0xC0
QHLT0 = 0x00800000
MULTICAST = bytes.fromhex("01005e010203")
ALL = b"\xff" * 6


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.start()
    return rig


def arrive(rig: Rig, *frames: bytes) -> None:
    for data in frames:
        rig.line.send(data)
    rig.work()


def test_frame_with_its_fcs(rig: Rig) -> None:
    data = seeded().randbytes(700)
    data = STATION + data[6:]
    arrive(rig, data)
    assert rig.peek_bd(RX_RING, 0) == (INTERRUPT | LAST | FIRST, 704, RX_BUFFERS)
    assert rig.received() == (LAST | FIRST, data + fcs(data))
    assert rig.read(IEVENT) == RXF
    assert rig.lines() == (False, True, False)
    assert rig.read(RSTAT) == 0x80
    assert rig.read(RBPTR) == RX_RING + 8
    assert (rig.read(RPKT), rig.read(RBYT)) == (1, 704)


def test_long_frame_takes_several_buffers() -> None:
    rig = Rig()
    rig.start(mrblr=256)
    data = STATION + seeded().randbytes(600)
    arrive(rig, data)
    lengths = [rig.peek_bd(RX_RING, n)[1] for n in range(3)]
    assert lengths == [256, 256, 610], "the last has the whole frame's length"
    assert rig.read(IEVENT) == RXB | RXF
    got = rig.received()
    assert got == (LAST, data + fcs(data))


def test_ring_wraps_many_times(rig: Rig) -> None:
    choice = seeded()
    for _ in range(20):
        frames = [STATION + choice.randbytes(choice.randrange(54, 300)) for _ in range(7)]
        arrive(rig, *frames)
        for data in frames:
            got = rig.received()
            assert got is not None
            assert got[1] == data + fcs(data)
    assert rig.received() is None


def test_upper_address_bits(rig: Rig) -> None:
    high = 0x5 << 32
    rig.memory.poke(high | RX_RING, struct.pack(">HHI", EMPTY | WRAP, 0, RX_BUFFERS))
    rig.write(RBASEH, 5)
    rig.write(RBDBPH, 5)
    arrive(rig, frame(90))
    assert rig.memory.peek(high | RX_BUFFERS, 90) == frame(90)


@pytest.mark.parametrize(
    ("rctrl", "to", "flags"),
    [
        (0, STATION, 0),
        (0, PEER, None),
        (0, MULTICAST, None),
        (0, ALL, BROAD),
        (BC_REJ, ALL, None),
        (PROM, PEER, MISS),
        (PROM, MULTICAST, MISS | MULTI),
        (PROM | BC_REJ, ALL, MISS | BROAD),
        (PROM, STATION, 0),
    ],
)
def test_whose_frame_it_is(rig: Rig, rctrl: int, to: bytes, flags: int | None) -> None:
    rig.write(RCTRL, rctrl)
    arrive(rig, frame(60, to=to))
    got = rig.received()
    assert (None if got is None else got[0]) == (None if flags is None else LAST | FIRST | flags)
    assert rig.read(RPKT) == 1, "the MAC counts what it sees"


def test_other_addresses_of_the_station(rig: Rig) -> None:
    rig.station(PEER, MAC01ADDR1 + 14 * 8)
    arrive(rig, frame(60, to=PEER))
    assert rig.received() is None
    rig.write(RCTRL, EMEN)
    arrive(rig, frame(60, to=PEER))
    assert rig.received() is not None


def bucket(address: bytes, width: int) -> tuple[int, int]:
    """Register and bit of a hash table, as gianfar computes them."""
    crc = 0xFFFFFFFF
    for byte in address:
        for bit in range(8):
            high = (crc >> 31) ^ (byte >> bit & 1)
            crc = (crc << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if high else 0)
    index = crc >> 32 - width
    return index >> 5, 1 << 31 - (index & 31)


@pytest.mark.parametrize("extended", [False, True])
def test_hash_tables(rig: Rig, extended: bool) -> None:
    choice = seeded()
    rig.write(RCTRL, GHTX if extended else 0)
    for group in (0, 1):
        for _ in range(20):
            address = bytes((choice.randrange(128) * 2 + group,)) + choice.randbytes(5)
            register, bit = bucket(address, 9 if extended else 8)
            if extended:
                offset = (IGADDR if register < 8 else GADDR) + 4 * (register % 8)
            else:
                offset = (GADDR if group else IGADDR) + 4 * register
            arrive(rig, frame(60, to=address))
            assert rig.received() is None
            rig.write(offset, bit)
            arrive(rig, frame(60, to=address))
            hit = bool(group) or not extended
            assert (rig.received() is not None) == hit
            rig.write(offset, ~bit & 0xFFFFFFFF)
            arrive(rig, frame(60, to=address))
            assert rig.received() is None
            rig.write(offset, 0)


def test_broadcast_and_multicast_are_counted(rig: Rig) -> None:
    arrive(rig, frame(to=ALL), frame(to=MULTICAST), frame(to=MULTICAST))
    assert (rig.read(RBCA), rig.read(RMCA)) == (1, 2)


def test_short_frames(rig: Rig) -> None:
    rig.line.send(frame(40), runt=True)
    rig.work()
    assert rig.received() is None
    rig.write(RCTRL, RSF)
    rig.line.send(frame(40), runt=True)
    rig.work()
    assert rig.received() == (LAST | FIRST | SHORT, frame(40) + fcs(frame(40)))


def test_wrong_fcs(rig: Rig) -> None:
    rig.line.send(frame(100), bad_fcs=True)
    rig.work()
    got = rig.received()
    assert got is not None
    assert got[0] == LAST | FIRST | CRCERR
    assert got[1][-4:] != fcs(frame(100))


def test_frame_beyond_the_maximum(rig: Rig) -> None:
    rig.write(MAXFRM, 128)
    arrive(rig, frame(124))
    assert rig.received() == (LAST | FIRST, frame(124) + fcs(frame(124)))
    assert not rig.read(IEVENT) & BABR
    arrive(rig, frame(125))
    assert rig.read(IEVENT) & BABR
    cut = (frame(125) + fcs(frame(125)))[:128]
    assert rig.received() == (LAST | FIRST | LARGE | TRUNCATED, cut)
    rig.write(MACCFG2, 0x7205 | HUGE)
    arrive(rig, frame(125))
    assert rig.received() == (LAST | FIRST | LARGE, frame(125) + fcs(frame(125)))


def test_pause_frame_is_the_macs(rig: Rig) -> None:
    pause = bytes.fromhex("0180c2000001") + PEER + bytes.fromhex("880800010010")
    rig.write(RCTRL, PROM)
    rig.write(MACCFG1, RX_EN | TX_EN | RX_FLOW)
    arrive(rig, pause)
    assert rig.received() is None
    assert rig.read(IEVENT) == RXC
    rig.write(IEVENT, RXC)
    arrive(rig, STATION + pause[6:])
    assert rig.received() is None
    assert rig.read(IEVENT) == RXC
    rig.write(MACCFG1, RX_EN | TX_EN)
    arrive(rig, pause)
    assert rig.received() is not None


def test_pause_frame_that_is_not_the_macs(rig: Rig) -> None:
    pause = bytes.fromhex("0180c2000001") + PEER + bytes.fromhex("880800010010")
    rig.write(RCTRL, PROM)
    rig.write(MACCFG1, RX_EN | TX_EN | RX_FLOW)
    arrive(rig, PEER + pause[6:])
    assert rig.received() is not None
    rig.line.send(pause, bad_fcs=True)
    rig.work()
    assert rig.received() is not None
    assert not rig.read(IEVENT) & RXC


def test_coalescing(rig: Rig) -> None:
    rig.write(RXIC, 0x80000000 | 4 << 21 | 0xFFFF)
    arrive(rig, frame(), frame(), frame())
    assert not rig.read(IEVENT) & RXF
    arrive(rig, frame())
    assert rig.read(IEVENT) & RXF
    rig.write(IEVENT, RXF)
    arrive(rig, frame())
    rig.alarm.advance(0.1)
    assert rig.read(IEVENT) & RXF


def test_loopback(rig: Rig) -> None:
    rig.write(MACCFG1, RX_EN | TX_EN | LOOPBACK)
    rig.send(frame(77))
    assert rig.received() == (LAST | FIRST, frame(77) + fcs(frame(77)))
    assert rig.sent() == []
    arrive(rig, frame(78))
    assert rig.received() is None, "the cable is cut off"
    assert rig.line.counts.dropped == 1


# Parsing


def parsed(rig: Rig, data: bytes, rctrl: int = PRSDEP | IPCSEN | TUCSEN) -> tuple[int, int, bytes]:
    """FCB flags, VLAN word and what follows the FCB."""
    rig.write(RCTRL, rctrl)
    arrive(rig, data)
    got = rig.received()
    assert got is not None
    flags, ring, _, _, vlan = struct.unpack_from(">HBBHH", got[1])
    assert ring == 0
    return flags, vlan, got[1][8:]


def complete(packet: bytes) -> bytes:
    """A frame of `ipv4` or `ipv6` with UDP, its checksums filled in."""
    v4 = packet[12:14] == b"\x08\x00"
    at = 34 if v4 else 54
    data = bytearray(packet)
    if v4:
        struct.pack_into(">H", data, 24, ~summed(bytes(data[14:34])) & 0xFFFF)
    struct.pack_into(">H", data, at + 6, 0)
    addresses = data[26:34] if v4 else data[22:54]
    pseudo = bytes(addresses) + struct.pack(">HH", 17, len(data) - at)
    value = ~summed(pseudo + bytes(data[at:])) & 0xFFFF or 0xFFFF
    struct.pack_into(">H", data, at + 6, value)
    return STATION + PEER + bytes(data[12:])


def datagram(size: int = 31) -> bytes:
    return struct.pack(">HHHH", 1000, 2000, 8 + size, 0) + bytes(range(size))


def test_checksums_are_verified(rig: Rig) -> None:
    four, six = complete(ipv4(datagram(), 17)), complete(ipv6(datagram(), 17))
    assert parsed(rig, four)[0] == 0x5C00
    assert parsed(rig, six)[0] == 0x7400
    assert parsed(rig, four[:-1] + b"?")[0] == 0x5D00
    assert parsed(rig, six[:-1] + b"?")[0] == 0x7500
    assert parsed(rig, four[:22] + b"?" + four[23:])[0] == 0x5E00
    assert parsed(rig, four, PRSDEP)[0] == 0x5000, "not asked for"
    assert parsed(rig, four, 0x80 | IPCSEN | TUCSEN)[0] == 0x4800, "no deeper than layer 3"
    assert parsed(rig, four, 0x40 | IPCSEN | TUCSEN)[0] == 0
    zero = bytearray(complete(ipv4(datagram(), 17)))
    zero[40:42] = b"\0\0"
    assert parsed(rig, bytes(zero))[0] == 0x5800, "no checksum, nothing to verify"


def test_contradictory_headers(rig: Rig) -> None:
    four = complete(ipv4(datagram(), 17))
    for bad in (
        four[:14] + b"\x65" + four[15:],
        four[:14] + b"\x44" + four[15:],
        four[:16] + ALL[:2] + four[18:],
    ):
        assert parsed(rig, bad)[0] & 0xC == 8
        assert rig.read(IEVENT) & PERR
        rig.write(IEVENT, PERR)


def test_vlan_tag_is_taken_out(rig: Rig) -> None:
    inner = complete(ipv4(datagram(), 17))
    tagged = inner[:12] + b"\x81\x00\x60\x05" + inner[12:]
    assert parsed(rig, tagged, PRSDEP | IPCSEN | TUCSEN)[:2] == (0xDC00, 0x6005)
    flags, vlan, rest = parsed(rig, tagged, PRSDEP | IPCSEN | TUCSEN | VLEX)
    assert (flags, vlan) == (0xDC00, 0x6005)
    assert rest == inner + fcs(tagged)


@pytest.mark.parametrize("prsdep", [0, 0xC0])
def test_alignment_padding_lies_before_the_frame(rig: Rig, prsdep: int) -> None:
    rig.write(RCTRL, prsdep | 2 << 16)
    arrive(rig, frame(60))
    before = bytes(8 if prsdep else 0) + b"\0\0"
    assert rig.received() == (LAST | FIRST, before + frame(60) + fcs(frame(60)))


# The filer


def rules(rig: Rig, *entries: tuple[int, int]) -> None:
    for index in range(256):
        control, value = entries[index] if index < len(entries) else (0x60, 0xFFFFFFFF)
        rig.write(RQFAR, index)
        rig.write(RQFCR, control)
        rig.write(RQFPR, value)


def rings(rig: Rig) -> None:
    """Rings 0 to 3, of one descriptor each."""
    for ring in range(4):
        base = RX_RING + 0x1000 * ring
        rig.bd(base, 0, EMPTY | WRAP | INTERRUPT, 0, RX_BUFFERS + 0x10000 * ring)
        rig.write(RBASE + 8 * ring, base)
    rig.write(RQUEUE, 0x00F000F0)


def where(rig: Rig, data: bytes) -> int | None:
    """Which ring a frame comes to."""
    rings(rig)
    arrive(rig, data)
    hits = [n for n in range(4) if not rig.peek_bd(RX_RING + 0x1000 * n, 0)[0] & EMPTY]
    assert len(hits) <= 1
    return hits[0] if hits else None


def test_table_of_zeros_takes_all_to_ring_zero(rig: Rig) -> None:
    rig.write(RCTRL, FILREN | PRSDEP)
    assert where(rig, frame()) == 0
    assert not rig.read(IEVENT) & FIR


def test_rules_choose_rings(rig: Rig) -> None:
    rig.write(RCTRL, FILREN | PRSDEP)
    rules(
        rig,
        (0x07 | 0x400, 0x88B5),  # this ethertype: ring 1
        (0x0B | 0x80, 17),  # UDP, and
        (0x0E | 0x800, 2000),  # this destination port: ring 2
        (0x0B | 0x100, 6),  # TCP: rejected
        (0x0D | 0x20 | 0xC00 | 0x80000000, 0xC0000000),  # a source from here on: ring 3, and tell
    )
    assert where(rig, frame()) == 1
    udp = complete(ipv4(datagram(), 17))
    assert where(rig, udp) == 2
    assert rig.read(RREJ) == 0
    assert where(rig, STATION + PEER + ipv4(bytes(20), 6)[12:]) is None
    assert rig.read(RREJ) == 1
    assert not rig.read(IEVENT) & (FGPI | FIR)
    high = bytearray(STATION + PEER + ipv4(bytes(20), 99)[12:])
    high[26] = 0xC1
    assert where(rig, bytes(high)) == 3
    assert rig.read(IEVENT) & FGPI
    assert where(rig, STATION + PEER + ipv4(bytes(20), 99)[12:]) == 0
    assert rig.read(IEVENT) & FIR, "no rule matched"


def test_mask_and_cluster(rig: Rig) -> None:
    rig.write(RCTRL, FILREN | PRSDEP)
    rules(
        rig,
        (0x0B | 0x80 | 0x200, 17),  # a cluster for UDP:
        (0x20 | 0x80, 0xFF00),  # with this mask
        (0x0E | 0x400, 2000 & 0xFF00),  # port 0x7xx: ring 1
        (0x20 | 0x200 | 0x800, 0xFFFFFFFF),  # else ring 2; its end
        (0x20 | 0xC00, 0xFFFFFFFF),  # everything else: ring 3
    )
    assert where(rig, complete(ipv4(datagram(), 17))) == 1
    other = struct.pack(">HHHH", 1000, 99, 8, 0)
    assert where(rig, complete(ipv4(other, 17))) == 2
    assert where(rig, frame()) == 3


def test_ring_that_is_disabled(rig: Rig) -> None:
    rig.write(RCTRL, FILREN)
    rules(rig, (0x20 | 0x1C00, 0))
    arrive(rig, frame())
    assert rig.read(IEVENT) & FIQ
    rig.write(RCTRL, 0)
    rig.write(RQUEUE, 0)
    arrive(rig, frame())
    assert rig.received() is None


# No room, no memory


def test_patient_line_waits_for_descriptors(rig: Rig) -> None:
    frames = [frame(60 + n) for n in range(3 * RING)]
    arrive(rig, *frames)
    assert rig.line.pending == 2 * RING
    assert not rig.read(IEVENT) & BSY
    got = []
    while rig.line.pending or len(got) < len(frames):
        while (one := rig.received()) is not None:
            got.append(one[1][:-4])
        rig.write(IEVENT, RXF)
        rig.work()
    assert got == frames
    assert rig.read(RDRP) == 0


def test_patient_line_looks_again_by_itself(rig: Rig) -> None:
    arrive(rig, *[frame()] * (RING + 1))
    rig.received()
    rig.alarm.advance(0.01)
    rig.work()
    assert rig.line.pending == 0


def test_without_descriptors_a_frame_is_dropped_and_the_ring_halted(rig: Rig) -> None:
    rig.line.patient = False
    arrive(rig, *[frame()] * (RING + 3))
    assert rig.line.pending == 0
    assert rig.read(IEVENT) & BSY
    assert rig.read(RSTAT) & QHLT0
    assert rig.read(RDRP) == 3
    assert rig.line.counts.dropped == 3
    while rig.received():
        pass
    arrive(rig, frame())
    assert rig.received() is None, "halted"
    rig.write(RSTAT, QHLT0)
    arrive(rig, frame())
    assert rig.received() is not None


def test_busy_that_is_disabled_does_not_halt(rig: Rig) -> None:
    rig.line.patient = False
    rig.write(EDIS, BSY)
    arrive(rig, *[frame()] * (RING + 1))
    assert not rig.read(IEVENT) & BSY
    assert not rig.read(RSTAT) & QHLT0


def test_refused_buffer_halts_all_rings_behind_what_was_good(rig: Rig) -> None:
    bad = rig.peek_bd(RX_RING, 2)[2]
    rig.memory.refused = [range(bad, bad + 16)]
    arrive(rig, *[frame(60 + n) for n in range(4)])
    assert rig.read(IEVENT) == RXF | EBERR
    assert rig.read(RSTAT) & 0x00FF0000 == 0x00FF0000
    assert rig.read(RBPTR) == RX_RING + 16
    assert [len(rig.received()[1]) for _ in range(2)] == [64, 65]  # type: ignore[index]
    assert rig.received() is None
    assert rig.line.pending == 1, "the frame is lost; those behind it wait"


def test_refused_descriptors(rig: Rig) -> None:
    rig.memory.refused = [range(RX_RING, RX_RING + 4096)]
    arrive(rig, frame())
    assert rig.read(IEVENT) == EBERR
    assert rig.lines() == (False, False, True)
    assert rig.read(RBPTR) == RX_RING


def test_graceful_stop_drops_what_comes(rig: Rig) -> None:
    def stop() -> None:
        rig.write(DMACTRL, 0xC3 | GRS)
        assert not rig.read(IEVENT) & GRSC

    rig.memory.during = stop
    arrive(rig, frame(70))
    assert rig.read(IEVENT) & GRSC
    assert rig.received() is not None, "the frame under way was completed"
    arrive(rig, frame(71))
    assert rig.received() is None
    assert rig.line.counts.dropped == 1
    rig.write(DMACTRL, 0xC3)
    arrive(rig, frame(72))
    assert rig.received() is not None


def test_reset_ends_work_under_way(rig: Rig) -> None:
    rig.memory.during = rig.etsec.reset
    arrive(rig, frame(70))
    assert rig.read(IEVENT) == 0
    assert rig.peek_bd(RX_RING, 0)[0] & EMPTY
