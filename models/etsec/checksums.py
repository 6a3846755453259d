# SPDX-License-Identifier: MIT
"""The ones' complement sums of IP, TCP and UDP (RFC 1071)."""

from __future__ import annotations

__all__ = ["TCP", "UDP", "folded", "pseudo_header", "total"]

TCP, UDP = 6, 17


def total(data: bytes | bytearray | memoryview) -> int:
    """The sum of the 16-bit words, folded; an odd last byte has a zero behind it."""
    if len(data) % 2:
        data = bytes(data) + b"\0"
    # A power of two mod 0xffff is its place in a word: the whole is one number to be divided.
    return _reduced(int.from_bytes(data, "big"))


def folded(value: int) -> int:
    """The checksum that goes with the sum `value`."""
    return ~_reduced(value) & 0xFFFF


def pseudo_header(addresses: bytes, length: int, protocol: int) -> int:
    """The sum of a pseudo header with both addresses, of IPv4 or IPv6."""
    return total(addresses) + length + protocol


def _reduced(value: int) -> int:
    rest = value % 0xFFFF
    return 0xFFFF if value and not rest else rest
