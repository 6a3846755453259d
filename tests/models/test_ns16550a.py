# SPDX-License-Identifier: MIT
"""The NS16550A's registers, FIFOs and interrupts, by the sections of the PC16550D datasheet."""

from __future__ import annotations

import json

import pytest
from uart_rig import (
    BI,
    CLOCK,
    DATA,
    DLAB,
    DLL,
    DLM,
    DR,
    EMPTY,
    ERF,
    FCR,
    FE,
    FIFO_ON,
    IER,
    IIR,
    LCR,
    LINE_STATUS,
    LOOP,
    LSR,
    MCR,
    MODEM,
    MSR,
    NONE,
    OE,
    PE,
    RBR,
    SCR,
    TEMT,
    THR,
    THR_EMPTY,
    THRE,
    TIMEOUT,
    Rig,
    seeded,
)

from models.ns16550a import LineError, LineSettings, Ns16550a
from testbed.errors import TestbedError
from testbed.remoteport.device import BusError, Response, StateError

INPUTS = 0xB0  # CTS, DSR and DCD, as the line starts
CHARACTER_8N1 = 10 * 16 / CLOCK


@pytest.fixture
def rig() -> Rig:
    return Rig()


# Registers and reset


def test_power_on_is_table_1(rig: Rig) -> None:
    values = [rig.read(register) for register in range(8)]
    assert values == [0, 0, NONE, 0, 0, EMPTY, INPUTS, 0]
    assert not rig.irq


def test_reset_returns_every_register_to_power_on(rig: Rig) -> None:
    power_on = rig.uart.save()
    rig.program(lcr=0x5F, divisor=0x1234, fcr=0xC9, ier=0x0F)
    rig.write(MCR, 0x0B)
    rig.write(SCR, 0xA5)
    rig.line.write(b"abc", LineError.FRAMING)
    rig.line.set_modem(cts=False)
    rig.line.set_modem(cts=True)
    rig.line.stop()
    rig.send(b"xyz")
    assert rig.irq
    rig.uart.reset()
    assert rig.uart.save() == power_on
    assert not rig.irq


@pytest.mark.parametrize(("register", "mask"), [(IER, 0x0F), (LCR, 0xFF), (MCR, 0x1F), (SCR, 0xFF)])
def test_register_holds_its_bits(rig: Rig, register: int, mask: int) -> None:
    for value in (0xFF, 0x00, 0xA5, 0x5A):
        rig.write(register, value)
        assert rig.read(register) == value & mask
        rig.write(LCR, 0)


@pytest.mark.parametrize("register", [LSR, MSR])
def test_status_registers_ignore_writes(rig: Rig, register: int) -> None:
    before = rig.uart.save()
    rig.write(register, 0xFF)
    assert rig.uart.save() == before


def test_divisor_latches_replace_rbr_and_ier_while_dlab_is_set(rig: Rig) -> None:
    rig.write(IER, 0x05)
    rig.write(LCR, DLAB)
    rig.write(DLL, 0x34)
    rig.write(DLM, 0x12)
    assert (rig.read(DLL), rig.read(DLM)) == (0x34, 0x12)
    rig.write(LCR, 0x03)
    assert (rig.read(RBR), rig.read(IER)) == (0, 0x05)
    assert rig.line.read() == b""
    assert rig.line.settings.baud == pytest.approx(CLOCK / 16 / 0x1234)


def test_iir_shows_the_fifos_only_when_enabled(rig: Rig) -> None:
    assert rig.read(IIR) == NONE
    rig.write(FCR, 0x01)
    assert rig.read(IIR) == FIFO_ON | NONE
    rig.write(FCR, 0x00)
    assert rig.read(IIR) == NONE


# The bus


def test_reserved_space_reads_zero_and_ignores_writes(rig: Rig) -> None:
    rig.write(SCR, 0xA5)
    before = rig.uart.save()
    for offset in (8, 0x10, 0x7F, 0xFF):
        rig.write(offset, 0xFF)
        assert rig.read(offset) == 0
    assert rig.uart.save() == before


@pytest.mark.parametrize(
    ("region", "offset", "size"), [(0, 0x100, 1), (0, 0xFF, 2), (1, 0, 1), (0, -1, 1), (0, 0, 0)]
)
def test_access_beyond_the_window_is_an_address_error(
    rig: Rig, region: int, offset: int, size: int
) -> None:
    with pytest.raises(BusError) as read:
        rig.uart.read(region, offset, size)
    with pytest.raises(BusError) as write:
        rig.uart.write(region, offset, size, 0)
    assert read.value.status == write.value.status == Response.ADDRESS_ERROR


