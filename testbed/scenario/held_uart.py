# SPDX-License-Identifier: MIT
"""A UART whose interrupt line a scenario holds high, whatever the UART itself does with it."""

from __future__ import annotations

from typing import Any

from models.ns16550a import Ns16550a
from models.saved_state import Fields

_CLOCK = 150_000_000
_SIZE = 0x1000


class HeldUart(Ns16550a):
    """The UART alone in its page at device-tree path `path`. `hold` may be called by any thread."""

    def __init__(self, path: str) -> None:
        self._held = False
        self._own = False
        super().__init__(path.rpartition("/")[2], clock_frequency=_CLOCK, size=_SIZE)

    def set_wire(self, wire: int | str, level: bool) -> None:
        self._own = level
        super().set_wire(wire, level or self._held)

    def hold(self, held: bool) -> None:
        with self.lock:
            self._held = held
            super().set_wire("interrupt", held or self._own)

    def save(self) -> dict[str, Any]:
        return {"held": self._held, "own": self._own, "uart": super().save()}

    def load(self, state: dict[str, Any]) -> None:
        fields = Fields(self.name, state, ("held", "own", "uart"))
        held, own = fields.flag("held"), fields.flag("own")
        super().load(fields.value("uart"))
        self._own = own
        self.hold(held)
