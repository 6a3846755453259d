# SPDX-License-Identifier: MIT
"""What a built-in protocol needs of the DECO that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from models.sec.cha.unit import ClassRegisters, PkhaRegisters
from models.sec.services import SecServices

__all__ = ["ProtocolHost"]


class ProtocolHost(Protocol):
    """The DECO as a protocol sees it. Its methods raise the DECO's own errors, which pass through.

    `pdb`: the words of the protocol data block, that is of the job descriptor between its header
    (and shared descriptor pointer) and its start index, in the order of the descriptor, each as a
    number. `pdb_pointer(index)` reads the pointer that starts at word `index` of it, in
    `services.pointer_size` bytes.
    """

    services: SecServices
    class1: ClassRegisters
    class2: ClassRegisters
    pkha: PkhaRegisters

    @property
    def pdb(self) -> Sequence[int]: ...

    def pdb_pointer(self, index: int) -> int: ...

    def read(self, address: int, size: int, scatter: bool = False) -> bytes:
        """`size` bytes of memory; with `scatter`, `address` is that of a scatter/gather table."""

    def write(self, address: int, data: bytes, scatter: bool = False) -> None: ...

    @property
    def sequence_in_length(self) -> int:
        """Bytes left in the input sequence."""

    def read_sequence(self, size: int) -> bytes: ...

    def write_sequence(self, data: bytes) -> None: ...
