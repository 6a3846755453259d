# SPDX-License-Identifier: MIT
"""The operands of a PKHA operation and where its results go."""

from __future__ import annotations

from dataclasses import dataclass

from models.sec.cha import gf2
from models.sec.cha.unit import PKHA_BYTES, ChaError, ChaId, ErrorId, PkhaRegisters

__all__ = ["F2M", "MON_IN", "MON_OUT", "OUT_A", "Numbers", "fail", "operands", "store"]

MON_IN, MON_OUT, F2M, OUT_A = 1 << 19, 1 << 18, 1 << 17, 1 << 8
"""Mode bits of an OPERATION word of type PK."""
_DIGIT = 8


def fail(error: ErrorId) -> ChaError:
    return ChaError(ChaId.PK, error)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The operands of one operation, `size` bytes of modulus."""

    a: int
    b: int
    n: int
    e: int
    size: int
    f2m: bool

    def reduce(self, value: int) -> int:
        return gf2.reduce(value, self.n) if self.f2m else value % self.n

    def multiply(self, left: int, right: int) -> int:
        return self.reduce(gf2.multiply(left, right) if self.f2m else left * right)

    def inverse(self, value: int) -> int:
        """DIVIDE_BY_ZERO when there is none."""
        if self.f2m:
            found = gf2.inverse(value, self.n)
            if found is None:
                raise fail(ErrorId.PKHA_DIVIDE_BY_ZERO)
            return found
        try:
            return pow(value, -1, self.n)
        except ValueError:
            raise fail(ErrorId.PKHA_DIVIDE_BY_ZERO) from None

    @property
    def radix(self) -> int:
        """Montgomery's R modulo N."""
        return self.reduce(1 << 8 * _DIGIT * -(-self.size // _DIGIT))


def operands(word: int, registers: PkhaRegisters, needs: str, even: bool) -> Numbers:
    """The numbers of an arithmetic operation, with their checks."""
    size = registers.n_size
    if not 0 < size <= PKHA_BYTES:
        raise fail(ErrorId.DATA_SIZE)
    values = {
        name: int.from_bytes(
            getattr(registers, name)[: min(getattr(registers, f"{name}_size"), PKHA_BYTES)],
            "little",
        )
        for name in "abne"
    }
    for name, error in (("a", ErrorId.PKHA_A_SIZE), ("b", ErrorId.PKHA_B_SIZE)):
        if name in needs and not 0 < getattr(registers, f"{name}_size") <= size:
            raise fail(error)
    if "e" in needs and not 0 < registers.e_size <= PKHA_BYTES:
        raise fail(ErrorId.KEY_SIZE)
    if "n" in needs:
        if not values["n"]:
            raise fail(ErrorId.PKHA_DIVIDE_BY_ZERO)
        if not even and not values["n"] & 1:
            raise fail(ErrorId.PKHA_MODULUS_EVEN)
    return Numbers(**values, size=size, f2m=bool(word & F2M))


def store(registers: PkhaRegisters, name: str, offset: int, value: int, size: int) -> None:
    """Put a result of `size` bytes into a memory and set its size register."""
    size = min(size, PKHA_BYTES - offset)
    masked = value & ((1 << 8 * size) - 1)
    getattr(registers, name)[offset : offset + size] = masked.to_bytes(size, "little")
    setattr(registers, f"{name}_size", size)
