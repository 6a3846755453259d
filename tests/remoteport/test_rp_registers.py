# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.remoteport.registers import At, Field, Register, RegisterMap, RegisterRef


class LCR(Register, width=8, reset=0x03):
    """Line control register"""

    WLS = Field(1, 0)
    STB = Field(2)
    DLAB = Field(7)


class RBR(Register, width=8):
    """Receiver buffer"""


class THR(Register, width=8):
    """Transmitter holding"""


class BASE(Register, width=64):
    """Ring base"""

    ADDRESS = Field(47, 12)
    VALID = Field(0)


def test_a_register_describes_itself() -> None:
    assert (LCR.width, LCR.reset, LCR.defined) == (8, 3, 0x87)
    assert [field.name for field in LCR.fields] == ["DLAB", "STB", "WLS"]
    assert LCR.describe(0x83) == "LCR.DLAB=1 LCR.WLS=3"
    assert LCR.describe(0) == "LCR=0x00"
    assert RBR.describe(0x41) == "RBR=0x41"
    assert LCR.describe(0xA0) == "LCR.DLAB=1 LCR.reserved=0x20"
    assert LCR.describe(0x20) == "LCR=0x20"
    assert BASE.describe(0xABC001) == "BASE.ADDRESS=0xabc BASE.VALID=1"


@given(st.integers(0, 255), st.integers(0, 3))
def test_put_changes_the_field_and_nothing_else(value: int, content: int) -> None:
    changed = LCR.WLS.put(value, content)
    assert LCR.WLS.get(changed) == content
    assert changed & ~LCR.WLS.mask == value & ~LCR.WLS.mask


@pytest.mark.parametrize("content", [-1, 4])
def test_put_refuses_what_does_not_fit(content: int) -> None:
    with pytest.raises(ValueError, match=r"LCR\.WLS takes 0 to 0x3"):
        LCR.WLS.put(0, content)


def test_bad_definitions_are_refused() -> None:
    with pytest.raises(ValueError, match="bits 0 down to 1"):
        Field(0, 1)
    with pytest.raises(TypeError, match="B overlaps"):
        type("R", (Register,), {"A": Field(3, 0), "B": Field(3)})
    with pytest.raises(TypeError, match="field A reaches bit 8 of 8"):
        type("R", (Register,), {"A": Field(8)}, width=8)
    with pytest.raises(TypeError, match="width 12"):
        type("R", (Register,), {}, width=12)
    with pytest.raises(TypeError, match="reset 0x100"):
        type("R", (Register,), {}, width=8, reset=0x100)


def test_a_map_finds_registers_by_direction_and_part() -> None:
    registers = RegisterMap({0: At(read=RBR, write=THR), 3: LCR, 8: BASE})
    assert registers.find(0, 1, False) == RegisterRef(RBR, 0, 8)
    assert registers.find(0, 1, True) == RegisterRef(THR, 0, 8)
    assert registers.find(3, 1, True) == RegisterRef(LCR, 0, 8)
    assert registers.find(2, 1, True) is None
    low, high = registers.find(8, 4, True), registers.find(12, 4, True)
    assert low is not None
    assert high is not None
    assert low.describe(0x1001) == "BASE.ADDRESS=1 BASE.VALID=1"
    assert high.describe(0x8000) == "BASE.ADDRESS=0x800000000"
    assert high.describe(0) == "BASE[63:32]=0x00000000"
    upper = registers.find(8, 4, True, "big")
    assert upper is not None
    assert upper.shift == 32
    assert (list(registers), len(registers)) == ([0, 3, 8], 3)
    assert registers[3] == At(LCR, LCR)


def test_registers_that_share_a_byte_are_refused() -> None:
    with pytest.raises(TypeError, match="LCR at 0xa overlaps BASE at 0x8"):
        RegisterMap({8: BASE, 10: LCR})
    RegisterMap({8: At(read=BASE), 10: At(write=LCR)})
