# SPDX-License-Identifier: MIT
from __future__ import annotations

from testbed.remoteport.device import BusError, Device, Region, Response
from testbed.scenario.accesses import Access, AccessRecorder


class Ram(Device):
    """16 bytes; the last one refuses."""

    regions = (Region("ram", 16),)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.content = bytearray(16)

    def read(self, region: int, offset: int, size: int) -> int:
        if offset == 15:
            raise BusError(Response.GENERIC_ERROR)
        return int.from_bytes(self.content[offset : offset + size], self.byteorder)

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        self.content[offset : offset + size] = value.to_bytes(size, self.byteorder)


def refused(device: Device) -> bool:
    try:
        device.read(0, 15, 1)
    except BusError:
        return True
    return False


def test_accesses_of_all_devices_in_order() -> None:
    one, other = Ram("one"), Ram("other")
    one.write(0, 0, 4, 0x04030201)
    with AccessRecorder([one, other]) as recorder:
        assert recorder.take() == []
        assert one.read(0, 1, 2) == 0x0302
        other.write(0, 8, 1, 0x5A)
        assert recorder.take() == [
            Access("one", False, 0, 1, 2),
            Access("other", True, 0, 8, 1),
        ]
        assert refused(one)
        assert [str(access) for access in recorder.take()] == ["read of 1 at one/0+0xf"]
        assert recorder.take() == []
    assert other.content[8] == 0x5A


def test_nothing_is_left_behind() -> None:
    device = Ram("ram")
    before = dict(vars(device))
    with AccessRecorder([device]) as recorder:
        device.write(0, 0, 1, 7)
        recorder.take()
    assert vars(device) == before
    assert device.read(0, 0, 1) == 7
    assert recorder.take() == []