def test_wide_access_is_one_access_per_register_in_address_order(rig: Rig) -> None:
    rig.uart.write(0, 0, 4, 0x83_00_00_00)  # DLAB comes last: THR and IER are written
    rig.line.stop()
    assert rig.line.read() == b"\0"
    rig.uart.write(0, 0, 2, 0x1234)
    assert (rig.read(DLL), rig.read(DLM)) == (0x34, 0x12)
    rig.write(SCR, 0x5A)
    assert rig.uart.read(0, 4, 4) == 0x5A << 24 | INPUTS << 16 | EMPTY << 8
    assert rig.uart.read(0, 0, 8) >> 24 == 0x5A << 32 | INPUTS << 24 | EMPTY << 16 | 0x83


def test_wide_access_in_big_endian() -> None:
    rig = Rig(byteorder="big")
    rig.write(SCR, 0x5A)
    assert rig.uart.read(0, 4, 4) == EMPTY << 16 | INPUTS << 8 | 0x5A


@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_reg_shift_and_io_width(byteorder: str) -> None:
    rig = Rig(reg_shift=2, reg_io_width=4, byteorder=byteorder)
    value_byte = 0 if byteorder == "little" else 3
    rig.uart.write(0, SCR << 2, 4, 0xFFFFFFA5)
    assert rig.uart.read(0, SCR << 2, 4) == 0xA5
    assert [rig.uart.read(0, (SCR << 2) + n, 1) for n in range(4)] == [
        0xA5 if n == value_byte else 0 for n in range(4)
    ]
    rig.uart.write(0, (SCR << 2) + value_byte, 1, 0x5A)
    rig.uart.write(0, (SCR << 2) + 3 - value_byte, 1, 0xFF)
    assert rig.uart.read(0, SCR << 2, 4) == 0x5A
    assert rig.uart.read(0, 8 << 2, 4) == 0
    found = rig.uart.register_at(0, LSR << 2, 4, False)
    assert found is not None
    assert found.name == "LSR"


@pytest.mark.parametrize(
    "parameters",
    [
        {"reg_shift": 5},
        {"reg_io_width": 4},
        {"reg_io_width": 3, "reg_shift": 2},
        {"size": 4},
        {"clock_frequency": 0},
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, int]) -> None:
    with pytest.raises(TestbedError, match=next(iter(parameters))):
        Ns16550a("u", **parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offset", "write", "dlab", "name"),
    [
        (0, False, False, "RBR"),
        (0, True, False, "THR"),
        (0, True, True, "DLL"),
        (1, False, False, "IER"),
        (1, False, True, "DLM"),
        (2, False, True, "IIR"),
        (2, True, False, "FCR"),
        (7, True, False, "SCR"),
    ],
)
def test_trace_names_the_register(
    rig: Rig, offset: int, write: bool, dlab: bool, name: str
) -> None:
    rig.write(LCR, DLAB if dlab else 0)
    found = rig.uart.register_at(0, offset, 1, write)
    assert found is not None
    assert found.name == name


def test_trace_of_an_lcr_write(rig: Rig) -> None:
    found = rig.uart.register_at(0, LCR, 1, True)
    assert found is not None
    assert found.describe(0x83) == "LCR.DLAB=1 LCR.WLS=3"
    assert rig.uart.register_at(0, 0x20, 1, True) is None
    assert rig.uart.register_at(0, 0, 4, True) is None


# Transmitter


def test_transmits_in_order(rig: Rig) -> None:
    data = seeded().randbytes(1000)
    rig.program()
    rig.send(data)
    assert rig.read(LSR) == EMPTY
    assert rig.line.read() == data


@pytest.mark.parametrize("bits", [5, 6, 7, 8])
def test_word_length_masks_both_directions(rig: Rig, bits: int) -> None:
    rig.program(lcr=bits - 5)
    rig.write(THR, 0xFF)
    rig.line.write(b"\xff")
    assert rig.line.read() == bytes([(1 << bits) - 1])
    assert rig.read(RBR) == (1 << bits) - 1


