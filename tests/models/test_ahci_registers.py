# SPDX-License-Identifier: MIT
"""AHCI: registers, the bus, interrupts, and the handshakes that start and stop a port."""

from __future__ import annotations

import pytest
from ahci_rig import (
    BUFFER,
    CAP,
    CAP2,
    CI,
    CLB,
    CLBU,
    CLO,
    CMD,
    CR,
    DHRS,
    FB,
    FBU,
    FR,
    FRE,
    GHC,
    IE,
    IS,
    PI,
    PIS,
    SACT,
    SERR,
    SIG,
    SSTS,
    ST,
    SUD,
    TFD,
    VS,
    Rig,
)
from sata_rig import READ_DMA, Disk, dma, seeded

from models.ahci import GENERIC, QORIQ, Ahci
from testbed.errors import TestbedError
from testbed.remoteport.device import BusError

HR, IE_GLOBAL, AE = 1, 2, 1 << 31


def test_capabilities() -> None:
    rig = Rig()
    # 64-bit, NCQ, SNotification, aggressive power management, CLO, generation 3, AHCI only,
    # multiple DRQ, slumber, partial, 32 slots, 1 port; nothing else.
    assert rig.read(CAP) == 0xE534FF00
    assert rig.read(CAP2) == 0
    assert rig.read(VS) == 0x00010301
    assert rig.read(PI) == 1
    assert rig.read(GHC) == AE
    rig.write(CAP, 0xFFFFFFFF)
    rig.write(PI, 0xFFFFFFFF)
    assert (rig.read(CAP), rig.read(PI)) == (0xE534FF00, 1)


def test_capabilities_follow_the_parameters() -> None:
    ahci = Ahci("s", (None,) * 5, slots=7, speed=2, staggered_spin_up=True, address_bits=32)
    cap = ahci.read(0, CAP, 4)
    assert cap & 0x1F == 4
    assert cap >> 8 & 0x1F == 6
    assert cap >> 20 & 0xF == 2
    assert cap >> 27 & 1 == 1
    assert cap >> 31 == 0
    assert ahci.read(0, PI, 4) == 0x1F


@pytest.mark.parametrize(
    "parameters",
    [{"ports": ()}, {"ports": (None,) * 33}, {"slots": 0}, {"slots": 33}, {"speed": 4},
     {"address_bits": 40}],
)  # fmt: skip
def test_impossible_parameters(parameters: dict[str, int]) -> None:
    with pytest.raises(TestbedError, match=r"s: .*; correct the device's parameters"):
        Ahci("s", **parameters)  # type: ignore[arg-type]


def test_empty_port_after_power_on() -> None:
    rig = Rig(bare=True)
    assert rig.read(TFD) == 0x7F
    assert rig.read(SIG) == 0xFFFFFFFF
    assert rig.read(SSTS) == 0
    assert rig.read(CMD) & ~0x40000 == 0x6  # POD, SUD; HPCP
    for register in (CLB, CLBU, FB, FBU, PIS, IE, SERR, SACT, CI):
        assert rig.read(register) == 0


def test_disk_announces_itself() -> None:
    rig = Rig()
    assert rig.read(SSTS) == 0x133
    assert rig.read(TFD) == 0x0150
    assert rig.read(SIG) == 0x00000101
    assert rig.disk.resets == 1


@pytest.mark.parametrize("bits", [32, 64])
def test_addresses_are_aligned_and_as_wide_as_said(bits: int) -> None:
    rig = Rig(address_bits=bits)
    for register in (CLB, CLBU, FB, FBU):
        rig.write(register, 0xFFFFFFFF)
    upper = 0xFFFFFFFF if bits == 64 else 0
    assert [rig.read(r) for r in (CLB, CLBU, FB, FBU)] == [0xFFFFFC00, upper, 0xFFFFFF00, upper]


@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_any_size_and_alignment(byteorder: str) -> None:
    """Every access must agree with the bytes of the dwords it covers."""
    choice = seeded()
    rig = Rig(byteorder=byteorder)
    rig.write(CLB, 0x11223344 << 8 & 0xFFFFFC00)
    rig.write(CLBU, 0x8899AABB)
    rig.write(FB, 0xDDEEFF00)
    image = b"".join(
        rig.read(register).to_bytes(4, byteorder) for register in range(0x100, 0x140, 4)
    )
    for _ in range(500):
        size = choice.randrange(1, 9)
        offset = choice.randrange(0, 0x40 - size)
        value = rig.read(0x100 + offset, size)
        assert value == int.from_bytes(image[offset : offset + size], byteorder)


@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_narrow_writes_leave_the_rest(byteorder: str) -> None:
    choice = seeded()
    rig = Rig(byteorder=byteorder)
    image = bytearray(8)
    for _ in range(300):
        size = choice.randrange(1, 5)
        offset = choice.randrange(0, 9 - size)
        data = choice.randbytes(size)
        image[offset : offset + size] = data
        rig.write(CLB + offset, int.from_bytes(data, byteorder), size)
        low, high = (int.from_bytes(image[n : n + 4], byteorder) for n in (0, 4))
        low &= 0xFFFFFC00
        image[:4] = low.to_bytes(4, byteorder)
        assert (rig.read(CLB), rig.read(CLBU)) == (low, high)


