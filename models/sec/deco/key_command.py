# SPDX-License-Identifier: MIT
"""KEY and SEQ KEY, and the derived key protocol, which becomes a KEY."""

from __future__ import annotations

from models.sec.cha import blackkey
from models.sec.cha.protocols import dkp
from models.sec.cha.unit import KEY_BYTES, InputType
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import Key
from models.sec.deco.machine import Machine
from models.sec.deco.tables import Command, KeyDest
from models.sec.services import SecServices

__all__ = ["derive_key", "kek", "key"]

_SGF, _IMM, _ENC = Key.SGF.mask, Key.IMM.mask, Key.ENC.mask
_LENGTH = Key.LENGTH.mask
_SBOX_BYTES = 258

_IMMEDIATE, _SEQUENCE, _POINTER, _TABLE = range(4)


def kek(services: SecServices, trusted_key: bool, error: ErrorCode) -> bytes:
    """The key that covers: JDKEK, or TDKEK where the job may use it; else `error`."""
    if not trusted_key:
        return services.jdkek
    if not services.trusted:
        raise DecoError(error)
    return services.tdkek


def key(machine: Machine, word: int) -> None:
    """KEY, SEQ KEY."""
    sequence = word >> 27 == Command.SEQ_KEY
    size = word & _LENGTH
    if sequence and word & _SGF:
        size = machine.input.variable
    covered = bool(word & _ENC)
    ccm = bool(word & Key.EKT.mask)
    # The longest thing a key register takes bounds what is fetched.
    if size > max(KEY_BYTES, _SBOX_BYTES, 512):
        raise DecoError(ErrorCode.KEY)
    length = blackkey.covered_size(size, ccm) if covered else size
    data = _fetch(machine, word, sequence, length)
    if covered:
        secret = kek(machine.services, bool(word & Key.TK.mask), ErrorCode.KEY)
        data = blackkey.uncover(data, size, secret, ccm)
    _put(machine, word, data)


def _fetch(machine: Machine, word: int, sequence: bool, length: int) -> bytes:
    if sequence:
        if word & _IMM:  # already in the input data FIFO
            if machine.ccb.input.size < length:
                raise DecoError(ErrorCode.WATCHDOG)
            return machine.ccb.input.take(length)
        return machine.input.read(length)
    if word & _IMM:
        if word & _SGF:
            raise DecoError(ErrorCode.KEY)
        return machine.immediate(length)
    return machine.fetch(machine.pointer(), length, bool(word & _SGF))


def _put(machine: Machine, word: int, data: bytes) -> None:
    number = Key.CLASS.get(word)
    dest = Key.KDEST.get(word)
    if number not in (1, 2):
        raise DecoError(ErrorCode.KEY)
    if dest == KeyDest.PKHA_E or dest == KeyDest.SBOX:
        if number != 1:
            raise DecoError(ErrorCode.KEY)
        if dest == KeyDest.PKHA_E:
            machine.ccb.use_pkha().load(InputType.PKHA_E, data)
        else:
            machine.class1.sbox = data
        return
    if len(data) > KEY_BYTES or (dest == KeyDest.SPLIT and number != 2):
        raise DecoError(ErrorCode.KEY)
    registers = machine.class_registers(number)
    registers.key = data
    registers.key_size = len(data)
    registers.split_key = dest == KeyDest.SPLIT
    registers.no_write_back = bool(word & Key.NWB.mask)


def derive_key(machine: Machine, word: int) -> None:
    """OPERATION of the derived key protocol: the split key into class 2 and to where the
    descriptor says; there the OPERATION becomes the KEY that loads it."""
    start = machine.index
    source, dest = word >> 14 & 3, word >> 12 & 3
    size = word & 0xFFF
    if size > machine.config.page_size:
        raise DecoError(ErrorCode.OPERATION)
    address: int | None = None
    if source == _IMMEDIATE:
        secret = machine.immediate(size)
    elif source == _SEQUENCE:
        secret = machine.input.read(size)
    else:
        address = machine.pointer()
        secret = machine.fetch(address, size, source == _TABLE)
    derived = dkp.derive(word, secret, machine.services)
    split = derived.split_key
    content = [] if derived.key_command is None else [derived.key_command]
    if dest == _IMMEDIATE:
        content += machine.unpack(split + bytes(-len(split) % 4))
        end = max(start + len(content), machine.pc)
        if end > len(machine.words):
            raise DecoError(ErrorCode.OPERATION)
        machine.pc = end
    elif dest == _SEQUENCE:
        machine.output.write(split)
    else:
        # With a key from the descriptor or the input sequence this pointer is the only one.
        place = machine.pointer() if address is None else address
        machine.deposit(place, split, dest == _TABLE)
    # KEY has no room for a key in front of its pointer.
    if dest == _IMMEDIATE or address is not None:
        _patch(machine, start, content)
    registers = machine.class2
    registers.key = split
    registers.key_size = len(split)
    registers.split_key = True
    registers.no_write_back = False


def _patch(machine: Machine, start: int, content: list[int]) -> None:
    """Change the descriptor in the buffer and, where it is a shared one, in memory."""
    if not content:
        return
    machine.words[start : start + len(content)] = content
    address = machine.shared_address
    if address is not None and start + len(content) <= machine.shared_length:
        machine.shared_image[start : start + len(content)] = content
        machine.bus.write(address + 4 * start & machine.pointer_mask, machine.pack(content))
