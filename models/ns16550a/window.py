# SPDX-License-Identifier: MIT
"""How the 16550's eight registers lie on a bus: spacing, width, byte order, reserved space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from models.ns16550a.registers import DIVISOR_LATCHES, REGISTERS, register_map
from testbed.errors import Stage, TestbedError
from testbed.remoteport.device import BusError, Device, Region, Response
from testbed.remoteport.registers import RegisterRef

_DEFAULT_SIZE = 0x100


class RegisterWindow(Device):
    """A device whose one region holds the 16550's registers. The package describes the bus.

    A subclass gives `connect` what reads and writes each register.
    """

    regions = (Region("registers", _DEFAULT_SIZE, register_map()),)

    def __init__(
        self,
        name: str,
        *,
        reg_shift: int,
        reg_io_width: int,
        size: int,
        byteorder: Literal["little", "big"],
    ) -> None:
        super().__init__(name, byteorder)
        _check_layout(name, reg_shift, reg_io_width, size)
        self._reg_shift = reg_shift
        self._io_width = reg_io_width
        self._slot_mask = (1 << reg_shift) - 1
        # The byte of a slot that carries the register; the rest of its width is the zero extension.
        self._lane = reg_io_width - 1 if byteorder == "big" else 0
        self._size = size
        if size != _DEFAULT_SIZE or reg_shift or self._lane:
            # The base declares the regions for the class; here they depend on parameters.
            vars(self)["regions"] = (
                Region("registers", size, register_map(reg_shift, self._lane)),
            )
        # By offset, for accesses of exactly the registers' width.
        self._readers: dict[int, Callable[[], int]] = {}
        self._writers: dict[int, Callable[[int], None]] = {}
        self._refs = tuple(
            (RegisterRef(at.read) if at.read else None, RegisterRef(at.write) if at.write else None)
            for at in (*REGISTERS, *DIVISOR_LATCHES)
        )

    def connect(
        self,
        readers: Sequence[Callable[[], int]],
        writers: Sequence[Callable[[int], None]],
    ) -> None:
        """What an access to each register does, in the order of the registers."""
        self._readers = {n << self._reg_shift: reader for n, reader in enumerate(readers)}
        self._writers = {n << self._reg_shift: writer for n, writer in enumerate(writers)}

    def divisor_latch_access(self) -> bool:
        """Whether registers 0 and 1 are the divisor latches now."""
        raise NotImplementedError

    def read(self, region: int, offset: int, size: int) -> int:
        if size == self._io_width and region == 0:
            reader = self._readers.get(offset)
            if reader is not None:
                return reader()
        self._check_access(region, offset, size)
        data = bytearray(size)
        for index in range(size):
            address = offset + index
            if address & self._slot_mask == self._lane:
                reader = self._readers.get(address - self._lane)
                if reader is not None:
                    data[index] = reader()
        return int.from_bytes(data, self.byteorder)

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        if size == self._io_width and region == 0:
            writer = self._writers.get(offset)
            if writer is not None:
                writer(value & 0xFF)
                return
        self._check_access(region, offset, size)
        data = (value & (1 << 8 * size) - 1).to_bytes(size, self.byteorder)
        for index in range(size):
            address = offset + index
            if address & self._slot_mask == self._lane:
                writer = self._writers.get(address - self._lane)
                if writer is not None:
                    writer(data[index])

    def register_at(self, region: int, offset: int, size: int, write: bool) -> RegisterRef | None:
        """As the base, with DLAB seen to; None for an access that covers several registers."""
        slot = offset >> self._reg_shift
        if region or not 0 <= slot < len(REGISTERS) or size > self._io_width:
            return None
        if offset & self._slot_mask != (self._lane if size < self._io_width else 0):
            return None
        if slot < len(DIVISOR_LATCHES) and self.divisor_latch_access():
            slot += len(REGISTERS)
        return self._refs[slot][write]

    def _check_access(self, region: int, offset: int, size: int) -> None:
        if region != 0 or size < 1 or offset < 0 or offset + size > self._size:
            raise BusError(
                Response.ADDRESS_ERROR,
                f"{self.name}: access of {size} bytes at {offset:#x} of region {region} leaves the"
                f" register window of {self._size:#x} bytes",
            )


def _check_layout(name: str, reg_shift: int, reg_io_width: int, size: int) -> None:
    problem = None
    if not 0 <= reg_shift <= 4:
        problem = f"reg_shift {reg_shift} is not 0 to 4"
    elif reg_io_width not in (1, 2, 4) or reg_io_width > 1 << reg_shift:
        problem = (
            f"reg_io_width {reg_io_width} is not 1, 2 or 4 within the {1 << reg_shift} bytes that"
            f" reg_shift {reg_shift} gives a register"
        )
    elif size < len(REGISTERS) << reg_shift:
        problem = f"size {size:#x} does not hold 8 registers {1 << reg_shift} bytes apart"
    if problem:
        raise TestbedError(Stage.MODEL, f"{name}: {problem}; correct the device's parameters")
