# SPDX-License-Identifier: MIT
"""What an eTSEC holds, and the checks that a saved state passes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, Self

from models.etsec.registers import COUNTERS, FILER_ENTRIES, QUEUES, TYPES, writable
from models.saved_state import Fields, pack
from testbed.remoteport.registers import Register

__all__ = ["State"]

_BY_NAME = {register.__name__: register for register in TYPES.values()}
_FILER_BYTES = FILER_ENTRIES * 8
_MAX_WAITING = 1 << 16


def _masks() -> dict[str, int]:
    masks = {name: writable(register) or register.reset for name, register in _BY_NAME.items()}
    return masks | {name: (1 << bits) - 1 for name, (bits, _) in COUNTERS.items() if name}


_MASKS = _masks()
"""The bits that each register can hold, by its name."""


def _after_reset() -> dict[type[Register], int]:
    return {register: register.reset for register in TYPES.values()}


@dataclass(slots=True)
class State:
    """Registers by their classes: `state[IEVENT]`. Frames that were done and not reported, by ring.

    The filer's table has the control and the property word of each entry.
    """

    values: dict[type[Register], int] = field(default_factory=_after_reset)
    filer: list[int] = field(default_factory=lambda: [0] * (2 * FILER_ENTRIES))
    tx_waiting: list[int] = field(default_factory=lambda: [0] * QUEUES)
    rx_waiting: list[int] = field(default_factory=lambda: [0] * QUEUES)

    def __getitem__(self, register: type[Register]) -> int:
        return self.values[register]

    def __setitem__(self, register: type[Register], value: int) -> None:
        self.values[register] = value

    def to_json(self) -> dict[str, Any]:
        return {
            "registers": {register.__name__: value for register, value in self.values.items()},
            "filer": pack(struct.pack(f">{len(self.filer)}I", *self.filer)),
            "tx_waiting": list(self.tx_waiting),
            "rx_waiting": list(self.rx_waiting),
        }

    @classmethod
    def from_json(cls, name: str, state: Any) -> Self:
        """Checked; StateError naming the field when something does not fit."""
        check = Fields(name, state, ("registers", "filer", "tx_waiting", "rx_waiting"))
        registers = check.part("registers", check.value("registers"), _BY_NAME)
        return cls(
            values={
                register: registers.bits(name, _MASKS[name]) for name, register in _BY_NAME.items()
            },
            filer=list(
                struct.unpack(f">{2 * FILER_ENTRIES}I", check.packed("filer", _FILER_BYTES))
            ),
            tx_waiting=check.numbers("tx_waiting", QUEUES, _MAX_WAITING),
            rx_waiting=check.numbers("rx_waiting", QUEUES, _MAX_WAITING),
        )
