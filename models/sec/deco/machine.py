# SPDX-License-Identifier: MIT
"""The state that commands work on: descriptor buffer, MATH registers, sequences, and the CCB."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, Literal

from models.sec.cha.unit import ClassRegisters, PkhaRegisters
from models.sec.config import SecConfig
from models.sec.deco.bus import Bus, Memory
from models.sec.deco.ccb import Ccb
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.scatter import Flat, Scatter, TableFormat, Walk
from models.sec.deco.sequence import InputSequence, OutputSequence
from models.sec.services import SecServices

__all__ = ["BUFFER_WORDS", "MAX_STEPS", "Machine"]

BUFFER_WORDS: Final = 64
MAX_STEPS: Final = 16384
"""Commands of one job; a PKHA operation and a protocol count for more. Beyond: the watchdog."""

_WORD: Final = 0xFFFF_FFFF
_RETURN_DEPTH: Final = 4


class Machine:
    """One DECO. `words` is the descriptor buffer: the shared descriptor first, if there is one,
    then the job descriptor. `pc` is the word that comes next, `index` that of the command at work.
    """

    def __init__(
        self,
        config: SecConfig,
        memory: Memory,
        services: SecServices,
        layout: Literal["sec4", "dpaa2"] = "sec4",
    ) -> None:
        self.config = config
        self.services = services
        self.byteorder = config.byteorder
        self.pointer_mask = (1 << config.pointer_bits) - 1
        self.bus = Bus(memory)
        self.ccb = Ccb(services, self.bus)
        self.class1: ClassRegisters = self.ccb.class1
        self.class2: ClassRegisters = self.ccb.class2
        self.pkha: PkhaRegisters = self.ccb.pkha
        self.tables = TableFormat(
            config.byteorder, config.high_word_at_zero, self.pointer_mask, layout
        )
        self._order = "<" if config.byteorder == "little" else ">"
        self.input = InputSequence(self.bus)
        self.output = OutputSequence(self.bus)
        self.words: list[int] = []
        self.pc = 0
        self.index = 0
        self.steps = 0
        self.math = [0, 0, 0, 0]
        self.override = 0  # DPOVRD
        self.negative = self.zero = self.carry = self.overflow = False
        self.shared_length = 0
        self.shared_start = 0
        self.shared_address: int | None = None
        self.shared_image: list[int] = []  # what memory holds at shared_address
        self.job_start = 0
        self.job_address: int | None = None
        self.is_shared = False
        self.share_change = 0
        self.jumped = False
        self.part_end = 0
        self.parts: list[bool] = []  # what is still to come: True the shared descriptor
        self.returns: list[int] = []
        self.pid = 0
        self.control = 0  # CCTRL and ICTRL as last written
        self.interrupt_control = 0

    def reset(self) -> None:
        """Between jobs; class registers are the caller's affair."""
        self.bus.start()
        self.ccb.reset()
        self.input.reset()
        self.output.reset()
        self.words = []
        self.pc = self.index = self.steps = 0
        self.math = [0, 0, 0, 0]
        self.override = 0
        self.negative = self.zero = self.carry = self.overflow = False
        self.shared_length = self.shared_start = self.job_start = 0
        self.shared_address = self.job_address = None
        self.shared_image = []
        self.is_shared = False
        self.share_change = 0
        self.jumped = False
        self.part_end = 0
        self.parts.clear()
        self.returns.clear()
        self.pid = self.control = self.interrupt_control = 0

    # The descriptor

    def unpack(self, raw: bytes) -> list[int]:
        """Words as memory holds them."""
        return list(struct.unpack(f"{self._order}{len(raw) // 4}I", raw))

    def pack(self, words: Sequence[int]) -> bytes:
        return struct.pack(f"{self._order}{len(words)}I", *words)

    def word(self) -> int:
        """The next word of the descriptor."""
        pc = self.pc
        if pc >= len(self.words):
            raise DecoError(ErrorCode.HEADER)
        self.pc = pc + 1
        return self.words[pc]

    def pointer(self) -> int:
        """The next pointer of the descriptor: one or two words, by MCFGR.PS."""
        address = self.pointer_at(self.pc)
        self.pc += self.services.pointer_size // 4
        return address

    def pointer_at(self, index: int) -> int:
        long = self.services.pointer_size == 8
        if index < 0 or index + long >= len(self.words):
            raise DecoError(ErrorCode.HEADER)
        first = self.words[index]
        if not long:
            return first & self.pointer_mask
        second = self.words[index + 1]
        if self.config.high_word_at_zero:
            return (first << 32 | second) & self.pointer_mask
        return (second << 32 | first) & self.pointer_mask

    def immediate(self, size: int) -> bytes:
        """Data in the descriptor, in the order in which memory holds its bytes."""
        count = size + 3 >> 2
        pc = self.pc
        if pc + count > len(self.words):
            raise DecoError(ErrorCode.HEADER)
        self.pc = pc + count
        return struct.pack(f"{self._order}{count}I", *self.words[pc : pc + count])[:size]

    def buffer_bytes(self, offset: int, size: int) -> bytes:
        """Bytes of the descriptor buffer as MOVE sees them: each word's most significant first."""
        if offset + size > len(self.words) * 4:
            raise DecoError(ErrorCode.MOVE)
        first, last = offset >> 2, offset + size + 3 >> 2
        raw = struct.pack(f">{last - first}I", *self.words[first:last])
        return raw[offset & 3 : (offset & 3) + size]

    def set_buffer_bytes(self, offset: int, data: bytes) -> None:
        if offset + len(data) > len(self.words) * 4:
            raise DecoError(ErrorCode.MOVE)
        first, last = offset >> 2, offset + len(data) + 3 >> 2
        raw = bytearray(struct.pack(f">{last - first}I", *self.words[first:last]))
        raw[offset & 3 : (offset & 3) + len(data)] = data
        self.words[first:last] = struct.unpack(f">{last - first}I", raw)

    def go(self, target: int) -> None:
        """Continue at word `target`; a JUMP error outside the buffer."""
        total = len(self.words)
        if not 0 <= target <= total:
            raise DecoError(ErrorCode.JUMP)
        shared = self.shared_length
        if self.part_end == shared and shared and target == shared:
            self.pc = target  # the end of the shared descriptor, not the job's header
            return
        in_shared = target < shared
        self.part_end = shared if in_shared else total
        if in_shared in self.parts:
            self.parts.remove(in_shared)
        self.pc = target

    def enter(self, shared: bool) -> None:
        """Begin with the shared descriptor, or with the job's own commands."""
        self.pc = self.shared_start if shared else self.job_start
        self.part_end = self.shared_length if shared else len(self.words)

    def call(self) -> None:
        if len(self.returns) >= _RETURN_DEPTH:
            raise DecoError(ErrorCode.JUMP)
        self.returns.append(self.pc)

    # Values

    def spend(self, steps: int) -> None:
        """Account for commands; the watchdog's error once a job had too many."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise DecoError(ErrorCode.WATCHDOG)

    def class_registers(self, number: int) -> ClassRegisters:
        return self.class1 if number == 1 else self.class2

    def math_bytes(self) -> bytes:
        """MATH0 to MATH3 in a row, each most significant byte first."""
        return struct.pack(">4Q", *self.math)

    def set_math_bytes(self, offset: int, data: bytes) -> None:
        raw = bytearray(self.math_bytes())
        raw[offset : offset + len(data)] = data
        self.math[:] = struct.unpack(">4Q", raw)

    def number(self, raw: bytes) -> int:
        """A register's value as memory holds it."""
        return int.from_bytes(raw, self.byteorder)

    def conditions(self) -> int:
        """MATH and PKHA conditions as JUMP tests them."""
        value = self.ccb.pkha.flags.value
        bits = (value & 1) << 7 | (value >> 1 & 1) << 6 | (value >> 2 & 1) << 5
        return (
            bits
            | self.negative << 3
            | self.zero << 2
            | self.carry << 1
            | (self.negative != self.overflow)
        )

    # Memory

    def place(self, address: int, scatter: bool) -> Walk:
        """Memory at `address`, or what the table there describes."""
        if scatter:
            return Scatter(address, self.bus, self.tables)
        return Flat(address, self.pointer_mask)

    def fetch(self, address: int, size: int, scatter: bool) -> bytes:
        if not scatter:
            return self.bus.read(address, size)
        return self.bus.read_pieces(self.place(address, True).take(size)) if size else b""

    def deposit(self, address: int, data: bytes, scatter: bool) -> None:
        if not scatter:
            self.bus.write(address, data)
            return
        offset = 0
        for piece, size in self.place(address, True).take(len(data)):
            self.bus.write(piece, data[offset : offset + size])
            offset += size

    # What a built-in protocol needs (models.sec.cha.protocols.host.ProtocolHost)

    @property
    def _pdb_range(self) -> tuple[int, int]:
        if self.shared_length:
            return 1, self.shared_start
        return 1, self.job_start

    @property
    def pdb(self) -> Sequence[int]:
        first, last = self._pdb_range
        return self.words[first:last]

    def pdb_pointer(self, index: int) -> int:
        first, last = self._pdb_range
        if index < 0 or first + index + self.services.pointer_size // 4 > last:
            raise DecoError(ErrorCode.HEADER)
        return self.pointer_at(first + index)

    def read(self, address: int, size: int, scatter: bool = False) -> bytes:
        return self.fetch(address & self.pointer_mask, size, scatter)

    def write(self, address: int, data: bytes, scatter: bool = False) -> None:
        self.deposit(address & self.pointer_mask, data, scatter)

    @property
    def sequence_in_length(self) -> int:
        return self.input.length

    def read_sequence(self, size: int) -> bytes:
        return self.input.read(size)

    def write_sequence(self, data: bytes) -> None:
        self.output.write(data)
