# SPDX-License-Identifier: MIT
"""A DECO on the bench: memory by the page, and an assembler for descriptors in the shape in which
the caam driver of Linux builds them. Numbers are desc.h's, not the model's tables."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.sec.config import LS1021A, LS1028A, LS1046A, P4080, SecConfig
from models.sec.deco import Deco
from models.sec.services import SecServices
from testbed.remoteport.device import BusError, Response

PAGE = 4096

# Command words of desc.h
KEY, SEQ_KEY, LOAD, SEQ_LOAD = (number << 27 for number in range(4))
FIFO_LOAD, SEQ_FIFO_LOAD = 4 << 27, 5 << 27
STORE, SEQ_STORE, FIFO_STORE, SEQ_FIFO_STORE = (number << 27 for number in range(0xA, 0xE))
MOVE_LEN, MOVE, OPERATION, SIGNATURE = 0xE << 27, 0xF << 27, 0x10 << 27, 0x12 << 27
JUMP, MATH, HEADER, SHARED, MATHI = (number << 27 for number in (0x14, 0x15, 0x16, 0x17, 0x1D))
SEQ_IN, SEQ_OUT = 0x1E << 27, 0x1F << 27

CLASS1, CLASS2, BOTH = 1 << 25, 2 << 25, 3 << 25
IMM, SGF, VLF, EXT = 1 << 23, 1 << 24, 1 << 24, 1 << 22
ONE, SHR, REO, SC, PD, DNR = 1 << 23, 1 << 12, 1 << 11, 1 << 12, 1 << 11, 1 << 24
NEVER, WAIT, SERIAL, ALWAYS, DEFER = (number << 8 for number in range(5))

CTX, DECO_MATH0, OFIFO, CLRW, DATASZ = 0x20 << 16, 8 << 16, 0x7E << 16, 8 << 16, 2 << 16
NFIFO, NFIFO_SZM = 0x7A << 16, 0x71 << 16
DECO = 3 << 25
NO_AUTO_NFIFO = LOAD | IMM | DECO | 6 << 16 | 8 << 8
AUTO_NFIFO = LOAD | IMM | DECO | 6 << 16 | 4 << 8

MSG, MSG1OUT2, IV, AAD, ICV = (number << 16 for number in (0x10, 0x18, 0x20, 0x30, 0x38))
FLUSH1, LAST1, LAST2, LASTBOTH = 1 << 16, 2 << 16, 4 << 16, 6 << 16
NO_INFO = 0xF << 16
STORE_MSG, STORE_SKIP, STORE_META = 0x30 << 16, 0x3F << 16, 0x3E << 16
STORE_RNG, STORE_KEY_KEK, STORE_SPLIT_KEK = 0x34 << 16, 0x24 << 16, 0x26 << 16

AES, DES, DES3, MD5, SHA1, SHA224, SHA256, SHA384, SHA512 = (
    number << 16 for number in (0x10, 0x20, 0x21, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45)
)
RNG, CHACHA, POLY = 0x50 << 16, 0xD0 << 16, 0xE0 << 16
CTR, CBC, ECB, XTS, CMAC, XCBC, GCM = (
    number << 4 for number in (0, 0x10, 0x20, 0x50, 0x60, 0x70, 0x90)
)
HMAC, PRECOMP, DECRYPT_KEY, AEAD = 1 << 4, 4 << 4, 0x100 << 4, 2 << 4
WC = 1 << 24
INIT, FINAL, INITFINAL = 4, 8, 12
ICV_ON, ENCRYPT = 2, 1
OP1, OP2 = OPERATION | 2 << 24, OPERATION | 4 << 24

REG = {"r0": 0, "r1": 1, "r2": 2, "r3": 3, "imm": 4, "dpovrd": 7}
SRC0 = {**REG, "sil": 8, "sol": 9, "vsil": 10, "vsol": 11, "zero": 12, "one": 15}
SRC1 = {**REG, "vsil": 8, "vsol": 9, "ififo": 10, "ofifo": 11, "one": 12, "zero": 15}
DEST = {**REG, "sil": 8, "sol": 9, "vsil": 10, "vsol": 11, "none": 15}
FUN = {
    name: number
    for number, name in enumerate(
        (
            "add",
            "addc",
            "sub",
            "subb",
            "or",
            "and",
            "xor",
            "lshift",
            "rshift",
            "shld",
            "zbyt",
            "bswap",
        )
    )
}

SHRD, CALM, NIP, NIFP, NOP, NCP = (
    1 << 24 | bit << 8 for bit in (0x40, 0x10, 0x08, 0x04, 0x02, 0x01)
)
Z, N, C, NV = 4 << 8, 8 << 8, 2 << 8, 1 << 8


class FakeMemory:
    """Pages of bytes; what is not mapped refuses. Counts round trips."""

    def __init__(self, base: int = 0x10000, size: int = 1 << 20) -> None:
        self.base = base
        self.data = bytearray(size)
        self.trips = 0
        self.refused: set[int] = set()
        self.log: list[tuple[str, int, int]] = []
        self._next = base

    def allocate(self, size: int, align: int = 64) -> int:
        address = -(-self._next // align) * align
        self._next = address + size
        assert self._next <= self.base + len(self.data), "the rig's memory is full"
        return address

    def place(self, content: bytes, align: int = 64) -> int:
        address = self.allocate(len(content), align)
        self.poke(address, content)
        return address

    def peek(self, address: int, size: int) -> bytes:
        offset = address - self.base
        return bytes(self.data[offset : offset + size])

    def poke(self, address: int, content: bytes) -> None:
        offset = address - self.base
        self.data[offset : offset + len(content)] = content

    def _check(self, address: int, size: int, index: int = 0) -> int:
        offset = address - self.base
        if offset < 0 or offset + size > len(self.data):
            raise _refusal(index)
        if self.refused and any(
            page in self.refused
            for page in range(address // PAGE, (address + size - 1) // PAGE + 1)
        ):
            raise _refusal(index)
        return offset

    def read(self, address: int, size: int) -> bytes:
        self.trips += 1
        self.log.append(("read", address, size))
        offset = self._check(address, size)
        return bytes(self.data[offset : offset + size])

    def write(self, address: int, data: bytes) -> None:
        self.trips += 1
        self.log.append(("write", address, len(data)))
        offset = self._check(address, len(data))
        self.data[offset : offset + len(data)] = data

    def read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
        self.trips += 1
        out = []
        for index, (address, size) in enumerate(pieces):
            self.log.append(("read", address, size))
            offset = self._check(address, size, index)
            out.append(bytes(self.data[offset : offset + size]))
        return out

    def write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        self.trips += 1
        failed: int | None = None
        for index, (address, data) in enumerate(pieces):
            self.log.append(("write", address, len(data)))
            try:
                offset = self._check(address, len(data), index)
            except BusError:
                failed = index if failed is None else failed
                continue
            self.data[offset : offset + len(data)] = data
        if failed is not None:
            raise _refusal(failed)


def _refusal(index: int) -> BusError:
    return BusError(Response.ADDRESS_ERROR, "refused", index)


class Assembler:
    """A descriptor, word by word."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.words: list[int] = []

    def __len__(self) -> int:
        return len(self.words)

    def add(self, word: int) -> int:
        """A command; the index of its word."""
        self.words.append(word & 0xFFFFFFFF)
        return len(self.words) - 1

    def pointer(self, address: int) -> None:
        if self.rig.services.pointer_size == 4:
            self.add(address)
        elif self.rig.config.high_word_at_zero:
            self.words += [address >> 32, address & 0xFFFFFFFF]
        else:
            self.words += [address & 0xFFFFFFFF, address >> 32]

    def data(self, content: bytes) -> None:
        padded = content + bytes(-len(content) % 4)
        self.words += self.rig.unpack(padded)

    def with_pointer(self, word: int, address: int) -> None:
        self.add(word)
        self.pointer(address)

    def immediate(self, word: int, content: bytes, length: int | None = None) -> None:
        """Append data as append_cmd_data does."""
        self.add(word | IMM | (len(content) if length is None else length))
        self.data(content)

    def number(self, word: int, value: int) -> None:
        """append_load_imm_u32."""
        self.add(word | IMM if word & 0xFF else word | IMM | 4)
        self.add(value)

    def math(self, function: str, dest: str, first: str, second: str, size: int = 4) -> None:
        self.add(
            MATH
            | FUN[function] << 20
            | SRC0[first] << 16
            | SRC1[second] << 12
            | DEST[dest] << 8
            | size
        )

    def math_imm(self, function: str, dest: str, first: str, second: str, value: int) -> None:
        self.math(function, dest, first, second)
        self.add(value)

    def jump_here(self, index: int) -> None:
        """set_jump_tgt_here."""
        self.words[index] |= (len(self.words) - index) & 0xFF

    def move_here(self, index: int) -> None:
        """set_move_tgt_here."""
        self.words[index] = self.words[index] & ~0xFF00 | len(self.words) << 10 & 0xFF00

    def key(self, content: bytes, word: int) -> None:
        self.immediate(KEY | word, content)

    def seq_ptr(self, word: int, address: int, length: int, options: int = 0) -> None:
        """append_seq_in_ptr and append_seq_out_ptr: always with an extended length."""
        self.add(word | EXT | options)
        self.pointer(address)
        self.add(length)


