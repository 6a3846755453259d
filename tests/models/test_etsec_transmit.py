# SPDX-License-Identifier: MIT
"""eTSEC: what a driver sends reaches the far end."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from etsec_rig import (
    BABT,
    DFVLAN,
    DMACTRL,
    EBERR,
    GTS,
    GTSC,
    HUGE,
    IEVENT,
    IMASK,
    INTERRUPT,
    LAST,
    MACCFG2,
    MAXFRM,
    PEER,
    PTV,
    READY,
    RING,
    STATION,
    TBASE,
    TBDBPH,
    TBPTR,
    TBYT,
    TC,
    TCTRL,
    THLT0,
    TOE,
    TPKT,
    TQUEUE,
    TR64,
    TSTAT,
    TX_BUFFERS,
    TX_RING,
    TXB,
    TXC,
    TXE,
    TXF,
    TXIC,
    TXIC0,
    WRAP,
    XFUN,
    Rig,
    fcs,
    frame,
)
from sata_rig import seeded

VLN, IP, IP6, TUP, UDP, CIP, CTU, NPH = (1 << bit for bit in range(15, 7, -1))
IPCSEN, TUCSEN, VLINS = 0x4000, 0x2000, 0x1000


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.start(tctrl=IPCSEN | TUCSEN | VLINS)
    return rig


def test_frame_of_several_buffers(rig: Rig) -> None:
    data = seeded().randbytes(700)
    rig.send(data[:14], data[14:15], data[15:])
    assert rig.sent() == [data]
    assert rig.read(IEVENT) == TXF
    assert rig.lines() == (True, False, False)
    assert rig.read(TSTAT) == THLT0 | 0x8000
    assert rig.read(TBPTR) == TX_RING + 24
    assert [rig.peek_bd(TX_RING, n)[0] for n in range(3)] == [TC, TC, TC | LAST | INTERRUPT]


def test_short_frame_is_padded(rig: Rig) -> None:
    rig.send(frame(42))
    assert rig.sent() == [frame(42).ljust(60, b"\0")]
    assert rig.read(TR64) == 1
    assert rig.read(TBYT) == 64


def test_software_makes_the_fcs_where_the_mac_does_not(rig: Rig) -> None:
    rig.write(MACCFG2, 0x7201)
    good, bad = frame(80), frame(81)
    rig.send(good + fcs(good), flags=0)
    rig.send(bad + b"\1\2\3\4", flags=0)
    rig.send(good[:20], good[20:], flags=0, first=TC)
    assert rig.sent() == [good, good]
    assert rig.read(TPKT) == 3


def test_ring_wraps_many_times(rig: Rig) -> None:
    choice = seeded()
    sent = []
    for _ in range(5 * RING):
        data = choice.randbytes(choice.randrange(60, 200))
        cut = choice.randrange(1, 60)
        sent.append(data)
        rig.send(data[:cut], data[cut:])
    assert rig.sent() == sent


def test_whole_ring_at_once_and_no_frame_twice(rig: Rig) -> None:
    """The last frame ends at the ring's start: descriptors that are not closed yet come round."""
    rig.tx_next = 3
    rig.write(TBPTR, TX_RING + 24)
    frames = [frame(60 + n) for n in range(RING // 2)]
    for data in frames:
        rig.queue(data[:30], data[30:])
    rig.write(TSTAT, THLT0)
    rig.work()
    assert rig.sent() == frames
    assert rig.read(TSTAT) & THLT0
    assert rig.read(IEVENT) & (XFUN | TXE) == 0


def test_descriptor_made_ready_while_the_ring_is_read_is_not_forgotten(rig: Rig) -> None:
    def late() -> None:
        rig.queue(frame(100))
        rig.write(TSTAT, THLT0)

    rig.queue(frame(99))
    rig.write(TSTAT, THLT0)

    def after_descriptors() -> None:
        rig.memory.during = late

    rig.memory.during = after_descriptors
    rig.work()
    assert [len(data) for data in rig.sent()] == [99, 100]


def test_rings_that_are_enabled_are_served(rig: Rig) -> None:
    for ring in (0, 3, 7):
        base = TX_RING + 0x1000 * ring
        rig.memory.poke(TX_BUFFERS + 0x1000 * ring, frame(64 + ring))
        rig.bd(base, 0, READY | LAST | INTERRUPT | WRAP, 64 + ring, TX_BUFFERS + 0x1000 * ring)
        rig.write(TBASE + 8 * ring, base)
    rig.write(TQUEUE, 0x8000 | 0x8000 >> 3)
    rig.write(TSTAT, 0xFF000000)
    rig.work()
    assert sorted(len(data) for data in rig.sent()) == [64, 67]
    assert rig.read(TSTAT) == (THLT0 | THLT0 >> 3) | (0x8000 | 0x8000 >> 3)


def test_upper_address_bits(rig: Rig) -> None:
    high = 0xA << 32
    rig.memory.poke(high | TX_BUFFERS, frame(77))
    rig.memory.poke(high | TX_RING, struct.pack(">HHI", READY | LAST | TC | WRAP, 77, TX_BUFFERS))
    rig.write(TBDBPH, 0xA)
    rig.write(0x200, 0xA)
    rig.write(TSTAT, THLT0)
    rig.work()
    assert rig.sent() == [frame(77)]


def test_ring_zero_is_polled_unless_told_to_wait(rig: Rig) -> None:
    rig.write(DMACTRL, 0xC2)
    rig.write(TSTAT, THLT0)
    rig.work()
    assert not rig.read(TSTAT) & THLT0
    rig.queue(frame(70))
    rig.alarm.advance(0.01)
    rig.work()
    assert rig.sent() == [frame(70)]


def test_graceful_stop_lets_frames_end_and_begins_no_more(rig: Rig) -> None:
    def stop() -> None:
        rig.write(DMACTRL, 0xC3 | GTS)
        assert not rig.read(IEVENT) & GTSC

    rig.queue(frame(100))
    rig.write(TSTAT, THLT0)
    rig.memory.during = stop
    rig.work()
    assert rig.read(IEVENT) & GTSC
    assert len(rig.sent()) == 1
    rig.send(frame(101))
    assert rig.sent() == []
    rig.write(DMACTRL, 0xC3)
    rig.work()
    assert [len(data) for data in rig.sent()] == [101]


def test_reset_ends_work_under_way(rig: Rig) -> None:
    rig.queue(frame(100))
    rig.write(TSTAT, THLT0)
    rig.memory.during = rig.etsec.reset
    rig.work()
    assert rig.sent() == []
    assert rig.read(IEVENT) == 0
    assert rig.peek_bd(TX_RING, 0)[0] & READY


# Interrupts


def test_every_descriptor_that_asks_interrupts(rig: Rig) -> None:
    rig.queue(frame(60)[:20], frame(60)[20:], flags=TC | INTERRUPT)
    rig.write(TSTAT, THLT0)
    rig.work()
    assert rig.read(IEVENT) == TXB | TXF


@pytest.mark.parametrize("register", [TXIC, TXIC0])
def test_coalescing_by_count_and_time(rig: Rig, register: int) -> None:
    ticks = 1000  # of 512 ns
    rig.write(register, 0x80000000 | 3 << 21 | ticks)
    for _ in range(2):
        rig.send(frame())
        assert not rig.read(IEVENT) & TXF
    rig.send(frame())
    assert rig.read(IEVENT) & TXF
    rig.write(IEVENT, TXF)
    rig.send(frame())
    rig.alarm.advance(ticks * 512e-9 * 0.9)
    assert not rig.read(IEVENT) & TXF
    rig.alarm.advance(ticks * 512e-9 * 0.2)
    assert rig.read(IEVENT) & TXF
    rig.write(IEVENT, TXF)
    rig.send(frame())
    rig.write(register, 0)
    assert rig.read(IEVENT) & TXF, "what waits is reported when nothing coalesces any more"


def test_default_times_of_gianfar_do_not_outlast_the_work(rig: Rig) -> None:
    rig.write(TXIC, 0x80000000 | 16 << 21 | 21)
    rig.send(frame())
    assert rig.read(IEVENT) & TXF


# Offload


def ipv4(payload: bytes, protocol: int) -> bytes:
    head = struct.pack(
        ">BBHHHBBH4s4s",
        0x45, 0, 20 + len(payload), 7, 0, 64, protocol, 0, bytes((10, 0, 0, 1)),
        bytes((10, 0, 0, 2)),
    )  # fmt: skip
    return PEER + STATION + b"\x08\x00" + head + payload


def ipv6(payload: bytes, protocol: int) -> bytes:
    head = struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + bytes(range(32))
    return PEER + STATION + b"\x86\xdd" + head + payload


def summed(data: bytes) -> int:
    """RFC 1071, word by word."""
    total = 0
    for (word,) in struct.iter_unpack(">H", data + b"\0" * (len(data) % 2)):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


def fcb(flags: int, l4: int = 20, l3: int = 14, phcs: int = 0, vlan: int = 0) -> bytes:
    return struct.pack(">HBBHH", flags, l4, l3, phcs, vlan)


@pytest.mark.parametrize("size", [0, 1, 33, 512])
@pytest.mark.parametrize("protocol", [6, 17])
@pytest.mark.parametrize(("build", "header", "bits"), [(ipv4, 20, IP), (ipv6, 40, IP | IP6)])
def test_checksums(
    rig: Rig,
    build: Callable[[bytes, int], bytes],
    header: int,
    bits: int,
    protocol: int,
    size: int,
) -> None:
    udp = protocol == 17
    head = struct.pack(">HHHH", 1, 2, 8 + size, 0xBEEF) if udp else bytes(16) + b"\xbe\xef\0\0"
    payload = head + seeded().randbytes(size)
    packet = build(payload, protocol)
    flags = bits | TUP | CIP | CTU | (UDP if udp else 0)
    rig.send(fcb(flags, l4=header), packet, first=TOE)
    (got,) = rig.sent()
    got = got[: len(packet)]
    pseudo = got[26:34] if header == 20 else got[22:54]
    if header == 20:
        assert summed(got[14:34]) == 0xFFFF
    whole = pseudo + struct.pack(">HH", protocol, len(payload)) + got[14 + header :]
    assert summed(whole) == 0xFFFF


def test_checksum_on_top_of_the_drivers_pseudo_header(rig: Rig) -> None:
    payload = struct.pack(">HHHH", 5, 6, 8 + 4, 0) + b"data"
    packet = ipv4(payload, 17)
    pseudo = summed(packet[26:34] + struct.pack(">HH", 17, len(payload)))
    marked = packet[:40] + struct.pack(">H", pseudo) + packet[42:]
    rig.send(fcb(IP | TUP | UDP | CTU | NPH, phcs=pseudo) + marked, first=TOE)
    (got,) = rig.sent()
    whole = got[26:34] + struct.pack(">HH", 17, len(payload)) + got[34 : len(packet)]
    assert summed(whole) == 0xFFFF
    assert got[24:26] == packet[24:26], "the IP header's checksum was not asked for"


@pytest.mark.parametrize(("bits", "place", "checksum"), [(0, 50, 0), (UDP, 40, 0xFFFF)])
def test_checksum_of_zero_is_no_checksum_in_udp(
    rig: Rig, bits: int, place: int, checksum: int
) -> None:
    packet = ipv4(bytes(20), 17 if bits else 6)
    rig.send(fcb(IP | TUP | CTU | NPH | bits, phcs=0xFFFF), packet, first=TOE)
    (got,) = rig.sent()
    assert got[place : place + 2] == struct.pack(">H", checksum)


def test_nothing_is_offloaded_unless_enabled(rig: Rig) -> None:
    rig.write(TCTRL, 0)
    packet = ipv4(struct.pack(">HHHH", 5, 6, 30, 0xBEEF) + bytes(22), 17)
    rig.send(fcb(IP | TUP | UDP | CIP | CTU | VLN, vlan=5), packet, first=TOE)
    assert rig.sent() == [packet]


def test_offsets_beyond_the_frame_change_nothing(rig: Rig) -> None:
    packet = frame(90, fill=0x44)
    for l4, l3 in ((255, 14), (20, 255), (255, 255), (0, 80)):
        rig.send(fcb(IP | TUP | CIP | CTU, l4=l4, l3=l3), packet, first=TOE)
    assert rig.sent() == [packet] * 4


def test_vlan_tag_is_inserted(rig: Rig) -> None:
    rig.write(DFVLAN, 0x88A80000)
    rig.send(fcb(VLN, vlan=0x6123), frame(70), first=TOE)
    rig.send(fcb(0, vlan=0x6123), frame(70), first=TOE)
    tagged = frame(70)[:12] + b"\x88\xa8\x61\x23" + frame(70)[12:]
    assert rig.sent() == [tagged, frame(70)]


def test_pause_frame(rig: Rig) -> None:
    rig.write(PTV, 0x1234)
    rig.write(TCTRL, 0x08)
    assert rig.read(TCTRL) == 0
    (got,) = rig.sent()
    assert got[:18] == bytes.fromhex("0180c2000001") + STATION + bytes.fromhex("880800011234")
    assert rig.read(IEVENT) & TXC


# Errors


def test_frame_without_an_end_is_an_underrun(rig: Rig) -> None:
    rig.queue(frame(80))
    rig.bd(TX_RING, 1, READY, 40, TX_BUFFERS)
    rig.bd(TX_RING, 2, READY, 40, TX_BUFFERS)
    rig.write(TSTAT, THLT0)
    rig.work()
    assert rig.sent() == [frame(80)]
    assert rig.read(IEVENT) == TXF | TXE | XFUN
    assert rig.read(TSTAT) & 0xFF000000 == THLT0
    assert rig.read(TBPTR) == TX_RING + 24
    assert [rig.peek_bd(TX_RING, n)[0] for n in (1, 2)] == [0, TOE]


def test_endless_frame_is_an_underrun(rig: Rig) -> None:
    for index in range(RING):
        rig.bd(TX_RING, index, READY | (WRAP if index == RING - 1 else 0), 1, TX_BUFFERS)
    rig.write(TSTAT, THLT0)
    rig.work()
    assert rig.sent() == []
    assert rig.read(IEVENT) == TXE | XFUN


def test_empty_buffer_halts_the_ring_before_it(rig: Rig) -> None:
    rig.queue(frame(80))
    rig.queue(b"")
    rig.write(TSTAT, THLT0)
    rig.work()
    assert rig.sent() == [frame(80)]
    assert rig.read(IEVENT) == TXF | TXE
    assert rig.read(TSTAT) & THLT0
    assert rig.read(TBPTR) == TX_RING + 8
    assert rig.peek_bd(TX_RING, 1)[0] & READY


def test_refused_data_ends_its_frame_and_halts_all_rings(rig: Rig) -> None:
    for _ in range(3):
        rig.queue(frame(80))
    bad = rig.peek_bd(TX_RING, 1)[2]
    rig.memory.refused = [range(bad, bad + 4096)]
    rig.write(TSTAT, THLT0)
    rig.work()
    assert len(rig.sent()) == 1
    assert rig.read(IEVENT) == TXF | TXE | EBERR
    assert rig.lines() == (True, False, True)
    assert rig.read(TSTAT) & 0xFF000000 == 0xFF000000
    assert [rig.peek_bd(TX_RING, n)[0] & (READY | TOE) for n in range(3)] == [0, TOE, READY]
    rig.memory.refused = []
    rig.write(TSTAT, THLT0)
    rig.work()
    assert len(rig.sent()) == 1, "what is behind it goes when the ring is let go"


def test_refused_descriptors(rig: Rig) -> None:
    rig.memory.refused = [range(TX_RING, TX_RING + 4096)]
    rig.write(TSTAT, THLT0)
    rig.work()
    assert rig.read(IEVENT) == TXE | EBERR
    assert rig.read(TBPTR) == TX_RING
    assert rig.etsec.deferred == 0


def test_prefetch_stays_within_the_page_of_the_ring(rig: Rig) -> None:
    """What lies behind the page may be another's, and refuse the device."""
    last = TX_RING + 0x1000 - 8
    rig.memory.refused = [range(TX_RING + 0x1000, TX_RING + 0x2000)]
    rig.memory.poke(TX_BUFFERS, frame(88))
    rig.memory.poke(last, struct.pack(">HHI", READY | LAST | TC | WRAP, 88, TX_BUFFERS))
    rig.write(TBASE, last)
    rig.write(TSTAT, THLT0)
    rig.work()
    assert rig.sent() == [frame(88)]
    assert not rig.read(IEVENT) & EBERR


def test_frame_beyond_the_maximum_is_not_sent(rig: Rig) -> None:
    rig.write(MAXFRM, 1518)
    rig.send(frame(1514))
    rig.send(frame(1515))
    assert [len(data) for data in rig.sent()] == [1514]
    assert rig.read(IEVENT) & BABT
    assert rig.peek_bd(TX_RING, 1)[0] & 1
    rig.write(MACCFG2, 0x7205 | HUGE)
    rig.send(frame(1515))
    assert [len(data) for data in rig.sent()] == [1515]


def test_frames_for_a_link_that_is_down_are_lost(rig: Rig) -> None:
    rig.write(IMASK, 0)
    rig.line.disconnect()
    rig.send(frame())
    assert rig.sent() == []
    assert rig.line.counts.lost == 1
    rig.line.connect()
    rig.send(frame(61))
    assert rig.sent() == [frame(61)]
