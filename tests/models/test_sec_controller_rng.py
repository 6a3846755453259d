# SPDX-License-Identifier: MIT
"""Random numbers by way of the controller page: TRNG parameters, state handles, secure keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sec_controller_rig import (
    ERR,
    HALT_CC,
    MCFGR,
    PRGM,
    RDSTA,
    RTFRQMAX,
    RTFRQMIN,
    RTMCTL,
    RTSDCTL,
    SCFGR,
    CaamDriver,
)
from sec_ring_rig import SecRig

from models.sec.config import IMX8MM, LS1021A, LS1028A, LS1046A, P4080, T4240, SecConfig
from models.sec.services import RngFailure

PARTS = (T4240, LS1021A, LS1046A, LS1028A, IMX8MM)


@pytest.mark.parametrize("config", PARTS, ids=lambda config: config.name)
def test_the_driver_instantiates_the_rng(config: SecConfig) -> None:
    rig = SecRig(config)
    assert rig.control(RDSTA) == 0
    driver = CaamDriver(rig)
    assert driver.instantiate()
    assert rig.control(RDSTA) == 0x40000033
    assert driver.delays == [3200]
    services = rig.sec.services
    assert services.secure_keys_valid
    assert len({services.jdkek, services.tdkek, services.tdsk, bytes(32)}) == 4
    words = b"".join(rig.control(0x400 + at).to_bytes(4, "big") for at in range(0, 32, 4))
    assert words == services.jdkek
    assert rig.control(SCFGR) == 0x400
    # Unloading takes the handles down, loading brings them up again without new keys.
    keys = services.jdkek
    for handle in range(2):
        assert driver.run([0xB0800003, 0x8250000C | handle << 4, 0xA2C00000]) == HALT_CC
    assert rig.control(RDSTA) == 0x40000000
    assert driver.instantiate()
    assert rig.control(RDSTA) == 0x40000033
    assert services.jdkek == keys


def test_bad_entropy_makes_the_driver_try_longer_samples() -> None:
    rig = SecRig(LS1046A, entropy_delay=6000)
    driver = CaamDriver(rig)
    assert driver.instantiate()
    assert driver.delays == [3200, 6400]
    assert not rig.control(RDSTA) & 1 << 31


def test_no_entropy_at_all() -> None:
    rig = SecRig(LS1046A, entropy_delay=60000)
    driver = CaamDriver(rig)
    assert not driver.instantiate()
    assert driver.delays == [3200, 6400]
    assert rig.control(RDSTA) == 0
    assert rig.control(RTMCTL) & ERR
    rig.set_control(RTMCTL, rig.control(RTMCTL))  # writing the one clears it
    assert not rig.control(RTMCTL) & ERR


def test_u_boot_starts_the_trng_with_shorter_samples() -> None:
    rig = SecRig(LS1046A)
    rig.set_control(RTMCTL, rig.control(RTMCTL) | PRGM)
    rig.set_control(RTSDCTL, rig.control(RTSDCTL) & 0xFFFF | 1200 << 16)
    rig.set_control(RTFRQMIN, 1200 >> 2)
    rig.set_control(RTFRQMAX, 1 << 20)
    rig.set_control(RTMCTL, rig.control(RTMCTL) & ~PRGM)
    assert rig.sec.services.trng_ready
    assert rig.control(RTMCTL) >> 8 & 7 == 6  # entropy and frequency count valid, none failed
    assert rig.control(RTFRQMAX) == 1200  # the count, in run mode


def test_trng_parameters_are_written_in_program_mode_only() -> None:
    rig = SecRig(LS1046A)
    before = rig.control(RTSDCTL)
    rig.set_control(RTMCTL, 1)
    rig.set_control(RTSDCTL, 0x12345678)
    assert rig.control(RTSDCTL) == before
    rig.set_control(RTMCTL, PRGM | 1)
    rig.set_control(RTSDCTL, 0x12345678)
    assert rig.control(RTSDCTL) == 0x12345678
    rig.set_control(RTMCTL, PRGM | 1 << 6 | 1)  # back to the reset values
    assert rig.control(RTSDCTL) == before == 0x0C8009C4


@pytest.mark.parametrize("fault", ["count", "samples", "mode"])
def test_entropy_that_fails_the_checks(fault: str) -> None:
    rig = SecRig(LS1046A)
    rig.set_control(RTMCTL, PRGM | 1)
    if fault == "count":
        rig.set_control(RTFRQMIN, 0x3FFFFF)
    if fault == "samples":
        rig.set_control(RTSDCTL, 3200 << 16)
    rig.set_control(RTMCTL, 3 if fault == "mode" else 1)
    assert not rig.sec.services.trng_ready
    assert rig.control(RTMCTL) & ERR
    assert bool(rig.control(RTMCTL) & 1 << 8) == (fault == "count")


def test_what_firmware_leaves() -> None:
    rig = SecRig(replace(LS1046A, rng_instantiated=True, long_pointers=True))
    assert rig.control(RDSTA) == 0x40000033
    assert rig.control(MCFGR) == 1 << 16
    assert CaamDriver(rig).instantiate()
    assert not rig.deco.buffers


def test_what_the_rng_refuses() -> None:
    services = SecRig(LS1046A).sec.services
    refusals = []

    def refused(operation: Callable[[], object]) -> None:
        with pytest.raises(RngFailure) as caught:
            operation()
        refusals.append(int(caught.value.error))

    refused(lambda: services.instantiate(0, prediction_resistance=True))  # no entropy
    services.trng_ready = True
    refused(services.generate_secure_keys)
    refused(lambda: services.generate(1, 4))
    refused(lambda: services.reseed(1))
    refused(lambda: services.uninstantiate(1))
    refused(lambda: services.generate(2, 4))
    services.instantiate(0, prediction_resistance=False)
    refused(lambda: services.instantiate(0, prediction_resistance=False))
    refused(lambda: services.generate(0, 4, prediction_resistance=True))
    services.generate_secure_keys()
    refused(services.generate_secure_keys)
    assert refusals == [0xB, 4, 4, 4, 8, 4, 3, 6, 9]
    services.reseed(0)
    assert len(services.generate(0, 33)) == 33
    assert 0 not in services.random_nonzero(4096)


def test_an_older_generator_needs_no_instantiation() -> None:
    services = SecRig(P4080).sec.services
    assert len(services.generate(0, 16, prediction_resistance=True)) == 16