def test_stopped_transmitter_fills_fifo_and_shift_register(rig: Rig) -> None:
    data = seeded().randbytes(20)
    rig.program()
    rig.line.stop()
    rig.write(THR, data[0])
    assert rig.read(LSR) == THRE  # in the shift register
    for character in data[1:]:
        rig.write(THR, character)
        assert rig.read(LSR) == 0
    assert rig.line.read() == b""
    rig.line.resume()
    assert rig.line.read() == data[:17]  # 16 in the FIFO, one in the shift register
    assert rig.read(LSR) == EMPTY


def test_16450_mode_holds_one_character_and_replaces_it(rig: Rig) -> None:
    rig.program(fcr=0)
    rig.line.stop()
    rig.send(b"abc")
    rig.line.resume()
    assert rig.line.read() == b"ac"


def test_clearing_the_transmitter_fifo_keeps_the_shift_register(rig: Rig) -> None:
    rig.program(ier=0x02)
    rig.line.stop()
    rig.send(b"abc")
    assert not rig.irq
    rig.write(FCR, 0x05)
    assert rig.read(LSR) == THRE
    assert rig.irq
    rig.line.resume()
    assert rig.line.read() == b"a"


def test_line_that_is_not_read_stops_the_transmitter_and_loses_nothing(rig: Rig) -> None:
    data = seeded().randbytes(12)
    rig.program()
    rig.line.capacity = 8
    rig.send(data)
    assert rig.line.available == 8
    assert rig.read(LSR) == 0
    assert rig.line.read(3) == data[:3]
    assert rig.line.read() + rig.line.read() == data[3:]
    assert rig.read(LSR) == EMPTY


# THRE interrupt


def test_thre_interrupt_is_cleared_by_reading_iir_as_its_source(rig: Rig) -> None:
    rig.program(ier=0x02)
    assert rig.irq
    assert rig.read(IIR) == FIFO_ON | THR_EMPTY
    assert not rig.irq
    assert rig.read(IIR) == FIFO_ON | NONE
    rig.write(THR, 0x41)
    assert rig.irq  # sent at once: empty again


def test_reading_iir_keeps_thre_when_another_source_is_reported(rig: Rig) -> None:
    rig.program(ier=0x03)
    rig.line.write(b"x")
    assert rig.read(IIR) == FIFO_ON | DATA
    rig.read(RBR)
    assert rig.read(IIR) == FIFO_ON | THR_EMPTY
    assert rig.read(IIR) == FIFO_ON | NONE


def test_thre_interrupt_returns_when_enabled_again(rig: Rig) -> None:
    rig.program(ier=0x02)
    rig.read(IIR)
    rig.write(IER, 0x02)  # no edge
    assert not rig.irq
    rig.write(IER, 0x00)
    rig.write(IER, 0x02)
    assert rig.irq


def test_thre_interrupt_does_not_return_while_thr_is_full(rig: Rig) -> None:
    rig.program(ier=0x02)
    rig.read(IIR)
    rig.line.stop()
    rig.send(b"ab")
    rig.write(IER, 0)
    rig.write(IER, 0x02)
    assert not rig.irq
    rig.line.resume()
    assert rig.irq


def test_writing_thr_clears_the_thre_interrupt(rig: Rig) -> None:
    rig.program(ier=0x02)
    rig.line.stop()
    rig.write(THR, 0x41)  # goes on to the shift register
    assert rig.irq
    rig.write(THR, 0x42)
    assert not rig.irq


# Receiver


@pytest.mark.parametrize(("bits", "level"), [(0x00, 1), (0x40, 4), (0x80, 8), (0xC0, 14)])
def test_data_interrupt_follows_the_trigger_level(rig: Rig, bits: int, level: int) -> None:
    rig.program(fcr=0x01 | bits, ier=0x01)
    rig.line.write(bytes(level - 1))
    assert not rig.irq
    rig.line.write(b"\0")
    assert rig.read(IIR) == FIFO_ON | DATA
    assert rig.irq
    rig.read(RBR)
    assert rig.read(IIR) == FIFO_ON | NONE
    assert not rig.irq


def test_other_fcr_bits_need_fe(rig: Rig) -> None:
    rig.program(fcr=0x01, ier=0x01)
    rig.write(FCR, 0xC0)  # FE clear: 16450 mode, and the trigger level is not programmed
    rig.write(FCR, 0x01)
    rig.line.write(b"x")
    assert rig.irq


