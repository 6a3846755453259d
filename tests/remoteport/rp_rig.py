# SPDX-License-Identifier: MIT
"""Models and input mutation that the Remote-Port tests share."""

from __future__ import annotations

import random
import struct
import threading
from collections import Counter
from typing import Any, Literal

from testbed.remoteport.codec import (
    Ats,
    BusAccess,
    Cfg,
    Flags,
    Hello,
    Interrupt,
    Nop,
    Packet,
    Sync,
    encode,
)
from testbed.remoteport.device import BusError, Device, Region, Response, StateError
from testbed.remoteport.registers import At, Field, Register, RegisterMap

TRIED: Counter[str] = Counter()  # mutated inputs, by what they were tried against


class CTRL(Register):
    """Control register"""

    MODE = Field(31, 28)
    ENABLE = Field(0)


class STATUS(Register):
    """Status register"""

    BUSY = Field(0)


class COMMAND(Register):
    """Command register"""


MAP = RegisterMap({0x00: CTRL, 0x04: At(read=STATUS, write=COMMAND)})

DOORBELL = 0x10  # a write runs `on_doorbell`
REFUSED = 0x20
BROKEN = 0x24


class Memory(Device):
    """Bytes in two regions, a doorbell, a refusing and a broken register, two wires."""

    regions = (Region("control", 0x100, MAP), Region("buffer", 0x1000))
    wires = ("interrupt", "error")

    def __init__(self, name: str = "dev", byteorder: Literal["little", "big"] = "little") -> None:
        super().__init__(name, byteorder)
        self.bytes = [bytearray(region.size) for region in self.regions]
        self.accesses: list[tuple[Any, ...]] = []
        self.threads: set[int] = set()
        self.resets = 0
        self.doorbells = 0

    def on_doorbell(self, value: int) -> None:
        self.doorbells += 1

    def read(self, region: int, offset: int, size: int) -> int:
        self.threads.add(threading.get_ident())
        self.accesses.append(("R", region, offset, size))
        if region == 0 and offset == REFUSED:
            raise BusError(Response.GENERIC_ERROR, "not today")
        if region == 0 and offset == BROKEN:
            raise RuntimeError("the model is broken")
        return int.from_bytes(self.bytes[region][offset : offset + size], self.byteorder)

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        self.threads.add(threading.get_ident())
        self.accesses.append(("W", region, offset, size, value))
        if region == 0 and offset == REFUSED:
            raise BusError(Response.ADDRESS_ERROR)
        self.bytes[region][offset : offset + size] = value.to_bytes(size, self.byteorder)
        if region == 0 and offset == DOORBELL:
            self.on_doorbell(value)

    def reset(self) -> None:
        super().reset()
        self.resets += 1
        self.bytes = [bytearray(region.size) for region in self.regions]

    def save(self) -> dict[str, Any]:
        return {"control": self.bytes[0].hex()}

    def load(self, state: dict[str, Any]) -> None:
        try:
            content = bytes.fromhex(state["control"])
        except (KeyError, ValueError, TypeError) as error:
            raise StateError(f"{self.name}: field 'control' is bad: {error}") from None
        if len(content) != len(self.bytes[0]):
            raise StateError(f"{self.name}: field 'control' holds {len(content)} bytes")
        self.bytes[0][:] = content


def sample_packets() -> list[Packet]:
    """One of each packet that has its place somewhere in a connection."""
    return [
        Hello(capabilities=(1, 2, 3)),
        Hello(capabilities=None),
        BusAccess(False, 0, 4, id=1, stream_width=4),
        BusAccess(True, 8, 4, b"\x01\x02\x03\x04", id=2, stream_width=4),
        BusAccess(True, DOORBELL, 4, bytes(4), id=3, stream_width=4),
        BusAccess(True, 8, 4, b"\x05\x06\x07\x08", flags=Flags.POSTED, stream_width=4),
        BusAccess(False, 0, 8, id=4, attributes=4, stream_width=8),
        BusAccess(True, 0, 4, b"abcd", attributes=4, byte_enable=b"\xff\x00"),
        BusAccess(False, 0x40, 8, bytes(8), id=1, flags=Flags.RESPONSE, stream_width=8),
        BusAccess(False, 0, 0, id=9, dev=0xFFFF),
        BusAccess(True, 0, 2, b"{}", id=9, dev=0xFFFF),
        Interrupt(0, 1, 1),
        Interrupt(0, 0, 1, flags=Flags.POSTED),
        Interrupt(1, 1),
        Sync(5, id=6),
        Cfg(0, 1),
        Nop(),
        Ats(False, 0, 4096),
    ]


_EXTREMES = (0, 1, 2, 3, 4, 7, 0x7F, 0x80, 0xFF)
_WORDS = (0, 1, 19, 20, 57, 58, 79, 80, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


class Mutator:
    """Changes packets a little. Keeps what it made, so that later inputs build on earlier ones."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._corpus = [encode(packet) for packet in sample_packets()]
        self._fixed = len(self._corpus)

    def input(self) -> bytes:
        """A few packets in a row, some of them changed."""
        rng = self._rng
        pieces = [rng.choice(self._corpus) for _ in range(rng.randint(1, 4))]
        changed = rng.randrange(len(pieces))
        pieces[changed] = self.mutate(pieces[changed])
        if len(self._corpus) < 4 * self._fixed:
            self._corpus.append(pieces[changed])
        else:
            self._corpus[rng.randrange(self._fixed, len(self._corpus))] = pieces[changed]
        return b"".join(pieces)

    def mutate(self, piece: bytes) -> bytes:
        rng = self._rng
        data = bytearray(piece)
        for _ in range(rng.randint(1, 3)):
            kind = rng.randrange(6)
            if kind == 0 and data:
                data[rng.randrange(len(data))] = rng.choice(_EXTREMES)
            elif kind == 1 and data:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            elif kind == 2 and len(data) >= 4:
                struct.pack_into("!I", data, rng.randrange(len(data) // 4) * 4, rng.choice(_WORDS))
            elif kind == 3:
                del data[rng.randint(0, len(data)) :]
            elif kind == 4:
                at = rng.randint(0, len(data))
                data[at:at] = rng.randbytes(rng.randint(1, 16))
            elif len(data) > 20:
                # Keep the length honest, so that the change reaches the checks behind it.
                struct.pack_into("!I", data, 4, len(data) - 20)
        return bytes(data)
