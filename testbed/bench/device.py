# SPDX-License-Identifier: MIT
"""A register page that does nothing, to measure what reaching a model costs.

It is no hardware: reads return what was written. Differences from hardware: all of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from testbed.remoteport.device import BusError, Device, Region, Response, StateError

_SIZE = 0x1000


class RegisterPage(Device):
    """4 KiB of memory behind a model."""

    regions: ClassVar[tuple[Region, ...]] = (Region("page", _SIZE),)

    def __init__(self, name: str, byteorder: Literal["little", "big"] = "little") -> None:
        super().__init__(name, byteorder)
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
    """A page whose first register is a doorbell: writing 1 has the model run its `job`.

    The job runs inside the register access, or after it when `deferred`; `done` is set at its end,
    and its exception, if any, is kept for whoever rang.
    """

    def __init__(self, name: str, byteorder: Literal["little", "big"] = "little") -> None:
        super().__init__(name, byteorder)
        self.job: Callable[[], None] | None = None
        self.deferred_job = False
        self.done = threading.Event()
        self.error: BusError | None = None

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        super().write(region, offset, size, value)
        if offset == 0 and value == 1 and self.job is not None:
            if self.deferred_job:
                self.defer(self._run)
            else:
                self._run()

    def _run(self) -> None:
        job, self.job = self.job, None
        try:
            if job is not None:
                job()
        except BusError as error:
            self.error = error
        finally:
            self.done.set()