def test_16450_mode_interrupts_for_each_character(rig: Rig) -> None:
    rig.program(fcr=0, ier=0x01)
    rig.line.write(b"ab")
    assert rig.read(IIR) == DATA
    assert rig.read(RBR) == ord("a")
    assert rig.irq  # the line had the next one ready
    assert rig.read(RBR) == ord("b")
    assert not rig.irq
    assert rig.read(RBR) == ord("b")  # nothing new: the register is as it was


def test_line_holds_what_does_not_fit_and_refills_in_order(rig: Rig) -> None:
    data = seeded().randbytes(5000)
    rig.program()
    rig.line.write(data)
    assert rig.line.pending == 5000 - 16
    assert rig.drain() == data
    assert rig.line.pending == 0


@pytest.mark.parametrize(("before", "after"), [(0x01, 0x00), (0x00, 0x01), (0x01, 0x03)])
def test_fcr_clears_the_receiver(rig: Rig, before: int, after: int) -> None:
    rig.program(fcr=before, ier=0x01)
    rig.line.write(b"x")
    assert rig.irq
    rig.write(FCR, after)
    assert rig.read(LSR) == EMPTY
    assert not rig.irq
    assert rig.read(RBR) == 0


@pytest.mark.parametrize(("before", "after"), [(0x01, 0xC1), (0x00, 0x06)])
def test_fcr_write_without_a_clear_keeps_the_data(rig: Rig, before: int, after: int) -> None:
    rig.program(fcr=before)
    rig.line.write(b"x")
    rig.write(FCR, after)
    assert rig.drain() == b"x"


# Line status


@pytest.mark.parametrize(
    ("errors", "lcr", "expected"),
    [
        (LineError.FRAMING, 0x03, FE),
        (LineError.PARITY, 0x0B, PE),
        (LineError.PARITY, 0x03, 0),  # parity is not checked
        (LineError.PARITY | LineError.FRAMING, 0x0B, PE | FE),
    ],
)
def test_error_shows_when_its_character_is_oldest(
    rig: Rig, errors: LineError, lcr: int, expected: int
) -> None:
    rig.program(lcr=lcr, ier=0x04)
    rig.line.write(b"a")
    rig.line.write(b"b", errors)
    rig.line.write(b"c")
    in_fifo = ERF if expected else 0
    assert not rig.irq
    assert rig.read(LSR) == EMPTY | DR | in_fifo
    assert rig.read(RBR) == ord("a")
    assert rig.irq == bool(expected)
    assert rig.read(LSR) == EMPTY | DR | in_fifo | expected
    assert not rig.irq
    assert rig.read(LSR) == EMPTY | DR
    assert rig.drain() == b"bc"


def test_error_in_fifo_stays_while_later_characters_have_errors(rig: Rig) -> None:
    rig.program(ier=0x04)
    rig.line.write(b"ab", LineError.FRAMING)
    assert rig.read(LSR) == EMPTY | DR | FE | ERF
    assert rig.read(LSR) == EMPTY | DR | ERF
    rig.read(RBR)
    assert rig.irq
    rig.read(RBR)  # without reading LSR: the error goes with its character
    assert rig.read(LSR) == EMPTY
    assert not rig.irq


def test_errors_are_latched_in_16450_mode(rig: Rig) -> None:
    rig.program(fcr=0, ier=0x04)
    rig.line.write(b"a", LineError.FRAMING)
    rig.read(RBR)
    assert rig.read(IIR) == LINE_STATUS
    assert rig.read(LSR) == EMPTY | FE  # bit 7 is zero in 16450 mode
    assert rig.read(LSR) == EMPTY
    assert not rig.irq


def test_overrun_in_fifo_mode_loses_the_new_character(rig: Rig) -> None:
    rig.program(ier=0x04)
    data = seeded().randbytes(16)
    assert rig.line.force(data) == 0
    assert rig.line.force(b"!?") == 2
    assert rig.read(IIR) == FIFO_ON | LINE_STATUS
    assert rig.read(LSR) == EMPTY | DR | OE  # as soon as it happens, not with a character
    assert not rig.irq
    assert rig.drain() == data


def test_overrun_in_16450_mode_loses_the_unread_character(rig: Rig) -> None:
    rig.program(fcr=0)
    assert rig.line.force(b"ab") == 1
    assert rig.read(LSR) == EMPTY | DR | OE
    assert rig.drain() == b"b"


