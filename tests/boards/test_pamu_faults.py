# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from testbed.boards.iommu_fault import IommuFault, pamu_faults

LINE = (
    "[   12.345678] fsl-pamu: pamu_av_isr: access violation:"
    " liodn {} address {:#x} avs1 {:08x} avs2 00000000"
)


def line(liodn: int, address: int, kind: int) -> str:
    """What the kernel prints of a violation; the low bit of AVS1 says that there is one."""
    return LINE.format(liodn, address, liodn << 16 | kind | 1)


def test_liodn_address_and_kind_of_each_violation() -> None:
    log = "\n".join(
        [
            "[    1.0] fsl-pamu: PAMU with 256 subwindows",
            line(127, 0x1234_5000, 0x080),
            "[   12.4] something else",
            line(10, 0xF_FFFF_F000, 0x010),
            line(10, 0, 0),
        ]
    )
    faults = pamu_faults(log)
    assert faults == [
        IommuFault(0x7F, 0x1234_5000, "WAV"),
        IommuFault(0x0A, 0xF_FFFF_F000, "APV"),
        IommuFault(0x0A, 0, "access violation"),
    ]
    assert str(faults[0]) == "WAV of source 0x7f at 0x12345000"


@pytest.mark.parametrize(
    ("bits", "kind"),
    [
        (0x0400, "LAV"),
        (0x1C00, "LAV"),
        (0x0380, "WAV"),
        (0x0008, "APV"),
        (0x0040, "APV"),
        (0x0002, "OTV"),
        (0x2000, "GCV"),
        (0x4000, "PDV"),
        (0x2008, "GCV+APV"),
    ],
)
def test_kinds(bits: int, kind: str) -> None:
    assert [fault.kind for fault in pamu_faults(line(1, 0x1000, bits))] == [kind]


def test_a_line_that_is_cut_short_is_none() -> None:
    whole = line(127, 0x1234_5000, 0x080)
    end = whole.index(" avs2")
    assert len(pamu_faults(whole[:end])) == 1
    for length in range(end):
        assert pamu_faults(whole[:length]) == []
