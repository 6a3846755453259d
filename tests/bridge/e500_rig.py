# SPDX-License-Identifier: MIT
"""A ppce500 machine with the bridge in it, and its MPIC seen from the CPU."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from bridge_rig import Machine

_MPIC = 0xFE0040000
_PRIORITY = _MPIC + 0x20080  # CTPR of CPU 0
ACKNOWLEDGE = _MPIC + 0x200A0
_PENDING = 0x40000000


def e500_machine(qemu: Path, bridge: Path, folder: Path, devices: Sequence[str]) -> Machine:
    """A machine of 128 MiB whose CPU stands still."""
    (folder / "firmware").write_bytes(_firmware())
    return Machine(
        qemu,
        bridge,
        folder,
        devices,
        machine="ppce500",
        extra=["-cpu", "e500v2_v30", "-bios", "firmware"],
    )


def _firmware() -> bytes:
    """The machine insists on an ELF file; no instruction of it runs."""
    code = bytes(4)
    ident = b"\x7fELF\1\2\1".ljust(16, b"\0")
    header = struct.pack(">16sHHIIIIIHHHHHH", ident, 2, 20, 1, 0, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    return header + struct.pack(">8I", 1, 84, 0, 0, len(code), len(code), 5, 4) + code


class MpicInput:
    """An input of the MPIC, level sensitive, to the first CPU."""

    def __init__(self, machine: Machine, number: int, vector: int) -> None:
        self._machine = machine
        self._register = _MPIC + 0x10000 + number * 0x20  # IVPR; EIDR is 0x10 above
        level_sensitive, priority = 1 << 22, 5 << 16
        machine.write(self._register + 0x10, 4, 1)
        machine.write(self._register, 4, level_sensitive | priority | vector)
        machine.write(_PRIORITY, 4, 0)

    @property
    def pending(self) -> bool:
        return bool(self._machine.read(self._register, 4) & _PENDING)
