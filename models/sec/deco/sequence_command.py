# SPDX-License-Identifier: MIT
"""SEQ IN PTR and SEQ OUT PTR."""

from __future__ import annotations

from typing import Final

from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import SeqIn, SeqOut
from models.sec.deco.machine import BUFFER_WORDS, Machine

__all__ = ["seq_in_ptr", "seq_out_ptr"]

_SGF, _PRE, _EXT, _RTO = SeqIn.SGF.mask, SeqIn.PRE.mask, SeqIn.EXT.mask, SeqIn.RTO.mask
_INL, _RJD, _SOP = SeqIn.INL.mask, SeqIn.RJD.mask, SeqIn.SOP.mask
_LENGTH = SeqIn.LENGTH.mask

_RJD_ERA: Final = 2
_SOP_ERA: Final = 5
_RST_ERA: Final = 5
_LENGTH_MASK: Final = 0x7F


def seq_in_ptr(machine: Machine, word: int) -> list[int] | None:
    """SEQ IN PTR. None, or with INL or RJD the job descriptor that takes over."""
    era = machine.config.era
    exclusive = (word & _PRE > 0) + (word & _RTO > 0) + (word & _SOP > 0)
    if exclusive > 1 or (word & _INL and word & _RJD):
        raise DecoError(ErrorCode.SEQUENCE)
    if (word & _SOP and (era < _SOP_ERA or word & _EXT)) or (word & _RJD and era < _RJD_ERA):
        raise DecoError(ErrorCode.SEQUENCE)
    sequence = machine.input
    if exclusive:
        length = machine.word() if word & _EXT else word & _LENGTH
        if word & _PRE:
            sequence.extend(length)
        elif word & _RTO:
            sequence.restart(length)
        else:
            sequence.start(machine.output.walk.restart(), length)
    else:
        address = machine.pointer()
        length = machine.word() if word & _EXT else word & _LENGTH
        sequence.start(machine.place(address, bool(word & _SGF)), length)
    if not word & (_INL | _RJD):
        return None
    return _descriptor(machine, keep=bool(word & _INL))


def _descriptor(machine: Machine, keep: bool) -> list[int]:
    """The job descriptor at the start of the input sequence. With `keep` the sequence goes on
    behind it, else there is none until the new descriptor names one."""
    sequence = machine.input
    header = machine.unpack(sequence.read(4))
    count = header[0] & _LENGTH_MASK
    if not 1 <= count <= BUFFER_WORDS:
        raise DecoError(ErrorCode.HEADER)
    words = header + machine.unpack(sequence.read(4 * (count - 1)))
    if not keep:
        sequence.length = 0
    return words


def seq_out_ptr(machine: Machine, word: int) -> None:
    """SEQ OUT PTR."""
    sequence = machine.output
    if word & _PRE and word & _RTO:
        raise DecoError(ErrorCode.SEQUENCE)
    if word & SeqOut.RST.mask and (not word & _RTO or machine.config.era < _RST_ERA):
        raise DecoError(ErrorCode.SEQUENCE)
    if word & (_PRE | _RTO):
        length = machine.word() if word & _EXT else word & _LENGTH
        if word & _PRE:
            sequence.extend(length)
        else:
            sequence.restart(None if word & SeqOut.RST.mask else length)
        return
    address = machine.pointer()
    length = machine.word() if word & _EXT else word & _LENGTH
    sequence.start(machine.place(address, bool(word & _SGF)), length)
