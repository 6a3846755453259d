# SPDX-License-Identifier: MIT
"""One class of the CCB: its alignment block and the unit that takes data from it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from models.sec.cha.unit import ClassRegisters, InputType, Unit

__all__ = ["Item", "Lane"]


@dataclass(slots=True)
class Item:
    """Typed data on its way to a unit. `snoop`: what the unit makes of it also goes to class 2,
    there with `snoop_last`."""

    kind: InputType
    data: bytes
    last: bool = False
    flush: bool = False
    snoop: bool = False
    snoop_last: bool = False


class Lane:
    """The data path of class `number`.

    `unit` is there from an OPERATION on until the mode register is cleared; `done` once it
    finished. `waiting` is what the unit has not taken: all of it while there is none.
    """

    __slots__ = ("_last", "done", "needs_no_input", "number", "registers", "unit", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.registers = ClassRegisters()
        self.waiting: deque[Item] = deque()
        self.unit: Unit | None = None
        self.done = False
        self.needs_no_input = False
        self._last = False

    def begin(self, unit: Unit, *, needs_no_input: bool) -> None:
        self.unit = unit
        self.done = False
        self.needs_no_input = needs_no_input
        self._last = False

    def end(self) -> None:
        """Forget the unit."""
        self.unit = None
        self.done = False

    def reset(self) -> None:
        self.end()
        self.waiting.clear()

    @property
    def busy(self) -> bool:
        """Whether an operation has begun and not finished."""
        return self.unit is not None and not self.done

    def ready(self) -> bool:
        """Whether the unit can take the oldest item. The AAD of ChaCha20-Poly1305 goes to class 1
        only so that a MOVE can copy it from the alignment block."""
        if not self.waiting or self.unit is None or self.done:
            return False
        return self.number != 1 or self.waiting[0].kind is not InputType.POLY

    def closes(self, unit: Unit, item: Item) -> bool:
        """Whether `unit` has all its input with `item`. An ICV to check may come after the message
        that was marked as last."""
        self._last = self._last or item.last
        return self._last and not unit.wants_icv

    def put(self, item: Item) -> None:
        if item.kind is InputType.POLY and self.number == 1 and not item.data:
            return
        self.waiting.append(item)

    @property
    def held(self) -> int:
        """Bytes in the alignment block."""
        return sum(len(item.data) for item in self.waiting)

    def take(self, size: int) -> bytes:
        """`size` bytes out of the alignment block, whatever their type; fewer when there are."""
        parts: list[bytes] = []
        while size and self.waiting:
            item = self.waiting[0]
            if len(item.data) > size:
                parts.append(item.data[:size])
                item.data = item.data[size:]
                break
            parts.append(item.data)
            size -= len(item.data)
            self.waiting.popleft()
        return b"".join(parts)
