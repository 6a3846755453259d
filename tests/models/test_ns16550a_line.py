# SPDX-License-Identifier: MIT
"""The far end of the line: waiting, flow control, events, the socket, and real time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from uart_rig import (
    BI,
    DR,
    FCR,
    IER,
    LCR,
    LOOP,
    LSR,
    MCR,
    MSR,
    RBR,
    THR,
    Rig,
    seeded,
)

from models.alarm import WallAlarm
from models.ns16550a import (
    BreakChanged,
    Drained,
    LineEvent,
    LineSettings,
    LineTimeout,
    ModemInputs,
    ModemOutputs,
    Ns16550a,
    OutputsChanged,
    SettingsChanged,
    SocketLine,
    Transmitted,
)
from testbed.deadline import Deadline
from testbed.errors import TestbedError

SOON = 10.0


class Driver(threading.Thread):
    """A guest on its own thread: echoes what it receives, under the device's lock as a server."""

    def __init__(self, uart: Ns16550a) -> None:
        super().__init__(daemon=True)
        self.uart = uart
        self.rises = threading.Semaphore(0)
        self.ending = False
        link = self
        set_wire = uart.set_wire

        def watched(wire: int | str, level: bool) -> None:
            set_wire(wire, level)
            if level:
                link.rises.release()

        uart.set_wire = watched  # type: ignore[method-assign]

    def run(self) -> None:
        while True:
            self.rises.acquire()
            if self.ending:
                return
            with self.uart.lock:
                while self.uart.read(0, LSR, 1) & DR:
                    self.uart.write(0, THR, 1, self.uart.read(0, RBR, 1))

    def end(self) -> None:
        self.ending = True
        self.rises.release()
        self.join(SOON)
        assert not self.is_alive()


@pytest.fixture
def echo() -> Iterator[Ns16550a]:
    """A UART in wall-clock time with a driver that echoes."""
    uart = Ns16550a("uart")
    for register, value in ((LCR, 0x83), (RBR, 1), (LCR, 0x03), (FCR, 0x81), (IER, 0x01)):
        uart.write(0, register, 1, value)
    driver = Driver(uart)
    driver.start()
    yield uart
    driver.end()


def test_echo_in_wall_clock_time_loses_nothing(echo: Ns16550a) -> None:
    random = seeded()
    for size in (1, 2, 7, 8, 15, 16, 17, 1000, 65536):
        data = random.randbytes(size)
        echo.line.write(data)
        assert echo.line.read_exactly(size, Deadline(SOON)) == data
    assert echo.line.available == echo.line.pending == 0


def test_read_until_takes_up_to_the_pattern(echo: Ns16550a) -> None:
    echo.line.write(b"login: root\nlogin: ")
    assert echo.line.read_until(b"login: ", Deadline(SOON)) == b"login: "
    assert echo.line.read_until(b"login: ", Deadline(SOON)) == b"root\nlogin: "


def test_read_until_finds_a_pattern_that_comes_in_pieces() -> None:
    rig = Rig()
    rig.program()
    found: list[bytes] = []
    thread = threading.Thread(
        target=lambda: found.append(rig.line.read_until(b"aab", Deadline(SOON)))
    )
    thread.start()
    for character in b"xaaaab!":
        with rig.uart.lock:
            rig.write(THR, character)
    thread.join(SOON)
    assert found == [b"xaaaab"]
    assert rig.line.read() == b"!"


def test_timeout_names_line_wait_and_what_came() -> None:
    rig = Rig()
    rig.program()
    rig.send(b"panic")
    with pytest.raises(LineTimeout, match=r"uart: waited 0.01 s for b'login'; 5 .*b'panic'"):
        rig.line.read_until(b"login", Deadline(0.01))
    with pytest.raises(LineTimeout, match="6 bytes"):
        rig.line.read_exactly(6, Deadline(0))
    assert rig.line.read_exactly(5, Deadline(0)) == b"panic"


def test_wrong_waits_are_refused() -> None:
    rig = Rig()
    with pytest.raises(ValueError, match="at least one byte"):
        rig.line.read_until(b"", Deadline(0))
    with pytest.raises(ValueError, match="in pieces"):
        rig.line.read_exactly(rig.line.capacity + 1, Deadline(0))


