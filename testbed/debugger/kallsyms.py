# SPDX-License-Identifier: MIT
"""The names that a kernel carries for its own messages, read from its image.

A kernel with CONFIG_KALLSYMS holds its symbol table compressed; distributions keep the table that
debuggers take in a package of a gigabyte. The arrays and their order are those of the kernel's
scripts/kallsyms.c since 6.4, all aligned to the size of a pointer:

    num_syms      one 32-bit number
    names         of each symbol a length (7 bits a byte, low ones first) and that many tokens
    markers       32 bits for each 256th name: where it begins in `names`
    token_table   256 strings, which tokens stand for; a character of a name stands for itself
    token_index   16 bits for each token: where it begins in `token_table`
    offsets       32 bits for each symbol, from `relative_base`
    relative_base one pointer

A name's first character is its type as `nm` has it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_DIGITS = b"".join(b"%d\0" % digit for digit in range(10))
_TOKENS = 256
_NAMES_A_MARKER = 256
_LONGEST_NAME = 512


@dataclass(frozen=True)
class Symbol:
    address: int
    kind: str
    name: str


class NoSymbols(Exception):
    """The image has no such table, or one of another layout; says which part is missing."""


def read_symbols(image: bytes, *, big_endian: bool, pointer: int, base: int) -> list[Symbol]:
    """The symbols of an uncompressed kernel image, in the order of their addresses.

    `pointer` is the size of one in bytes. `base` is where the kernel is linked to, for images whose
    relocations would fill that in. NoSymbols when there are none that can be read.
    """
    table = _Table(image, ">" if big_endian else "<", pointer)
    offsets, start = table.offsets()
    addresses = [(start or base) + offset for offset in offsets]
    return [
        Symbol(address, name[:1], name[1:])
        for address, name in zip(addresses, table.names(), strict=True)
    ]


class _Table:
    def __init__(self, image: bytes, order: str, pointer: int) -> None:
        self._image = image
        self._order = order
        self._pointer = pointer
        self._token_table, index, self._after_tokens = self._find_tokens()
        self._tokens = [self._string(self._token_table + at) for at in index]
        markers = self._find_markers()
        self._count, self._names_at = self._find_names(*markers)

    def names(self) -> list[str]:
        found = []
        at = self._names_at
        for _ in range(self._count):
            at, size = self._length(at)
            tokens = self._image[at : at + size]
            found.append(b"".join(self._tokens[token] for token in tokens).decode("latin-1"))
            at += size
        return found

    def offsets(self) -> tuple[list[int], int]:
        """Each symbol's, and what they are from, or 0 if the image does not say."""
        offsets = list(self._numbers(self._after_tokens, self._count, "I"))
        if offsets != sorted(offsets):
            raise NoSymbols("the addresses of its symbols do not ascend")
        after = self._aligned(self._after_tokens + 4 * self._count)
        (start,) = self._numbers(after, 1, "Q" if self._pointer == 8 else "I")
        # Nothing of a kernel lies in the lower half, where user space is.
        return offsets, start if start >> (8 * self._pointer - 1) else 0

    def _find_tokens(self) -> tuple[int, list[int], int]:
        """Where the table of tokens begins, its index, and where what follows that begins."""
        zero = -1
        while (zero := self._image.find(_DIGITS, zero + 1)) >= 0:
            end = zero
            for _ in range(ord("0"), _TOKENS):
                end = self._image.find(b"\0", end) + 1
            at = self._aligned(end)
            if at + 2 * _TOKENS > len(self._image):
                continue
            index = list(self._numbers(at, _TOKENS, "H"))
            table = zero - index[ord("0")]
            if index[0] == 0 and index == sorted(index):
                return table, index, self._aligned(at + 2 * _TOKENS)
        raise NoSymbols("it has no table of tokens")

    def _find_markers(self) -> tuple[int, list[int]]:
        """Where the markers begin, and the markers."""
        for padding in range(0, self._pointer, 4):
            at = self._token_table - padding - 4
            markers = list(self._numbers(at, 1, "I"))
            while markers[0] and at >= 4:
                (before,) = self._numbers(at - 4, 1, "I")
                if before >= markers[0]:
                    break
                at -= 4
                markers.insert(0, before)
            if markers[0] == 0 and len(markers) > 1:
                return at, markers
        raise NoSymbols("it has no markers of names")

    def _find_names(self, end: int, markers: list[int]) -> tuple[int, int]:
        """How many names there are, and where they begin."""
        least, most = (_NAMES_A_MARKER * (len(markers) - 1), _NAMES_A_MARKER * len(markers))
        latest = end - markers[-1]
        for at in range(latest, latest - _NAMES_A_MARKER * _LONGEST_NAME, -1):
            if at != self._aligned(at) or at < self._pointer:
                continue
            (count,) = self._numbers(at - self._pointer, 1, "I")
            if least < count <= most and self._agrees(at, markers):
                return count, at
        raise NoSymbols("it has no names")

    def _agrees(self, names: int, markers: list[int]) -> bool:
        """Whether the names that begin there come to every marker."""
        at = names
        for marker in markers[1:]:
            for _ in range(_NAMES_A_MARKER):
                at, size = self._length(at)
                at += size
            if at - names != marker:
                return False
        return True

    def _length(self, at: int) -> tuple[int, int]:
        """Where a name begins whose length is at `at`, and that length."""
        first = self._image[at]
        if first & 0x80:
            return at + 2, (first & 0x7F) | (self._image[at + 1] << 7)
        return at + 1, first

    def _string(self, at: int) -> bytes:
        return self._image[at : self._image.index(b"\0", at)]

    def _numbers(self, at: int, count: int, kind: str) -> tuple[int, ...]:
        try:
            return struct.unpack_from(f"{self._order}{count}{kind}", self._image, at)
        except struct.error:
            raise NoSymbols("its table is cut off") from None

    def _aligned(self, at: int) -> int:
        return -(-at // self._pointer) * self._pointer
