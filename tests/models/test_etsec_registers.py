# SPDX-License-Identifier: MIT
"""eTSEC: the register page, what is stored, events and lines, and what traces call it."""

from __future__ import annotations

import pytest
from etsec_rig import (
    BSY,
    CAM1,
    CAM2,
    CAR1,
    DFVLAN,
    DMACTRL,
    EBERR,
    ECNTRL,
    EDIS,
    FIQ,
    GADDR,
    GRS,
    GRSC,
    GTS,
    GTSC,
    IEVENT,
    IGADDR,
    IMASK,
    LOOPBACK,
    MAC01ADDR1,
    MACCFG1,
    MACCFG2,
    MACSTNADDR1,
    MACSTNADDR2,
    MAXFRM,
    MRBLR,
    MSRO,
    PTV,
    RBASE,
    RBPTR,
    RCTRL,
    RPKT,
    RQFAR,
    RQFCR,
    RQFPR,
    RQUEUE,
    RSTAT,
    RX_EN,
    RXB,
    RXF,
    RXIC,
    STEN,
    TBASE,
    TBDBPH,
    TBPTR,
    TCTRL,
    TPKT,
    TQUEUE,
    TSEC_ID,
    TSTAT,
    TX_EN,
    TXB,
    TXF,
    TXIC,
    TXIC0,
    Rig,
    frame,
)
from sata_rig import seeded

from testbed.remoteport.device import BusError

RESET = {
    TSEC_ID: 0x01240000,
    0x04: 0x003000F0,
    ECNTRL: 0x40,
    0x24: 0x40,
    0x50: 0x40,
    0x54: 0x80,
    0x58: 0x40,
    0x5C: 0x80,
    0x8C: 0x80,
    0x98: 0x40,
    0x9C: 0x80,
    DFVLAN: 0x81000000,
    TQUEUE: 0x8000,
    RQUEUE: 0x00800080,
    MACCFG2: 0x7000,
    0x508: 0x40605060,
    0x50C: 0x00A1F037,
    MAXFRM: 0x600,
    CAM1: 0xFE03FFFF,
    CAM2: 0x000FFFFD,
}


def values(rig: Rig) -> dict[int, int]:
    return {offset: value for offset in range(0, 0x1000, 4) if (value := rig.read(offset))}


def test_values_after_reset() -> None:
    rig = Rig()
    assert values(rig) == RESET
    for offset in range(0, 0x1000, 4):
        rig.write(offset, 0xFFFFFFFF)
    rig.work()
    rig.etsec.reset()
    assert values(rig) == RESET
    assert rig.lines() == (False, False, False)


@pytest.mark.parametrize(
    ("offset", "mask"),
    [
        (TSEC_ID, 0),
        (IMASK, 0xF7F78F9F),
        (EDIS, 0x3147000F),
        (PTV, 0xFFFFFFFF),
        (TCTRL, 0x7816),
        (DFVLAN, 0xFFFFFFFF),
        (TXIC, 0xDFE0FFFF),
        (TXIC0, 0xDFE0FFFF),
        (RXIC, 0xDFE0FFFF),
        (TQUEUE, 0xFF00),
        (TBDBPH, 0xF),
        (TBPTR, 0xFFFFFFF8),
        (TBASE + 8, 0xFFFFFFF8),
        (RCTRL, 0x011F7FFE),
        (RQUEUE, 0x00FF00FF),
        (MRBLR, 0xFFC0),
        (RBPTR + 56, 0xFFFFFFF8),
        (MACCFG2, 0xF3FF),
        (MAXFRM, 0xFFFF),
        (MACSTNADDR1, 0xFFFFFFFF),
        (MACSTNADDR2, 0xFFFF0000),
        (MAC01ADDR1 + 14 * 8, 0xFFFFFFFF),
        (IGADDR + 28, 0xFFFFFFFF),
        (GADDR, 0xFFFFFFFF),
        (RPKT, 0x3FFFFF),
        (0x53C, 0),
        (0x520, 0),
        (0xD1C, 0),
    ],
)
def test_bits_that_stay(offset: int, mask: int) -> None:
    rig = Rig()
    choice = seeded()
    for _ in range(20):
        value = choice.getrandbits(32)
        rig.write(offset, value)
        assert rig.read(offset) == (value & mask if mask else RESET.get(offset, 0))


def test_writing_a_base_writes_the_pointer() -> None:
    rig = Rig()
    for ring in range(8):
        rig.write(TBASE + 8 * ring, 0x1000 * ring + 0x107)
        rig.write(RBASE + 8 * ring, 0x1000 * ring + 0x20F)
    assert [rig.read(TBPTR + 8 * ring) for ring in range(8)] == list(range(0x100, 0x8100, 0x1000))
    assert [rig.read(RBPTR + 8 * ring) for ring in range(8)] == list(range(0x208, 0x8208, 0x1000))


