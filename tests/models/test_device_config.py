# SPDX-License-Identifier: MIT
"""The QorIQ device configuration block: registers, PAMU bypass, saved state."""

from __future__ import annotations

import json

import pytest
from pamu_rig import seeded

from models.device_config import LIODN_REGISTERS, DeviceConfig
from testbed.errors import TestbedError
from testbed.remoteport.device import BusError, StateError

PVR, SVR, RSTCR, RCWSR, SCRATCH, SCRATCH_ONCE, SATA1, PAMUBYPENR = (
    0xA0, 0xA4, 0xB0, 0x100, 0x200, 0x300, 0x550, 0x604,
)  # fmt: skip
PLAIN = (0x30, 0x40, 0x60, 0x70, 0x74, 0x80, 0x90, 0x94, 0xC0, 0xE4, SCRATCH, 0x20C, 0x608)


def test_versions_are_what_the_board_says() -> None:
    config = DeviceConfig(svr=0x82480020, pvr=0x80400110)
    for register, value in ((SVR, 0x82480020), (PVR, 0x80400110)):
        config.write(0, register, 4, 0)
        assert config.read(0, register, 4) == value
    assert config.read(0, SVR, 1) == 0x82


def test_registers_that_keep_what_is_written() -> None:
    choice, config = seeded(), DeviceConfig(pamus=5)
    kept = (*PLAIN, PAMUBYPENR)
    values = {register: choice.getrandbits(32) for register in kept}
    for register, value in values.items():
        config.write(0, register, 4, value)
    assert {register: config.read(0, register, 4) for register in kept} == values
    for register in (0, 0x20, 0x50, RSTCR, 0xB4, 0xC8, RCWSR, RCWSR + 0x3C, 0x600, 0xFFC):
        config.write(0, register, 4, 0xFFFFFFFF)
        assert config.read(0, register, 4) == 0
    config.reset()
    assert {config.read(0, register, 4) for register in PLAIN} == {0}
    assert config.read(0, PAMUBYPENR, 4) == 0xF8000000


def test_liodn_registers_hold_what_firmware_left() -> None:
    config = DeviceConfig(liodns={SATA1: 0x7F, 0x580: 0xFFF})
    assert config.read(0, SATA1, 4) == 0x7F
    for register in LIODN_REGISTERS:
        config.write(0, register, 4, 0xABCDE123)
        assert config.read(0, register, 4) == 0x123
    config.reset()
    assert [config.read(0, register, 4) for register in (SATA1, 0x580, 0x500)] == [0x7F, 0xFFF, 0]


@pytest.mark.parametrize("liodns", [{0x604: 1}, {0x54C: 1}, {SATA1: 0x1000}, {SATA1: -1}])
def test_liodns_that_do_not_fit(liodns: dict[int, int]) -> None:
    with pytest.raises(TestbedError, match=r"global-utilities: LIODN .* correct `liodns`"):
        DeviceConfig(liodns=liodns)


def test_a_scratch_register_that_is_written_once() -> None:
    config = DeviceConfig()
    for value in (0, 0x1234, 0x5678):
        config.write(0, SCRATCH_ONCE, 4, value)
    assert config.read(0, SCRATCH_ONCE, 4) == 0x1234
    config.reset()
    assert config.read(0, SCRATCH_ONCE, 4) == 0


def test_which_pamus_are_bypassed() -> None:
    config = DeviceConfig(pamus=3)
    assert [config.pamu_bypassed(unit) for unit in range(4)] == [True, True, True, False]
    config.write(0, PAMUBYPENR, 4, 0x40000001)
    assert [config.pamu_bypassed(unit) for unit in range(4)] == [False, True, False, False]
    assert config.pamu_bypassed(31)


def test_accesses_that_leave_the_block() -> None:
    with pytest.raises(BusError, match="leaves its registers"):
        DeviceConfig().read(0, 0x1000, 4)


def test_traces_name_registers() -> None:
    """By the offsets of U-Boot's `ccsr_gur_t`."""
    names = {
        0x000: "PORSR1", 0x020: "GPPORCR1", 0x030: "GPIOCR", 0x040: "GPOUTDR", 0x050: "GPINDR",
        0x060: "PMUXCR", 0x070: "DEVDISR", 0x080: "POWMGTCSR", 0x090: "COREDISRU",
        0x094: "COREDISRL", 0x0A0: "PVR", 0x0A4: "SVR", 0x0B0: "RSTCR", 0x0B4: "RSTRQPBLSR",
        0x0C0: "RSTRQMR1", 0x0C8: "RSTRQSR1", 0x0E4: "BRRL", 0x100: "RCWSR", 0x13C: "RCWSR",
        0x200: "SCRATCHRW", 0x30C: "SCRATCHW1R", 0x548: "LIODNR", 0x58C: "LIODNR", 0x600: "PBLSR",
        0x604: "PAMUBYPENR", 0x608: "DMACR1",
    }  # fmt: skip
    config = DeviceConfig()
    for offset, name in names.items():
        ref = config.register_at(0, offset, 4, True)
        assert ref is not None
        assert ref.describe(0x80000000) == f"{name}=0x80000000"


def test_state_comes_back() -> None:
    choice, config = seeded(), DeviceConfig(pamus=5)
    for offset in range(0, 0x1000, 4):
        config.write(0, offset, 4, choice.getrandbits(32))
    state = json.loads(json.dumps(config.save()))
    other = DeviceConfig(pamus=1)
    other.load(state)
    for offset in range(0, 0x1000, 4):
        assert other.read(0, offset, 4) == config.read(0, offset, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0x604": None}, "field '0x604' holds None"),
        ({"0x604": 1 << 32}, "field '0x604' holds 4294967296"),
        ({"0x550": 0x1000}, "field '0x550' holds 4096"),
        ({"0x000": 1}, "field '0x000' is not known"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: dict[str, object], message: str) -> None:
    config = DeviceConfig()
    before = config.save()
    with pytest.raises(StateError, match=message):
        config.load({**before, "0x030": 5, **change})
    assert config.save() == before
