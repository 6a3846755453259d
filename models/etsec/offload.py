# SPDX-License-Identifier: MIT
"""What a transmit frame control block asks for: checksums and a VLAN tag."""

from __future__ import annotations

import struct

from models.etsec.checksums import TCP, UDP, folded, pseudo_header, total
from models.etsec.registers import DFVLAN, TCTRL, TXFCB
from models.etsec.state import State

__all__ = ["FCB_SIZE", "offload"]

FCB_SIZE = 8
_IPV4_HEADER, _IPV6_HEADER = 20, 40
_MAC_ADDRESSES = 12


def offload(state: State, data: bytes) -> bytes:
    """The frame that `data`, an FCB and a frame, becomes; what does not fit it is not done."""
    if len(data) < FCB_SIZE:
        return b""
    flags, layer4, layer3, phcs, vlan = struct.unpack_from(">HBBHH", data)
    frame = bytearray(data[FCB_SIZE:])
    control = state[TCTRL]
    if flags & TXFCB.IP.mask:
        if flags & TXFCB.TUP.mask and flags & TXFCB.CTU.mask and control & TCTRL.TUCSEN.mask:
            _layer4(frame, flags, layer3, layer3 + layer4, phcs)
        ipv4 = not flags & TXFCB.IP6.mask
        if ipv4 and flags & TXFCB.CIP.mask and control & TCTRL.IPCSEN.mask:
            _layer3(frame, layer3)
    default = state[DFVLAN]
    if control & TCTRL.VLINS.mask and len(frame) >= _MAC_ADDRESSES:
        word = None
        if flags & TXFCB.PTP.mask:
            word = default & 0xFFFF
        elif flags & TXFCB.VLN.mask:
            word = vlan
        if word is not None:
            tag = struct.pack(">HH", DFVLAN.TAG.get(default), word)
            frame[_MAC_ADDRESSES:_MAC_ADDRESSES] = tag
    return bytes(frame)


def _layer3(frame: bytearray, start: int) -> None:
    if start + _IPV4_HEADER > len(frame):
        return
    end = start + 4 * (frame[start] & 0xF)
    if not start + _IPV4_HEADER <= end <= len(frame):
        return
    struct.pack_into(">H", frame, start + 10, 0)
    struct.pack_into(">H", frame, start + 10, folded(total(frame[start:end])))


def _layer4(frame: bytearray, flags: int, layer3: int, start: int, phcs: int) -> None:
    udp = bool(flags & TXFCB.UDP.mask)
    place, header = (start + 6, 8) if udp else (start + 16, 20)
    end = _end(frame, bool(flags & TXFCB.IP6.mask), layer3)
    if end is None or start + header > end:
        return
    if flags & TXFCB.NPH.mask:
        value = phcs
    else:
        addresses = (
            frame[layer3 + 8 : layer3 + _IPV6_HEADER]
            if flags & TXFCB.IP6.mask
            else frame[layer3 + 12 : layer3 + _IPV4_HEADER]
        )
        value = pseudo_header(bytes(addresses), end - start, UDP if udp else TCP)
    struct.pack_into(">H", frame, place, 0)
    checksum = folded(value + total(frame[start:end]))
    # In UDP zero says that there is none.
    struct.pack_into(">H", frame, place, 0xFFFF if udp and not checksum else checksum)


def _end(frame: bytearray, ipv6: bool, layer3: int) -> int | None:
    """Where the IP packet ends in the frame; None when its header does not fit in."""
    header = _IPV6_HEADER if ipv6 else _IPV4_HEADER
    if layer3 + header > len(frame):
        return None
    place = layer3 + (4 if ipv6 else 2)
    length = int.from_bytes(frame[place : place + 2], "big")
    return min(len(frame), layer3 + length + (_IPV6_HEADER if ipv6 else 0))
