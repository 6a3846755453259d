# SPDX-License-Identifier: MIT
"""The controller page as the caam driver and U-Boot use it: DECO 0, start, resets, state."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sec_controller_rig import DDR, DECO, DECORR, DESB, JQCR, JRSTART, MCFGR, RDSTA, CaamDriver
from sec_ring_rig import JRINTR, SecRig, addresses, seeded

from models.sec.config import IMX8MM, LS1021A, LS1046A, T4240, SecConfig
from testbed.remoteport.device import BusError, StateError


def test_a_deco_that_is_not_ours_takes_and_shows_nothing() -> None:
    rig = SecRig()
    rig.set_block(DECO, DESB, 0xB0800001)
    rig.set_block(DECO, JQCR, 0x20000000)
    assert rig.run() == 0
    rig.set_control(DECORR, 1)
    assert rig.block(DECO, DESB) == 0
    rig.set_block(DECO, DESB, 0xB0800001)
    assert rig.block(DECO, DESB) == 0xB0800001
    rig.set_control(DECORR, 0)
    assert rig.block(DECO, DESB) == 0


def test_a_virtualized_sec_wants_a_source_for_direct_deco_access() -> None:
    rig = SecRig(replace(LS1046A, virtualization=True))
    rig.set_control(DECORR, 1)
    assert rig.control(DECORR) == 1
    rig.set_control(DECORR, 0)
    assert CaamDriver(rig, virtualized=True).instantiate()


def test_descriptors_longer_than_four_words_want_the_flag() -> None:
    rig = SecRig()
    rig.set_control(DECORR, 1)
    for index in range(8):
        rig.set_block(DECO, DESB + 4 * index, 0xB0800006 + index)
    for flags, words in ((0x20000000, 4), (0x30000000, 6)):
        rig.set_block(DECO, JQCR, flags)
        assert rig.block(DECO, DDR) >> 31
        rig.run()
        assert rig.deco.buffers[-1] == tuple(0xB0800006 + index for index in range(words))
        assert not rig.block(DECO, DDR) >> 31
    assert rig.deco.resets == 2  # nothing is left of one for the next


def test_a_fault_of_direct_deco_access_is_noted() -> None:
    rig = SecRig()
    with pytest.raises(BusError):
        rig.deco.memory.read(0x1234, 8)
    assert rig.control(0xFC4) == rig.read(0xFC4) == 0x1234


def test_rings_of_a_virtualized_sec_wait_for_their_start() -> None:
    rig = SecRig(replace(LS1046A, virtualization=True))
    assert rig.read(0xFA8) & 3 == 3
    rig.start()
    jobs = addresses(seeded(), rig, 3)
    rig.enqueue(*jobs)
    rig.run()
    assert not rig.runner.jobs
    rig.set_control(JRSTART, 2)
    rig.run()
    assert not rig.runner.jobs
    rig.set_control(JRSTART, 0xFF)
    rig.run()
    assert rig.runner.jobs == jobs
    assert rig.control(JRSTART) == 0xF


def test_pointers_grow_with_the_master_configuration() -> None:
    """U-Boot's sec_init, with the model as silicon leaves reset."""
    config = replace(LS1046A, long_pointers=False)
    rig = SecRig(config)
    assert rig.sec.services.pointer_size == 4
    rig.set_control(MCFGR, rig.control(MCFGR) | 1 << 16)
    assert rig.sec.services.pointer_size == 8
    rig.start(depth=4)
    rig.memory.data[0x1000:0x1008] = (0x12_3456_7890).to_bytes(8, "big")
    rig.write(0x1C, 1)
    rig.run()
    assert rig.runner.jobs == [0x12_3456_7890]
    narrow = SecRig(IMX8MM)
    narrow.set_control(MCFGR, 1 << 16)
    assert narrow.control(MCFGR) == 0
    assert narrow.sec.services.pointer_size == 4


def test_software_and_dma_reset_end_at_once() -> None:
    """U-Boot's sec_reset."""
    rig = SecRig(LS1046A)
    driver = CaamDriver(rig)
    assert driver.instantiate()
    rig.start()
    rig.set_control(MCFGR, 0x40010304)
    rig.set_control(MCFGR, rig.control(MCFGR) | 1 << 31)
    rig.set_control(MCFGR, rig.control(MCFGR) | 1 << 31 | 1 << 28)
    assert rig.control(MCFGR) == 0x40010304
    assert rig.sec.services.watchdog
    assert rig.read(0x0C) == 0
    assert rig.control(RDSTA) == 0x40000033


def test_a_locked_liodn_stays() -> None:
    rig = SecRig()
    rig.set_control(0x1C, 0x123)
    rig.set_control(0x18, 1 << 31)
    rig.set_control(0x1C, 0x456)
    rig.set_control(0x18, 0)
    assert (rig.control(0x18), rig.control(0x1C)) == (1 << 31, 0x123)
    rig.controller.reset()
    assert (rig.control(0x18), rig.control(0x1C)) == (0, 0)


