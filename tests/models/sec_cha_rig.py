# SPDX-License-Identifier: MIT
"""A crypto unit on the bench, driven as a descriptor machine would. Words are built from the
numbers of drivers/crypto/caam/desc.h, not from the model's."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from models.sec.cha.select import select
from models.sec.cha.unit import ChaError, ClassRegisters, InputType, Unit
from models.sec.config import LS1028A, Cha, SecConfig
from models.sec.services import SecServices

UPDATE, INIT, FINALIZE, INITFINAL = 0 << 2, 1 << 2, 2 << 2, 3 << 2
ENCRYPT, DECRYPT, ICV = 1, 0, 2
AES, DES, DES3, ARC4 = 0x10, 0x20, 0x21, 0x30
MD5, SHA1, SHA224, SHA256, SHA384, SHA512 = range(0x40, 0x46)
RNG, CRC, CHACHA20, POLY1305 = 0x50, 0x90, 0xD0, 0xE0
CTR, CBC, ECB, CFB, OFB, XTS = 0x00, 0x10, 0x20, 0x30, 0x40, 0x50
CMAC, XCBC, CCM, GCM, DK = 0x60, 0x70, 0x80, 0x90, 0x100
HASH, HMAC, SMAC, PRECOMP = 0, 1, 2, 4
AEAD = 2

MESSAGE, AAD, IV, ICV_DATA, POLY = (
    InputType.MESSAGE,
    InputType.AAD,
    InputType.IV,
    InputType.ICV,
    InputType.POLY,
)
Part = tuple[InputType, bytes]


def word(algorithm: int, aai: int, state: int, flags: int = 0, cls: int = 0) -> int:
    """OPERATION: type, algorithm, AAI, AS, and ICV and direction in `flags`."""
    cls = cls or (2 if algorithm >> 4 in (4, 9, 0xE) else 1)
    return 0x80000000 | 2 * cls << 24 | algorithm << 16 | aai << 4 | state | flags


class Bench:
    """The registers of both classes and one SEC's services."""

    def __init__(self, config: SecConfig = LS1028A, seed: int | None = None) -> None:
        generator = random.Random(seed)
        self.services = SecServices(config, generator.randbytes)
        self.class1 = ClassRegisters()
        self.class2 = ClassRegisters()
        self.dice = generator

    def key(self, key: bytes, cls: int = 1, split: bool = False) -> None:
        registers = self.class1 if cls == 1 else self.class2
        registers.key, registers.key_size, registers.split_key = key, len(key), split

    def context(self, data: bytes, offset: int = 0, cls: int = 1) -> None:
        registers = self.class1 if cls == 1 else self.class2
        registers.context[offset : offset + len(data)] = data

    def unit(self, operation: int) -> Unit:
        if operation >> 24 & 7 == 4:
            own, other = self.class2, self.class1
        else:
            own, other = self.class1, self.class2
        own.mode = operation
        return select(operation, own, other, self.services)

    def run(self, operation: int, *parts: Part, cuts: bool = True) -> bytes:
        """Feed the parts, in random pieces, and finish."""
        unit = self.unit(operation)
        output = bytearray()
        for number, (kind, data) in enumerate(parts):
            last = number == len(parts) - 1
            pieces = pieces_of(self.dice, data) if cuts else [data]
            for index, piece in enumerate(pieces):
                output += unit.feed(kind, piece, last and index == len(pieces) - 1)
        return bytes(output) + unit.finish()


def pieces_of(dice: random.Random, data: bytes) -> list[bytes]:
    """`data` cut at random places, empty pieces among them."""
    places = sorted(dice.randint(0, len(data)) for _ in range(dice.randint(0, 4)))
    bounds = [0, *places, len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


def error_of(function: Any, *arguments: Any) -> tuple[int, int]:
    """CHA id and error id of the ChaError that a call raises."""
    try:
        function(*arguments)
    except ChaError as error:
        return error.cha_id, error.err_id
    raise AssertionError("no ChaError")


def seeded() -> random.Random:
    """A fresh random generator; its seed is printed, and pytest shows it when the test fails."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed:#x}")
    return random.Random(seed)


def sizes(dice: random.Random, count: int, unit: int = 1, most: int = 65536) -> Sequence[int]:
    """Sizes from 0 to `most` in multiples of `unit`, small ones preferred, both ends among them."""
    found = [0, unit, most // unit * unit]
    found += [
        unit * int(2 ** dice.uniform(0, (most // unit).bit_length() - 1)) for _ in range(count)
    ]
    return found


def with_chas(config: SecConfig, **chas: Cha) -> SecConfig:
    """`config` with other accelerators."""
    fields = {name: getattr(config, name) for name in config.__slots__}
    return SecConfig(**{**fields, **chas})
