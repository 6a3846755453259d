# SPDX-License-Identifier: MIT
"""Raw block cipher passes: one key, one chaining mode, whole blocks, at the library's speed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from cryptography.hazmat.decrepit.ciphers import modes as old_modes
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

__all__ = [
    "BLOCK",
    "AesCtr",
    "Pass",
    "aes_block",
    "aes_cbc_mac",
    "cipher_pass",
    "des_key",
    "xor",
]

BLOCK = 16
"""AES block size in bytes."""

_Chaining = modes.ECB | modes.CBC | old_modes.CFB | old_modes.OFB
_MODES: dict[str, Callable[[bytes], _Chaining]] = {
    "ecb": lambda iv: modes.ECB(),
    "cbc": modes.CBC,
    "cfb": old_modes.CFB,
    "ofb": old_modes.OFB,
}


class Pass(Protocol):
    """A cipher under way."""

    def update(self, data: bytes) -> bytes: ...


def des_key(key: bytes) -> bytes:
    """The 24 bytes of three DES keys that 8, 16 or 24 bytes mean."""
    return key * 3 if len(key) == 8 else key + key[:8] if len(key) == 16 else key


def cipher_pass(name: str, key: bytes, mode: str, iv: bytes, encrypt: bool) -> Pass:
    """`name` "aes" or "des" (`key` as from `des_key`); `mode` ecb, cbc, cfb or ofb."""
    algorithm = AES(key) if name == "aes" else TripleDES(key)
    cipher = Cipher(algorithm, _MODES[mode](iv))
    return cipher.encryptor() if encrypt else cipher.decryptor()


def xor(left: bytes, right: bytes) -> bytes:
    """Bytewise exclusive or of two equally long strings."""
    size = len(left)
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(size, "big")


def aes_block(key: bytes, block: bytes) -> bytes:
    """One block through AES."""
    return Cipher(AES(key), modes.ECB()).encryptor().update(block)


def aes_cbc_mac(key: bytes, state: bytes, data: bytes) -> bytes:
    """CBC-MAC over whole blocks of `data`, from `state` on."""
    if not data:
        return state
    return Cipher(AES(key), modes.CBC(state)).encryptor().update(data)[-BLOCK:]


@lru_cache(maxsize=16)
def _low_mask(bits: int) -> int:
    return (1 << bits) - 1


class AesCtr:
    """AES in counter mode, the low `bits` of the counter counting modulo 2^bits.

    `counter` is the block counter of the next unused block; a block begun counts as used.
    """

    def __init__(self, key: bytes, counter: bytes, bits: int = 128) -> None:
        self._key = key
        self._bits = bits
        self._value = int.from_bytes(counter, "big")
        self._open()

    def _open(self) -> None:
        """A stream from the counter's present value to where its low bits wrap."""
        mask = _low_mask(self._bits)
        self._low = self._value & mask
        self._room = (mask + 1 - self._low) * BLOCK
        self._used = 0
        start = self._value.to_bytes(BLOCK, "big")
        self._stream: Pass = Cipher(AES(self._key), modes.CTR(start)).encryptor()

    def update(self, data: bytes) -> bytes:
        left = self._room - self._used
        if len(data) < left:
            self._used += len(data)
            return self._stream.update(data)
        out = bytearray()
        offset = 0
        while offset < len(data):
            chunk = data[offset : offset + self._room - self._used]
            out += self._stream.update(chunk)
            self._used += len(chunk)
            offset += len(chunk)
            if self._used == self._room:
                self._value &= ~_low_mask(self._bits)
                self._open()
        return bytes(out)

    @property
    def counter(self) -> bytes:
        mask = _low_mask(self._bits)
        low = self._low + -(-self._used // BLOCK) & mask
        return (self._value & ~mask | low).to_bytes(BLOCK, "big")

    def skip_to_block(self) -> None:
        """Drop the rest of a block begun."""
        rest = -self._used % BLOCK
        if rest:
            self.update(bytes(rest))
