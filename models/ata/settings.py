# SPDX-License-Identifier: MIT
"""What a host can change in a disk: SET FEATURES, SET MULTIPLE MODE and the like."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from models.saved_state import Fields

UDMA = 0x40
MWDMA = 0x20
HIGHEST_UDMA = 6
HIGHEST_MWDMA = 2
HIGHEST_PIO = 4
DRQ_BLOCK = 8192  # most bytes of one DRQ block: the payload of a Data FIS


@dataclass(slots=True)
class Settings:
    """Values as after power-on.

    `transfer_mode` is the Count field of SET FEATURES 03h, `apm_level` 0 while advanced power
    management is off, `multiple` the sectors of one block of READ and WRITE MULTIPLE, 0 while those
    are off, `most_multiple` the largest there can be.
    """

    most_multiple: int
    multiple: int

    transfer_mode: int = UDMA | HIGHEST_UDMA
    write_cache: bool = True
    look_ahead: bool = True
    apm_level: int = 0
    auto_activate: bool = False
    preserve: bool = True  # software settings preservation over COMRESET
    reverting: bool = True  # a software reset reverts to power-on defaults

    @classmethod
    def power_on(cls, sector_size: int) -> Self:
        """As a disk with logical sectors of this many bytes starts."""
        most = DRQ_BLOCK // sector_size
        return cls(most_multiple=most, multiple=most)

    def set_multiple(self, count: int) -> bool:
        """SET MULTIPLE MODE; False when the disk has no such block size."""
        known = count <= self.most_multiple and not count & (count - 1)
        if known:
            self.multiple = count
        return known

    def software_reset(self) -> None:
        """What SRST does to settings. The transfer mode stays."""
        if self.reverting:
            self.write_cache = True
            self.look_ahead = True
            self.apm_level = 0
            self.multiple = self.most_multiple

    def set_transfer_mode(self, value: int) -> bool:
        """Select a mode; False when the disk has no such mode."""
        mode = value & 7
        match value & 0xF8:
            case 0x00:
                known = mode <= 1
            case 0x08:
                known = mode <= HIGHEST_PIO
            case 0x20:
                known = mode <= HIGHEST_MWDMA
            case 0x40:
                known = mode <= HIGHEST_UDMA
            case _:
                known = False
        # A PIO mode is selected beside the DMA mode; a serial link has use for neither.
        if known and value >= MWDMA:
            self.transfer_mode = value
        return known

    def to_json(self) -> dict[str, Any]:
        state = asdict(self)
        del state["most_multiple"]
        return state

    @classmethod
    def from_json(cls, state: Any, sector_size: int) -> Self:
        names = [field.name for field in fields(cls) if field.name != "most_multiple"]
        check = Fields("disk", state, names, "settings")
        settings = cls.power_on(sector_size)
        for flag in ("write_cache", "look_ahead", "auto_activate", "preserve", "reverting"):
            setattr(settings, flag, check.flag(flag))
        settings.apm_level = check.number("apm_level", 0xFE)
        mode = check.number("transfer_mode", 0xFF)
        if mode < MWDMA or not settings.set_transfer_mode(mode):
            raise check.error("transfer_mode", "which is no DMA mode of this disk")
        multiple = check.number("multiple", 0xFF)
        if not settings.set_multiple(multiple):
            raise check.error("multiple", "which is no block size of this disk")
        return settings
