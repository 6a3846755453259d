# SPDX-License-Identifier: MIT
"""PKHA: modular arithmetic, clearing and copying of its memories; ECC is in `pkha_ecc`.

An OPERATION of type PK is done at once on `PkhaRegisters`. Mode bits: MON_IN and MON_OUT (operands
and result in Montgomery form, R = 2^(64 * digits of N)), F2M (polynomials over GF(2) instead of
integers), OUT_A (result to A instead of B). Operands: A, B modulo N; E exponent. Source:
OP_ALG_PKMODE_* of caam/desc.h of Linux 6.12, PKHA_* of OP-TEE's caam_desc_defines.h.
"""

from __future__ import annotations

from collections.abc import Callable

from models.sec.cha import gf2
from models.sec.cha.pkha_ecc import ecc
from models.sec.cha.pkha_numbers import F2M, MON_IN, MON_OUT, OUT_A, Numbers, fail, operands, store
from models.sec.cha.unit import PKHA_BYTES, QUADRANT_BYTES, ErrorId, PkhaFlags, PkhaRegisters

__all__ = ["operate"]

CLEAR, COPY_N_SIZE, COPY_SOURCE_SIZE = 0x01, 0x10, 0x11
_F2M_EXPONENT_LIMIT = 72
_COPY_REGISTERS = {0: "a", 1: "b", 2: "e", 3: "n"}


def operate(word: int, registers: PkhaRegisters) -> None:
    """Do what an OPERATION word of type PK says; ChaError."""
    function = word & 0x3F
    if function == CLEAR:
        _clear(word, registers)
    elif function in (COPY_N_SIZE, COPY_SOURCE_SIZE):
        _copy(word, registers, function == COPY_N_SIZE)
    elif function in (0x09, 0x0A, 0x0B):
        ecc(word, registers)
    elif function in _ARITHMETIC:
        _arithmetic(word, registers, *_ARITHMETIC[function])
    else:
        raise fail(ErrorId.MODE)


def _clear(word: int, registers: PkhaRegisters) -> None:
    for bit, name in ((19, "a"), (18, "b"), (17, "e"), (16, "n")):
        if word >> bit & 1:
            getattr(registers, name)[:] = bytes(PKHA_BYTES)
            setattr(registers, f"{name}_size", 0)


def _copy(word: int, registers: PkhaRegisters, n_size: bool) -> None:
    source = _COPY_REGISTERS.get(word >> 17 & 7)
    target = _COPY_REGISTERS.get(word >> 10 & 7)
    if source in (None, "e") or target is None:
        raise fail(ErrorId.MODE)
    size = registers.n_size if n_size else getattr(registers, f"{source}_size")
    start, end = (word >> 8 & 3) * QUADRANT_BYTES, (word >> 6 & 3) * QUADRANT_BYTES
    size = min(size, PKHA_BYTES - max(start, end))
    memory = getattr(registers, target)
    memory[end : end + size] = getattr(registers, source)[start : start + size]
    setattr(registers, f"{target}_size", size)


_Function = Callable[[Numbers], tuple[int, PkhaFlags]]


def _arithmetic(
    word: int, registers: PkhaRegisters, needs: str, even: bool, function: _Function
) -> None:
    montgomery = word & (MON_IN | MON_OUT)
    if montgomery and function not in (_multiply, _exponent):
        raise fail(ErrorId.MODE)
    if word & F2M and function in (_subtract_ab, _subtract_ba, _prime):
        raise fail(ErrorId.MODE)
    if function is _add and word & F2M:
        needs = needs.replace("n", "")  # exclusive or, not reduced
    if function is _reduce:
        _check_reduce(registers)
    numbers = operands(word, registers, needs, even and not montgomery)
    if word & MON_IN:
        numbers = _from_montgomery(numbers)
    result, flags = function(numbers)
    if word & MON_OUT:
        result = numbers.multiply(result, numbers.radix)
    if result == 0:
        flags |= PkhaFlags.ZERO
    registers.flags = flags
    if function is not _prime:
        store(registers, "a" if word & OUT_A else "b", 0, result, numbers.size)


def _check_reduce(registers: PkhaRegisters) -> None:
    if not 0 < registers.a_size <= PKHA_BYTES:
        raise fail(ErrorId.PKHA_A_SIZE)


