# SPDX-License-Identifier: MIT
"""Ethernet frames with ARP or with UDP in IPv4: what a machine with one address needs to talk.

Sources: IEEE 802.3 (frames without their check sequence), RFC 826, 791 and 768. No VLANs, options
or fragments.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

BROADCAST = b"\xff" * 6

_ARP, _IPV4 = 0x0806, 0x0800
_ETHERNET = struct.Struct(">6s6sH")
_ARP_BODY = struct.Struct(">HHBBH6s4s6s4s")
_IPV4_HEADER = struct.Struct(">BBHHHBBH4s4s")
_UDP_HEADER = struct.Struct(">HHHH")
_UDP = 17
_SMALLEST = 60
_REQUEST, _REPLY = 1, 2


class BadFrame(ValueError):
    """A frame that a machine should not send; the message says why."""


@dataclass(frozen=True)
class Arp:
    """Who has `target`, or, when it is a reply, `source` is at `source_mac`."""

    reply: bool
    source_mac: bytes
    source: IPv4Address
    target_mac: bytes
    target: IPv4Address

    def frame(self) -> bytes:
        to = self.target_mac if self.reply else BROADCAST
        body = _ARP_BODY.pack(
            *(1, _IPV4, 6, 4, _REPLY if self.reply else _REQUEST),
            *(self.source_mac, self.source.packed, self.target_mac, self.target.packed),
        )
        return _frame(to, self.source_mac, _ARP, body)


@dataclass(frozen=True)
class Datagram:
    """A UDP datagram; addresses are (IPv4 address, port) pairs."""

    source_mac: bytes
    target_mac: bytes
    source: tuple[IPv4Address, int]
    target: tuple[IPv4Address, int]
    payload: bytes

    def frame(self, *, spoilt: bool = False) -> bytes:
        """`spoilt` has a bit of UDP's checksum wrong: a receiver has to drop the datagram."""
        (source, source_port), (target, target_port) = self.source, self.target
        size = _UDP_HEADER.size + len(self.payload)
        pseudo = source.packed + target.packed + struct.pack(">HH", _UDP, size)
        ports = struct.pack(">HHH", source_port, target_port, size)
        # 0 stands for no checksum; all ones are the same number.
        checksum = _checksum(pseudo + ports + b"\0\0" + self.payload) or 0xFFFF
        if spoilt:  # but not into 0, with which a receiver would look at none
            checksum = checksum ^ 0x0100 or checksum ^ 0x0001
        header = [
            *(0x45, 0, _IPV4_HEADER.size + size, 0, 0x4000, 64, _UDP, 0),
            *(source.packed, target.packed),
        ]
        header[7] = _checksum(_IPV4_HEADER.pack(*header))
        body = ports + struct.pack(">H", checksum) + self.payload
        return _frame(self.target_mac, self.source_mac, _IPV4, _IPV4_HEADER.pack(*header) + body)


def parse(frame: bytes) -> Arp | Datagram | None:
    """What a frame holds, every checksum looked at; None for other protocols. Or BadFrame."""
    if len(frame) < _SMALLEST:
        raise BadFrame(f"a frame of {len(frame)} bytes, at least {_SMALLEST} have to be sent")
    target, source, kind = _ETHERNET.unpack_from(frame)
    body = frame[_ETHERNET.size :]
    if kind == _ARP:
        return _parse_arp(body)
    if kind == _IPV4:
        return _parse_ipv4(source, target, body)
    return None


def _parse_arp(body: bytes) -> Arp:
    *kind, operation, mac, source, target_mac, target = _ARP_BODY.unpack_from(body)
    if kind != [1, _IPV4, 6, 4] or operation not in (_REQUEST, _REPLY):
        raise BadFrame(f"an ARP packet that is none of IPv4 on Ethernet: {body[:28].hex(' ')}")
    return Arp(operation == _REPLY, mac, IPv4Address(source), target_mac, IPv4Address(target))


def _parse_ipv4(source_mac: bytes, target_mac: bytes, body: bytes) -> Datagram | None:
    version, _, size, _, fragment, _, protocol, _, source, target = _IPV4_HEADER.unpack_from(body)
    header = body[: _IPV4_HEADER.size]
    if version != 0x45 or not _IPV4_HEADER.size <= size <= len(body) or fragment & 0x3FFF:
        raise BadFrame(f"an IPv4 header that is not plain: {header.hex(' ')}")
    if _checksum(header):
        raise BadFrame(f"an IPv4 header with a wrong checksum: {header.hex(' ')}")
    if protocol != _UDP:
        return None
    packet = body[_IPV4_HEADER.size : size]
    if len(packet) < _UDP_HEADER.size:
        raise BadFrame(f"a UDP header of {len(packet)} bytes")
    source_port, target_port, length, checksum = _UDP_HEADER.unpack_from(packet)
    if length != len(packet):
        raise BadFrame(f"a UDP length of {length} in a packet of {len(packet)} bytes")
    if not checksum:
        raise BadFrame(f"no UDP checksum: {packet[:8].hex(' ')}")
    if _checksum(source + target + struct.pack(">HH", _UDP, length) + packet):
        raise BadFrame(f"a wrong UDP checksum: {packet[:8].hex(' ')}")
    return Datagram(
        *(source_mac, target_mac),
        *((IPv4Address(source), source_port), (IPv4Address(target), target_port)),
        packet[_UDP_HEADER.size :],
    )


def _frame(to: bytes, source: bytes, kind: int, body: bytes) -> bytes:
    return (_ETHERNET.pack(to, source, kind) + body).ljust(_SMALLEST, b"\0")


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): 0 when `data` has its own in it.

    A sum of 16-bit words with the carry added is the remainder by 0xffff, where 0xffff and 0 are
    one; data of nothing but zeros has no sum but 0, and no header is that.
    """
    number = int.from_bytes(data + b"\0" * (len(data) % 2))
    return 0xFFFF - (number % 0xFFFF or 0xFFFF)
