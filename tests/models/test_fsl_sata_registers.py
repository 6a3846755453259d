# SPDX-License-Identifier: MIT
"""QorIQ SATA: the register page, what is stored, and what traces call it."""

from __future__ import annotations

import pytest
from fsl_sata_rig import (
    CCR,
    CHBA,
    COMMANDSTAT,
    CQPMP,
    CQR,
    HCONTROL,
    HSTATUS,
    ICC,
    LINKCFG,
    ONLINE,
    SCONTROL,
    SIG,
    SYSPR,
    TRANSCFG,
    Rig,
)
from sata_rig import seeded

from testbed.remoteport.device import BusError

RESET = {
    HCONTROL: 0x100,
    SIG: 0xFFFFFFFF,
    ICC: 0x01000000,
    TRANSCFG: 0x08000016,
    LINKCFG: 0xFF34,
}


def test_values_after_reset() -> None:
    rig = Rig()
    assert {o: v for o in range(0, 0x1000, 4) if (v := rig.read(o))} == RESET
    for offset in range(0, 0x1000, 4):
        if offset != HCONTROL:
            rig.write(offset, 0xFFFFFFFF)
    rig.write(HCONTROL, 0x8000073F)
    rig.work()
    rig.sata.reset()
    assert {o: v for o in range(0, 0x1000, 4) if (v := rig.read(o))} == RESET
    assert not rig.irq


@pytest.mark.parametrize(
    ("offset", "mask"),
    [
        (CHBA, 0xFFFFFFFC),
        (CQPMP, 0xF),
        (ICC, 0x1F07FFFF),
        (SCONTROL, 0xFF0),
        (TRANSCFG, 0xFFFFFFFF),
        (LINKCFG, 0xFFFFFFFF),
        (0x14C, 0xFFFFFFFF),
        (0x150, 0xFFFFFFFF),
        (0x15C, 0xFFFFFFFF),
        (SYSPR, 0xFFFFFFFF),
        (HCONTROL, 0x1000573F),
        (CQR, 0),
        (CCR, 0),
        (0x144, 0),
        (0x154, 0),
        (COMMANDSTAT, 0),
    ],
)
def test_bits_that_stay(offset: int, mask: int) -> None:
    rig = Rig()
    choice = seeded()
    for _ in range(20):
        value = choice.getrandbits(32) & ~ONLINE & ~0x4800000F if offset == HCONTROL else None
        value = choice.getrandbits(32) & ~0xF if offset == SCONTROL else value
        value = choice.getrandbits(32) if value is None else value
        rig.write(offset, value)
        assert rig.read(offset) == value & mask


def test_registers_are_little_endian() -> None:
    rig = Rig()
    rig.write(CHBA, 0x11223344)
    assert [rig.read(CHBA + n, 1) for n in range(4)] == [0x44, 0x33, 0x22, 0x11]
    assert rig.sata.byteorder == "little"


@pytest.mark.parametrize(("offset", "size"), [(0xFFD, 4), (0x1000, 1), (0xFFC, 8)])
def test_accesses_that_leave_the_page(offset: int, size: int) -> None:
    rig = Rig()
    with pytest.raises(BusError, match="leaves its registers"):
        rig.read(offset, size)
    with pytest.raises(BusError, match="leaves its registers"):
        rig.write(offset, 0, size)


def test_traces_know_the_registers() -> None:
    rig = Rig()
    status = rig.sata.register_at(0, HSTATUS, 4, False)
    assert status is not None
    assert (
        status.describe(ONLINE | 0x18) == "HSTATUS.ONLINE=1 HSTATUS.PHY_RDY=1 HSTATUS.SIGNATURE=1"
    )
    control = rig.sata.register_at(0, HCONTROL, 4, True)
    assert control is not None
    assert control.describe(0x80000700) == (
        "HCONTROL.ONOFF=1 HCONTROL.HDR_SNOOP=1 HCONTROL.PMP_ATTACHED=1 HCONTROL.COPYOUT_STATFIS=1"
    )
    assert rig.sata.register_at(0, 0x40, 4, False) is None