def test_fewer_rings_than_the_part_has() -> None:
    rig = SecRig(T4240, rings=2)
    assert len(rig.sec.rings) == 2
    assert rig.read(0xFF0) >> 28 == 2
    controller, blocks = rig.controller.regions
    assert (controller.size, blocks.size) == (0x1000, 0xD000)
    assert rig.sec.rings[1].regions[0].size == 0x1000
    # The DECO lies at 0x8000 of the SEC, which is 0x5000 of what is behind the two rings.
    rig.controller.write(0, DECORR, 4, 1)
    rig.controller.write(1, 0x5000 + DESB, 4, 0x12345678)
    assert rig.controller.read(1, 0x5000 + DESB, 4) == 0x12345678


def test_a_saved_sec_goes_on_elsewhere() -> None:
    choice = seeded()
    rig = SecRig(T4240)
    assert CaamDriver(rig).instantiate()
    rig.set_control(MCFGR, 0x40010304)
    rig.set_control(0x10 + 4, 0x77)
    rig.set_control(DECORR, 1)
    rig.set_block(DECO, DESB + 8, choice.getrandbits(32))
    state = json.loads(json.dumps(rig.controller.save()))
    other = SecRig(T4240)
    other.controller.load(state)
    assert other.controller.save() == state
    assert other.sec.services.jdkek == rig.sec.services.jdkek
    assert other.sec.services.pointer_size == 8
    assert other.sec.services.watchdog
    for offset in (*range(0, 0x700, 4),):
        assert other.control(offset) == rig.control(offset), hex(offset)
    assert other.block(DECO, DESB + 8) == rig.block(DECO, DESB + 8)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mcfgr", 1 << 31),
        ("mcfgr", "0"),
        ("started", 16),
        ("liodns", [0]),
        ("instantiated", [True]),
        ("instantiated", [1, 0]),
        ("jdkek", "00"),
        ("jdkek", "zz" * 32),
        ("tdsk", 7),
        ("trng_limits", [1 << 32] * 14),
        ("deco_buffer", [0] * 63),
        ("secure_keys_valid", 1),
        ("surplus", 0),
    ],
)
def test_a_bad_state_is_refused_by_name_and_changes_nothing(field: str, value: object) -> None:
    rig = SecRig(T4240)
    assert CaamDriver(rig).instantiate()
    before = rig.controller.save()
    with pytest.raises(StateError, match=field):
        rig.controller.load({**before, field: value})
    with pytest.raises(StateError, match="mcfgr"):
        rig.controller.load({name: held for name, held in before.items() if name != "mcfgr"})
    assert rig.controller.save() == before


def test_registers_explain_themselves_in_traces() -> None:
    rig = SecRig(LS1046A)
    for device, region, offset, write, value, text in (
        (rig.controller, 0, MCFGR, True, 0x80010000, "MCFGR.SWRST=1 MCFGR.PS=1"),
        (rig.controller, 0, RDSTA, False, 0x40000033, "RDSTA.SKVN=1 RDSTA.PR1=1 RDSTA.PR0=1"),
        (rig.controller, 0, 0x610, False, 0x0C8009C4, "RTSDCTL.ENT_DLY=0xc80"),
        (rig.ring, 0, JRINTR, False, 0x909, "JRINTR.ERR_TYPE=9 JRINTR.HALT=2 JRINTR.JRI=1"),
        (rig.ring, 0, 0xFD4, False, 0x406, "CSTA.PLEND=1"),
    ):
        found = device.register_at(region, offset, 4, write)
        assert found is not None
        assert text in found.describe(value)
    page = rig.config.page_size
    found = rig.controller.register_at(1, 8 * page - 5 * page + JQCR, 4, True)
    assert found is not None
    assert found.describe(0x30000000) == "DXJQCR_MS.WHL=1 DXJQCR_MS.FOUR=1"


@pytest.mark.parametrize("config", [LS1046A, LS1021A], ids=lambda config: config.byteorder)
def test_wider_and_narrower_accesses(config: SecConfig) -> None:
    rig = SecRig(config)
    ring = rig.ring
    ring.write(0, 0x00, 8, 0x12_3456_7890)  # as writeq of the driver
    assert ring.read(0, 0x00, 8) == 0x12_3456_7890
    halves = (ring.read(0, 0, 4), ring.read(0, 4, 4))
    assert halves == ((0x12, 0x34567890) if config.byteorder == "big" else (0x34567890, 0x12))
    whole = ring.read(0, 0xFF8, 4).to_bytes(4, config.byteorder)
    for offset in range(4):
        assert ring.read(0, 0xFF8 + offset, 1) == whole[offset]
    assert ring.read(0, 0xFFA, 2).to_bytes(2, config.byteorder) == whole[2:]
    ring.write(0, 0x0C, 2, 0x55)
    assert ring.read(0, 0x0C, 4) == 0
    for device, region, offset, size in (
        (ring, 0, config.page_size, 4),
        (ring, 0, config.page_size - 4, 8),
        (ring, 1, 0, 4),
        (ring, 0, -4, 4),
        (rig.controller, 2, 0, 4),
    ):
        with pytest.raises(BusError):
            device.read(region, offset, size)
        with pytest.raises(BusError):
            device.write(region, offset, size, 0)
