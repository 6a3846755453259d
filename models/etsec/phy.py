# SPDX-License-Identifier: MIT
"""A gigabit copper PHY on an MII management bus: IEEE 802.3 clause 22, no vendor's registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from models.saved_state import Fields
from testbed.remoteport.registers import Field, Register, RegisterMap

__all__ = ["PHY_ID", "PHY_REGISTERS", "Linked", "Phy"]

PHY_ID = 0x7A6B_9C00
"""No driver of Linux 6.12 or U-Boot claims it, so both use their generic one."""


class BMCR(Register, width=16, reset=0x1140):
    """Control"""

    RESET = Field(15)  # clears itself
    LOOPBACK = Field(14)
    SPEED_LSB = Field(13)
    ANENABLE = Field(12)
    PDOWN = Field(11)
    ISOLATE = Field(10)
    ANRESTART = Field(9)  # clears itself
    FULLDPLX = Field(8)
    CTST = Field(7)
    SPEED_MSB = Field(6)


class BMSR(Register, width=16):
    """Status"""

    TX_FD = Field(14)
    TX_HD = Field(13)
    T_FD = Field(12)
    T_HD = Field(11)
    ESTATEN = Field(8)
    PREAMBLE = Field(6)  # may be left out
    ANEGCOMPLETE = Field(5)
    RFAULT = Field(4)
    ANEGCAPABLE = Field(3)
    LSTATUS = Field(2)  # zero once after the link was lost
    JCD = Field(1)
    ERCAP = Field(0)


class PHYSID1(Register, width=16, reset=PHY_ID >> 16):
    """Identifier, upper half"""


class PHYSID2(Register, width=16, reset=PHY_ID & 0xFFFF):
    """Identifier, lower half"""


class ADVERTISE(Register, width=16, reset=0x01E1):
    """Auto-negotiation advertisement"""

    NPAGE = Field(15)
    RFAULT = Field(13)
    PAUSE_ASYM = Field(11)
    PAUSE_CAP = Field(10)
    TX_FD = Field(8)
    TX_HD = Field(7)
    T_FD = Field(6)
    T_HD = Field(5)
    SELECTOR = Field(4, 0)


class LPA(Register, width=16):
    """Link partner's abilities"""

    NPAGE = Field(15)
    LPACK = Field(14)
    PAUSE_ASYM = Field(11)
    PAUSE_CAP = Field(10)
    TX_FD = Field(8)
    TX_HD = Field(7)
    T_FD = Field(6)
    T_HD = Field(5)
    SELECTOR = Field(4, 0)


class EXPANSION(Register, width=16):
    """Auto-negotiation expansion"""

    LCWP = Field(1)
    NWAY = Field(0)


class CTRL1000(Register, width=16, reset=0x0300):
    """1000BASE-T control"""

    MASTER_ENABLE = Field(12)
    MASTER_VALUE = Field(11)
    PORT_TYPE = Field(10)
    FULL = Field(9)
    HALF = Field(8)


class STAT1000(Register, width=16):
    """1000BASE-T status"""

    MSFAIL = Field(15)
    MSRES = Field(14)
    LOCALRXOK = Field(13)
    REMRXOK = Field(12)
    LPFULL = Field(11)
    LPHALF = Field(10)


class ESTATUS(Register, width=16, reset=0x3000):
    """Extended status"""

    T_FULL = Field(13)
    T_HALF = Field(12)


_TYPES: dict[int, type[Register]] = {
    0: BMCR,
    1: BMSR,
    2: PHYSID1,
    3: PHYSID2,
    4: ADVERTISE,
    5: LPA,
    6: EXPANSION,
    9: CTRL1000,
    10: STAT1000,
    15: ESTATUS,
}

PHY_REGISTERS = RegisterMap({2 * number: register for number, register in _TYPES.items()})
"""By twice their number, as a map counts bytes."""

_ABILITIES = 0x7949  # 10 and 100 Mbps, extended status and registers, auto-negotiation
_PARTNER = 0x01E1 | LPA.LPACK.mask | LPA.PAUSE_CAP.mask
_PARTNER_1000 = 0x3C00  # both duplexes, both receivers well
_SELF_CLEARING = BMCR.RESET.mask | BMCR.ANRESTART.mask
_STORED = {
    0: BMCR.defined & ~_SELF_CLEARING,
    4: ADVERTISE.defined,
    9: CTRL1000.defined,
}


