# SPDX-License-Identifier: MIT
"""The MII management block of an eTSEC 2.0, `fsl,etsec2-mdio`, and the PHYs on its bus.

Offsets are those of drivers/net/ethernet/freescale/fsl_pq_mdio.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.etsec.phy import FIELDS, Phy
from models.saved_state import Fields
from models.words import Page, WordDevice
from testbed.errors import Stage, TestbedError
from testbed.remoteport.device import Region
from testbed.remoteport.registers import Field, Register, RegisterMap

__all__ = ["EtsecMdio"]

_NOBODY = 0xFFFF  # the bus is pulled up
_ADDRESSES = 32


class IEVENTM(Register):
    """MDIO interrupt event, write 1 to clear"""

    MMRD = Field(10)  # a read is done
    MMWR = Field(9)  # a write is done


class IMASKM(Register):
    """MDIO interrupt mask"""

    MMRDEN = Field(10)
    MMWREN = Field(9)


class EMAPM(Register):
    """MDIO event mapping"""


class MIIMCFG(Register, reset=7):
    """MII management configuration"""

    Reset_Mgmt = Field(31)
    No_Pre = Field(4)
    MgmtClk = Field(2, 0)


class MIIMCOM(Register):
    """MII management command"""

    Scan_Cycle = Field(1)  # read over and over
    Read_Cycle = Field(0)  # setting it reads once


class MIIMADD(Register):
    """MII management address"""

    PHY_Address = Field(12, 8)
    Register_Address = Field(4, 0)


class MIIMCON(Register):
    """MII management control: writing it writes the PHY's register"""

    PHY_Control = Field(15, 0)


class MIIMSTAT(Register):
    """MII management status: what was read"""

    PHY_Status = Field(15, 0)


class MIIMIND(Register):
    """MII management indicator"""

    Not_Valid = Field(2)
    Scan = Field(1)
    Busy = Field(0)


REGISTERS = RegisterMap(
    {
        0x010: IEVENTM,
        0x014: IMASKM,
        0x01C: EMAPM,
        0x520: MIIMCFG,
        0x524: MIIMCOM,
        0x528: MIIMADD,
        0x52C: MIIMCON,
        0x530: MIIMSTAT,
        0x534: MIIMIND,
    }
)

_STORED: dict[str, type[Register]] = {
    "ieventm": IEVENTM,
    "imaskm": IMASKM,
    "miimcfg": MIIMCFG,
    "miimcom": MIIMCOM,
    "miimadd": MIIMADD,
    "miimstat": MIIMSTAT,
}


class EtsecMdio(WordDevice):
    """The block, with `phys` by their addresses on its bus. Management cycles take no time."""

    regions = (Region("mdio", 0x1000, REGISTERS),)
    wires = ()

    def __init__(self, name: str = "mdio", phys: Mapping[int, Phy] | None = None) -> None:
        super().__init__(name, "big", self.regions)
        self.phys = dict(phys or {})
        if not all(0 <= address < _ADDRESSES for address in self.phys):
            raise TestbedError(
                Stage.MODEL,
                f"{name}: PHYs at {sorted(self.phys)}; an address is 0 to {_ADDRESSES - 1}",
            )
        self._values = {field: register.reset for field, register in _STORED.items()}
        self._page = Page(
            {},
            {
                0x010: lambda: self._values["ieventm"],
                0x014: lambda: self._values["imaskm"],
                0x520: lambda: self._values["miimcfg"],
                0x524: lambda: self._values["miimcom"],
                0x528: lambda: self._values["miimadd"],
                0x530: self._read_status,
                0x534: self._read_indicator,
            },
            {
                0x010: self._clear_events,
                0x014: lambda value: self._put("imaskm", value),
                0x520: self._write_config,
                0x524: self._write_command,
                0x528: lambda value: self._put("miimadd", value),
                0x52C: self._write_control,
            },
        )

    def read_word(self, region: int, offset: int) -> int:
        return self._page.read(offset)

    def write_word(self, region: int, offset: int, value: int) -> None:
        self._page.write(offset, value)

    def reset(self) -> None:
        """Power-on of the block and its PHYs."""
        super().reset()
        self._values = {field: register.reset for field, register in _STORED.items()}
        for phy in self.phys.values():
            phy.reset()

    def save(self) -> dict[str, Any]:
        return {
            "registers": dict(self._values),
            "phys": {str(address): phy.save() for address, phy in self.phys.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        check = Fields(self.name, state, ("registers", "phys"))
        registers = check.part("registers", check.value("registers"), _STORED)
        values = {
            field: registers.bits(field, register.defined) for field, register in _STORED.items()
        }
        saved = check.mapping("phys", _ADDRESSES)
        if saved.keys() != self.phys.keys():
            raise check.error("phys", f"expected the PHYs at {sorted(self.phys)}")
        parsed = {
            address: Phy.parse(check.part(f"phys[{address}]", item, FIELDS))
            for address, item in saved.items()
        }
        self._values = values
        for address, fields in parsed.items():
            self.phys[address].take(fields)

    def _put(self, field: str, value: int) -> None:
        self._values[field] = value & _STORED[field].defined

    def _clear_events(self, value: int) -> None:
        self._values["ieventm"] &= ~value

    @property
    def _resetting(self) -> bool:
        return bool(self._values["miimcfg"] & MIIMCFG.Reset_Mgmt.mask)

    @property
    def _scanning(self) -> bool:
        return bool(self._values["miimcom"] & MIIMCOM.Scan_Cycle.mask)

    def _write_config(self, value: int) -> None:
        self._put("miimcfg", value)
        if self._resetting:
            self._values |= {"miimcom": 0, "miimadd": 0, "miimstat": 0}

    def _write_command(self, value: int) -> None:
        before = self._values["miimcom"]
        if self._resetting:
            return
        self._put("miimcom", value)
        if value & ~before & (MIIMCOM.Read_Cycle.mask | MIIMCOM.Scan_Cycle.mask):
            self._cycle()

    def _write_control(self, value: int) -> None:
        if self._resetting:
            return
        address, number = self._target()
        phy = self.phys.get(address)
        if phy is not None:
            phy.write(number, MIIMCON.PHY_Control.get(value))
        self._values["ieventm"] |= IEVENTM.MMWR.mask

    def _read_status(self) -> int:
        if self._scanning:
            self._cycle()
        return self._values["miimstat"]

    def _read_indicator(self) -> int:
        return MIIMIND.Scan.mask if self._scanning else 0

    def _cycle(self) -> None:
        address, number = self._target()
        phy = self.phys.get(address)
        self._values["miimstat"] = _NOBODY if phy is None else phy.read(number)
        self._values["ieventm"] |= IEVENTM.MMRD.mask

    def _target(self) -> tuple[int, int]:
        value = self._values["miimadd"]
        return MIIMADD.PHY_Address.get(value), MIIMADD.Register_Address.get(value)