def _from_montgomery(numbers: Numbers) -> Numbers:
    back = numbers.inverse(numbers.radix)
    return Numbers(
        a=numbers.multiply(numbers.a, back),
        b=numbers.multiply(numbers.b, back),
        n=numbers.n,
        e=numbers.e,
        size=numbers.size,
        f2m=numbers.f2m,
    )


def _add(numbers: Numbers) -> tuple[int, PkhaFlags]:
    if numbers.f2m:
        return numbers.a ^ numbers.b, PkhaFlags.NONE
    return (numbers.a + numbers.b) % numbers.n, PkhaFlags.NONE


def _subtract_ab(numbers: Numbers) -> tuple[int, PkhaFlags]:
    return (numbers.a - numbers.b) % numbers.n, PkhaFlags.NONE


def _subtract_ba(numbers: Numbers) -> tuple[int, PkhaFlags]:
    return (numbers.b - numbers.a) % numbers.n, PkhaFlags.NONE


def _multiply(numbers: Numbers) -> tuple[int, PkhaFlags]:
    return numbers.multiply(numbers.a, numbers.b), PkhaFlags.NONE


def _exponent(numbers: Numbers) -> tuple[int, PkhaFlags]:
    if not numbers.f2m:
        return pow(numbers.a, numbers.e, numbers.n), PkhaFlags.NONE
    if numbers.size > _F2M_EXPONENT_LIMIT or numbers.e.bit_length() > 8 * numbers.size:
        raise fail(ErrorId.DATA_SIZE)
    result, power = numbers.reduce(1), numbers.reduce(numbers.a)
    for bit in reversed(f"{numbers.e:b}"):
        if bit == "1":
            result = numbers.multiply(result, power)
        power = numbers.multiply(power, power)
    return result, PkhaFlags.NONE


def _reduce(numbers: Numbers) -> tuple[int, PkhaFlags]:
    return numbers.reduce(numbers.a), PkhaFlags.NONE


def _invert(numbers: Numbers) -> tuple[int, PkhaFlags]:
    return numbers.inverse(numbers.reduce(numbers.a)), PkhaFlags.NONE


def _r_squared(numbers: Numbers) -> tuple[int, PkhaFlags]:
    return numbers.multiply(numbers.radix, numbers.radix), PkhaFlags.NONE


def _gcd(numbers: Numbers) -> tuple[int, PkhaFlags]:
    a, b = numbers.a, numbers.n
    while b:
        a, b = b, (gf2.reduce(a, b) if numbers.f2m else a % b)
    return a, PkhaFlags.GCD_1 if a == 1 else PkhaFlags.NONE


def _prime(numbers: Numbers) -> tuple[int, PkhaFlags]:
    """Miller-Rabin on N: the first base is A, B says how many (up to a bound by the size)."""
    n = numbers.n
    rounds = max(1, min(numbers.b, 32 if numbers.size <= 128 else 8))
    base = numbers.a
    for _ in range(rounds):
        if not _strong_probable_prime(n, base % (n - 3) + 2 if n > 4 else 2):
            return n, PkhaFlags.NONE
        base = base * 6364136223846793005 + 1442695040888963407
    return n, PkhaFlags.PRIME


def _strong_probable_prime(n: int, base: int) -> bool:
    if n < 4:
        return n in (2, 3)
    odd, twos = n - 1, 0
    while not odd & 1:
        odd >>= 1
        twos += 1
    value = pow(base, odd, n)
    if value in (1, n - 1):
        return True
    for _ in range(twos - 1):
        value = value * value % n
        if value == n - 1:
            return True
    return False


_ARITHMETIC: dict[int, tuple[str, bool, _Function]] = {
    0x02: ("abn", True, _add),
    0x03: ("abn", True, _subtract_ab),
    0x04: ("abn", True, _subtract_ba),
    0x05: ("abn", True, _multiply),
    0x06: ("aen", False, _exponent),
    0x07: ("n", True, _reduce),
    0x08: ("an", True, _invert),
    0x0C: ("n", False, _r_squared),
    0x0E: ("an", True, _gcd),
    0x0F: ("abn", False, _prime),
}
"""Function code: operands needed, whether N may be even, what to do."""
