# SPDX-License-Identifier: MIT
"""Random operations on random registers with random data: a result or a ChaError, nothing else."""

from __future__ import annotations

import contextlib
import random

from sec_cha_rig import Bench, seeded, word
from test_sec_cha_protocols import Host

from models.sec.cha import protocols
from models.sec.cha.protocols.dkp import derive
from models.sec.cha.unit import ChaError, ClassRegisters, InputType, ProtocolError
from models.sec.config import PRESETS

KINDS = list(InputType)
MODES = {
    0x10: (*range(16), *range(0x10, 0xB1, 0x10), 0x110, 0x120, 0x150, 0x80, 0x90),
    0x20: (0x10, 0x20, 0x30, 0x40, 0x90),
    0x21: (0x10, 0x20, 0x30, 0x40, 0xA0),
    0x30: (0,),
    **dict.fromkeys(range(64, 70), (0, 1, 2, 4)),
    0x50: (0, 1, 0x10, 0x20, 0x100),
    0x90: (1, 2, 4, 0x31, 0xF4),
    0xD0: (0, 1, 2, 8, 10),
    0xE0: (0, 2),
}
OPERATIONS = 12000


def shake(dice: random.Random, registers: ClassRegisters) -> None:
    """Contents as jobs leave them, or any."""
    size = dice.choice((1, 4, 8, 16, 16, 24, 32, 32, 32, 40, 64, 128, dice.randint(0, 128)))
    registers.key = dice.randbytes(size)
    registers.key_size = size if dice.random() < 0.9 else dice.getrandbits(dice.choice((7, 32)))
    registers.split_key = dice.random() < 0.3
    registers.context[:] = dice.choice((bytes(128), dice.randbytes(128), b"\xff" * 128))
    if dice.random() < 0.5:  # a plausible XTS sector size
        registers.context[0x28:0x30] = dice.choice((0, 16, 512, 5)).to_bytes(8, "big")
    registers.icv_size = dice.choice((0, 0, 8, 1 << 30))
    registers.sbox = dice.choice((b"", bytes(range(256)) + b"\1\2", b"short"))


def drive(dice: random.Random, bench: Bench, operation: int) -> None:
    """As a sane descriptor would, or in any order."""
    unit = bench.unit(operation)
    tame = dice.random() < 0.6
    if not tame and dice.random() < 0.2:
        unit.generate(dice.choice((0, 1, 100, 1 << 30)))
    if tame and operation >> 4 & 0xFF == 0x90:
        unit.feed(InputType.IV, dice.randbytes(dice.choice((12, 12, 7, 16))))
    for _ in range(dice.randint(0, 6)):
        kind, size = InputType.MESSAGE, 16 * dice.randint(0, 20)
        if not tame:
            kind = dice.choice(KINDS if dice.random() < 0.1 else KINDS[:4])
            size = dice.choice((1, 12, 16, 128, dice.randint(0, 400)))
        last = not tame and dice.random() < 0.2
        assert isinstance(unit.feed(kind, dice.randbytes(size), last, dice.random() < 0.3), bytes)
    assert isinstance(unit.finish(), bytes)


def random_word(dice: random.Random) -> int:
    if dice.random() < 0.1:
        return dice.getrandbits(32)
    algorithm = dice.choice(list(MODES))
    mode = dice.choice(MODES[algorithm]) if dice.random() < 0.9 else dice.getrandbits(9)
    cls = dice.choice((0, 0, 0, 0, 0, 0, 1, 2))
    return word(algorithm, mode, dice.getrandbits(2) << 2, dice.getrandbits(2), cls)


def test_random_operations() -> None:
    dice = seeded()
    benches = [Bench(config, dice.getrandbits(32)) for config in PRESETS.values()]
    for bench in benches:
        bench.services.trng_ready = True
    done = 0
    for _ in range(OPERATIONS):
        bench = dice.choice(benches)
        for registers in (bench.class1, bench.class2):
            if dice.random() < 0.8:  # else as the operation before left them
                shake(dice, registers)
        with contextlib.suppress(ChaError):
            drive(dice, bench, random_word(dice))
            done += 1
        for registers in (bench.class1, bench.class2):
            assert len(registers.context) == 128
            assert len(registers.key) <= 128
    print(f"{OPERATIONS} random operations, {done} of them without error")
    assert OPERATIONS // 20 < done < OPERATIONS


class LooseHost(Host):
    """Memory everywhere, of random content."""

    dice = random.Random(2)

    def read(self, address: int, size: int, scatter: bool = False) -> bytes:
        return self.dice.randbytes(size)

    def write(self, address: int, data: bytes, scatter: bool = False) -> None:
        assert len(data) <= 512

    def pdb_pointer(self, index: int) -> int:
        assert index + self.services.pointer_size // 4 <= len(self.pdb)
        return self.pdb[index]


def test_random_protocols() -> None:
    dice = seeded()
    count, done = 1500, 0
    for _ in range(count):
        host = LooseHost(dice.choice(list(PRESETS.values())), dice.random() < 0.5)
        host.input = dice.randbytes(dice.randint(0, 200))
        small = dice.choice((8, 16, 24))
        first = dice.choice(
            (dice.getrandbits(32), small << 12 | small, 0xF0000000 | 3 << 12 | small)
        )
        host.pdb = [first, *(dice.getrandbits(32) for _ in range(dice.randint(0, 20)))]
        host.pdb[-1] = dice.choice((host.pdb[-1], small << 12 | small, small))
        kind, protocol = dice.choice(((0, 0x18), (0, 0x19), (6, 0x0D), (7, 0x0D)))
        operation = (
            kind << 24 | protocol << 16 | dice.choice((0, 1, 2, 0x1000, dice.getrandbits(16)))
        )
        with contextlib.suppress(ChaError, ProtocolError):
            protocols.run(operation, host)
            done += 1
        with contextlib.suppress(ChaError, ProtocolError):
            derive(dice.getrandbits(24), dice.randbytes(dice.randint(0, 90)), host.services)
    print(f"{count} random protocols, {done} of them without error")
    assert 0 < done < count
