# SPDX-License-Identifier: MIT
"""A port: its registers, its resets and its saved state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.ahci.link import PortLink
from models.ahci.registers import PxCMD, PxIS, PxSCTL, PxSERR, PxSSTS, PxTFD
from models.ahci.state import (
    CMD_STORED,
    IE_STORED,
    IS_WRITABLE,
    SCTL_STORED,
    WORD,
    PortState,
)
from models.sata.link import SAVED
from models.sata.scr import ACTIVE, NO_DEVICE, OFFLINE, PARTIAL, SLUMBER
from models.saved_state import Fields

_ST, _FRE, _SUD, _CLO = PxCMD.ST.mask, PxCMD.FRE.mask, PxCMD.SUD.mask, PxCMD.CLO.mask
_BUSY = PxTFD.BSY.mask | PxTFD.DRQ.mask
_SDBS = PxIS.SDBS.mask
_COMRESET, _PHY_OFFLINE = 1, 4  # PxSCTL.DET

Reader = Callable[[], int]
Writer = Callable[[int, int], None]


class Port(PortLink):
    """One port of a controller: what the lines of `PortLink` pull at, seen through registers."""

    # The controller's side; the lock is held.

    def power_on(self) -> None:
        """Everything to its value after power-on."""
        self._begin(PortState(link_lost=self.state.link_lost))

    def hba_reset(self) -> None:
        """GHC.HR: as power-on, but the memory structures' addresses stay."""
        state = self.state
        self._begin(PortState(clb=state.clb, fb=state.fb, link_lost=state.link_lost))

    def _begin(self, state: PortState) -> None:
        self._engine.abort()
        self._engine.poke_anew()
        self.state = state
        state.cmd = self.config.fixed_command & CMD_STORED
        self.connect(cominit_seen=False)

    def resume(self) -> None:
        """There is a machine to transfer for, perhaps another one."""
        self._engine.poke_anew()

    def quiesce(self) -> None:
        """Let nothing wait that could be done."""
        self._engine.hurry()

    def save(self) -> dict[str, Any]:
        return self.saved(self.state.to_json(), self._engine.save_transfers())

    def parse(self, state: Any, where: Fields) -> tuple[PortState, int, Any]:
        """Check a saved state, but for the device's."""
        check = where.part(f"ports[{self.index}]", state, SAVED)
        device = self.device_state(check)
        parsed = PortState.from_json(check.value("registers"), check)
        return parsed, check.bits("deepest_queue", 0x3F), device

    def take(self, state: PortState, deepest_queue: int) -> None:
        """Take over a checked state."""
        self._engine.abort()
        self.state = state
        self.deepest_queue = deepest_queue
        self._engine.poke_anew()

    @property
    def pending(self) -> bool:
        """Whether an enabled interrupt is pending."""
        return bool(self.read_is() & self.state.ie)

    # Registers

    def readers(self) -> dict[int, Reader]:
        """What reading each register does, by offset in the port."""
        return {
            0x00: lambda: self.state.clb & WORD,
            0x04: lambda: self.state.clb >> 32,
            0x08: lambda: self.state.fb & WORD,
            0x0C: lambda: self.state.fb >> 32,
            0x10: self.read_is,
            0x14: lambda: self.state.ie,
            0x18: self._read_cmd,
            0x20: lambda: self.state.tfd,
            0x24: lambda: self.state.sig,
            0x28: self._read_ssts,
            0x2C: lambda: self.state.sctl,
            0x30: lambda: self.state.serr,
            0x34: lambda: self.state.sact,
            0x38: lambda: self.state.ci,
            0x3C: lambda: self.state.sntf,
        }

    def writers(self) -> dict[int, Writer]:
        """What writing each register does: (value, mask of the bits that are written)."""
        return {
            0x00: self._write_clb,
            0x04: self._write_clbu,
            0x08: self._write_fb,
            0x0C: self._write_fbu,
            0x10: self._write_is,
            0x14: self._write_ie,
            0x18: self._write_cmd,
            0x2C: self._write_sctl,
            0x30: self._write_serr,
            0x34: self._write_sact,
            0x38: self._write_ci,
            0x3C: self._write_sntf,
        }

    def _read_cmd(self) -> int:
        state = self.state
        value = state.cmd | self.config.fixed_command
        if state.running:
            value |= PxCMD.CR.mask
        if state.receiving:
            value |= PxCMD.FR.mask
        return value if state.ccs is None else PxCMD.CCS.put(value, state.ccs)

    def _read_ssts(self) -> int:
        state = self.state
        return PxSSTS.IPM.put(PxSSTS.SPD.put(state.det, state.spd), state.ipm)

    def _write_clb(self, value: int, mask: int) -> None:
        mask &= ~0x3FF
        self.state.clb = self.state.clb & ~mask | value & mask

    def _write_clbu(self, value: int, mask: int) -> None:
        mask = mask << 32 & self.config.address_mask
        self.state.clb = self.state.clb & ~mask | value << 32 & mask

    def _write_fb(self, value: int, mask: int) -> None:
        mask &= ~0xFF
        self.state.fb = self.state.fb & ~mask | value & mask

    def _write_fbu(self, value: int, mask: int) -> None:
        mask = mask << 32 & self.config.address_mask
        self.state.fb = self.state.fb & ~mask | value << 32 & mask

    def _write_is(self, value: int, mask: int) -> None:
        self.state.is_ &= ~(value & mask & IS_WRITABLE)
        if value & mask & _SDBS:
            self._engine.acknowledged()

    def _write_ie(self, value: int, mask: int) -> None:
        self.state.ie = (self.state.ie & ~mask | value & mask) & IE_STORED
        self.changed()

    def _write_serr(self, value: int, mask: int) -> None:
        value &= mask
        self.state.serr &= ~value
        if value & PxSERR.F.mask:
            self.state.is_ &= ~PxIS.UFS.mask

    def _write_sntf(self, value: int, mask: int) -> None:
        self.state.sntf &= ~(value & mask)

    def _write_sact(self, value: int, mask: int) -> None:
        state = self.state
        if state.cmd & _ST:
            state.sact |= value & mask & self.config.slot_mask

    def _write_ci(self, value: int, mask: int) -> None:
        state = self.state
        if not state.cmd & _ST:
            return
        state.ci |= value & mask & self.config.slot_mask
        depth = (state.ci | state.sact).bit_count()
        if depth > self.deepest_queue:
            self.deepest_queue = depth
        if state.running and not state.halted:
            self._engine.rung()

    def _write_cmd(self, value: int, mask: int) -> None:
        state = self.state
        old = state.cmd
        new = old & ~mask | value & mask & CMD_STORED
        if not self.config.staggered_spin_up:
            new |= _SUD
        state.cmd = new
        if value & mask & _CLO and not old & _ST:
            state.tfd &= ~_BUSY
        if new & ~old & _SUD and not PxSCTL.DET.get(state.sctl):
            self.connect(cominit_seen=False)
        elif old & ~new & _SUD and not PxSCTL.DET.get(state.sctl):
            self.link_down(NO_DEVICE)
        if new & _FRE:
            state.receiving = True
        elif not self._engine.busy:
            state.receiving = False
        if old & ~new & _ST:
            self._engine.stop()
        elif new & _ST:
            self._engine.start()
        power = PxCMD.ICC.get(value & mask)
        if power in (ACTIVE, PARTIAL, SLUMBER):
            self.set_power(power)
        self.changed()

    def _write_sctl(self, value: int, mask: int) -> None:
        state = self.state
        old = PxSCTL.DET.get(state.sctl)
        state.sctl = (state.sctl & ~mask | value & mask) & SCTL_STORED
        new = PxSCTL.DET.get(state.sctl)
        if new == _COMRESET:
            self.link_down(NO_DEVICE)
        elif new == _PHY_OFFLINE:
            if state.det != OFFLINE:
                self.link_down(OFFLINE)
        elif not new and old in (_COMRESET, _PHY_OFFLINE):
            state.det = NO_DEVICE
            self.connect(cominit_seen=False)
        self.allow_power()
        self.changed()
