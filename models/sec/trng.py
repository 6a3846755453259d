# SPDX-License-Identifier: MIT
"""The true random number generator's registers, and when its entropy will do."""

from __future__ import annotations

from functools import partial

from models.sec.services import SecServices
from models.sec.trng_registers import (
    RDSTA,
    RTFRQCNT,
    RTFRQMAX,
    RTFRQMIN,
    RTMCTL,
    RTSDCTL,
    TRNG_LIMITS,
)
from models.words import Reader, Writer

__all__ = ["Trng"]

_CONTROL = RTMCTL.SAMP_MODE.mask | RTMCTL.OSC_DIV.mask | RTMCTL.ACC.mask | RTMCTL.PRGM.mask
_CONTROL |= RTMCTL.FORCE_SYSCLK.mask
_SDCTL, _FRQMIN, _FRQMAX = 0x610, 0x618, 0x61C
_VON_NEUMANN_MIX = 3  # RTMCTL.SAMP_MODE: no such combination


class Trng:
    """RTMCTL to RTSCR6PL and RDSTA. `entropy_delay` is the shortest entropy sample in clocks (as
    RTSDCTL.ENT_DLY) that passes the statistical checks of this piece of silicon."""

    def __init__(self, services: SecServices, entropy_delay: int) -> None:
        self._services = services
        self.entropy_delay = entropy_delay
        self.power_on()

    def power_on(self) -> None:
        self.control = RTMCTL.reset & _CONTROL
        self.error = False
        self.limits = {offset: register.reset for offset, register in TRNG_LIMITS.items()}
        self._apply()

    def load(self, control: int, error: bool, limits: list[int]) -> None:
        self.control = control & _CONTROL
        self.error = error
        self.limits = dict(zip(TRNG_LIMITS, limits, strict=True))
        self._apply()

    def readers(self) -> dict[int, Reader]:
        readers: dict[int, Reader] = {0x600: self._read_control, 0x6C0: self._read_status}
        for offset in TRNG_LIMITS:
            readers[offset] = partial(self._read_limit, offset)
        return readers

    def writers(self) -> dict[int, Writer]:
        writers: dict[int, Writer] = {0x600: self._write_control}
        for offset in TRNG_LIMITS:
            writers[offset] = partial(self._write_limit, offset)
        return writers

    @property
    def _programming(self) -> bool:
        return bool(self.control & RTMCTL.PRGM.mask)

    def _count_in_limits(self) -> bool:
        # The oscillator runs at the rate of the system clock, so the count is the delay.
        count = RTSDCTL.ENT_DLY.get(self.limits[_SDCTL])
        least = RTFRQMIN.FRQ_MIN.get(self.limits[_FRQMIN])
        most = RTFRQMAX.FRQ_MAX.get(self.limits[_FRQMAX])
        return least <= count <= most

    def _apply(self) -> None:
        delay = RTSDCTL.ENT_DLY.get(self.limits[_SDCTL])
        self._services.trng_ready = (
            not self._programming
            and self._count_in_limits()
            and delay >= self.entropy_delay
            and RTSDCTL.SAMP_SIZE.get(self.limits[_SDCTL]) > 0
            and RTMCTL.SAMP_MODE.get(self.control) != _VON_NEUMANN_MIX
        )

    def _read_control(self) -> int:
        value = self.control
        if self._programming:
            value |= RTMCTL.TSTOP_OK.mask
        else:
            value |= RTMCTL.FCT_VAL.mask
            if not self._count_in_limits():
                value |= RTMCTL.FCT_FAIL.mask
            if self._services.trng_ready:
                value |= RTMCTL.ENT_VAL.mask
        return value | (RTMCTL.ERR.mask if self.error else 0)

    def _write_control(self, value: int) -> None:
        if value & RTMCTL.ERR.mask:
            self.error = False
        if value & RTMCTL.RST_DEF.mask and self._programming:
            self.limits = {offset: register.reset for offset, register in TRNG_LIMITS.items()}
        was_programming = self._programming
        self.control = value & _CONTROL
        self._apply()
        if was_programming and not self._programming and not self._services.trng_ready:
            self.error = True

    def _read_limit(self, offset: int) -> int:
        if offset == _FRQMAX and not self._programming:
            return RTFRQCNT.FRQ_CNT.put(0, RTSDCTL.ENT_DLY.get(self.limits[_SDCTL]))
        return self.limits[offset]

    def _write_limit(self, offset: int, value: int) -> None:
        if self._programming:
            self.limits[offset] = value & TRNG_LIMITS[offset].defined

    def _read_status(self) -> int:
        services = self._services
        with services.lock:
            value = RDSTA.SKVN.put(0, services.secure_keys_valid)
            for handle, (running, resistant, test) in enumerate(
                zip(
                    services.instantiated,
                    services.prediction_resistance,
                    services.test_mode,
                    strict=True,
                )
            ):
                value |= running << RDSTA.IF0.low + handle
                value |= resistant << RDSTA.PR0.low + handle
                value |= test << RDSTA.TF0.low + handle
            return value
