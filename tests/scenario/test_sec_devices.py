# SPDX-License-Identifier: MIT
from __future__ import annotations

from models.sec import PRESETS, JobRing, SecController
from testbed.boards import board
from testbed.remoteport.device import Device
from testbed.scenario.sec_devices import SEC, SEC_RINGS, plain_rings, with_sec

BOARD = board("arm-virt")
T4240 = PRESETS["T4240"]


def test_another_sec_takes_the_place_of_the_boards() -> None:
    devices = with_sec(BOARD.devices, T4240)
    assert [device.path for device in devices] == [device.path for device in BOARD.devices]
    made: dict[str, Device] = {}
    for device in devices:
        made[device.path] = device.model(made)
    controller = made[SEC]
    assert isinstance(controller, SecController)
    assert controller.config.name == "T4240"
    assert [made[path] for path in SEC_RINGS] == list(controller.rings)
    (node,) = (device for device in devices if device.path == SEC)
    assert node.properties["fsl,sec-era"] == 5
    assert "ranges" in node.properties
    assert next(d for d in BOARD.devices if d.path == SEC).properties["fsl,sec-era"] != 5


def test_the_others_stay_as_they_are() -> None:
    others = [device for device in BOARD.devices if device.path != SEC]
    assert [device for device in with_sec(BOARD.devices, T4240) if device.path != SEC] == others


def test_plain_rings_are_all_there_is_of_their_sec() -> None:
    rings = plain_rings(BOARD.devices, T4240)
    assert [ring.path for ring in rings] == ["/soc/jr@301000", "/soc/jr@302000"]
    assert [ring.registers for ring in rings] == [((0x301000, 0x1000),), ((0x302000, 0x1000),)]
    assert [ring.regions for ring in rings] == [ring.registers for ring in rings]
    ours = [device for device in BOARD.devices if device.path in SEC_RINGS]
    for ring, device in zip(rings, ours, strict=True):
        assert ring.interrupts == device.interrupts
        assert ring.stream_id == device.stream_id
    first, second = (ring.model({}) for ring in rings)
    assert isinstance(first, JobRing)
    assert isinstance(second, JobRing)
    assert first is not second
