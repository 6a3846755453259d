# SPDX-License-Identifier: MIT
"""FIFO LOAD, FIFO STORE and their SEQ forms."""

from __future__ import annotations

from models.sec.cha import blackkey
from models.sec.cha.unit import ChaError, ChaId, ErrorId, InputType
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import FifoLoad, FifoStore
from models.sec.deco.info import Info
from models.sec.deco.key_command import kek
from models.sec.deco.machine import Machine
from models.sec.deco.tables import (
    BITDATA,
    COVERED_TYPES,
    MESSAGE_TYPES,
    MSG1OUT2,
    NO_INFO,
    PKHA_TYPES,
    SOURCE_DATA,
    SOURCE_SNOOP,
    Command,
    StoreType,
)

__all__ = ["fifo_load", "fifo_store"]

_SGF, _IMM, _EXT = FifoLoad.SGF.mask, FifoLoad.IMM.mask, FifoLoad.EXT.mask
_LENGTH = FifoLoad.LENGTH.mask
_FLUSH1, _LAST1, _LAST2 = 1, 2, 4


def fifo_load(machine: Machine, word: int) -> None:
    """FIFO LOAD, SEQ FIFO LOAD."""
    sequence = word >> 27 == Command.SEQ_FIFO_LOAD
    number = word >> 25 & 3
    kind = word >> 16 & 0x3F
    if sequence and not number:
        machine.input.skip(_sequence_size(machine, word, kind))
        return
    entry = _entry(number, kind)
    if sequence:
        size = _sequence_size(machine, word, kind)
        data = b"" if word & _IMM else machine.input.read(size)
    else:
        size, data = _direct(machine, word, kind)
    ccb = machine.ccb
    if entry is None or not ccb.auto_info:
        ccb.push_input(data)
        return
    entry.length = size
    if sequence and word & _IMM:  # already in the input data FIFO
        ccb.push_info(entry)
    elif data or entry.last1 or entry.last2 or entry.flush1 or entry.register:
        ccb.load(entry, data)


def _entry(number: int, kind: int) -> Info | None:
    """The info FIFO entry that goes with the data; None for data alone."""
    if kind == NO_INFO:
        return None
    if kind < 0x10:
        place = PKHA_TYPES.get(kind)
        if place is None or number != 1:
            raise DecoError(ErrorCode.FIFO_LOAD)
        return Info(1, place, 0)
    family = kind & 0x38
    snoop = family == MSG1OUT2
    if not number or (snoop and number != 3):
        raise DecoError(ErrorCode.FIFO_LOAD)
    return Info(
        dest=number,
        kind=MESSAGE_TYPES[family],
        length=0,
        last1=bool(kind & _LAST1),
        last2=bool(kind & _LAST2),
        flush1=bool(kind & _FLUSH1),
        source=SOURCE_SNOOP if snoop else SOURCE_DATA,
    )


def _bytes(length: int, kind: int) -> int:
    """The bytes that `length` stands for: bits in BITDATA."""
    return length + 7 >> 3 if kind & 0x38 == BITDATA else length


def _extended(machine: Machine, word: int, kind: int) -> int:
    """The length behind the command; BITDATA keeps the bits of its last byte in the command."""
    size = machine.word()
    return size + _bytes(word & 7, kind) if kind & 0x38 == BITDATA else size


def _sequence_size(machine: Machine, word: int, kind: int) -> int:
    if word & _SGF:
        if word & _EXT:
            raise DecoError(ErrorCode.FIFO_LOAD)
        return machine.input.variable
    if word & _EXT:
        return _extended(machine, word, kind)
    return _bytes(word & _LENGTH, kind)


def _direct(machine: Machine, word: int, kind: int) -> tuple[int, bytes]:
    if word & _IMM:
        if word & (_SGF | _EXT):
            raise DecoError(ErrorCode.FIFO_LOAD)
        size = _bytes(word & _LENGTH, kind)
        return size, machine.immediate(size)
    address = machine.pointer()
    size = _extended(machine, word, kind) if word & _EXT else _bytes(word & _LENGTH, kind)
    return size, machine.fetch(address, size, bool(word & _SGF))


