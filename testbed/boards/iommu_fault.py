# SPDX-License-Identifier: MIT
"""DMA that an IOMMU refused, as the host's kernel log tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class IommuFault:
    """One refused access: who (stream id, LIODN), where (bus address), the IOMMU's word for why."""

    source_id: int
    address: int
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} of source {self.source_id:#x} at {self.address:#x}"


_SMMU_EVENTS = {
    0x02: "F_STREAM_DISABLED",
    0x06: "C_BAD_STE",
    0x10: "F_TRANSLATION",
    0x11: "F_ADDR_SIZE",
    0x12: "F_ACCESS",
    0x13: "F_PERMISSION",
}
_SMMU_RECORD = re.compile(
    r"arm-smmu-v3 \S+: event 0x[0-9a-f]{2} received:$\n"
    r"((?:.*arm-smmu-v3 \S+: \s*0x[0-9a-f]{16}$\n?){4})",
    re.MULTILINE,
)


def smmuv3_faults(log: str) -> list[IommuFault]:
    """The events in a kernel log. Source: arm-smmu-v3.c; records: Arm IHI 0070, section 7.3."""
    faults = []
    for match in _SMMU_RECORD.finditer(log):
        first, _, address, _ = (int(word, 16) for word in re.findall(r"0x([0-9a-f]{16})", match[1]))
        kind = first & 0xFF
        faults.append(
            IommuFault(first >> 32, address, _SMMU_EVENTS.get(kind, f"event {kind:#04x}"))
        )
    return faults


_PAMU_KINDS = {
    "PDV": 0x4000,
    "GCV": 0x2000,
    "LAV": 0x1C00,  # LIODN
    "WAV": 0x0380,  # window
    "APV": 0x0078,  # permission
    "OTV": 0x0006,  # operation
}
_PAMU_LINE = re.compile(
    r"fsl-pamu: \w+: access violation: liodn (\d+) address 0x([0-9a-f]+)"
    r" avs1 ([0-9a-f]{8})\b"
)


def pamu_faults(log: str) -> list[IommuFault]:
    """The access violations in a kernel log, by the line that kernel-patches/ make of each.

    Kinds are named as the masks of AVS1 in fsl_pamu.h, all that are set.
    """
    return [
        IommuFault(
            int(match[1]),
            int(match[2], 16),
            "+".join(name for name, bits in _PAMU_KINDS.items() if int(match[3], 16) & bits)
            or "access violation",
        )
        for match in _PAMU_LINE.finditer(log)
    ]