def test_accesses_that_leave_the_window() -> None:
    rig = Rig()
    for offset, size in ((0xFFFD, 4), (0x10000, 1), (-1, 4)):
        with pytest.raises(BusError):
            rig.read(offset, size)
        with pytest.raises(BusError):
            rig.write(offset, 0, size)
    with pytest.raises(BusError):
        rig.ahci.read(2, 0, 4)
    assert rig.read(0xFFFC) == 0
    assert rig.read(0x180) == 0, "a port that is not implemented"


def test_vendor_registers() -> None:
    rig = Rig()
    values = {0xA8: 0xA003FFFE, 0xAC: 0x28183414, 0xB0: 0x0E080E06, 0xB4: 0x064A080B}
    values |= {0xB8: 0x2AA86470, 0xBC: 0x3FFFFFFF, 0xC0: 0x3FFFFFFF, 0xC8: 0x08000029}
    for offset, value in values.items():
        assert rig.read(offset) == 0
        rig.write(offset, value)
    assert {offset: rig.read(offset) for offset in values} == values
    rig.write(0xDC, 0xFFFFFFFF)
    assert rig.read(0xDC) == 0, "PLS is a status"
    rig.ahci.write(1, 0, 4, 0x00020000)
    rig.ahci.write(1, 3, 1, 0x80)
    assert rig.ahci.read(1, 0, 4) == 0x80020000
    rig.write(GHC, HR)
    assert rig.read(0xA8) == 0xA003FFFE, "not of AHCI, so HBA reset leaves it"
    rig.ahci.reset()
    assert (rig.read(0xA8), rig.ahci.read(1, 0, 4)) == (0, 0)


def test_generic_has_no_vendor_registers() -> None:
    rig = Rig(vendor=GENERIC)
    rig.write(0xA8, 0xA003FFFE)
    assert rig.read(0xA8) == 0
    assert [region.name for region in rig.ahci.regions] == ["ahci"]
    assert [region.name for region in Rig(vendor=QORIQ).ahci.regions] == ["ahci", "ecc"]


def test_traces_name_port_and_field() -> None:
    ahci = Ahci("s", (None, None))
    reference = ahci.register_at(0, 0x198, 4, write=True)
    assert reference is not None
    assert reference.describe(0x11) == "P1CMD.FRE=1 P1CMD.ST=1"
    tfd = ahci.register_at(0, 0x120, 4, write=False)
    assert tfd is not None
    assert tfd.register.reset == 0x7F
    assert "P0TFD.BSY=1" in tfd.describe(0x80)
    ecc = ahci.register_at(1, 0, 4, write=True)
    assert ecc is not None
    assert ecc.name == "ECC"


# Start and stop


def test_running_follows_start() -> None:
    rig = Rig()
    assert rig.read(CMD) & (CR | FR) == 0
    rig.write(CMD, FRE)
    assert rig.read(CMD) & (CR | FR) == FR
    rig.write(CMD, FRE | ST)
    assert rig.read(CMD) & (CR | FR) == CR | FR
    rig.write(CMD, FRE)
    assert rig.read(CMD) & (CR | FR) == FR
    rig.write(CMD, 0)
    assert rig.read(CMD) & (CR | FR) == 0


def test_no_running_without_fis_receive() -> None:
    rig = Rig()
    rig.write(CMD, ST)
    assert rig.read(CMD) & (ST | CR) == ST
    rig.write(CMD, ST | FRE)
    assert rig.read(CMD) & CR


def test_no_running_without_device() -> None:
    rig = Rig(bare=True)
    rig.write(CMD, ST | FRE)
    assert rig.read(CMD) & (ST | CR) == ST
    rig.port.plug(rig.disk)
    assert not rig.read(CMD) & CR, "BSY until the signature"
    assert rig.read(TFD) == 0x80
    rig.work()
    assert rig.read(CMD) & CR, "starts by itself when the device is ready"


def test_no_running_while_busy_until_command_list_override() -> None:
    rig = Rig()
    rig.start()
    rig.disk.hang = True
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(TFD) & 0x88 == 0x80
    rig.write(CMD, FRE | ST | CLO)
    assert rig.read(TFD) & 0x80, "not while ST is set"
    rig.write(CMD, FRE)
    assert rig.read(CI) == 0
    rig.write(CMD, FRE | ST)
    assert not rig.read(CMD) & CR
    rig.write(CMD, FRE)
    rig.write(CMD, FRE | CLO)
    assert not rig.read(CMD) & CLO
    assert rig.read(TFD) & 0x88 == 0
    rig.write(CMD, FRE | ST)
    assert rig.read(CMD) & CR
    rig.disk.hang = False
    rig.issue(1)
    assert rig.read(CI) == 0
    assert rig.prdbc(0) == 512


