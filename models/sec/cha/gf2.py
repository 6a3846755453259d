# SPDX-License-Identifier: MIT
"""Polynomials over GF(2), as integers: bit n is the coefficient of x^n."""

from __future__ import annotations

__all__ = ["inverse", "multiply", "reduce"]


def multiply(a: int, b: int) -> int:
    """The product, not reduced."""
    if a.bit_count() > b.bit_count():
        a, b = b, a
    product = 0
    while a:
        low = a & -a
        product ^= b * low
        a ^= low
    return product


def reduce(a: int, modulus: int) -> int:
    """`a` modulo a polynomial that is not zero."""
    size = modulus.bit_length()
    while (excess := a.bit_length() - size) >= 0:
        a ^= modulus << excess
    return a


def inverse(a: int, modulus: int) -> int | None:
    """The inverse of `a`; None when it has none."""
    remainder, other = modulus, reduce(a, modulus)
    factor, other_factor = 0, 1
    while other:
        shift = remainder.bit_length() - other.bit_length()
        if shift < 0:
            remainder, other = other, remainder
            factor, other_factor = other_factor, factor
            continue
        remainder ^= other << shift
        factor ^= other_factor << shift
        if not remainder:
            remainder, other = other, 0
            factor = other_factor
    return reduce(factor, modulus) if remainder == 1 else None
