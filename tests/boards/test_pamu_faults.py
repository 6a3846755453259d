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
    ("kind", "high", "low"),
    [
        ("PDV", 14, 14),
        ("GCV", 13, 13),
        ("LAV", 12, 10),
        ("WAV", 9, 7),
        ("APV", 6, 3),
        ("OTV", 2, 1),
    ],
)
def test_kinds(kind: str, high: int, low: int) -> None:
    for bit in range(low, high + 1):
        assert [fault.kind for fault in pamu_faults(line(1, 0x1000, 1 << bit))] == [kind]
    several = line(1, 0x1000, 1 << low | 1 << 13 | 1 << 3)
    names = pamu_faults(several)[0].kind.split("+")
    assert set(names) == {kind, "GCV", "APV"}


def test_a_line_that_is_cut_short_is_none() -> None:
    whole = line(127, 0x1234_5000, 0x080)
    end = whole.index(" avs2")
    assert len(pamu_faults(whole[:end])) == 1
    for length in range(end):
        assert pamu_faults(whole[:length]) == []