def test_filer_table_is_reached_through_its_index() -> None:
    rig = Rig()
    for index in (0, 7, 255):
        rig.write(RQFAR, index)
        rig.write(RQFCR, 0x200 | index & 0xF)
        rig.write(RQFPR, 0xABCD0000 | index)
    for index in (255, 0, 7):
        rig.write(RQFAR, index)
        assert rig.read(RQFCR) == 0x200 | index & 0xF
        assert rig.read(RQFPR) == 0xABCD0000 | index


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (TXB, (True, False, False)),
        (TXF, (True, False, False)),
        (RXB, (False, True, False)),
        (RXF, (False, True, False)),
        (BSY, (False, False, True)),
        (EBERR, (False, False, True)),
        (GTSC, (False, False, True)),
        (GRSC, (False, False, True)),
        (MSRO, (False, False, True)),
        (FIQ, (False, False, True)),
    ],
)
def test_event_drives_its_line_while_unmasked(event: int, lines: tuple[bool, bool, bool]) -> None:
    rig = Rig()
    rig.etsec.event(event)
    assert rig.lines() == (False, False, False)
    rig.write(IMASK, event)
    assert rig.lines() == lines
    rig.write(IEVENT, ~event & 0xFFFFFFFF)
    assert rig.read(IEVENT) == event
    rig.write(IEVENT, event)
    assert rig.read(IEVENT) == 0
    assert rig.lines() == (False, False, False)


def test_disabled_error_is_not_reported() -> None:
    rig = Rig()
    rig.write(EDIS, BSY)
    rig.etsec.event(BSY | EBERR)
    assert rig.read(IEVENT) == EBERR


def test_stop_always_ends_with_both_events() -> None:
    """Also when nothing runs, and when the bits were set before: U-Boot and gianfar wait for it."""
    rig = Rig()
    for _ in range(2):
        rig.write(DMACTRL, GRS | GTS)
        assert rig.read(IEVENT) == GRSC | GTSC
        rig.write(IEVENT, 0xFFFFFFFF)
        assert rig.read(IEVENT) == 0
    rig.write(DMACTRL, GRS)
    assert rig.read(IEVENT) == GRSC


def test_enables_are_synchronised() -> None:
    rig = Rig()
    rig.write(MACCFG1, TX_EN)
    assert rig.read(MACCFG1) == TX_EN | 2
    rig.write(MACCFG1, RX_EN | 2)
    assert rig.read(MACCFG1) == RX_EN | 8
    rig.write(MACCFG1, LOOPBACK)
    assert rig.read(MACCFG1) == LOOPBACK


def test_status_bits_are_cleared_by_ones() -> None:
    rig = Rig()
    rig.start()
    rig.send(frame())
    rig.line.send(frame())
    rig.work()
    assert rig.read(TSTAT) == 0x80008000
    assert rig.read(RSTAT) == 0x80
    rig.write(TSTAT, 0x8000)
    rig.write(RSTAT, 0x80)
    assert rig.read(TSTAT) == 0x80000000
    assert rig.read(RSTAT) == 0


def test_counters_are_cleared_on_reading_where_asked_for() -> None:
    rig = Rig()
    rig.start()
    rig.send(frame())
    assert rig.read(TPKT) == rig.read(TPKT) == 1
    rig.write(ECNTRL, STEN | 0x2000)
    assert rig.read(TPKT) == 1
    assert rig.read(TPKT) == 0
    rig.send(frame())
    rig.write(ECNTRL, STEN | 0x4000)
    assert rig.read(ECNTRL) == STEN
    assert rig.read(TPKT) == 0


def test_counter_that_overflows_sets_its_carry() -> None:
    rig = Rig()
    rig.start()
    rig.write(IEVENT, 0xFFFFFFFF)
    rig.write(RPKT, 0x3FFFFF)
    rig.line.send(frame())
    rig.work()
    assert rig.read(RPKT) == 0
    assert rig.read(CAR1) == 0x8000
    assert not rig.read(IEVENT) & MSRO
    rig.write(CAR1, 0x8000)
    rig.write(CAM1, 0xFE03FFFF & ~0x8000)
    rig.write(RPKT, 0x3FFFFF)
    rig.line.send(frame())
    rig.work()
    assert rig.read(IEVENT) & MSRO
    rig.write(IEVENT, MSRO)
    rig.write(CAR1, 0x8000)
    assert not rig.read(IEVENT) & MSRO


def test_accesses_that_leave_the_page_are_refused() -> None:
    rig = Rig()
    for offset, size in ((0x1000, 4), (0xFFD, 4), (-4, 4)):
        with pytest.raises(BusError, match="leaves its registers"):
            rig.read(offset, size)


def test_traces_name_registers_and_fields() -> None:
    etsec = Rig().etsec
    seen = {
        (0x10, 0x20000080): "IEVENT.BSY=1 IEVENT.RXF=1",
        (0x2C, 0xD3): (
            "DMACTRL.TDSEN=1 DMACTRL.TBDSEN=1 DMACTRL.GRS=1 DMACTRL.WWR=1 DMACTRL.WOP=1"
        ),
        (0x20C, 0x1000): "TBASE1.TBASE=0x200",
        (0x5B8, 0): "MAC15ADDR1=0x00000000",
        (0x6DC, 3): "RDRP=0x00000003",
    }
    for (offset, value), text in seen.items():
        reference = etsec.register_at(0, offset, 4, True)
        assert reference is not None
        assert reference.describe(value) == text
