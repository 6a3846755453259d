# SPDX-License-Identifier: MIT
from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from machine_rig import BOARD, assignment

from testbed.channel import Stream
from testbed.deadline import Deadline
from testbed.devicetree.guest_nodes import Placement
from testbed.errors import TestbedError
from testbed.machine.guest import Guest
from testbed.machine.host import Host
from testbed.machine.virtual_uart import VirtualLine, VirtualUart
from testbed.qmp import Qmp
from testbed.run import Run

GIC = "/machine/unattached/device[3]/unnamed-gpio-in"


class FakeQmp:
    """A nested QEMU that has one UART, `u0`."""

    def __init__(self, link: str = f"{GIC}[115]") -> None:
        self._answers = {
            ("/machine/peripheral/u0/serial[0]", "addr"): 0x18,
            ("/machine/peripheral/u0", "sysbus-irq[0]"): link,
        }

    def execute(self, command: str, arguments: dict[str, str]) -> Any:
        assert command == "qom-get"
        return self._answers[arguments["path"], arguments["property"]]


def test_qemu_is_told_of_the_device_and_of_its_line() -> None:
    assert VirtualUart("u0").arguments("/run/guest0") == (
        "-chardev",
        "socket,id=u0,path=/run/guest0/u0,server=on,wait=off",
        "-device",
        "ns16550,id=u0,chardev=u0",
    )
    apart = VirtualUart("u1", register_shift=2)
    assert apart.arguments("/run/guest0")[3] == "ns16550,id=u1,chardev=u1,regshift=2"
    assert apart.socket("/run/guest0") == "/run/guest0/u1"


def test_a_window_is_eight_registers() -> None:
    assert VirtualUart("u0").size == 8
    assert VirtualUart("u0", register_shift=20).size == 8 << 20


def test_the_place_is_read_from_the_running_qemu() -> None:
    placement = VirtualUart("u0").placement(BOARD, cast(Qmp, FakeQmp()))
    assert placement == Placement((0x18,), ((0, 115, 4),))


def test_a_line_that_goes_nowhere_is_named() -> None:
    with pytest.raises(TestbedError, match="interrupt 0 of virtual UART u0 goes to nothing"):
        VirtualUart("u0").placement(BOARD, cast(Qmp, FakeQmp("")))


class FakeStream:
    """A connection that holds what came, and keeps what was written with how long it may take."""

    def __init__(self, held: bytes) -> None:
        self.held = held
        self.written: list[tuple[bytes, float]] = []
        self.closed = False

    def write(self, data: bytes, *, deadline: Deadline) -> None:
        self.written.append((data, deadline.seconds))

    def read_exactly(self, count: int, *, deadline: Deadline) -> bytes:
        return self.take_held(count)

    def take_held(self, limit: int | None = None) -> bytes:
        taken, self.held = (self.held, b"") if limit is None else split(self.held, limit)
        return taken

    def close(self) -> None:
        self.closed = True


def split(data: bytes, at: int) -> tuple[bytes, bytes]:
    return data[:at], data[at:]


def test_the_far_end_reads_and_writes() -> None:
    stream = FakeStream(b"from the guest")
    with VirtualLine(cast(Stream, stream), lambda seconds: Deadline(3 * seconds)) as line:
        line.write(b"to the guest")
        assert stream.written == [(b"to the guest", 60)]
        assert line.read_exactly(4, Deadline(1)) == b"from"
        assert line.read(4) == b" the"
        assert line.read() == b" guest"
        assert line.read() == b""
    assert stream.closed


def test_only_the_nested_qemu_makes_its_node() -> None:
    run = SimpleNamespace(folder=lambda name: None)
    watch = SimpleNamespace(subscribe=lambda fail: None)
    host = cast(Host, SimpleNamespace(run=cast(Run, run), watch=watch))
    uart, assigned = VirtualUart("u0"), assignment("/soc/serial@11c500", [0x100], 1)
    guest = Guest(host, "guest0", [uart, assigned])
    assert guest.devices == (uart, assigned)
    assert guest.assignments == (assigned,)
    with pytest.raises(TestbedError, match=r'guest0 has virtual UARTs.* set guest_tree = "qemu"'):
        guest.check_devices()
    Guest(host, "guest1", [uart, assigned], tree_by="qemu").check_devices()
    Guest(host, "guest2", [assigned]).check_devices()