class Job(Assembler):
    """A job descriptor; with `shared`, in the shape of init_job_desc_shared."""

    def __init__(
        self, rig: Rig, shared: int | None = None, shared_length: int = 0, options: int = 0
    ) -> None:
        super().__init__(rig)
        if shared is None:
            self.add(HEADER | ONE | options)
        else:
            self.add(HEADER | ONE | SHR | shared_length << 16 | options)
            self.pointer(shared)

    def finish(self) -> bytes:
        self.words[0] |= len(self.words)
        return self.rig.pack(self.words)

    def run(self, **arguments: Any) -> int:
        address = self.rig.memory.place(self.finish())
        return self.rig.deco.run(address, **arguments)


class Shared(Assembler):
    """A shared descriptor in memory once `place` is called."""

    def __init__(self, rig: Rig, options: int = SERIAL) -> None:
        super().__init__(rig)
        self.add(SHARED | ONE | options)
        self.address = 0

    def place(self) -> Shared:
        self.words[0] |= len(self.words)
        self.address = self.rig.memory.place(self.rig.pack(self.words))
        return self

    def job(self, options: int = DEFER | REO) -> Job:
        return Job(self.rig, self.address, len(self.words), options)


@dataclass
class Buffer:
    """Memory that a sequence walks: one piece, or a scatter/gather table."""

    address: int
    length: int
    options: int
    pieces: list[tuple[int, int]]


