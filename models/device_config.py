# SPDX-License-Identifier: MIT
"""The device configuration block ("guts") of a QorIQ part with a PAMU: `DeviceConfig`.

Sources: `struct ccsr_guts` in include/linux/fsl/guts.h of Linux 6.12, `ccsr_gur_t` for CoreNet
parts in arch/powerpc/include/asm/immap_85xx.h of U-Boot, whose names of registers these are; LIODN
registers besides from arch/powerpc/boot/dts/fsl/*si-post.dtsi of Linux. Binding:
`fsl,qoriq-device-config-1.0`.

Software reads here what part this is (SVR, PVR) and how it was configured at power-on (PORSR1,
RCWSR), and writes PAMUBYPENR, a bit for each PAMU from the highest one down: set, accesses go past
that PAMU untranslated and unchecked.

Decided, not verified
---------------------
- After reset every PAMU is bypassed: boot firmware that never writes PAMUBYPENR uses DMA, and
  operating systems clear the bits of the PAMUs they have set up.
- LIODN registers are 12 bits wide, as `fsl,liodn-bits` of the P4080 says.
- The scratch registers that can be written once take the first value that is not zero.

Differences from hardware
-------------------------
- The LIODN registers hold what firmware left there (`liodns`), and what is written; the LIODN of a
  device is the one that its PAMU port was made with, whatever they say.
- Registers that disable, multiplex or power anything keep what is written and do nothing. RSTCR
  reads as zero and resets nothing: where QEMU has a guts block of its own, that one does.
- Nothing was configured at power-on: PORSR1, RCWSR and all the other status registers are zero.
- SVR and PVR are whatever the board says, no two registers of one part.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from models.saved_state import Fields
from models.words import Page, Reader, WordDevice, Writer
from testbed.errors import Stage, TestbedError
from testbed.remoteport.device import Region
from testbed.remoteport.registers import Register, RegisterMap

__all__ = ["DeviceConfig"]

SIZE = 0x1000
P4080E = 0x82080030
"""Revision 3.0, with SEC."""
E500V2 = 0x80210022
"""Revision 2.2, as QEMU has it."""
_WORD = 0xFFFFFFFF
_LIODN = 0xFFF


class PORSR1(Register):
    """Power-on reset status"""


class GPPORCR1(Register):
    """General-purpose configuration at power-on"""


class GPIOCR(Register):
    """GPIO control"""


class GPOUTDR(Register):
    """General-purpose output data"""


class GPINDR(Register):
    """General-purpose input data"""


class PMUXCR(Register):
    """Alternate function signal multiplex control"""


class DEVDISR(Register):
    """Device disable control"""


class DEVDISR2(Register):
    """Device disable control 2"""


class POWMGTCSR(Register):
    """Power management status and control"""


class COREDISRU(Register):
    """Core disable, cores 32 to 63"""


class COREDISRL(Register):
    """Core disable, cores 0 to 31"""


class PVR(Register):
    """Processor version"""


class SVR(Register):
    """System version"""


class RSTCR(Register):
    """Reset control"""


class RSTRQPBLSR(Register):
    """Reset request, preboot loader status"""


class RSTRQMR1(Register):
    """Reset request mask"""


class RSTRQSR1(Register):
    """Reset request status"""


class BRRL(Register):
    """Boot release, a bit for each core"""


class RCWSR(Register):
    """Reset configuration word status"""


class SCRATCHRW(Register):
    """Scratch"""


class SCRATCHW1R(Register):
    """Scratch, written once"""


class LIODNR(Register):
    """Logical I/O device number of a device"""


class PBLSR(Register):
    """Preboot loader status"""


class PAMUBYPENR(Register):
    """PAMU bypass enable, PAMU 0 in the highest bit"""


class DMACR1(Register):
    """DMA control"""


LIODN_REGISTERS = (*range(0x500, 0x54C, 4), 0x550, 0x554, *range(0x580, 0x590, 4))
"""PCI Express 1 to 4, RapidIO 1 to 4, USB 1 to 4, SD/MMC 1 to 4, RapidIO units; SATA; DMA."""

_PAMUBYPENR = 0x604
_KEPT: dict[int, type[Register]] = {
    0x030: GPIOCR,
    0x040: GPOUTDR,
    0x060: PMUXCR,
    0x070: DEVDISR,
    0x074: DEVDISR2,
    0x080: POWMGTCSR,
    0x090: COREDISRU,
    0x094: COREDISRL,
    0x0C0: RSTRQMR1,
    0x0E4: BRRL,
    **dict.fromkeys(range(0x200, 0x210, 4), SCRATCHRW),
    **dict.fromkeys(range(0x300, 0x310, 4), SCRATCHW1R),
    **dict.fromkeys(LIODN_REGISTERS, LIODNR),
    _PAMUBYPENR: PAMUBYPENR,
    0x608: DMACR1,
}
_READ_ONLY: dict[int, type[Register]] = {
    0x000: PORSR1,
    0x020: GPPORCR1,
    0x050: GPINDR,
    0x0A0: PVR,
    0x0A4: SVR,
    0x0B0: RSTCR,
    0x0B4: RSTRQPBLSR,
    0x0C8: RSTRQSR1,
    **dict.fromkeys(range(0x100, 0x140, 4), RCWSR),
    0x600: PBLSR,
}
_MAP = RegisterMap({**_KEPT, **_READ_ONLY})


class DeviceConfig(WordDevice):
    """`pamus` is how many PAMUs the part has, `liodns` what firmware left in LIODN registers.

    TestbedError when `liodns` names an offset that is none of LIODN_REGISTERS, or a LIODN of more
    than 12 bits.
    """

    wires: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        name: str = "global-utilities",
        *,
        pamus: int = 1,
        svr: int = P4080E,
        pvr: int = E500V2,
        liodns: Mapping[int, int] | None = None,
    ) -> None:
        super().__init__(name, "big", (Region("guts", SIZE, _MAP),))
        self._power_on = dict.fromkeys(_KEPT, 0)
        self._power_on[_PAMUBYPENR] = _WORD << (32 - pamus) & _WORD
        for offset, liodn in (liodns or {}).items():
            if offset not in LIODN_REGISTERS or not 0 <= liodn <= _LIODN:
                raise TestbedError(
                    Stage.MODEL,
                    f"{name}: LIODN {liodn:#x} for the register at {offset:#x}, expected one up to"
                    f" {_LIODN:#x} at an offset of LIODN_REGISTERS; correct `liodns`",
                )
            self._power_on[offset] = liodn
        self._values = self._power_on.copy()
        readers: dict[int, Reader] = {offset: partial(self._read, offset) for offset in _KEPT}
        writers: dict[int, Writer] = {offset: partial(self._keep, offset) for offset in _KEPT}
        self._page = Page({0x0A0: pvr, 0x0A4: svr}, readers, writers)

    def pamu_bypassed(self, unit: int) -> bool:
        """Whether accesses go past that PAMU. From any thread."""
        return bool(self._values[_PAMUBYPENR] << unit & 1 << 31)

    def read_word(self, region: int, offset: int) -> int:
        return self._page.read(offset)

    def write_word(self, region: int, offset: int, value: int) -> None:
        self._page.write(offset, value)

    def reset(self) -> None:
        super().reset()
        self._values = self._power_on.copy()

    def save(self) -> dict[str, Any]:
        return {f"{offset:#05x}": value for offset, value in self._values.items()}

    def load(self, state: dict[str, Any]) -> None:
        names = {offset: f"{offset:#05x}" for offset in _KEPT}
        check = Fields(self.name, state, names.values())
        self._values = {
            offset: check.bits(name, _bits(_KEPT[offset])) for offset, name in names.items()
        }

    def _read(self, offset: int) -> int:
        return self._values[offset]

    def _keep(self, offset: int, value: int) -> None:
        register = _KEPT[offset]
        if register is not SCRATCHW1R or not self._values[offset]:
            self._values[offset] = value & _bits(register)


def _bits(register: type[Register]) -> int:
    return _LIODN if register is LIODNR else _WORD