@pytest.mark.parametrize(
    ("lcr", "parity"), [(0x03, 0), (0x0B, PE), (0x1B, 0), (0x2B, PE), (0x3B, 0)]
)
def test_received_break_is_one_zero_character(rig: Rig, lcr: int, parity: int) -> None:
    rig.program(lcr=lcr, ier=0x04)
    rig.line.write(b"a")
    rig.line.send_break()
    rig.line.write(b"b")
    assert rig.read(RBR) == ord("a")
    assert rig.read(IIR) == FIFO_ON | LINE_STATUS
    assert rig.read(LSR) == EMPTY | DR | BI | FE | parity | ERF
    assert rig.read(RBR) == 0
    assert rig.drain() == b"b"


def test_break_sent_by_the_driver(rig: Rig) -> None:
    rig.program()
    rig.write(LCR, 0x43)
    assert rig.line.break_condition
    rig.write(THR, 0x41)  # the transmitter works on, the pin does not move
    assert rig.read(LSR) == EMPTY
    rig.write(LCR, 0x03)
    assert not rig.line.break_condition
    assert rig.line.breaks == 1
    assert rig.line.read() == b""


# Interrupt priorities


def test_priorities(rig: Rig) -> None:
    rig.program(fcr=0xC1, ier=0x0F)
    rig.line.set_modem(dcd=False)
    rig.line.write(bytes(14))
    rig.line.force(bytes(3))
    assert rig.read(IIR) == FIFO_ON | LINE_STATUS
    rig.read(LSR)
    assert rig.read(IIR) == FIFO_ON | DATA
    rig.drain()
    assert rig.read(IIR) == FIFO_ON | THR_EMPTY
    assert rig.read(IIR) == FIFO_ON | MODEM
    assert rig.irq
    rig.read(MSR)
    assert rig.read(IIR) == FIFO_ON | NONE
    assert not rig.irq


@pytest.mark.parametrize("bit", [0, 1, 2, 3])
def test_each_source_is_enabled_by_its_own_bit(rig: Rig, bit: int) -> None:
    rig.program(fcr=0x01)
    rig.line.set_modem(dcd=False)
    rig.line.force(bytes(17))
    expected = (DATA, THR_EMPTY, LINE_STATUS, MODEM)[bit]
    assert not rig.irq
    rig.write(IER, 1 << bit)
    assert rig.irq
    assert rig.read(IIR) == FIFO_ON | expected


def test_out2_does_not_gate_the_interrupt(rig: Rig) -> None:
    rig.program(ier=0x02)
    for mcr in (0x00, 0x08, 0x00):
        rig.write(MCR, mcr)
        assert rig.irq


# Character timeout


@pytest.mark.parametrize(
    ("lcr", "bits"), [(0x03, 10), (0x07, 11), (0x0F, 12), (0x00, 7), (0x04, 7.5), (0x1A, 10)]
)
@pytest.mark.parametrize("divisor", [1, 12, 384, 0xFFFF])
def test_timeout_after_four_character_times(rig: Rig, lcr: int, bits: float, divisor: int) -> None:
    rig.program(lcr=lcr, divisor=divisor, fcr=0x81, ier=0x01)
    rig.line.write(b"abc")
    wait = 4 * bits * 16 * divisor / CLOCK
    rig.advance(wait * 0.99)
    assert not rig.irq
    rig.advance(wait * 0.02)
    assert rig.irq
    assert rig.read(IIR) == FIFO_ON | TIMEOUT
    assert rig.read(IIR) == FIFO_ON | TIMEOUT
    rig.read(RBR)
    assert rig.read(IIR) == FIFO_ON | NONE


def test_datasheet_maximum_is_160_ms_at_300_baud(rig: Rig) -> None:
    rig.program(lcr=0x0F, divisor=384, fcr=0x81, ier=0x01)
    rig.line.write(b"a")
    rig.advance(0.1599)
    assert not rig.irq
    rig.advance(0.0002)
    assert rig.irq


def test_characters_and_reads_restart_the_timeout(rig: Rig) -> None:
    rig.program(fcr=0x81, ier=0x01)
    rig.line.write(b"abc")
    for again in (lambda: rig.line.write(b"d"), lambda: rig.read(RBR)):
        rig.advance(CHARACTER_8N1 * 3.9)
        again()
    rig.advance(CHARACTER_8N1 * 3.9)
    assert not rig.irq
    rig.advance(CHARACTER_8N1 * 0.2)
    assert rig.irq


