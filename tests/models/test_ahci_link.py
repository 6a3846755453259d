# SPDX-License-Identifier: MIT
"""AHCI: the link. COMRESET, staggered spin-up, power states, hot plug."""

from __future__ import annotations

import threading

import pytest
from ahci_rig import (
    ALPE,
    ASP,
    BUFFER,
    CI,
    CMD,
    CR,
    FRE,
    PCS,
    PIS,
    PRCS,
    SACT,
    SCTL,
    SERR,
    SERR_N,
    SERR_W,
    SERR_X,
    SIG,
    SSTS,
    ST,
    SUD,
    TFD,
    Rig,
)
from sata_rig import READ_DMA, READ_FPDMA, Disk, dma, queued

from testbed.errors import TestbedError

ICC_ACTIVE, ICC_PARTIAL, ICC_SLUMBER = 1 << 28, 2 << 28, 6 << 28
UP = SERR_N | SERR_W | SERR_X


def test_comreset() -> None:
    rig = Rig()
    rig.write(SERR, 0xFFFFFFFF)
    rig.write(SCTL, 0x301)
    assert (rig.read(SSTS), rig.read(TFD), rig.read(SERR)) == (0, 0x7F, SERR_N)
    rig.work()
    assert (rig.read(SSTS), rig.disk.resets) == (0, 1)
    rig.write(SERR, 0xFFFFFFFF)
    rig.write(SCTL, 0x300)
    assert (rig.read(SSTS), rig.read(TFD)) == (0x133, 0x80)
    assert rig.read(SERR) == UP
    assert rig.read(PIS) & (PCS | PRCS) == PCS | PRCS
    rig.work()
    assert rig.disk.resets == 2
    assert (rig.read(TFD), rig.read(SIG)) == (0x150, 0x101)
    rig.write(PIS, 0xFFFFFFFF)
    assert rig.read(PIS) == PCS | PRCS, "these follow PxSERR"
    rig.write(SERR, SERR_X)
    assert rig.read(PIS) == PRCS
    rig.write(SERR, SERR_N)
    assert rig.read(PIS) == 0


def test_comreset_of_an_empty_port() -> None:
    rig = Rig(bare=True)
    rig.write(SCTL, 0x301)
    rig.write(SCTL, 0x300)
    rig.work()
    assert (rig.read(SSTS), rig.read(TFD), rig.read(SERR)) == (0, 0x7F, 0)


def test_phy_offline() -> None:
    rig = Rig()
    rig.write(SERR, 0xFFFFFFFF)
    rig.write(SCTL, 4)
    assert (rig.read(SSTS), rig.read(SERR), rig.read(TFD)) == (4, SERR_N, 0x7F)
    rig.write(SCTL, 4)
    assert rig.read(SSTS) == 4
    rig.write(SCTL, 0)
    rig.work()
    assert (rig.read(SSTS), rig.read(TFD)) == (0x133, 0x150)


@pytest.mark.parametrize(("limit", "speed"), [(0, 3), (1, 1), (2, 2), (3, 3), (9, 3)])
def test_speed_limit_counts_from_the_next_comreset(limit: int, speed: int) -> None:
    rig = Rig()
    rig.write(SCTL, limit << 4)
    assert rig.read(SSTS) == 0x133
    rig.write(SCTL, limit << 4 | 1)
    rig.write(SCTL, limit << 4)
    assert rig.read(SSTS) >> 4 & 0xF == speed


def test_comreset_under_a_running_command() -> None:
    rig = Rig()
    rig.start()
    rig.disk.hang = True
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    rig.disk.hang = False
    rig.write(SCTL, 1)
    rig.write(SCTL, 0)
    rig.work()
    assert rig.read(CI) == 1, "a COMRESET does not clear it"
    assert rig.read(CMD) & CR
    assert rig.memory.peek(BUFFER, 512) == bytes(512), "nothing is processed until ST was cleared"
    rig.write(CMD, FRE)
    assert (rig.read(CI), rig.read(CMD) & CR) == (0, 0)
    rig.write(CMD, FRE | ST)
    rig.issue(1)
    assert rig.read(CI) == 0
    assert rig.memory.peek(BUFFER, 512) == rig.disk.sector(0)


