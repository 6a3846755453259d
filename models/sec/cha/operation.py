# SPDX-License-Identifier: MIT
"""The fields of an OPERATION command of class 1 or 2 (OP_ALG_* of caam/desc.h, Linux 6.12)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Algorithm", "Operation", "State"]


class Algorithm(IntEnum):
    """ALG, bits 23:16."""

    AES = 0x10
    DES = 0x20
    TRIPLE_DES = 0x21
    ARC4 = 0x30
    MD5 = 0x40
    SHA1 = 0x41
    SHA224 = 0x42
    SHA256 = 0x43
    SHA384 = 0x44
    SHA512 = 0x45
    RNG = 0x50
    SNOW_F8 = 0x60
    KASUMI = 0x70
    CRC = 0x90
    SNOW_F9 = 0xA0
    ZUC_E = 0xB0
    ZUC_A = 0xC0
    CHACHA20 = 0xD0
    POLY1305 = 0xE0


class State(IntEnum):
    """AS, bits 3:2. The RNG calls them generate, instantiate, reseed, uninstantiate."""

    UPDATE = 0
    INIT = 1
    FINALIZE = 2
    INITFINAL = 3


@dataclass(frozen=True, slots=True)
class Operation:
    """One decoded word. `aai` is additional algorithm information, bits 12:4."""

    type: int
    algorithm: int
    aai: int
    state: State
    icv: bool
    encrypt: bool

    @classmethod
    def decode(cls, word: int) -> Operation:
        return cls(
            type=word >> 24 & 7,
            algorithm=word >> 16 & 0xFF,
            aai=word >> 4 & 0x1FF,
            state=State(word >> 2 & 3),
            icv=bool(word & 2),
            encrypt=bool(word & 1),
        )

    @property
    def starts(self) -> bool:
        """INIT or INITFINAL: no running context is read."""
        return bool(self.state & State.INIT)

    @property
    def ends(self) -> bool:
        """FINALIZE or INITFINAL: no running context is left."""
        return bool(self.state & State.FINALIZE)

    @property
    def checks_icv(self) -> bool:
        return self.icv and not self.encrypt
