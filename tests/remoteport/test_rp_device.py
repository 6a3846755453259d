# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from rp_rig import CTRL, MAP, Memory

from testbed.remoteport.device import BusError, Device, LinkError, Response, StateError
from testbed.remoteport.state import decode_state, encode_state


class Recorder:
    """A link that keeps what a device sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, bool]] = []

    def dma_read(self, address: int, size: int) -> bytes:
        return bytes([address & 0xFF]) * size

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None:
        raise BusError(Response.ADDRESS_ERROR)

    def wire_changed(self, wire: int, level: bool) -> None:
        self.sent.append((wire, level))


def test_the_base_refuses_what_a_model_does_not_implement() -> None:
    device = Device("d")
    for access in (lambda: device.read(0, 4, 4), lambda: device.write(0, 4, 4, 1)):
        with pytest.raises(BusError, match="d: no register at 0x4") as caught:
            access()
        assert caught.value.status is Response.ADDRESS_ERROR
    assert device.save() == {}
    device.load({})
    with pytest.raises(StateError, match="field 'x'"):
        device.load({"x": 1})


def test_only_changes_of_a_wire_are_sent() -> None:
    device, link = Memory(), Recorder()
    device.set_wire("error", True)
    device.attach(link)
    assert link.sent == [(0, False), (1, True)]
    link.sent.clear()
    device.set_wire("error", True)
    device.set_wire(0, False)
    assert link.sent == []
    device.set_wire(0, True)
    device.set_wire("error", False)
    assert link.sent == [(0, True), (1, False)]
    assert (device.wire_level("interrupt"), device.wire_level(1)) == (True, False)
    device.detach(link)
    device.set_wire(0, False)
    assert len(link.sent) == 2


def test_an_older_link_does_not_detach_a_newer_one() -> None:
    device, old, new = Memory(), Recorder(), Recorder()
    device.attach(old)
    device.attach(new)
    device.detach(old)
    assert device.dma.read(7, 2) == b"\x07\x07"
    device.detach(new)
    with pytest.raises(LinkError, match="no QEMU is connected"):
        device.dma.read(7, 2)


@pytest.mark.parametrize("wire", [2, -1, "irq"])
def test_a_wire_that_does_not_exist_is_named(wire: int | str) -> None:
    with pytest.raises(ValueError, match=f"dev: no wire {wire!r}; there is interrupt, error"):
        Memory().set_wire(wire, True)


def test_dma_without_a_link_says_what_it_was() -> None:
    dma = Memory().dma
    with pytest.raises(LinkError, match="DMA read of 4 bytes at 0x1000: no QEMU is connected"):
        dma.read(0x1000, 4)
    with pytest.raises(LinkError, match="DMA write of 2 bytes at 0x1000"):
        dma.write(0x1000, b"ab")


def test_reset_lowers_the_wires() -> None:
    device, link = Memory(), Recorder()
    device.attach(link)
    device.set_wire(0, True)
    device.reset()
    assert link.sent[-1] == (0, False)


def test_registers_are_found_in_the_regions_map() -> None:
    device = Memory()
    assert device.register_at(0, 0, 4, True) == MAP.find(0, 4, True)
    found = device.register_at(0, 4, 4, False)
    assert found is not None
    assert found.name == "STATUS"
    assert device.register_at(0, 8, 4, False) is None
    assert device.register_at(1, 0, 4, False) is None
    assert device.register_at(2, 0, 4, False) is None
    assert CTRL.describe(1 << 31 | 1) == "CTRL.MODE=8 CTRL.ENABLE=1"


def test_state_carries_registers_and_wires() -> None:
    device, copy = Memory("a"), Memory("b")
    device.write(0, 0x40, 4, 0x12345678)
    device.set_wire("error", True)
    decode_state(copy, encode_state(device))
    assert copy.read(0, 0x40, 4) == 0x12345678
    assert copy.wire_level("error")


@pytest.mark.parametrize(
    ("blob", "named"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "not an object of model, wires and state"),
        (b'{"model":"Device","wires":{},"state":{}}', "field 'model' holds 'Device'"),
        (b'{"model":"Memory","wires":{},"state":{}}', "field 'wires'"),
        (
            b'{"model":"Memory","wires":{"interrupt":1,"error":false},"state":{}}',
            "field 'wires.interrupt' holds 1",
        ),
        (
            b'{"model":"Memory","wires":{"interrupt":true,"error":false},"state":3}',
            "field 'state' holds 3",
        ),
        (
            b'{"model":"Memory","wires":{"interrupt":true,"error":false},"state":{}}',
            "field 'control'",
        ),
    ],
    ids=["empty", "bytes", "deep", "bare", "model", "wires", "level", "state", "model's own"],
)
def test_a_bad_state_is_refused_by_name_and_changes_nothing(blob: bytes, named: str) -> None:
    device = Memory()
    before = encode_state(device)
    with pytest.raises(StateError, match=named):
        decode_state(device, blob)
    assert encode_state(device) == before
