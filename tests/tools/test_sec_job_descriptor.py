# SPDX-License-Identifier: MIT
"""The job descriptors that sec-job makes, run by the SEC's descriptor machine."""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import random
import subprocess
from collections.abc import Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from models.sec.config import LS1028A, LS1046A, SecConfig
from models.sec.deco.deco import Deco
from models.sec.services import SecServices
from testbed.artifacts.lists import GUESTS
from testbed.remoteport.device import BusError, Response

SOURCE = GUESTS / "tools/sec-job/descriptor.c"
FLAGS = ("-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")

BIG32 = replace(LS1046A, name="big, 32 bits", pointer_bits=32)
BIG40 = replace(LS1046A, name="big, 40 bits", long_pointers=True)
LITTLE32 = replace(LS1028A, name="little, 32 bits", pointer_bits=32)
LITTLE40 = replace(LS1028A, name="little, 40 bits", long_pointers=True)
LAYOUTS = (BIG32, BIG40, LITTLE32, LITTLE40)

JOB, TABLE, RESULT, MESSAGE, SIZE = 0x0, 0x1000, 0x2000, 0x20000, 0x80000
DIGEST_SIZE, BLOCK, SG_ENTRY = 32, 16, 16


class Format(ctypes.Structure):
    _fields_ = (("big_endian", ctypes.c_bool), ("pointer_size", ctypes.c_uint))


class Descriptor(ctypes.Structure):
    _fields_ = (
        ("format", ctypes.POINTER(Format)),
        ("memory", ctypes.POINTER(ctypes.c_ubyte)),
        ("words", ctypes.c_uint),
    )


class Data(ctypes.Structure):
    _fields_ = (
        ("address", ctypes.c_uint64),
        ("size", ctypes.c_uint32),
        ("table", ctypes.c_bool),
    )


class Memory:
    """`SIZE` bytes at bus address `base`, and nothing elsewhere."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.data = bytearray(SIZE)

    def _at(self, address: int, size: int) -> int:
        if not 0 <= address - self.base <= SIZE - size:
            raise BusError(Response.ADDRESS_ERROR, f"{size} bytes at {address:#x}")
        return address - self.base

    def read(self, address: int, size: int) -> bytes:
        offset = self._at(address, size)
        return bytes(self.data[offset : offset + size])

    def write(self, address: int, data: bytes) -> None:
        offset = self._at(address, len(data))
        self.data[offset : offset + len(data)] = data

    def read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.read(*piece) for piece in pieces]

    def write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        for piece in pieces:
            self.write(*piece)


class Bench:
    """A SEC's descriptor machine and its memory, with the C functions to fill it."""

    def __init__(self, library: ctypes.CDLL, config: SecConfig, base: int) -> None:
        self.library = library
        services = SecServices(config)
        self.format = Format(config.byteorder == "big", services.pointer_size)
        self.memory = Memory(base)
        self.deco = Deco(config, self.memory, services)
        self.raw = (ctypes.c_ubyte * SIZE).from_buffer(self.memory.data)

    def at(self, offset: int) -> ctypes.Array[ctypes.c_ubyte]:
        return (ctypes.c_ubyte * (SIZE - offset)).from_buffer(self.memory.data, offset)

    def descriptor(self) -> Descriptor:
        return Descriptor(
            ctypes.pointer(self.format), ctypes.cast(self.at(JOB), ctypes.POINTER(ctypes.c_ubyte))
        )

    def message(self, content: bytes, cuts: Sequence[int]) -> Data:
        """Put it into memory, cut there; a table of its pieces when there are cuts."""
        base = self.memory.base
        if not cuts:
            self.memory.write(base + MESSAGE, content)
            return Data(base + MESSAGE, len(content), False)
        ends = (0, *cuts, len(content))
        for index, (start, end) in enumerate(itertools.pairwise(ends)):
            address = base + MESSAGE + start + index * 4099
            self.memory.write(address, content[start:end])
            self.library.sec_put_sg_entry(
                ctypes.byref(self.format),
                self.at(TABLE + index * SG_ENTRY),
                ctypes.c_uint64(address),
                end - start,
                ctypes.c_bool(index == len(cuts)),
            )
        return Data(base + TABLE, len(content), True)

    def run(self) -> int:
        return self.deco.run(self.memory.base + JOB)

    def result(self, size: int) -> bytes:
        return self.memory.read(self.memory.base + RESULT, size)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    built = tmp_path_factory.mktemp("sec-job") / "descriptor.so"
    subprocess.run(["gcc", *FLAGS, "-o", built, SOURCE], check=True, timeout=60)
    return ctypes.CDLL(str(built))


