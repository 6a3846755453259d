# SPDX-License-Identifier: MIT
"""QorIQ SATA: the link, its power, plugging, and what of it interrupts."""

from __future__ import annotations

import pytest
from fsl_sata_rig import (
    BUFFER,
    CAR,
    CCR,
    CQR,
    FPDMA,
    HCONTROL,
    HSTATUS,
    ONLINE,
    PHYRDY,
    SCONTROL,
    SERR_N,
    SERR_W,
    SERR_X,
    SERROR,
    SIG,
    SIGNATURE,
    SNOTIFIED,
    SNOTIFY,
    SSTATUS,
    Rig,
)
from sata_rig import READ_DMA, READ_FPDMA, Disk, dma, queued

from models.ata.transport import SetDeviceBits
from models.sata import SataController
from testbed.errors import TestbedError


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.start()
    return rig


def test_offline_after_power_on() -> None:
    rig = Rig()
    assert rig.read(HSTATUS) == 0
    assert rig.read(SSTATUS) == 0
    assert rig.read(SIG) == 0xFFFFFFFF
    assert rig.disk.resets == 0


def test_online_resets_the_device_and_has_its_signature() -> None:
    rig = Rig()
    rig.write(HCONTROL, rig.read(HCONTROL) | ONLINE)
    assert rig.read(HSTATUS) == ONLINE | PHYRDY
    assert rig.read(SSTATUS) == 0x123
    rig.work()
    assert rig.disk.resets == 1
    assert rig.read(HSTATUS) == ONLINE | PHYRDY | SIGNATURE
    assert rig.read(SIG) == 0x101
    assert rig.read(SERROR) == SERR_X | SERR_N | SERR_W


def test_online_without_a_device() -> None:
    rig = Rig(bare=True)
    rig.write(HCONTROL, rig.read(HCONTROL) | ONLINE)
    rig.work()
    assert rig.read(HSTATUS) == ONLINE
    assert rig.read(SSTATUS) == 0


