# SPDX-License-Identifier: MIT
"""What a controller is built as: the hardware-initialised side of its registers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from models.ahci.registers import CAP, MAX_PORTS, MAX_SLOTS, PxCMD
from testbed.errors import Stage, TestbedError

VERSION = 0x0001_0301


class Vendor(Enum):
    """Whose controller it is: what lies in the vendor's part of the register window."""

    GENERIC = "generic"
    QORIQ = "qoriq"


@dataclass(frozen=True)
class Config:
    """`ports` and `slots` are counts, `speed` the generation (1, 2, 3), `address_bits` 32 or 64."""

    ports: int
    slots: int = MAX_SLOTS
    speed: int = 3
    staggered_spin_up: bool = False
    address_bits: int = 64
    vendor: Vendor = Vendor.QORIQ

    def check(self, name: str) -> None:
        """TestbedError when the parameters do not make a controller."""
        problem = None
        if not 1 <= self.ports <= MAX_PORTS:
            problem = f"{self.ports} ports, an AHCI controller has 1 to {MAX_PORTS}"
        elif not 1 <= self.slots <= MAX_SLOTS:
            problem = f"slots {self.slots} is not 1 to {MAX_SLOTS}"
        elif self.speed not in (1, 2, 3):
            problem = f"speed {self.speed} is not generation 1, 2 or 3"
        elif self.address_bits not in (32, 64):
            problem = f"address_bits {self.address_bits} is not 32 or 64"
        if problem:
            raise TestbedError(Stage.MODEL, f"{name}: {problem}; correct the device's parameters")

    @property
    def cap(self) -> int:
        value = (
            CAP.SNCQ.mask
            | CAP.SSNTF.mask
            | CAP.SALP.mask
            | CAP.SCLO.mask
            | CAP.SAM.mask
            | CAP.PMD.mask
            | CAP.SSC.mask
            | CAP.PSC.mask
        )
        value = CAP.ISS.put(value, self.speed)
        value = CAP.NCS.put(value, self.slots - 1)
        value = CAP.NP.put(value, self.ports - 1)
        if self.staggered_spin_up:
            value |= CAP.SSS.mask
        if self.address_bits == 64:
            value |= CAP.S64A.mask
        return value

    @property
    def address_mask(self) -> int:
        return (1 << self.address_bits) - 1

    @property
    def slot_mask(self) -> int:
        return (1 << self.slots) - 1

    @property
    def fixed_command(self) -> int:
        """The bits of PxCMD that software cannot change."""
        value = PxCMD.POD.mask | PxCMD.HPCP.mask
        return value if self.staggered_spin_up else value | PxCMD.SUD.mask