@pytest.fixture(params=LAYOUTS, ids=lambda config: config.name)
def bench(request: pytest.FixtureRequest, library: ctypes.CDLL) -> Bench:
    config: SecConfig = request.param
    base = 0x12_3456_7000 if config.long_pointers else 0x9876_5000
    return Bench(library, config, base)


@pytest.fixture
def rng() -> random.Random:
    """Random content, different in each run; pytest shows the seed when the test fails."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    return random.Random(seed)


def cuts_of(rng: random.Random, size: int) -> list[int]:
    """Where to cut a message: nowhere, or in up to four random places."""
    return sorted(rng.sample(range(1, size), rng.randint(0, min(4, size - 1)))) if size > 1 else []


def test_job_without_pointers(bench: Bench) -> None:
    descriptor = bench.descriptor()
    bench.library.descriptor_without_pointers(ctypes.byref(descriptor))
    assert bench.run() == 0
    assert descriptor.words == 6


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, None, 65535, 65536])
def test_sha256(bench: Bench, rng: random.Random, size: int | None) -> None:
    content = rng.randbytes(rng.randrange(66, 65535) if size is None else size)
    descriptor = bench.descriptor()
    message = bench.message(content, cuts_of(rng, len(content)))
    bench.library.descriptor_sha256(
        ctypes.byref(descriptor), message, ctypes.c_uint64(bench.memory.base + RESULT)
    )
    assert bench.run() == 0
    assert bench.result(DIGEST_SIZE) == hashlib.sha256(content).digest()


@pytest.mark.parametrize("key_size", [16, 24, 32])
@pytest.mark.parametrize("blocks", [1, None, 4096])
def test_aes_cbc(bench: Bench, rng: random.Random, key_size: int, blocks: int | None) -> None:
    key, iv = rng.randbytes(key_size), rng.randbytes(BLOCK)
    content = rng.randbytes(BLOCK * (rng.randrange(2, 4095) if blocks is None else blocks))
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    expected = encryptor.update(content) + encryptor.finalize()
    for encrypt, given, wanted in ((True, content, expected), (False, expected, content)):
        descriptor = bench.descriptor()
        message = bench.message(given, cuts_of(rng, len(given)))
        bench.library.descriptor_aes_cbc(
            ctypes.byref(descriptor),
            ctypes.c_bool(encrypt),
            key,
            key_size,
            iv,
            message,
            Data(bench.memory.base + RESULT, len(given), False),
        )
        assert bench.run() == 0
        assert bench.result(len(given)) == wanted
        assert descriptor.words <= 64


def test_words_and_pointers(bench: Bench, rng: random.Random) -> None:
    order = "big" if bench.format.big_endian else "little"
    library, memory = bench.library, bench.at(0)
    library.sec_get_word.restype = ctypes.c_uint32
    library.sec_get_pointer.restype = ctypes.c_uint64
    word, address = rng.getrandbits(32), rng.getrandbits(8 * bench.format.pointer_size)
    library.sec_put_word(ctypes.byref(bench.format), memory, ctypes.c_uint32(word))
    assert bench.memory.data[:4] == word.to_bytes(4, order)
    assert library.sec_get_word(ctypes.byref(bench.format), memory) == word
    library.sec_put_pointer(ctypes.byref(bench.format), memory, ctypes.c_uint64(address))
    size = bench.format.pointer_size
    assert bench.memory.data[:size] == address.to_bytes(size, order)
    assert library.sec_get_pointer(ctypes.byref(bench.format), memory) == address