def test_staggered_spin_up() -> None:
    rig = Rig(staggered_spin_up=True)
    assert rig.read(CMD) & SUD == 0
    assert (rig.read(SSTS), rig.read(TFD), rig.disk.resets) == (0, 0x7F, 0)
    rig.write(CMD, SUD)
    rig.work()
    assert (rig.read(SSTS), rig.read(TFD), rig.disk.resets) == (0x133, 0x150, 1)
    rig.write(SERR, 0xFFFFFFFF)
    rig.write(CMD, 0)
    assert (rig.read(SSTS), rig.read(TFD), rig.read(SERR)) == (0, 0x7F, SERR_N)


def test_listen_mode_notices_a_device() -> None:
    rig = Rig(bare=True, staggered_spin_up=True)
    rig.port.plug(rig.disk)
    rig.work()
    assert (rig.read(SSTS), rig.read(SERR), rig.disk.resets) == (0, SERR_X, 0)
    rig.write(CMD, SUD)
    rig.work()
    assert (rig.read(SSTS), rig.disk.resets) == (0x133, 1)


# Power


@pytest.mark.parametrize(("request_", "state"), [(ICC_PARTIAL, 2), (ICC_SLUMBER, 6)])
def test_power_states(request_: int, state: int) -> None:
    rig = Rig()
    rig.start()
    rig.write(CMD, rig.read(CMD) | request_)
    assert rig.read(CMD) >> 28 == 0
    assert rig.read(SSTS) == state << 8 | 0x33
    assert rig.read(PIS) == PRCS
    rig.write(CMD, rig.read(CMD) | (ICC_SLUMBER if state == 2 else ICC_PARTIAL))
    assert rig.read(SSTS) >> 8 == state, "only from active"
    rig.clear()
    rig.write(CMD, rig.read(CMD) | ICC_ACTIVE)
    assert rig.read(SSTS) == 0x133
    assert rig.read(SERR) == SERR_N | SERR_W


@pytest.mark.parametrize(
    ("forbidden", "request_", "state"),
    [(1, ICC_PARTIAL, 1), (1, ICC_SLUMBER, 6), (2, ICC_PARTIAL, 2), (2, ICC_SLUMBER, 1)],
)
def test_power_states_can_be_forbidden(forbidden: int, request_: int, state: int) -> None:
    rig = Rig()
    rig.write(SCTL, forbidden << 8)
    rig.write(CMD, request_)
    assert rig.read(SSTS) >> 8 == state
    rig.write(SCTL, 0x300)
    assert rig.read(SSTS) >> 8 == 1


def test_reserved_interface_requests_do_nothing() -> None:
    rig = Rig()
    for request in (3, 4, 5, 7, 8, 15):
        rig.write(CMD, request << 28)
        assert (rig.read(SSTS), rig.read(CMD) >> 28) == (0x133, 0)


def test_no_power_state_without_a_link() -> None:
    rig = Rig(bare=True)
    rig.write(CMD, ICC_SLUMBER)
    assert rig.read(SSTS) == 0


def test_command_wakes_the_link() -> None:
    rig = Rig()
    rig.start()
    rig.write(CMD, rig.read(CMD) | ICC_SLUMBER)
    rig.clear()
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(SSTS) == 0x133
    assert rig.read(CI) == 0
    assert rig.read(SERR) == SERR_N | SERR_W


@pytest.mark.parametrize(("bits", "state"), [(ALPE, 2), (ALPE | ASP, 6)])
def test_aggressive_power_management(bits: int, state: int) -> None:
    rig = Rig()
    rig.start()
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.write(CMD, rig.read(CMD) | bits)
    assert rig.read(SSTS) >> 8 == state, "idle already"
    for _ in range(2):
        rig.issue(1)
        assert rig.read(SSTS) >> 8 == state
    rig.write(CMD, rig.read(CMD) & ~bits | ICC_ACTIVE)
    rig.issue(1)
    assert rig.read(SSTS) >> 8 == 1


# Hot plug


