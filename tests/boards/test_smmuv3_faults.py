# SPDX-License-Identifier: MIT
from __future__ import annotations

from testbed.boards.iommu_fault import IommuFault, smmuv3_faults


def record(*words: int) -> str:
    """What arm-smmu-v3.c prints of an event."""
    lines = [f"event 0x{words[0] & 0xFF:02x} received:", *(f"\t0x{word:016x}" for word in words)]
    return "".join(f"[   12.345678] arm-smmu-v3 9050000.smmuv3: {line}\n" for line in lines)


def test_stream_address_and_kind_of_each_event() -> None:
    log = (
        "[    1.0] arm-smmu-v3 9050000.smmuv3: allocated 65536 entries for cmdq\n"
        + record(0xE0_00000010, 0x0000020800000000, 0x3FFFF000, 0)
        + "[   12.4] something else\n"
        + record(0xF8_00000013, 0, 0x1_0000_0000, 0)
        + record(0xF8_0000007F, 0, 0x10, 0)
    )
    assert smmuv3_faults(log) == [
        IommuFault(0xE0, 0x3FFFF000, "F_TRANSLATION"),
        IommuFault(0xF8, 0x1_0000_0000, "F_PERMISSION"),
        IommuFault(0xF8, 0x10, "event 0x7f"),
    ]
    assert str(smmuv3_faults(log)[0]) == "F_TRANSLATION of source 0xe0 at 0x3ffff000"


def test_a_record_that_is_cut_short_is_none() -> None:
    whole = record(0xE0_00000010, 0, 0x1000, 0)
    for kept in range(len(whole.splitlines())):
        assert smmuv3_faults("\n".join(whole.splitlines()[:kept])) == []
