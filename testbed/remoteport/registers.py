# SPDX-License-Identifier: MIT
"""Register maps as data: models take their bit masks from them, traces decode themselves with them.

    class LCR(Register, width=8):
        \"\"\"Line control register\"\"\"

        WLS = Field(1, 0)  # word length, 5 + WLS bits
        DLAB = Field(7)  # divisor latch access

    MAP = RegisterMap({0: At(read=RBR, write=THR), 3: LCR})

Register classes are never instantiated: a value is a plain `int`, a class only explains it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar


class Field:
    """Bits `high` down to `low` of a register; `Field(7)` is the single bit 7."""

    __slots__ = ("high", "low", "mask", "maximum", "name", "register")

    def __init__(self, high: int, low: int | None = None) -> None:
        low = high if low is None else low
        if low < 0 or high < low:
            raise ValueError(f"field of bits {high} down to {low}: give the high bit, then the low")
        self.high = high
        self.low = low
        self.maximum = (1 << (high - low + 1)) - 1
        self.mask = self.maximum << low
        self.name = ""
        self.register = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.register = owner.__name__

    def __repr__(self) -> str:
        return f"<Field {self.register}.{self.name} {self.high}:{self.low}>"

    def get(self, value: int) -> int:
        """The field out of a register `value`."""
        return (value & self.mask) >> self.low

    def put(self, value: int, content: int) -> int:
        """`value` with the field replaced by `content`; ValueError when that does not fit."""
        if content < 0 or content > self.maximum:
            raise ValueError(
                f"{self.register}.{self.name} takes 0 to {self.maximum:#x}, not {content:#x}"
            )
        return value & ~self.mask | content << self.low


class Register:
    """One register. The class name is its short name, the docstring its long one.

    `width` is in bits, `reset` the value after power-on where the hardware defines one.
    """

    width: ClassVar[int] = 32
    reset: ClassVar[int] = 0
    fields: ClassVar[tuple[Field, ...]] = ()  # from the highest bit to the lowest
    defined: ClassVar[int] = 0  # mask of the bits that some field names

    def __init_subclass__(cls, *, width: int | None = None, reset: int = 0) -> None:
        if width is not None:
            cls.width = width
        if cls.width <= 0 or cls.width % 8:
            raise TypeError(f"register {cls.__name__}: width {cls.width} is not whole bytes")
        if not 0 <= reset < 1 << cls.width:
            raise TypeError(f"register {cls.__name__}: reset {reset:#x} exceeds {cls.width} bits")
        cls.reset = reset
        own = [member for member in vars(cls).values() if isinstance(member, Field)]
        taken = 0
        for field in (*cls.fields, *own):
            if field.high >= cls.width:
                raise TypeError(
                    f"register {cls.__name__}: field {field.name} reaches bit {field.high} of"
                    f" {cls.width}"
                )
            if taken & field.mask:
                raise TypeError(f"register {cls.__name__}: field {field.name} overlaps another")
            taken |= field.mask
        cls.fields = tuple(sorted((*cls.fields, *own), key=lambda field: -field.high))
        cls.defined = taken

    @classmethod
    def describe(cls, value: int) -> str:
        """`value` for a person: its non-zero fields, `LCR.DLAB=1 LCR.WLS=3`, or `LCR=0x00`.

        Bits that no field names are shown in place, as `LCR.reserved=0x20`.
        """
        parts = [
            f"{cls.__name__}.{field.name}={_number(field.get(value))}"
            for field in cls.fields
            if value & field.mask
        ]
        rest = value & ~cls.defined
        if parts and rest:
            parts.append(f"{cls.__name__}.reserved={rest:#x}")
        if not parts:
            return f"{cls.__name__}=0x{value:0{cls.width // 4}x}"
        return " ".join(parts)


def _number(value: int) -> str:
    return str(value) if value < 10 else hex(value)


@dataclass(frozen=True, slots=True)
class RegisterRef:
    """The register that an access reaches, and the part of it.

    `shift` is the bit of the register at which the accessed value starts, `bits` how many bits the
    access covers: a 32-bit access to the upper half of a 64-bit register has shift 32, bits 32.
    """

    register: type[Register]
    shift: int = 0
    bits: int = 0  # 0: the whole register

    @property
    def name(self) -> str:
        """`LCR`, or `TBASE[63:32]` where the access covers a part."""
        register = self.register
        if self.bits and (self.shift or self.bits < register.width):
            high = min(self.shift + self.bits, register.width) - 1
            return f"{register.__name__}[{high}:{self.shift}]"
        return register.__name__

    def describe(self, value: int) -> str:
        """`value`, as it was accessed, in the register's own terms."""
        text = self.register.describe(value << self.shift)
        if "." in text:
            return text
        bits = self.bits or self.register.width
        return f"{self.name}=0x{value:0{bits // 4}x}"


@dataclass(frozen=True, slots=True)
class At:
    """What one offset holds when it differs by direction; None where there is nothing."""

    read: type[Register] | None = None
    write: type[Register] | None = None


class RegisterMap:
    """Registers by byte offset in a region.

    Two registers may not share a byte in the same direction: TypeError names both.
    """

    def __init__(self, registers: Mapping[int, type[Register] | At]) -> None:
        self._entries: dict[int, At] = {}
        self._bytes: tuple[dict[int, tuple[int, type[Register]]], ...] = ({}, {})
        self._found: dict[tuple[int, int, bool, str], RegisterRef] = {}
        for offset, entry in sorted(registers.items()):
            at = entry if isinstance(entry, At) else At(entry, entry)
            self._entries[offset] = at
            for direction, register in enumerate((at.read, at.write)):
                if register is not None:
                    self._place(direction, offset, register)

    def _place(self, direction: int, offset: int, register: type[Register]) -> None:
        taken = self._bytes[direction]
        for byte in range(offset, offset + register.width // 8):
            if byte in taken:
                raise TypeError(
                    f"register {register.__name__} at {offset:#x} overlaps"
                    f" {taken[byte][1].__name__} at {taken[byte][0]:#x}"
                )
            taken[byte] = (offset, register)

    def __iter__(self) -> Iterator[int]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, offset: int) -> At:
        return self._entries[offset]

    def find(
        self, offset: int, size: int, write: bool, byteorder: str = "little"
    ) -> RegisterRef | None:
        """The register under the first byte of an access of `size` bytes; None where there is none.

        `byteorder` is how the region lays out values: it decides which half of a wide register
        lies at the lower offset.
        """
        key = (offset, size, write, byteorder)
        found = self._found.get(key)
        if found is not None:
            return found
        hit = self._bytes[write].get(offset)
        if hit is None:
            return None
        start, register = hit
        width = register.width // 8
        first = offset - start
        if byteorder == "big":
            first = max(0, width - first - size)
        found = self._found[key] = RegisterRef(register, first * 8, size * 8)
        return found
