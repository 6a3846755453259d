# SPDX-License-Identifier: MIT
"""A register page that does nothing, to measure what reaching a model costs.

It is no hardware: reads return what was written. Differences from hardware: all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from testbed.remoteport.device import BusError, Device, Region, Response, StateError

_SIZE = 0x1000


class RegisterPage(Device):
    """4 KiB of memory behind a model."""

    regions: ClassVar[tuple[Region, ...]] = (Region("page", _SIZE),)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._page = bytearray(_SIZE)

    def read(self, region: int, offset: int, size: int) -> int:
        if offset + size > _SIZE:
            raise BusError(Response.ADDRESS_ERROR)
        return int.from_bytes(self._page[offset : offset + size], self.byteorder)

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        if offset + size > _SIZE:
            raise BusError(Response.ADDRESS_ERROR)
        self._page[offset : offset + size] = value.to_bytes(size, self.byteorder)

    def reset(self) -> None:
        super().reset()
        self._page[:] = bytes(_SIZE)

    def save(self) -> dict[str, Any]:
        return {"page": self._page.hex()}

    def load(self, state: dict[str, Any]) -> None:
        try:
            page = bytes.fromhex(state["page"])
        except (KeyError, TypeError, ValueError):
            raise StateError(f"{self.name}: field 'page' is not a string of hex digits") from None
        if len(page) != _SIZE:
            raise StateError(f"{self.name}: field 'page' holds {len(page)} bytes, not {_SIZE}")
        self._page[:] = page


class DmaPage(RegisterPage):
    """A page whose first register is a doorbell: writing N has the model run its job number N.

    The job runs inside the register access, as a device model's DMA does, and its exception, if
    any, is kept for whoever rang.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.jobs: list[Callable[[], None]] = []
        self.error: BusError | None = None

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        super().write(region, offset, size, value)
        if offset == 0 and 0 < value <= len(self.jobs):
            try:
                self.jobs[value - 1]()
            except BusError as error:
                self.error = error
