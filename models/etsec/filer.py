# SPDX-License-Identifier: MIT
"""The receive queue filer: the first rule of its table that matches a frame chooses its ring."""

from __future__ import annotations

from dataclasses import dataclass

from models.etsec.addresses import BROADCAST
from models.etsec.parser import Parsed
from models.etsec.registers import FILER_ENTRIES, RQFCR, RXFCB

__all__ = ["Verdict", "file"]

_ONES = 0xFFFFFFFF
_EBC, _VLN, _CFI, _IPF, _IPV4, _IPV6 = 0x8000, 0x4000, 0x2000, 0x800, 0x200, 0x100
_ICC, _ICV, _TCP, _UDP, _TUC, _TUV, _PER = 0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02
_ALWAYS_BELOW = 2  # of RQFCR.CMP, for a rule that sets the mask


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the filer says. `found` is False when no rule matched: then it is ring 0."""

    queue: int = 0
    rejected: bool = False
    interrupt: bool = False
    found: bool = True


def file(table: list[int], data: bytes, parsed: Parsed) -> Verdict:
    """Look a frame up. The table has the control and the property word of each rule."""
    properties = _properties(data, parsed)
    mask = _ONES
    chain, skipping = True, False
    for entry in range(0, 2 * FILER_ENTRIES, 2):
        control, wanted = table[entry], table[entry + 1]
        chained = bool(control & RQFCR.AND.mask)
        cluster = bool(control & RQFCR.CLE.mask)
        if skipping:
            skipping = not cluster or chained
            continue
        kind = RQFCR.PID.get(control)
        compare = RQFCR.CMP.get(control)
        if kind == 0:
            mask = wanted
            chain = chain and compare < _ALWAYS_BELOW
        else:
            value = properties[kind] & mask
            chain = (
                chain
                and (
                    value == wanted,
                    value >= wanted,
                    value != wanted,
                    value < wanted,
                )[compare]
            )
        if chained:
            if cluster:  # the chain so far guards the rules up to the cluster's end
                skipping, chain = not chain, True
            continue
        if chain:
            return Verdict(
                queue=RQFCR.Q.get(control),
                rejected=bool(control & RQFCR.REJ.mask),
                interrupt=bool(control & RQFCR.GPI.mask),
            )
        chain = True
    return Verdict(found=False)


def _properties(data: bytes, parsed: Parsed) -> list[int]:
    flags = parsed.flags
    bits = 0
    ipv6 = bool(flags & RXFCB.IP6.mask)
    for given, bit in (
        (data[:6] == BROADCAST, _EBC),
        (parsed.vlan is not None, _VLN),
        (bool((parsed.vlan or 0) >> 12 & 1), _CFI),
        (parsed.fragment, _IPF),
        (bool(flags & RXFCB.IP.mask) and not ipv6, _IPV4),
        (ipv6, _IPV6),
        (bool(flags & RXFCB.CIP.mask), _ICC),
        (flags & (RXFCB.CIP.mask | RXFCB.EIP.mask) == RXFCB.CIP.mask, _ICV),
        (bool(flags & RXFCB.TUP.mask) and parsed.protocol == 6, _TCP),
        (bool(flags & RXFCB.TUP.mask) and parsed.protocol == 17, _UDP),
        (bool(flags & RXFCB.CTU.mask), _TUC),
        (flags & (RXFCB.CTU.mask | RXFCB.ETU.mask) == RXFCB.CTU.mask, _TUV),
        (parsed.error, _PER),
    ):
        bits |= bit if given else 0
    tag = parsed.vlan or 0
    head = data.ljust(12, b"\0")
    return [
        0,
        bits,
        0,
        int.from_bytes(head[0:3], "big"),
        int.from_bytes(head[3:6], "big"),
        int.from_bytes(head[6:9], "big"),
        int.from_bytes(head[9:12], "big"),
        parsed.ethertype,
        tag & 0xFFF,
        tag >> 13,
        parsed.tos,
        parsed.protocol,
        parsed.destination,
        parsed.source,
        parsed.destination_port,
        parsed.source_port,
    ]