def test_timeout_starts_again_after_it_was_served(rig: Rig) -> None:
    rig.program(fcr=0x81, ier=0x01)
    rig.line.write(b"ab")
    for expected in b"ab":
        assert not rig.irq
        rig.advance(CHARACTER_8N1 * 4.1)
        assert rig.irq
        assert rig.read(RBR) == expected
    rig.advance(1.0)
    assert not rig.irq


@pytest.mark.parametrize(
    "change", [lambda rig: rig.write(FCR, 0x83), lambda rig: rig.write(FCR, 0x00)]
)
def test_clearing_the_fifo_ends_the_timeout(rig: Rig, change) -> None:  # type: ignore[no-untyped-def]
    rig.program(fcr=0x81, ier=0x01)
    rig.line.write(b"a")
    rig.advance(1.0)
    assert rig.irq
    change(rig)
    assert not rig.irq
    rig.advance(1.0)
    assert not rig.irq


def test_no_timeout_when_disabled_or_in_16450_mode_or_without_a_clock(rig: Rig) -> None:
    for parameters in ({"ier": 0x0E}, {"fcr": 0, "ier": 0x0E}, {"divisor": 0, "ier": 0x01}):
        rig.program(**{"fcr": 0x81, **parameters})
        rig.read(IIR)
        rig.line.write(b"a")
        rig.advance(1e6)
        assert not rig.irq
        rig.read(RBR)


def test_timeout_that_passed_while_disabled_shows_when_enabled(rig: Rig) -> None:
    rig.program(fcr=0x81)
    rig.line.write(b"a")
    rig.advance(CHARACTER_8N1 * 5)
    rig.write(IER, 0x01)
    rig.advance(0)
    assert rig.read(IIR) == FIFO_ON | TIMEOUT


def test_lowering_the_trigger_or_the_divisor_counts(rig: Rig) -> None:
    rig.program(fcr=0x81, ier=0x01, divisor=0xFFFF)
    rig.line.write(b"ab")
    rig.write(LCR, 0x83)
    rig.write(DLL, 1)
    rig.write(DLM, 0)
    rig.write(LCR, 0x03)
    rig.advance(CHARACTER_8N1 * 4.1)
    assert rig.read(IIR) == FIFO_ON | TIMEOUT


# Modem control


@pytest.mark.parametrize(
    ("signal", "status", "delta"),
    [("cts", 0x10, 0x01), ("dsr", 0x20, 0x02), ("dcd", 0x80, 0x08)],
)
def test_modem_inputs_and_their_deltas(rig: Rig, signal: str, status: int, delta: int) -> None:
    rig.write(IER, 0x08)
    for on in (False, True):
        rig.line.set_modem(**{signal: on})
        assert rig.irq
        assert rig.read(MSR) == (INPUTS if on else INPUTS & ~status) | delta
        assert not rig.irq
        assert rig.read(MSR) == (INPUTS if on else INPUTS & ~status)
    rig.line.set_modem(**{signal: True})  # no change
    assert not rig.irq


def test_only_the_end_of_ringing_sets_teri(rig: Rig) -> None:
    rig.write(IER, 0x08)
    rig.line.set_modem(ri=True)
    assert not rig.irq
    assert rig.read(MSR) == INPUTS | 0x40
    rig.line.set_modem(ri=False)
    assert rig.irq
    assert rig.read(MSR) == INPUTS | 0x04


@pytest.mark.parametrize(
    ("bit", "name"), [(0x01, "dtr"), (0x02, "rts"), (0x04, "out1"), (0x08, "out2")]
)
def test_modem_outputs(rig: Rig, bit: int, name: str) -> None:
    rig.write(MCR, bit)
    on = {signal for signal in ("dtr", "rts", "out1", "out2") if getattr(rig.line.outputs, signal)}
    assert on == {name}
    rig.write(MCR, bit | LOOP)  # inactive in loopback
    assert not getattr(rig.line.outputs, name)


# Loopback


