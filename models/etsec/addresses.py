# SPDX-License-Identifier: MIT
"""Whose frame it is: the station's addresses, the hash tables, broadcast and promiscuous mode."""

from __future__ import annotations

import zlib
from enum import Enum

from models.etsec.registers import MACSTNADDR1, MACSTNADDR2, OFFSETS, RCTRL, TYPES
from models.etsec.state import State
from testbed.remoteport.registers import Register

__all__ = ["BROADCAST", "PAUSE_ADDRESS", "Match", "is_group", "match", "station_address"]

BROADCAST = b"\xff" * 6
PAUSE_ADDRESS = bytes.fromhex("0180c2000001")

_PAIRS: list[tuple[type[Register], type[Register]]] = [
    (TYPES[offset], TYPES[offset + 4])
    for offset in range(OFFSETS[MACSTNADDR1], OFFSETS[MACSTNADDR1] + 16 * 8, 8)
]
_INDIVIDUAL = [TYPES[offset] for offset in range(0x800, 0x820, 4)]
_GROUP = [TYPES[offset] for offset in range(0x880, 0x8A0, 4)]


class Match(Enum):
    """Whether a frame is received."""

    NO = 0
    YES = 1
    MISS = 2  # in promiscuous mode only


def is_group(address: bytes) -> bool:
    """Whether it is a multicast or the broadcast address."""
    return bool(address[:1] and address[0] & 1)


def address_of(part1: int, part2: int) -> bytes:
    """The six octets that a pair of address registers holds."""
    return (part2 >> 16).to_bytes(2, "little") + part1.to_bytes(4, "little")


def station_address(state: State) -> bytes:
    """The station's own address."""
    return address_of(state[MACSTNADDR1], state[MACSTNADDR2])


def hash_of(address: bytes) -> int:
    """The CRC that the hash tables are indexed with, from its highest bit on."""
    crc = ~zlib.crc32(address) & 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)


def match(state: State, address: bytes) -> Match:
    """Whether a frame to `address` (6 bytes, fewer in a short one) is received."""
    control = state[RCTRL]
    promiscuous = Match.MISS if control & RCTRL.PROM.mask else Match.NO
    if len(address) < 6:
        return promiscuous
    if address == BROADCAST:
        return promiscuous if control & RCTRL.BC_REJ.mask else Match.YES
    last = len(_PAIRS) if control & RCTRL.EMEN.mask else 1
    for part1, part2 in _PAIRS[:last]:
        if address == address_of(state[part1], state[part2]):
            return Match.YES
    return Match.YES if _in_table(state, address, control) else promiscuous


def _in_table(state: State, address: bytes, control: int) -> bool:
    group = is_group(address)
    if control & RCTRL.GHTX.mask:
        if not group:
            return False
        tables, width = _INDIVIDUAL + _GROUP, 9
    else:
        tables, width = (_GROUP if group else _INDIVIDUAL), 8
    index = hash_of(address) >> 32 - width
    return bool(state[tables[index >> 5]] >> 31 - (index & 31) & 1)
