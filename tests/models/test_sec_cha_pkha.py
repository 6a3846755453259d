# SPDX-License-Identifier: MIT
"""PKHA: modular arithmetic, memory functions, elliptic curves."""

from __future__ import annotations

import contextlib
import math
import random
import time

from cryptography.hazmat.primitives.asymmetric import ec
from sec_cha_rig import error_of, seeded

from models.sec.cha import gf2
from models.sec.cha.pkha import operate
from models.sec.cha.unit import ChaError, InputType, PkhaFlags, PkhaRegisters

A, B, N, E = InputType.PKHA_A, InputType.PKHA_B, InputType.PKHA_N, InputType.PKHA_E
ADD, SUB_AB, SUB_BA, MUL, EXP, REDUCE, INV = 2, 3, 4, 5, 6, 7, 8
R2, GCD, PRIME = 0xC, 0xE, 0xF
F2M, MON_IN, MON_OUT, OUT_A = 0x20000, 0x80000, 0x40000, 0x100
PK = 0x81800000


def number(registers: PkhaRegisters, kind: InputType, size: int) -> int:
    return int.from_bytes(registers.store(kind, size), "big")


def loaded(size: int, **values: int) -> PkhaRegisters:
    registers = PkhaRegisters()
    for name, value in values.items():
        width = size if name != "e" else max(1, -(-value.bit_length() // 8))
        registers.load(InputType[f"PKHA_{name.upper()}"], value.to_bytes(width, "big"))
    return registers


def result(function: int, size: int, **values: int) -> int:
    registers = loaded(size, **values)
    operate(PK | function, registers)
    return number(registers, B, size)


def test_arithmetic_agrees_with_python() -> None:
    dice = seeded()
    for size in (1, 7, 16, 33, 128, 256, 512):
        n = dice.getrandbits(8 * size) | 1 | 1 << 8 * size - 1
        a, b, e = dice.randrange(n), dice.randrange(n), dice.getrandbits(24)
        assert result(ADD, size, a=a, b=b, n=n) == (a + b) % n
        assert result(SUB_AB, size, a=a, b=b, n=n) == (a - b) % n
        assert result(SUB_BA, size, a=a, b=b, n=n) == (b - a) % n
        assert result(MUL, size, a=a, b=b, n=n) == a * b % n
        assert result(EXP, size, a=a, n=n, e=e) == pow(a, e, n)
        assert result(REDUCE, size, a=a, n=n >> 1 | 1) == a % (n >> 1 | 1)
        assert result(GCD, size, a=a, n=n) == math.gcd(a, n)
        if math.gcd(a, n) == 1:
            assert result(INV, size, a=a, n=n) == pow(a, -1, n)


def test_montgomery_form() -> None:
    dice = seeded()
    for size in (20, 64, 100):
        n = dice.getrandbits(8 * size) | 1 | 1 << 8 * size - 1
        a, b = dice.randrange(n), dice.randrange(n)
        radix = pow(2, 64 * -(-size // 8), n)
        assert result(R2, size, n=n) == radix * radix % n
        assert result(MUL | MON_OUT, size, a=a, b=b, n=n) == a * b * radix % n
        am, bm = a * radix % n, b * radix % n
        assert result(MUL | MON_IN, size, a=am, b=bm, n=n) == a * b % n
        assert result(EXP | MON_IN | MON_OUT, size, a=am, n=n, e=3) == pow(a, 3, n) * radix % n


def test_output_to_a_and_flags() -> None:
    registers = loaded(4, a=12, b=5, n=17)
    operate(PK | ADD | OUT_A, registers)
    assert (number(registers, A, 4), number(registers, B, 4)) == (0, 5)
    assert registers.flags == PkhaFlags.ZERO
    registers = loaded(4, a=35, n=64)
    operate(PK | GCD, registers)
    assert registers.flags == PkhaFlags.GCD_1
    registers = loaded(4, a=35, n=63)
    operate(PK | GCD, registers)
    assert registers.flags == PkhaFlags.NONE


def test_primality() -> None:
    dice = seeded()
    prime = 2**521 - 1
    for n, expected in (
        (3, True),
        (5, True),
        (9, False),
        (561, False),
        (prime, True),
        (prime * (2**127 - 1), False),
        (65537, True),
    ):
        size = max(4, -(-n.bit_length() // 8))
        registers = loaded(size, a=dice.getrandbits(30), b=5, n=n)
        operate(PK | PRIME, registers)
        assert bool(registers.flags & PkhaFlags.PRIME) == expected, n


def test_binary_fields() -> None:
    dice = seeded()
    modulus = 1 << 163 | 0xC9  # x^163 + x^7 + x^6 + x^3 + 1
    a, b = dice.getrandbits(163), dice.getrandbits(163)
    product = slow_product(a, b, modulus)
    assert result(ADD | F2M, 21, a=a, b=b, n=modulus) == a ^ b
    assert result(MUL | F2M, 21, a=a, b=b, n=modulus) == product
    inverse = result(INV | F2M, 21, a=a, n=modulus)
    assert slow_product(inverse, a, modulus) == 1
    cube = slow_product(slow_product(a, a, modulus), a, modulus)
    assert result(EXP | F2M, 21, a=a, n=modulus, e=3) == cube
    # a^(2^163 - 1) = 1
    assert result(EXP | F2M, 21, a=a, n=modulus, e=(1 << 163) - 1) == 1
    registers = PkhaRegisters(n_size=16)  # only the size of N: exclusive or, as OP-TEE does
    registers.load(A, b"\xf0" * 16)
    registers.load(B, b"\x3c" * 16)
    operate(PK | F2M | ADD, registers)
    assert registers.store(B, 16) == b"\xcc" * 16


def slow_product(a: int, b: int, modulus: int) -> int:
    total, top = 0, 1 << modulus.bit_length() - 1
    while b:
        if b & 1:
            total ^= a
        a <<= 1
        if a & top:
            a ^= modulus
        b >>= 1
    return total


def test_gf2_inverse_where_there_is_none() -> None:
    assert gf2.inverse(0, 0b1011) is None
    assert gf2.inverse(0b11, 0b101) is None  # x^2 + 1 = (x + 1)^2


# Memory


def test_loads_and_stores_are_big_endian_and_quadrants_are_apart() -> None:
    registers = PkhaRegisters()
    registers.load(InputType.PKHA_B1, bytes(range(1, 33)))
    assert registers.b_size == 32
    assert registers.store(InputType.PKHA_B1, 32) == bytes(range(1, 33))
    assert registers.store(InputType.PKHA_B1, 34) == bytes(2) + bytes(range(1, 33))
    assert registers.b[128:160] == bytes(range(32, 0, -1))
    assert registers.store(InputType.PKHA_B0, 128) == bytes(128)
    assert error_of(registers.load, InputType.PKHA_B0, bytes(129)) == (8, 5)
    assert error_of(registers.load, A, bytes(513)) == (8, 4)
    assert error_of(registers.load, InputType.MESSAGE, b"") == (8, 6)


def test_clear_and_copy() -> None:
    registers = loaded(16, a=0x1234, b=0x55, n=(1 << 127) | 1, e=7)
    operate(PK | 0x11 | 0 << 17 | 2 << 10, registers)  # A to E, the source's size
    assert (number(registers, E, 16), registers.e_size) == (0x1234, 16)
    operate(PK | 0x10 | 3 << 17 | 1 << 10 | 3 << 6, registers)  # N to B3, N's size
    assert number(registers, InputType.PKHA_B3, 16) == (1 << 127) | 1
    assert number(registers, InputType.PKHA_B0, 16) == 0x55
    operate(PK | 0x11 | 1 << 17 | 3 << 8 | 0 << 10 | 1 << 6, registers)  # B3 to A1
    assert number(registers, InputType.PKHA_A1, 16) == (1 << 127) | 1
    operate(PK | 0x01 | 1 << 19 | 1 << 17, registers)  # A and E
    assert not any(registers.a)
    assert not any(registers.e)
    assert (registers.a_size, registers.e_size, registers.b_size) == (0, 0, 16)
    assert error_of(operate, PK | 0x10 | 2 << 17 | 1 << 10, registers) == (8, 1)


# Errors


def test_errors() -> None:
    assert error_of(operate, PK | ADD, PkhaRegisters()) == (8, 2)
    assert error_of(operate, PK | ADD, loaded(4, b=1, n=7)) == (8, 4)
    assert error_of(operate, PK | ADD, loaded(4, a=1, n=7)) == (8, 5)
    long = loaded(4, a=1, b=1, n=7)
    long.load(A, bytes(5))
    assert error_of(operate, PK | MUL, long) == (8, 4)
    assert error_of(operate, PK | EXP, loaded(4, a=1, n=7)) == (8, 3)
    assert error_of(operate, PK | ADD, loaded(4, a=1, b=1, n=0)) == (8, 7)
    assert error_of(operate, PK | EXP, loaded(4, a=1, n=8, e=1)) == (8, 8)
    assert error_of(operate, PK | R2, loaded(4, n=8)) == (8, 8)
    assert error_of(operate, PK | INV, loaded(4, a=4, n=8)) == (8, 7)
    assert error_of(operate, PK | ADD | MON_IN, loaded(4, a=4, b=1, n=9)) == (8, 1)
    for function in (0, 0x0D, 0x1C, 0x3F):
        assert error_of(operate, PK | function, loaded(4, a=4, b=1, n=9)) == (8, 1)


# Elliptic curves

P256 = {
    "p": 2**256 - 2**224 + 2**192 + 2**96 - 1,
    "b": 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    "order": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
}


def curve_registers(size: int, n: int, a: int, b: int) -> PkhaRegisters:
    registers = PkhaRegisters()
    registers.load(N, n.to_bytes(size, "big"))
    registers.load(InputType.PKHA_A3, a.to_bytes(size, "big"))
    registers.load(InputType.PKHA_B0, b.to_bytes(size, "big"))
    return registers


def put(registers: PkhaRegisters, names: str, point: tuple[int, int], size: int) -> None:
    for name, value in zip(names.split(), point, strict=True):
        registers.load(InputType[f"PKHA_{name}"], value.to_bytes(size, "big"))


def got(registers: PkhaRegisters, size: int) -> tuple[int, int]:
    x, y = InputType.PKHA_B1, InputType.PKHA_B2
    return number(registers, x, size), number(registers, y, size)


def public_point(scalar: int, curve: ec.EllipticCurve) -> tuple[int, int]:
    numbers = ec.derive_private_key(scalar, curve).public_key().public_numbers()
    return numbers.x, numbers.y


def times(
    scalar: int, size: int, point: tuple[int, int], curve: PkhaRegisters, flags: int = 0
) -> None:
    put(curve, "A0 A1", point, size)
    curve.load(E, scalar.to_bytes(max(1, -(-scalar.bit_length() // 8)), "big"))
    operate(PK | 0x0B | flags, curve)


def test_prime_curve_agrees_with_the_library() -> None:
    dice = seeded()
    curve = ec.SECP256R1()
    base = public_point(1, curve)
    first, second = (dice.randrange(1, P256["order"]) for _ in range(2))
    registers = curve_registers(32, P256["p"], P256["p"] - 3, P256["b"])
    times(first, 32, base, registers)
    assert got(registers, 32) == public_point(first, curve)
    put(registers, "A0 A1", public_point(first, curve), 32)
    put(registers, "B1 B2", public_point(second, curve), 32)
    operate(PK | 0x09, registers)
    assert got(registers, 32) == public_point((first + second) % P256["order"], curve)
    operate(PK | 0x0A, registers)
    assert got(registers, 32) == public_point(2 * (first + second) % P256["order"], curve)
    times(P256["order"], 32, base, registers)
    assert got(registers, 32) == (0, 0)
    assert registers.flags == PkhaFlags.ZERO


def test_binary_curve_of_a_standard() -> None:
    """sect163k1 of SEC 2: the base point has the order it should."""
    modulus = 1 << 163 | 1 << 7 | 1 << 6 | 1 << 3 | 1
    base = (
        0x02FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8,
        0x0289070FB05D38FF58321F2E800536D538CCDAA3D9,
    )
    order = 0x04000000000000000000020108A2E0CC0D99F8A5EF
    registers = curve_registers(21, modulus, 1, 1)
    times(order - 1, 21, base, registers, F2M)
    assert got(registers, 21) == (base[0], base[0] ^ base[1])  # minus the base point
    times(order, 21, base, registers, F2M)
    assert got(registers, 21) == (0, 0)
    assert registers.flags == PkhaFlags.ZERO


def test_binary_curve_is_a_group() -> None:
    """571 bits, the largest: any point is on a curve with some b. Also the time it takes."""
    dice = seeded()
    modulus = 1 << 571 | 1 << 10 | 1 << 5 | 1 << 2 | 1
    point = (dice.getrandbits(571), dice.getrandbits(571))
    registers = curve_registers(72, modulus, dice.getrandbits(571), 0)
    first, second = dice.getrandbits(570), dice.getrandbits(570)
    products = []
    begin = time.perf_counter()
    for scalar in (first, second, first + second):
        times(scalar, 72, point, registers, F2M)
        products.append(got(registers, 72))
    print(f"571 bit point multiplication: {(time.perf_counter() - begin) / 3:.2f} s")
    put(registers, "A0 A1", products[0], 72)
    put(registers, "B1 B2", products[1], 72)
    operate(PK | F2M | 0x09, registers)
    assert got(registers, 72) == products[2]


def test_curve_errors() -> None:
    registers = curve_registers(4, 0xFFFFFFFB, 1, 1)
    put(registers, "A0 A1", (1, 2), 4)
    put(registers, "B1 B2", (3, 4), 4)
    assert error_of(operate, PK | 0x0B, registers) == (8, 3)
    registers.load(E, bytes([1]) + bytes(12))
    assert error_of(operate, PK | 0x0B, registers) == (8, 3)
    assert error_of(operate, PK | 0x09 | MON_IN, registers) == (8, 1)
    registers.load(N, bytes([1]) + bytes(128) + b"\x01")
    assert error_of(operate, PK | 0x09, registers) == (8, 2)
    registers.load(N, (3 * 5 * 7 * 11).to_bytes(4, "big"))
    put(registers, "A0 A1", (4, 2), 4)
    put(registers, "B1 B2", (1, 4), 4)
    assert error_of(operate, PK | 0x09, registers) == (8, 7)  # 3 has no inverse


def random_registers(dice: random.Random) -> PkhaRegisters:
    """Sometimes what an operation needs, sometimes not."""
    registers = PkhaRegisters()
    size = dice.choice((1, 4, 8, 21, 32, 128, 512))
    quadrants = [InputType[f"PKHA_{name}{number}"] for name in "AB" for number in range(4)]
    for kind in (A, B, N, E, *(quadrants if dice.random() < 0.3 else ())):
        if dice.random() < 0.05:
            continue
        length = size if dice.random() < 0.9 else dice.randint(0, 64)
        most = 512 if kind in (A, B, N, E) else 128
        data = bytearray(dice.randbytes(min(length, most, 24 if kind is E else most)))
        if kind is N and data and dice.random() < 0.7:
            data[-1] |= 1
        registers.load(kind, bytes(data))
    for name in "abne":
        if dice.random() < 0.05:
            setattr(registers, f"{name}_size", dice.getrandbits(dice.choice((4, 10, 32))))
    return registers


def test_random_operations_end_in_a_result_or_a_cha_error() -> None:
    dice = seeded()
    refused, count, longest = 0, 3000, 0.0
    for _ in range(count):
        registers = random_registers(dice)
        function = dice.choice((*range(0x12), 0x1C, 0x3F))
        mode = dice.choice((0, 0, F2M, OUT_A, dice.getrandbits(20) & ~0x3F))
        before = time.perf_counter()
        with contextlib.suppress(ChaError):
            operate(PK | mode | function, registers)
            refused -= 1
        refused += 1
        longest = max(longest, time.perf_counter() - before)
        assert all(len(getattr(registers, name)) == 512 for name in "abne")
    print(f"{count} operations, {refused} refused, longest {longest:.2f} s")
    assert 0 < refused < count
