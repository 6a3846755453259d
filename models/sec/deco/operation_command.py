# SPDX-License-Identifier: MIT
"""OPERATION and SIGNATURE."""

from __future__ import annotations

from typing import Final

from models.sec.cha import pkha, protocols
from models.sec.cha.protocols import dkp
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.key_command import derive_key
from models.sec.deco.machine import Machine
from models.sec.deco.tables import OpType

__all__ = ["operation", "signature"]

_ALGORITHM_STEPS: Final = 16
_PKHA_STEPS: Final = 256
_PROTOCOL_STEPS: Final = 1024


def operation(machine: Machine, word: int) -> None:
    """OPERATION: an algorithm of class 1 or 2, the PKHA, or a protocol."""
    kind = word >> 24 & 7
    ccb = machine.ccb
    if kind == OpType.CLASS1 or kind == OpType.CLASS2:
        machine.spend(_ALGORITHM_STEPS)
        ccb.operate(1 if kind == OpType.CLASS1 else 2, word)
    elif kind == OpType.PK:
        machine.spend(_PKHA_STEPS)
        registers = ccb.use_pkha()
        ccb.public_key = True
        pkha.operate(word, registers)
    elif dkp.is_dkp(word):
        machine.spend(_ALGORITHM_STEPS)
        derive_key(machine, word)
    elif kind in (OpType.UNI, OpType.DECAP, OpType.ENCAP):
        machine.spend(_PROTOCOL_STEPS)
        ccb.use_pkha()
        protocols.run(word, machine)
    else:
        raise DecoError(ErrorCode.OPERATION)


def signature(machine: Machine, word: int) -> None:
    """SIGNATURE belongs into trusted descriptors, and those do not get this far."""
    raise DecoError(ErrorCode.SIGNATURE)
