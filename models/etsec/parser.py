# SPDX-License-Identifier: MIT
"""The receive parser: which headers a frame has, and whether its checksums are right."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from models.etsec.checksums import TCP, UDP, folded, pseudo_header, total
from models.etsec.registers import RCTRL, RXFCB

__all__ = ["Parsed", "parse"]

_VLAN, _IPV4, _IPV6 = 0x8100, 0x0800, 0x86DD
_LAYER3_ERROR = 2  # RXFCB.PERR
_EXTENSIONS = frozenset((0, 43, 60))  # hop-by-hop, routing, destination options
_FRAGMENT = 44


@dataclass(slots=True)
class Parsed:
    """What goes into the FCB, and what the filer asks about."""

    flags: int = 0  # of RXFCB
    protocol: int = 0
    vlan: int | None = None
    ethertype: int = 0
    fragment: bool = False
    tos: int = 0
    source: int = 0  # addresses and ports
    destination: int = 0
    source_port: int = 0
    destination_port: int = 0

    @property
    def error(self) -> bool:
        """Headers that contradict each other."""
        return bool(self.flags & RXFCB.PERR.mask)

    def fcb(self, queue: int) -> bytes:
        """The 8 bytes before the frame."""
        return struct.pack(">HBBHH", self.flags, queue, self.protocol, 0, self.vlan or 0)


def parse(control: int, data: bytes) -> Parsed:
    """Parse a frame as deep as RCTRL, `control`, says."""
    result = Parsed()
    depth = RCTRL.PRSDEP.get(control)
    if not depth or len(data) < 14:
        return result
    (kind,) = struct.unpack_from(">H", data, 12)
    at = 14
    if kind == _VLAN and len(data) >= 18:
        result.vlan, kind = struct.unpack_from(">HH", data, 14)
        result.flags |= RXFCB.VLN.mask
        at = 18
    result.ethertype = kind
    if depth < 2:
        return result
    if kind == _IPV4:
        _ipv4(result, control, data, at)
    elif kind == _IPV6:
        _ipv6(result, control, data, at)
    return result


def _broken(result: Parsed) -> None:
    result.flags = RXFCB.PERR.put(result.flags, _LAYER3_ERROR)


def _ipv4(result: Parsed, control: int, data: bytes, at: int) -> None:
    header = 4 * (data[at] & 0xF) if at < len(data) else 0
    if at + 20 > len(data) or data[at] >> 4 != 4 or header < 20 or at + header > len(data):
        _broken(result)
        return
    result.flags |= RXFCB.IP.mask
    result.tos, length, _, fragment = struct.unpack_from(">xBHHH", data, at)
    result.protocol = data[at + 9]
    result.source, result.destination = struct.unpack_from(">II", data, at + 12)
    if control & RCTRL.IPCSEN.mask:
        result.flags |= RXFCB.CIP.mask
        if folded(total(data[at : at + header])):
            result.flags |= RXFCB.EIP.mask
    result.fragment = bool(fragment & 0x3FFF)
    if result.fragment:
        return
    if length < header or at + length > len(data):
        _broken(result)
        return
    _layer4(result, control, data[at + header : at + length], data[at + 12 : at + 20])


def _ipv6(result: Parsed, control: int, data: bytes, at: int) -> None:
    if at + 40 > len(data) or data[at] >> 4 != 6:
        _broken(result)
        return
    result.flags |= RXFCB.IP.mask | RXFCB.IP6.mask
    word, length, following = struct.unpack_from(">IHB", data, at)
    result.tos = word >> 20 & 0xFF
    (result.source,) = struct.unpack_from(">I", data, at + 8)
    (result.destination,) = struct.unpack_from(">I", data, at + 24)
    start, end = at + 40, at + 40 + length
    if end > len(data):
        _broken(result)
        return
    while following in _EXTENSIONS and start + 8 <= end:
        following, size = data[start], 8 * (data[start + 1] + 1)
        start += size
    result.protocol = following
    result.fragment = following == _FRAGMENT
    if not result.fragment and start <= end:
        _layer4(result, control, data[start:end], data[at + 8 : at + 40])


def _layer4(result: Parsed, control: int, packet: bytes, addresses: bytes) -> None:
    udp = result.protocol == UDP
    if RCTRL.PRSDEP.get(control) < 3 or not (udp or result.protocol == TCP):
        return
    if len(packet) < (8 if udp else 20):
        return
    result.flags |= RXFCB.TUP.mask
    result.source_port, result.destination_port = struct.unpack_from(">HH", packet)
    if not control & RCTRL.TUCSEN.mask or (udp and packet[6:8] == b"\0\0"):
        return
    result.flags |= RXFCB.CTU.mask
    if folded(total(packet) + pseudo_header(addresses, len(packet), result.protocol)):
        result.flags |= RXFCB.ETU.mask
