# SPDX-License-Identifier: MIT
"""Frames of the link, bit for bit."""

from __future__ import annotations

import pytest
from ata_rig import seeded

from models.ata.transport import (
    DmaActivate,
    DmaSetup,
    PioSetup,
    RegisterD2H,
    RegisterH2D,
    SetDeviceBits,
)


def test_register_h2d_layout() -> None:
    fis = RegisterH2D(0x60, 0xF1F0, 0xD0, 0xA5A4A3A2A1A0, 0xC1C0, 0x1C, 0x04, 0x44332211, True, 5)
    expected = "278560f0 a0a1a2d0 a3a4a5f1 c0c11c04 11223344"
    assert fis.to_bytes().hex() == expected.replace(" ", "")
    assert not RegisterH2D(is_command=False).to_bytes()[1] & 0x80


def test_register_h2d_round_trip() -> None:
    choice = seeded()
    for _ in range(1000):
        frame = bytes((0x27, choice.choice((0x00, 0x80)) | choice.randrange(16)))
        frame += choice.randbytes(18)
        assert RegisterH2D.from_bytes(frame).to_bytes() == frame


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [(bytes(20), "FIS type 0x00"), (b"\x27" + bytes(18), "19 bytes"), (bytes(21), "21 bytes")],
)
def test_register_h2d_of_something_else_is_refused(frame: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        RegisterH2D.from_bytes(frame)


@pytest.mark.parametrize(
    ("fis", "expected"),
    [
        (
            RegisterD2H(0x51, 0x40, 0xE5, 0xA5A4A3A2A1A0, 0xC1C0, True, 3),
            "34435140 a0a1a2e5 a3a4a500 c0c10000 00000000",
        ),
        (
            PioSetup(0x58, 0, 0xE0, 0xA5A4A3A2A1A0, 0xC1C0, 0xD0, 0x0200, True, True),
            "5f605800 a0a1a2e0 a3a4a500 c0c100d0 00020000",
        ),
        (PioSetup(0x58, transfer_count=512), "5f005800 00000000 00000000 00000000 00020000"),
        (
            DmaSetup(17, True, True, True, 0x1000, 0x20000),
            "41e00000 11000000 00000000 00000000 00100000 00000200 00000000",
        ),
        (DmaSetup(1), "41000000 01000000 00000000 00000000 00000000 00000000 00000000"),
        (SetDeviceBits(0xFF, 0x84, 0x80000001, True, True), "a1c07784 01000080"),
        (DmaActivate(), "39000000"),
    ],
)
def test_frames_of_the_device(fis: RegisterD2H, expected: str) -> None:
    assert fis.to_bytes().hex() == expected.replace(" ", "")
    assert len(fis.to_bytes()) == fis.SIZE