def fifo_store(machine: Machine, word: int) -> None:
    """FIFO STORE, SEQ FIFO STORE."""
    sequence = word >> 27 == Command.SEQ_FIFO_STORE
    kind = word >> 16 & 0x3F
    if kind == StoreType.RNG_FIFO:
        if word & _EXT:
            raise DecoError(ErrorCode.FIFO_STORE)
        machine.ccb.push_output(_random(machine, word & _LENGTH))
        return
    address = 0 if sequence else machine.pointer()
    size = _store_size(machine, word, sequence)
    if kind in (StoreType.MESSAGE, StoreType.MESSAGE_CHECKSUM):
        pieces = (
            machine.output.place(size)
            if sequence
            else machine.place(address, bool(word & _SGF)).take(size)
        )
        machine.ccb.store(pieces, machine.index)
        return
    if kind in (StoreType.SKIP, StoreType.METADATA):
        if not sequence or word & _EXT:
            raise DecoError(ErrorCode.FIFO_STORE)
        if kind == StoreType.SKIP:
            machine.output.skip(size)
        else:
            machine.output.write(machine.input.read(size))
        return
    data = _content(machine, word, kind, size)
    if sequence:
        machine.output.write(data)
    else:
        machine.deposit(address, data, bool(word & _SGF))


def _store_size(machine: Machine, word: int, sequence: bool) -> int:
    if sequence and word & _SGF:
        if word & _EXT:
            raise DecoError(ErrorCode.FIFO_STORE)
        return machine.output.variable
    return machine.word() if word & _EXT else word & _LENGTH


def _random(machine: Machine, size: int) -> bytes:
    """FIFO STORE of random data: class 1 must be a RNG operation."""
    machine.bus.spend(size)
    unit = machine.ccb.lane1.unit
    if unit is None:
        raise ChaError(ChaId.RNG, ErrorId.MODE)
    return unit.generate(size)


def _content(machine: Machine, word: int, kind: int, size: int) -> bytes:
    if kind == StoreType.RNG:
        return _random(machine, size)
    place = PKHA_TYPES.get(kind)
    if place is not None:
        if size > 512:
            raise DecoError(ErrorCode.FIFO_STORE)
        return machine.ccb.pkha.store(place, size)
    ccm = kind < 0x20
    family = (kind | 0x20 if ccm else kind) & 0x2E
    if family not in COVERED_TYPES or kind & 0x30 == 0x30:
        raise DecoError(ErrorCode.FIFO_STORE)
    secret = kek(machine.services, bool(kind & 1), ErrorCode.FIFO_STORE)
    plain = _secret(machine, word, family, size)
    return blackkey.cover(plain, secret, ccm, machine.services.random)


def _secret(machine: Machine, word: int, family: int, size: int) -> bytes:
    """The key that a FIFO STORE is to cover."""
    ccb = machine.ccb
    number = FifoStore.CLASS.get(word)
    if family == StoreType.OUTPUT:
        return ccb.take_output(size)
    if family == StoreType.PKHA_E:
        if size > 512:
            raise DecoError(ErrorCode.FIFO_STORE)
        return ccb.pkha.store(InputType.PKHA_E, size)
    if family == StoreType.SBOX:
        ccb.finish(ccb.lane1)
        source = ccb.class1.sbox
    else:
        if number not in (1, 2) or (family == StoreType.SPLIT and number != 2):
            raise DecoError(ErrorCode.FIFO_STORE)
        lane = ccb.lane(number)
        ccb.finish(lane)
        registers = lane.registers
        if registers.no_write_back or registers.split_key != (family == StoreType.SPLIT):
            raise DecoError(ErrorCode.FIFO_STORE)
        source = registers.key
    if size > len(source):
        raise DecoError(ErrorCode.FIFO_STORE)
    return source[:size]