@pytest.mark.parametrize(
    ("condition", "change"),
    [
        (lambda line: line.outputs.dtr, lambda rig: rig.write(MCR, 0x01)),
        (lambda line: line.settings.data_bits == 8, lambda rig: rig.write(LCR, 0x03)),
        (lambda line: line.break_condition, lambda rig: rig.write(LCR, 0x40)),
        (lambda line: line.pending == 0, lambda rig: rig.drain()),
        (lambda line: line.available == 1, lambda rig: rig.write(THR, 0x41)),
    ],
)
def test_waiting_thread_is_woken_by_what_it_waits_for(condition, change) -> None:  # type: ignore[no-untyped-def]
    rig = Rig()
    rig.line.write(b"ab")
    waiting = threading.Event()
    woken: list[float] = []

    def ready() -> bool:
        waiting.set()
        return bool(condition(rig.line))

    def wait() -> None:
        rig.line.wait_until(ready, Deadline(SOON), "it")
        woken.append(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(SOON)
    with rig.uart.lock:
        change(rig)
    changed = time.monotonic()
    thread.join(SOON)
    assert woken
    assert woken[0] - changed < SOON / 2


def test_wait_drained() -> None:
    rig = Rig()
    rig.program()
    rig.line.write(bytes(17))
    with pytest.raises(LineTimeout):
        rig.line.wait_drained(Deadline(0))
    rig.read(RBR)
    rig.line.wait_drained(Deadline(0))


def test_flow_control_waits_for_rts() -> None:
    rig = Rig()
    rig.program()
    rig.line.flow_control = True
    rig.line.write(b"abc")
    assert not rig.read(LSR) & DR
    rig.write(MCR, 0x02)
    assert rig.drain() == b"abc"
    rig.write(MCR, 0x00)
    rig.line.write(b"d")
    assert not rig.read(LSR) & DR
    rig.line.flow_control = False
    assert rig.drain() == b"d"


def test_discard_forgets_what_is_held() -> None:
    rig = Rig()
    rig.program()
    rig.line.write(bytes(20))
    assert rig.line.discard_pending() == 4
    assert rig.drain() == bytes(16)


def test_reset_keeps_the_line_as_it_is() -> None:
    rig = Rig()
    rig.program()
    rig.write(MCR, 0x03)
    rig.send(b"sent")
    rig.line.set_modem(cts=False, ri=True)
    rig.line.write(bytes(range(20)))
    rig.uart.reset()
    assert rig.line.read() == b"sent"
    assert rig.line.modem_inputs == ModemInputs(cts=False, dsr=True, ri=True, dcd=True)
    assert rig.read(MSR) == 0xE0
    assert rig.line.outputs == ModemOutputs(dtr=False, rts=False, out1=False, out2=False)
    assert rig.drain() == bytes(range(16, 20))  # the peer goes on; what was inside is gone


def test_events_come_in_order() -> None:
    rig = Rig()
    rig.program()
    events: list[LineEvent] = []
    with rig.line.subscribed(events.append):
        rig.send(b"a")
        rig.write(MCR, 0x01)
        rig.write(MCR, 0x01 | LOOP)
        rig.write(LCR, 0x42)
        rig.write(MCR, 0x00)
        rig.write(LCR, 0x02)
        rig.line.write(b"xy")
    rig.send(b"b")
    off = ModemOutputs(dtr=False, rts=False, out1=False, out2=False)
    seven = LineSettings(115200.0, 7, "none", 1.0)
    assert events == [
        Transmitted(ord("a")),
        OutputsChanged(ModemOutputs(dtr=True, rts=False, out1=False, out2=False)),
        OutputsChanged(off),
        SettingsChanged(seven),
        BreakChanged(True),
        BreakChanged(False),
        Drained(),
    ]


def test_subscriber_may_answer_from_within() -> None:
    rig = Rig()
    rig.program()

    def upper(event: LineEvent) -> None:
        if isinstance(event, Transmitted):
            rig.line.write(bytes([event.character]).upper())

    rig.line.subscribe(upper)
    rig.send(b"hello" * 10)
    assert rig.drain() == b"HELLO" * 10


def test_break_and_data_keep_their_order_through_the_hold() -> None:
    rig = Rig()
    rig.program()
    rig.line.write(bytes(16))
    rig.line.send_break()
    rig.line.write(b"z")
    for _ in range(16):
        assert not rig.read(LSR) & BI
        rig.read(RBR)
    assert rig.read(LSR) & BI
    rig.read(RBR)
    assert rig.drain() == b"z"


# Wall-clock time


def test_wall_clock_timeout_raises_the_wire_and_its_thread_ends() -> None:
    uart = Ns16550a("uart")
    alarm = uart._alarm
    assert isinstance(alarm, WallAlarm)
    alarm.IDLE = 0.01
    rose = threading.Event()
    set_wire = uart.set_wire

    def watched(wire: int | str, level: bool) -> None:
        set_wire(wire, level)
        if level:
            rose.set()

    uart.set_wire = watched  # type: ignore[method-assign]
    for register, value in ((LCR, 0x83), (RBR, 12), (LCR, 0x03), (FCR, 0xC1), (IER, 0x01)):
        uart.write(0, register, 1, value)
    for _ in range(3):
        rose.clear()
        start = time.monotonic()
        uart.line.write(b"x")
        assert rose.wait(SOON)
        assert time.monotonic() - start >= 4 * 10 / 9600
        with uart.lock:
            assert uart.read(0, RBR, 1) == ord("x")
            assert not uart.wire_level("interrupt")
        if thread := alarm._thread:
            thread.join(SOON)
        assert alarm._thread is None


# The socket


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(SOON)
    client.connect(str(path))
    return client


def receive(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = client.recv(65536)
        assert piece, f"closed after {len(data)} of {count} bytes"
        data += piece
    return data


def test_socket_carries_both_ways_and_takes_the_next_client(echo: Ns16550a, tmp_path: Path) -> None:
    random = seeded()
    path = tmp_path / "line"
    with SocketLine(echo.line, path):
        first = connect(path)
        second = connect(path)  # waits its turn
        second.sendall(b"second")
        for size in (1, 100, 65536):
            data = random.randbytes(size)
            first.sendall(data)
            assert receive(first, size) == data
        first.close()
        assert receive(second, 6) == b"second"
        second.close()
    assert not path.exists()


def test_socket_does_not_read_more_than_the_line_takes(tmp_path: Path) -> None:
    rig = Rig()
    rig.program()
    path = tmp_path / "line"
    data = seeded().randbytes(1 << 20)
    with SocketLine(rig.line, path), connect(path) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        got = bytearray()
        deadline = Deadline(60)
        while len(got) < len(data):
            rig.line.wait_until(lambda: bool(rig.read(LSR) & DR), deadline, "data")
            with rig.uart.lock:
                assert rig.line.pending <= 128 << 10
                got += rig.drain()
        sender.join(SOON)
        assert got == data


def test_socket_reads_on_after_what_the_line_held_was_discarded(tmp_path: Path) -> None:
    rig = Rig()
    rig.program()
    path = tmp_path / "line"
    data = bytes(1 << 20)
    left = len(data) - 16  # that many are in the receiver
    with SocketLine(rig.line, path), connect(path) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        while left:
            enough = min(left, 64 << 10)
            rig.line.wait_until(
                lambda enough=enough: rig.line.pending >= enough,  # type: ignore[misc]
                Deadline(SOON),
                "the socket to be read",
            )
            left -= rig.line.discard_pending()
        sender.join(SOON)


def test_socket_keeps_output_for_the_next_client(tmp_path: Path) -> None:
    rig = Rig()
    rig.program()
    path = tmp_path / "line"
    with SocketLine(rig.line, path):
        with rig.uart.lock:
            rig.send(b"early")
        with connect(path) as client:
            assert receive(client, 5) == b"early"


def test_socket_replaces_a_stale_file_and_refuses_others(tmp_path: Path) -> None:
    rig = Rig()
    path = tmp_path / "line"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    with (
        SocketLine(rig.line, path),
        pytest.raises(TestbedError, match=f"cannot listen on {path}"),
    ):
        SocketLine(rig.line, path)
    path.write_text("precious")
    with pytest.raises(TestbedError, match="uart: cannot listen"):
        SocketLine(rig.line, path)
    assert path.read_text() == "precious"
    with pytest.raises(TestbedError, match="path too long; give a free path"):
        SocketLine(rig.line, tmp_path / ("x" * 200))


def test_socket_closes_with_a_client_connected(tmp_path: Path) -> None:
    rig = Rig()
    rig.program()
    path = tmp_path / "line"
    line = SocketLine(rig.line, path)
    with connect(path) as client:
        with rig.uart.lock:
            rig.send(b"x")
        assert receive(client, 1) == b"x"
        line.close()
        assert client.recv(1) == b""
