# SPDX-License-Identifier: MIT
"""STORE and SEQ STORE."""

from __future__ import annotations

from models.sec.cha.unit import ClassRegisters
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import Load
from models.sec.deco.machine import Machine
from models.sec.deco.tables import PLACES, POINTERLESS, Command, Place

__all__ = ["store"]

_SGF, _IMM = Load.SGF.mask, Load.IMM.mask
_PLACES = {number << 25 | register << 16: place for (number, register), place in PLACES.items()}
_PLACE_MASK = Load.CLASS.mask | Load.REGISTER.mask


def store(machine: Machine, word: int) -> None:
    """STORE, SEQ STORE."""
    sequence = word >> 27 == Command.SEQ_STORE
    size = word & Load.LENGTH.mask
    if word & _IMM:
        address = 0 if sequence else machine.pointer()
        _write(machine, word, sequence, address, machine.immediate(size))
        return
    place = _PLACES.get(word & _PLACE_MASK)
    if place is None or not place.store:
        raise DecoError(ErrorCode.STORE)
    offset = Load.OFFSET.get(word)
    if place.name in POINTERLESS:
        _write_back(machine, place.name, sequence, offset, size)
        return
    address = 0 if sequence else machine.pointer()
    if place.name == "descbuf":
        if offset + size > len(machine.words):
            raise DecoError(ErrorCode.STORE)
        data = machine.pack(machine.words[offset : offset + size])
    else:
        if sequence and word & _SGF:
            size = machine.output.variable
        data = _content(machine, place, offset, size)
    _write(machine, word, sequence, address, data)


def _write(machine: Machine, word: int, sequence: bool, address: int, data: bytes) -> None:
    if sequence:
        machine.output.write(data)
    else:
        machine.deposit(address, data, bool(word & _SGF))


def _write_back(machine: Machine, name: str, sequence: bool, offset: int, count: int) -> None:
    """Words of the descriptor to where it was fetched from."""
    if name.startswith("descbuf-shared"):
        base, length, address = 0, machine.shared_length, machine.shared_address
    else:
        base = machine.shared_length
        length, address = len(machine.words) - base, machine.job_address
    if sequence or address is None or offset + count > length:
        raise DecoError(ErrorCode.STORE)
    words = machine.words[base + offset : base + offset + count]
    if base == 0 and machine.shared_length:
        machine.shared_image[offset : offset + count] = words
    machine.bus.write(address + 4 * offset & machine.pointer_mask, machine.pack(words))


def _content(machine: Machine, place: Place, offset: int, size: int) -> bytes:
    """`size` bytes of a register from `offset` on, as memory is to hold them."""
    name = place.name
    if offset + size > place.size:
        raise DecoError(ErrorCode.CONTEXT_LENGTH if name[:3] == "ctx" else ErrorCode.STORE)
    if name[:3] == "ctx":
        lane = machine.ccb.lane(int(name[3]))
        machine.ccb.finish(lane)
        return bytes(lane.registers.context[offset : offset + size])
    if name[:4] == "math":
        return _math(machine, int(name[4]) * 8 + offset, size)
    value = _value(machine, name)
    raw = value.to_bytes(place.size, machine.byteorder)
    return raw[offset : offset + size]


def _math(machine: Machine, offset: int, size: int) -> bytes:
    raw = machine.math_bytes()
    parts: list[bytes] = []
    while size:
        part = min(8 - offset % 8, size)
        value = int.from_bytes(raw[offset : offset + part], "big")
        parts.append(value.to_bytes(part, machine.byteorder))
        offset += part
        size -= part
    return b"".join(parts)


def _value(machine: Machine, name: str) -> int:
    ccb = machine.ccb
    if name[-1] in "12":
        return _class_value(machine.class_registers(int(name[-1])), name[:-1])
    if name in ("pkasz", "pkbsz", "pknsz", "pkesz"):
        size: int = getattr(ccb.pkha, f"{name[2]}_size")
        return size
    simple = {
        "cctrl": machine.control,
        "ictrl": machine.interrupt_control,
        "pid": machine.pid,
        "dpovrd": machine.override,
        "descaddr": machine.job_address or 0,
        "csta": ccb.lane1.done << 17 | ccb.lane2.done << 18,
    }
    return simple.get(name, 0)


def _class_value(registers: ClassRegisters, name: str) -> int:
    if name == "mode":
        return registers.mode & 0xFFFFFF
    values = {
        "keysz": registers.key_size,
        "datasz": registers.data_size,
        "icvsz": registers.icv_size,
        "aadsz": registers.aad_size,
        "ivsz": registers.iv_size,
    }
    return values[name]