@pytest.mark.parametrize(
    ("output", "status"), [(0x01, 0x20), (0x02, 0x10), (0x04, 0x40), (0x08, 0x80)]
)
def test_loopback_connects_modem_control_to_modem_status(
    rig: Rig, output: int, status: int
) -> None:
    rig.write(MCR, LOOP)
    rig.read(MSR)
    rig.write(IER, 0x08)
    rig.write(MCR, LOOP | output)
    assert rig.read(MSR) & 0xF0 == status
    rig.write(MCR, LOOP)
    assert rig.irq
    assert rig.read(MSR) == (status >> 4)
    rig.line.set_modem(cts=False, dsr=False, ri=True, dcd=False)  # disconnected
    assert rig.read(MSR) == 0
    rig.write(MCR, 0)
    assert rig.read(MSR) == 0x40


def test_loopback_data_stays_inside_and_is_masked(rig: Rig) -> None:
    rig.program(lcr=0x02, ier=0x01)
    rig.write(MCR, LOOP)
    rig.write(THR, 0xFF)
    assert rig.irq
    assert rig.read(LSR) == EMPTY | DR
    assert rig.read(RBR) == 0x7F
    assert rig.line.read() == b""


def test_line_is_held_during_loopback(rig: Rig) -> None:
    rig.program()
    rig.write(MCR, LOOP)
    rig.line.write(b"abc")
    assert rig.line.force(b"x") == 1
    assert rig.read(LSR) == EMPTY
    rig.write(MCR, 0)
    assert rig.drain() == b"abc"


def test_loopback_overruns(rig: Rig) -> None:
    rig.program()
    rig.write(MCR, LOOP)
    rig.send(bytes(range(20)))
    assert rig.read(LSR) == EMPTY | DR | OE
    assert rig.drain() == bytes(range(16))


def test_break_is_neither_sent_nor_received_in_loopback(rig: Rig) -> None:
    rig.program()
    rig.write(MCR, LOOP)
    rig.write(LCR, 0x43)
    assert not rig.line.break_condition
    assert rig.read(LSR) == EMPTY
    rig.write(MCR, 0)
    assert rig.line.break_condition


# Line settings


@pytest.mark.parametrize(
    ("lcr", "expected"),
    [
        (0x03, LineSettings(115200.0, 8, "none", 1)),
        (0x00, LineSettings(115200.0, 5, "none", 1)),
        (0x04, LineSettings(115200.0, 5, "none", 1.5)),
        (0x06, LineSettings(115200.0, 7, "none", 2)),
        (0x0A, LineSettings(115200.0, 7, "odd", 1)),
        (0x1B, LineSettings(115200.0, 8, "even", 1)),
        (0x2B, LineSettings(115200.0, 8, "mark", 1)),
        (0x3B, LineSettings(115200.0, 8, "space", 1)),
    ],
)
def test_line_settings(rig: Rig, lcr: int, expected: LineSettings) -> None:
    assert rig.line.settings.baud is None
    rig.program(lcr=lcr)
    assert rig.line.settings == expected


# Pacing


def test_paced_receiver_takes_characters_at_the_programmed_rate() -> None:
    rig = Rig(paced=True)
    rig.program(ier=0x01)
    rig.line.write(b"abcd")
    assert rig.read(LSR) == EMPTY
    rig.advance(CHARACTER_8N1 * 1.01)
    assert rig.irq
    assert rig.drain() == b"a"
    rig.advance(CHARACTER_8N1 * 2)
    assert rig.drain() == b"bc"
    rig.advance(1)
    assert rig.drain() == b"d"


def test_paced_receiver_is_lossless_when_the_driver_is_slow() -> None:
    data = seeded().randbytes(500)
    rig = Rig(paced=True)
    rig.program()
    rig.line.write(data)
    got = b""
    for _ in range(len(data)):
        if len(got) >= len(data):
            break
        rig.advance(CHARACTER_8N1 * 40)
        piece = rig.drain()
        assert 0 < len(piece) <= 17
        got += piece
    assert got == data
    assert not rig.read(LSR) & OE


def test_paced_transmitter_takes_its_time() -> None:
    rig = Rig(paced=True)
    rig.program(ier=0x02)
    assert rig.read(IIR) == FIFO_ON | THR_EMPTY
    rig.send(b"abc")
    assert not rig.irq
    assert rig.read(LSR) == 0
    rig.advance(CHARACTER_8N1 * 1.01)
    assert rig.line.read() == b"a"
    assert not rig.irq
    rig.advance(CHARACTER_8N1)
    assert rig.irq  # the last is in the shift register
    assert rig.read(LSR) == THRE
    rig.advance(CHARACTER_8N1)
    assert rig.line.read() == b"bc"
    assert rig.read(LSR) & TEMT