def test_a_command_without_a_device_waits_for_one() -> None:
    rig = Rig(bare=True)
    rig.start()
    rig.slot(0, dma(READ_DMA, 3, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(CQR) == 1
    rig.port.plug(rig.disk)
    rig.work()
    assert rig.read(CCR) == 1


def test_speed_limit(rig: Rig) -> None:
    rig.write(HCONTROL, rig.read(HCONTROL) & ~ONLINE)
    assert rig.read(SSTATUS) == 0
    rig.write(SCONTROL, 0x10)
    rig.write(HCONTROL, rig.read(HCONTROL) | ONLINE)
    assert rig.read(SSTATUS) == 0x113


def test_comreset_by_scontrol(rig: Rig) -> None:
    rig.write(SCONTROL, 1)
    assert rig.read(SSTATUS) == 0
    assert rig.read(HSTATUS) == ONLINE, "software knows what it did"
    rig.write(SCONTROL, 0)
    assert rig.read(SSTATUS) == 0x123
    rig.work()
    assert rig.disk.resets == 2
    rig.write(SCONTROL, 4)
    assert rig.read(SSTATUS) == 4
    rig.write(SCONTROL, 0)
    rig.work()
    assert rig.read(SSTATUS) == 0x123


@pytest.mark.parametrize("enabled", [True, False])
def test_each_interrupt_has_its_enable(enabled: bool) -> None:
    rig = Rig()
    rig.start(enabled=0x3F if enabled else 0)
    rig.port.unplug()
    assert rig.read(HSTATUS) == ONLINE | PHYRDY
    assert rig.irq is enabled
    rig.write(HSTATUS, PHYRDY)
    assert not rig.irq
    rig.port.plug(rig.disk)
    rig.work()
    assert rig.read(HSTATUS) == ONLINE | PHYRDY | SIGNATURE
    rig.write(HSTATUS, PHYRDY)
    assert rig.irq is enabled
    rig.write(HCONTROL, rig.read(HCONTROL) & ~SIGNATURE)
    assert not rig.irq


def test_plug_and_unplug(rig: Rig) -> None:
    with pytest.raises(TestbedError, match="unplug it first"):
        rig.port.plug(Disk())
    assert rig.port.unplug() is rig.disk
    assert rig.disk.transport is None
    assert rig.read(SSTATUS) == 0
    assert rig.port.unplug() is None
    other = Disk()
    rig.port.plug(other)
    rig.work()
    assert other.resets == 1
    assert rig.read(SSTATUS) == 0x123
    rig.slot(0, dma(READ_DMA, 3, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert len(other.seen) == 1


def test_plugging_while_offline_shows_in_serror_only() -> None:
    rig = Rig(bare=True)
    rig.port.plug(rig.disk)
    assert rig.read(SERROR) == SERR_X
    assert rig.read(HSTATUS) == 0
    rig.start()
    assert rig.read(SSTATUS) == 0x123


def test_commands_in_flight_are_not_for_the_next_disk(rig: Rig) -> None:
    rig.disk.step = lambda: False  # type: ignore[method-assign]
    rig.slot(0, queued(READ_FPDMA, 0, 1, 0), [(BUFFER, 512)], flags=FPDMA)
    rig.issue(1)
    rig.slot(1, queued(READ_FPDMA, 0, 1, 1), [(BUFFER, 512)], flags=FPDMA)
    rig.issue(2, work=False)
    rig.port.unplug()
    other = Disk()
    rig.port.plug(other)
    rig.work()
    assert (rig.read(CQR), rig.read(CAR)) == (2, 1)
    assert other.seen == []
    rig.write(HCONTROL, rig.read(HCONTROL) & ~ONLINE)
    rig.start()
    rig.slot(0, queued(READ_FPDMA, 5, 1, 0), [(BUFFER, 512)], flags=FPDMA)
    rig.issue(1)
    assert rig.read(CCR) == 1


def test_lost_link(rig: Rig) -> None:
    rig.port.lose_link()
    rig.port.lose_link()
    assert rig.read(SSTATUS) == 1
    assert rig.read(HSTATUS) == ONLINE | PHYRDY
    rig.write(HCONTROL, rig.read(HCONTROL) & ~ONLINE)
    rig.write(HCONTROL, rig.read(HCONTROL) | ONLINE)
    rig.work()
    assert rig.read(HSTATUS) == ONLINE
    assert rig.read(SSTATUS) == 1
    rig.port.restore_link()
    rig.work()
    assert rig.read(SSTATUS) == 0x123
    assert rig.read(HSTATUS) == ONLINE | PHYRDY | SIGNATURE


def test_power_states(rig: Rig) -> None:
    rig.write(SCONTROL, 0x1000)
    assert rig.read(SSTATUS) == 0x223
    rig.write(SCONTROL, 0x4000)
    assert rig.read(SSTATUS) == 0x123
    rig.write(SCONTROL, 0x2000)
    assert rig.read(SSTATUS) == 0x623
    rig.slot(0, dma(READ_DMA, 3, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(SSTATUS) == 0x123, "a command wakes it"
    rig.write(SCONTROL, 0x2300)
    assert rig.read(SSTATUS) == 0x123, "forbidden"
    rig.write(SCONTROL, 0x2000)
    rig.write(SCONTROL, 0x0200)
    assert rig.read(SSTATUS) == 0x123, "forbidden now"


def test_notification(rig: Rig) -> None:
    rig.disk._queued = lambda fis: rig.disk.link.send_set_device_bits(  # type: ignore[method-assign]
        SetDeviceBits(0x40, 0, 1, interrupt=True, notification=True, pm_port=5)
    )
    rig.slot(0, queued(READ_FPDMA, 0, 1, 0), [(BUFFER, 512)], flags=FPDMA, total=0)
    rig.issue(1)
    assert rig.read(SNOTIFY) == 1 << 5
    assert rig.read(HSTATUS) & SNOTIFIED
    assert rig.read(CCR) == 1
    rig.write(SNOTIFY, 1 << 5)
    assert rig.read(SNOTIFY) == 0


def test_face_of_any_controller(rig: Rig) -> None:
    assert isinstance(rig.sata, SataController)
    assert (rig.sata.slots, rig.sata.speed, len(rig.sata.ports)) == (16, 2, 1)
    assert rig.sata.ports[0].device is rig.disk
