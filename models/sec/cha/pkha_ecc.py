# SPDX-License-Identifier: MIT
"""PKHA's elliptic curves: point addition, doubling and multiplication, affine coordinates.

Over F(p), y^2 = x^3 + ax + b; over F(2^m), y^2 + xy = x^3 + ax^2 + b. N is the field's modulus.
Add: A0, A1 and B1, B2 are the points; double: B1, B2; multiply: A0, A1 and the scalar in E. The
curve's a is in A3, its b in B0 (not needed by affine formulas). The result is in B1, B2, with OUT_A
in A0, A1; the point at infinity is (0, 0), with the ZERO flag. The places are those of the
MCUXpresso drivers' PKHA functions.
"""

from __future__ import annotations

from models.sec.cha.pkha_numbers import MON_IN, MON_OUT, OUT_A, Numbers, fail, operands, store
from models.sec.cha.unit import QUADRANT_BYTES, ErrorId, PkhaFlags, PkhaRegisters

__all__ = ["ecc"]

ADD, DOUBLE, MULTIPLY = 0x09, 0x0A, 0x0B
PROJECTIVE = 1 << 11
_F2M_LIMIT = 72  # bytes: the largest standard curve has 571 bits

Point = tuple[int, int]
_INFINITY: Point = (0, 0)


def ecc(word: int, registers: PkhaRegisters) -> None:
    """One point operation; ChaError."""
    if word & (MON_IN | MON_OUT | PROJECTIVE):
        raise fail(ErrorId.MODE)
    function = word & 0x3F
    field = operands(word, registers, "en" if function == MULTIPLY else "n", even=False)
    limit = _F2M_LIMIT if field.f2m else QUADRANT_BYTES
    if field.size > limit or field.n < 4:
        raise fail(ErrorId.DATA_SIZE)
    a = field.reduce(_coordinate(registers, "a", 3, field))
    first = (_coordinate(registers, "a", 0, field), _coordinate(registers, "a", 1, field))
    second = (_coordinate(registers, "b", 1, field), _coordinate(registers, "b", 2, field))
    if function == MULTIPLY:
        if field.e.bit_length() > 8 * (field.size + 8):
            raise fail(ErrorId.KEY_SIZE)
        result = _times(field, a, field.e, first)
    else:
        result = _sum(field, a, first if function == ADD else second, second)
    place, quadrant = ("a", 0) if word & OUT_A else ("b", 1)
    for number, value in enumerate(result):
        store(registers, place, (quadrant + number) * QUADRANT_BYTES, value, field.size)
    registers.flags = PkhaFlags.ZERO if result == _INFINITY else PkhaFlags.NONE


def _coordinate(registers: PkhaRegisters, name: str, quadrant: int, field: Numbers) -> int:
    memory = getattr(registers, name)
    offset = quadrant * QUADRANT_BYTES
    return field.reduce(int.from_bytes(memory[offset : offset + field.size], "little"))


def _times(field: Numbers, a: int, scalar: int, point: Point) -> Point:
    result = _INFINITY
    for bit in f"{scalar:b}":
        result = _sum(field, a, result, result)
        if bit == "1":
            result = _sum(field, a, result, point)
    return result


def _sum(field: Numbers, a: int, left: Point, right: Point) -> Point:
    if left == _INFINITY:
        return right
    if right == _INFINITY:
        return left
    return (_sum_binary if field.f2m else _sum_prime)(field, a, left, right)


def _sum_prime(field: Numbers, a: int, left: Point, right: Point) -> Point:
    p = field.n
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if (y1 + y2) % p == 0:
            return _INFINITY
        slope = (3 * x1 * x1 + a) * field.inverse(2 * y1 % p) % p
    else:
        slope = (y2 - y1) * field.inverse((x2 - x1) % p) % p
    x3 = (slope * slope - x1 - x2) % p
    return x3, (slope * (x1 - x3) - y1) % p


def _sum_binary(field: Numbers, a: int, left: Point, right: Point) -> Point:
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if y1 != y2 or x1 == 0:
            return _INFINITY
        slope = x1 ^ field.multiply(y1, field.inverse(x1))
        x3 = field.multiply(slope, slope) ^ slope ^ a
        return x3, field.multiply(x1, x1) ^ field.multiply(slope ^ 1, x3)
    slope = field.multiply(y1 ^ y2, field.inverse(x1 ^ x2))
    x3 = field.multiply(slope, slope) ^ slope ^ x1 ^ x2 ^ a
    return x3, field.multiply(slope, x1 ^ x3) ^ x3 ^ y1