def test_issue_and_active_need_start() -> None:
    rig = Rig()
    rig.write(CMD, FRE)
    rig.write(SACT, 0xFF)
    rig.write(CI, 0xFF)
    assert (rig.read(SACT), rig.read(CI)) == (0, 0)
    rig.write(CMD, FRE | ST)
    rig.write(SACT, 0x0F)
    rig.write(SACT, 0xF0)
    assert rig.read(SACT) == 0xFF, "writing adds"
    rig.write(CMD, FRE)
    assert rig.read(SACT) == 0


def test_slots_that_are_not_there_cannot_be_issued() -> None:
    rig = Rig(slots=4)
    rig.start()
    rig.disk.hang = True
    rig.issue(0xFFFFFFF0, queued=True)
    assert (rig.read(SACT), rig.read(CI)) == (0, 0)


def test_current_slot() -> None:
    rig = Rig()
    rig.start()
    assert rig.read(CMD) >> 8 & 0x1F == 0
    rig.slot(9, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1 << 9)
    assert rig.read(CMD) >> 8 & 0x1F == 9
    rig.write(CMD, FRE)
    assert rig.read(CMD) >> 8 & 0x1F == 0


# Interrupts


def test_interrupt_chain() -> None:
    rig = Rig()
    rig.start(ie=0)
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert (rig.read(PIS), rig.read(IS), rig.irq) == (DHRS, 0, False)
    rig.write(IE, DHRS)
    assert (rig.read(IS), rig.irq) == (1, True)
    rig.write(GHC, AE)
    assert not rig.irq
    rig.write(GHC, AE | IE_GLOBAL)
    assert rig.irq
    rig.write(IS, 1)
    assert (rig.read(IS), rig.irq) == (1, True), "the port still asks"
    rig.write(PIS, DHRS)
    assert (rig.read(IS), rig.irq) == (1, True), "latched"
    rig.write(IS, 1)
    assert (rig.read(IS), rig.irq) == (0, False)


def test_byte_write_acknowledges_only_its_bits() -> None:
    rig = Rig()
    rig.start()
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512, True)])
    rig.issue(1)
    assert rig.read(PIS) == DHRS | 1 << 5
    rig.write(PIS + 1, 0xFF, 1)
    assert rig.read(PIS) == DHRS | 1 << 5
    rig.write(PIS, DHRS, 1)
    assert rig.read(PIS) == 1 << 5


def test_interrupts_that_cannot_happen_cannot_be_enabled() -> None:
    rig = Rig()
    rig.write(IE, 0xFFFFFFFF)
    assert rig.read(IE) == 0x7DC0007F


def test_two_ports_share_the_wire() -> None:
    ahci = Ahci("s", (Disk(), Disk()))
    ahci.run_deferred()
    ahci.write(0, GHC, 4, 2)
    for base in (0x100, 0x180):
        ahci.write(0, base + 0x14, 4, 0xFFFFFFFF)
    assert ahci.read(0, IS, 4) == 3
    ahci.write(0, 0x1B0, 4, 0xFFFFFFFF)
    ahci.write(0, IS, 4, 3)
    assert ahci.read(0, IS, 4) == 1
    assert ahci.wire_level("interrupt")
    ahci.write(0, 0x130, 4, 0xFFFFFFFF)
    ahci.write(0, IS, 4, 3)
    assert not ahci.wire_level("interrupt")


# HBA reset


def test_hba_reset() -> None:
    rig = Rig()
    rig.start()
    rig.disk.hang = True
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    addresses = [rig.read(register) for register in (CLB, CLBU, FB, FBU)]
    rig.write(GHC, AE | HR)
    assert rig.read(GHC) == AE
    assert [rig.read(register) for register in (CLB, CLBU, FB, FBU)] == addresses
    assert rig.read(CMD) & ~0x40000 == 6
    assert (rig.read(CI), rig.read(IE), rig.read(IS), rig.irq) == (0, 0, 0, False)
    assert (rig.read(TFD), rig.read(SIG)) == (0x80, 0xFFFFFFFF)
    rig.work()
    assert (rig.read(TFD), rig.read(SIG), rig.read(SSTS)) == (0x150, 0x101, 0x133)
    assert rig.disk.resets == 2


def test_machine_reset_clears_the_addresses_too() -> None:
    rig = Rig()
    rig.start()
    rig.ahci.drop_deferred(rig.ahci.deferred)
    rig.ahci.reset()
    assert [rig.read(register) for register in (CLB, CLBU, FB, FBU)] == [0] * 4
    assert not rig.irq
    rig.work()
    assert rig.read(TFD) == 0x150


def test_spin_up_bit_without_staggered_spin_up() -> None:
    rig = Rig()
    rig.write(CMD, 0)
    assert rig.read(CMD) & SUD
    assert rig.read(SSTS) == 0x133