class Rig:
    """One DECO with memory, of a SEC that `config` describes."""

    def __init__(
        self,
        config: SecConfig = LS1046A,
        *,
        long_pointers: bool | None = None,
        generator: random.Random | None = None,
        **changes: Any,
    ) -> None:
        if changes:
            config = replace(config, **changes)
        self.config = config
        self.random = generator or random.Random(0)
        self.services = SecServices(config)
        self.services.power_on()
        if long_pointers is not None:
            self.services.pointer_size = 8 if long_pointers else 4
        self.services.trng_ready = True
        self.memory = FakeMemory()
        self.deco = Deco(config, self.memory, self.services)
        self._order = "<" if config.byteorder == "little" else ">"

    def job(self, options: int = 0) -> Job:
        return Job(self, options=options)

    def unpack(self, raw: bytes) -> list[int]:
        return list(struct.unpack(f"{self._order}{len(raw) // 4}I", raw))

    def pack(self, words: Sequence[int]) -> bytes:
        return struct.pack(f"{self._order}{len(words)}I", *words)

    def entry(self, address: int, length: int, flags: int = 0, offset: int = 0) -> bytes:
        """One sec4_sg_entry."""
        high, low = address >> 32, address & 0xFFFFFFFF
        first, second = (high, low) if self.config.high_word_at_zero else (low, high)
        return self.pack([first, second, length | flags, offset])

    def buffer(self, content: bytes, *, scatter: bool = False) -> Buffer:
        """`content` in memory, cut at random when `scatter`."""
        if not scatter:
            address = self.memory.place(content or bytes(1))
            return Buffer(address, len(content), 0, [(address, len(content))])
        pieces = []
        rest = content
        while rest:
            size = self.random.randint(1, len(rest))
            pieces.append((self.memory.place(rest[:size], align=1), size))
            rest = rest[size:]
            self.memory.allocate(self.random.randint(0, 9), align=1)
        return self.table(pieces)

    def table(self, pieces: list[tuple[int, int]]) -> Buffer:
        total = sum(size for _, size in pieces)
        entries = [self.entry(address, size) for address, size in pieces[:-1]]
        last = pieces[-1] if pieces else (self.memory.base, 0)
        entries.append(self.entry(*last, flags=0x40000000))
        address = self.memory.place(b"".join(entries), align=16)
        return Buffer(address, total, SGF, pieces)

    def content(self, buffer: Buffer) -> bytes:
        return b"".join(self.memory.peek(address, size) for address, size in buffer.pieces)


CONFIGS: dict[str, Callable[[], Rig]] = {
    "big-32": lambda: Rig(LS1046A, long_pointers=False, generator=seeded()),
    "big-40": lambda: Rig(LS1046A, long_pointers=True, generator=seeded()),
    "little-32": lambda: Rig(LS1021A, long_pointers=False, generator=seeded()),
    "little-40": lambda: Rig(LS1028A, long_pointers=True, generator=seeded()),
    "era-2": lambda: Rig(P4080, long_pointers=True, generator=seeded()),
}


def seeded() -> random.Random:
    """A fresh random generator; its seed is printed, and pytest shows it when the test fails."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed:#x}")
    return random.Random(seed)