def test_unplug_and_plug() -> None:
    rig = Rig()
    rig.start()
    assert rig.port.unplug() is rig.disk
    assert rig.disk.transport is None
    assert (rig.read(SSTS), rig.read(TFD)) == (0, 0x7F)
    assert rig.read(PIS) == PRCS
    assert rig.irq
    rig.clear()
    assert not rig.irq
    other = Disk()
    rig.port.plug(other)
    assert rig.read(PIS) & PCS
    rig.work()
    assert (rig.read(SSTS), rig.read(TFD), other.resets) == (0x133, 0x150, 1)
    rig.write(CMD, FRE)
    rig.write(CMD, FRE | ST)
    rig.slot(0, dma(READ_DMA, 7, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.memory.peek(BUFFER, 512) == other.sector(7)
    assert rig.port.unplug() is other
    assert rig.port.unplug() is None


def test_only_one_device_fits() -> None:
    rig = Rig()
    with pytest.raises(TestbedError, match="sata port 0: a device is plugged in already"):
        rig.port.plug(Disk())


def test_unplug_with_commands_outstanding() -> None:
    rig = Rig()
    rig.start()
    for slot in range(4):
        rig.slot(slot, queued(READ_FPDMA, slot, 1, slot), [(BUFFER + slot * 512, 512)])
    rig.issue(0xF, queued=True, work=False)
    rig.port.unplug()
    rig.work()
    assert (rig.read(SACT), rig.read(CI)) == (0xF, 0xF)
    assert rig.memory.peek(BUFFER, 4 * 512) == bytes(4 * 512)
    rig.write(CMD, FRE)
    assert (rig.read(SACT), rig.read(CI), rig.read(CMD) & CR) == (0, 0, 0)


def test_link_lost_and_back() -> None:
    rig = Rig()
    rig.start()
    rig.port.lose_link()
    assert (rig.read(SSTS), rig.read(TFD), rig.read(PIS)) == (1, 0x7F, PRCS)
    rig.write(SCTL, 1)
    rig.write(SCTL, 0)
    rig.work()
    assert (rig.read(SSTS), rig.disk.resets) == (1, 1), "a COMRESET does not mend it"
    rig.port.lose_link()
    rig.port.restore_link()
    rig.work()
    assert (rig.read(SSTS), rig.read(TFD), rig.disk.resets) == (0x133, 0x150, 2)
    rig.port.restore_link()
    assert rig.work() == 0


def test_lost_link_survives_a_machine_reset() -> None:
    rig = Rig()
    rig.port.lose_link()
    rig.ahci.reset()
    rig.work()
    assert rig.read(SSTS) == 1


@pytest.mark.parametrize("what", ["unplug", "lose_link", "comreset"])
def test_link_goes_in_the_middle_of_a_transfer(what: str) -> None:
    """While data is on its way to memory: the command must not be reported, and nothing is left."""
    rig = Rig()
    rig.start()

    def go() -> None:
        if what == "comreset":
            rig.write(SCTL, 1)
            rig.write(SCTL, 0)
        else:
            getattr(rig.port, what)()

    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.write(CI, 1)

    def arm() -> None:
        rig.memory.during = go

    rig.disk.before_data = arm
    rig.work()
    rig.disk.before_data = lambda: None
    assert rig.read(CI) == 1
    assert not rig.read(PIS) & 1
    if what == "unplug":
        assert rig.disk.transport is None
        rig.port.plug(rig.disk)
    elif what == "lose_link":
        rig.port.restore_link()
    rig.work()
    assert rig.read(TFD) == 0x150
    rig.write(CMD, FRE)
    rig.write(CMD, FRE | ST)
    rig.issue(1)
    assert rig.read(CI) == 0


def test_device_unplugged_and_back_within_one_access() -> None:
    rig = Rig()
    rig.start()
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])

    def replug() -> None:
        disk = rig.port.unplug()
        assert disk is not None
        rig.port.plug(disk)

    rig.memory.during = replug
    rig.issue(1)
    assert rig.disk.transport is not None
    assert rig.read(TFD) == 0x150


def test_hot_plug_from_other_threads() -> None:
    """A scenario's thread pulls and plugs while commands run; nothing breaks, the end is good."""
    rig = Rig()
    rig.start()
    rig.slot(0, dma(READ_DMA, 0, 8), [(BUFFER, 4096)])
    done = threading.Event()
    failures: list[BaseException] = []

    def line() -> None:
        try:
            for _ in range(200):
                rig.port.lose_link()
                rig.port.restore_link()
                disk = rig.port.unplug()
                assert disk is not None
                rig.port.plug(disk)
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=line)
    thread.start()
    while not done.is_set():
        with rig.ahci.lock:
            rig.write(CMD, FRE)
            rig.write(CMD, FRE | ST)
            rig.write(CI, 1)
        rig.work()
    thread.join()
    assert not failures
    rig.work()
    with rig.ahci.lock:
        rig.write(CMD, FRE)
        rig.write(CMD, FRE | ST)
    rig.issue(1)
    assert rig.read(CI) == 0