def test_paced_without_a_divisor_nothing_moves() -> None:
    rig = Rig(paced=True)
    rig.program(divisor=0)
    rig.line.write(b"a")
    rig.send(b"b")
    rig.advance(1e6)
    assert rig.read(LSR) == THRE
    assert rig.line.read() == b""


# State


def busy() -> Rig:
    rig = Rig()
    rig.program(lcr=0x1B, divisor=12, fcr=0x81, ier=0x0F)
    rig.write(SCR, 0x77)
    rig.line.set_modem(ri=True, cts=False)
    rig.write(MCR, 0x0B)
    rig.line.force(b"ab")
    rig.line.force(b"c", LineError.PARITY)
    rig.line.stop()
    rig.send(b"xyz")
    return rig


def test_state_survives_json_and_gives_the_same_device() -> None:
    first = busy()
    state = json.loads(json.dumps(first.uart.save()))
    second = Rig()
    second.line.stop()
    second.uart.load(state)
    assert second.uart.save() == state
    assert second.irq == first.irq
    for rig in (first, second):
        rig.line.resume()
    assert first.line.read() == second.line.read() == b"xyz"
    for register in (IIR, MSR, LSR, RBR, LSR, RBR, LSR, RBR, LSR, IIR, LCR, MCR, IER, SCR):
        assert first.read(register) == second.read(register), register


def test_loaded_timeout_interrupts_and_a_loaded_wait_starts_anew() -> None:
    first = Rig()
    first.program(fcr=0x81, ier=0x01)
    first.line.write(b"a")
    waiting = first.uart.save()
    first.advance(1)
    second = Rig()
    second.uart.load(first.uart.save())
    assert second.irq
    second.uart.load(waiting)
    assert not second.irq
    second.advance(CHARACTER_8N1 * 4.1)
    assert second.irq


BAD = [
    *[(field, value) for field in ("ier", "mcr", "fcr") for value in (-1, 0x20, "1", None, True)],
    *[(field, 0x100) for field in ("lcr", "scr", "rbr", "latched", "deltas", "shift_register")],
    ("fcr", 0x80),
    ("fcr", 0x05),
    ("divisor", 0x10000),
    ("divisor", 1.5),
    ("latched", 0x60),
    ("deltas", 0x10),
    ("inputs", 0x0F),
    ("receiver_fifo", [0] * 17),
    ("receiver_fifo", [0x0200]),
    ("receiver_fifo", ["a"]),
    ("receiver_fifo", "abc"),
    ("transmitter_fifo", [0] * 17),
    ("transmitter_fifo", [0x100]),
    ("thre_interrupt", 1),
    ("thre_interrupt", True),
    ("character_timeout", "no"),
    ("shift_register", "x"),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_bad_state_is_refused_by_field_and_changes_nothing(field: str, value: object) -> None:
    rig = busy()
    before = rig.uart.save()
    with pytest.raises(StateError, match=repr(field)):
        rig.uart.load({**before, field: value})
    assert rig.uart.save() == before


@pytest.mark.parametrize("field", sorted(Rig().uart.save()))
def test_missing_field_is_named(field: str) -> None:
    rig = Rig()
    state = rig.uart.save()
    del state[field]
    with pytest.raises(StateError, match=repr(field)):
        rig.uart.load(state)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("surprise", {"surprise": 1}),
        ("receiver_fifo", {"fcr": 0, "receiver_fifo": [1, 2]}),
        ("receiver_fifo", {"fcr": 0, "receiver_fifo": [0x0841]}),
        ("transmitter_fifo", {"fcr": 1, "transmitter_fifo": [1], "shift_register": None}),
        ("character_timeout", {"character_timeout": True, "fcr": 0}),
        ("character_timeout", {"character_timeout": True, "fcr": 1}),
    ],
)
def test_contradictory_state_is_refused(field: str, change: dict[str, object]) -> None:
    rig = Rig()
    with pytest.raises(StateError, match=repr(field)):
        rig.uart.load({**rig.uart.save(), **change})


def test_wire_set_from_outside_is_corrected_by_the_next_access() -> None:
    rig = Rig()
    rig.program(ier=0x02)
    rig.uart.set_wire("interrupt", False)
    rig.write(SCR, 0)
    rig.write(MCR, 0)
    assert rig.irq