class Linked(Protocol):
    """What a PHY's cable leads to."""

    link: bool

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` after each change of `link`."""


class _Cable:
    """A cable of its own, for a PHY that follows no line."""

    def __init__(self) -> None:
        self._link = True
        self._watcher: Callable[[], None] | None = None

    @property
    def link(self) -> bool:
        return self._link

    @link.setter
    def link(self, up: bool) -> None:
        self._link = up
        if self._watcher is not None:
            self._watcher()

    def watch(self, watcher: Callable[[], None]) -> None:
        self._watcher = watcher


class Phy:
    """One PHY. Its link is up while that of `line` is; without a line it has one of its own.

    Auto-negotiation takes no time, and the partner can do everything. Its methods are called with
    the lock of the bus held; `line.link` may change at any time.
    """

    def __init__(self, line: Linked | None = None, phy_id: int = PHY_ID) -> None:
        self.phy_id = phy_id
        self.reset()
        self.follow(_Cable() if line is None else line)

    def follow(self, line: Linked) -> None:
        """From now on the link is that of `line`."""
        self._cable: Linked = line
        self._seen_down = True
        line.watch(self._link_changed)

    @property
    def link(self) -> bool:
        """Whether the cable leads to a partner that is there."""
        return self._cable.link

    @link.setter
    def link(self, up: bool) -> None:
        self._cable.link = up

    def reset(self) -> None:
        """Power-on, and what BMCR.RESET does."""
        self._stored = {number: _TYPES[number].reset for number in _STORED}
        self._seen_down = True  # the link was down since BMSR was read last

    def read(self, number: int) -> int:
        """Register `number`, 0 to 31; zero where there is none."""
        if number in self._stored:
            return self._stored[number]
        up = self._up()
        if number == 1:
            return self._status(up)
        negotiated = up and bool(self._stored[0] & BMCR.ANENABLE.mask)
        if number == 2:
            return self.phy_id >> 16
        if number == 3:
            return self.phy_id & 0xFFFF
        if number == 5:
            return _PARTNER if negotiated else 0
        if number == 6:
            return EXPANSION.NWAY.mask if negotiated else 0
        if number == 10:
            return _PARTNER_1000 if negotiated else 0
        return ESTATUS.reset if number == 15 else 0

    def write(self, number: int, value: int) -> None:
        """As `read`; read-only registers stay as they are."""
        if number == 0 and value & BMCR.RESET.mask:
            self.reset()
        elif number in _STORED:
            self._stored[number] = value & _STORED[number]

    def save(self) -> dict[str, Any]:
        return {
            "bmcr": self._stored[0],
            "advertise": self._stored[4],
            "ctrl1000": self._stored[9],
            "lost_link": self._seen_down,
        }

    @staticmethod
    def parse(check: Fields) -> dict[str, int]:
        """The fields of a saved state, checked; StateError naming the one that does not fit."""
        return {
            "bmcr": check.bits("bmcr", _STORED[0]),
            "advertise": check.bits("advertise", _STORED[4]),
            "ctrl1000": check.bits("ctrl1000", _STORED[9]),
            "lost_link": check.flag("lost_link"),
        }

    def take(self, values: dict[str, int]) -> None:
        """Take over what `parse` returned."""
        self._stored = {0: values["bmcr"], 4: values["advertise"], 9: values["ctrl1000"]}
        self._seen_down = bool(values["lost_link"])

    def _link_changed(self) -> None:
        # A loss of the link stays to be seen, though it be back when BMSR is read.
        if not self._cable.link:
            self._seen_down = True

    def _up(self) -> bool:
        return self._cable.link and not self._stored[0] & BMCR.PDOWN.mask

    def _status(self, up: bool) -> int:
        value = _ABILITIES
        if up and self._stored[0] & BMCR.ANENABLE.mask:
            value |= BMSR.ANEGCOMPLETE.mask
        if up and not self._seen_down:
            value |= BMSR.LSTATUS.mask
        self._seen_down = not up
        return value


FIELDS = ("bmcr", "advertise", "ctrl1000", "lost_link")
"""Of a PHY's saved state."""
