# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Sequence

import pytest

from models.sec import PRESETS, JobRing, SecController
from testbed.boards import BOARDS, PlatformDevice
from testbed.remoteport.device import Device
from testbed.scenario.sec_devices import SEC, SEC_RINGS, plain_rings, sec_of, with_sec

T4240 = PRESETS["T4240"]


@pytest.fixture(params=sorted(BOARDS))
def ours(request: pytest.FixtureRequest) -> tuple[PlatformDevice, ...]:
    return BOARDS[request.param].devices


def made_of(devices: Sequence[PlatformDevice]) -> dict[str, Device]:
    """The models of the SEC and its rings, by path."""
    made: dict[str, Device] = {}
    for device in devices:
        if device.path in (SEC, *SEC_RINGS):
            made[device.path] = device.model(made)
    return made


def test_the_boards_sec_and_its_rings(ours: tuple[PlatformDevice, ...]) -> None:
    made = made_of(ours)
    controller = made[SEC]
    assert isinstance(controller, SecController)
    assert controller.config == sec_of(ours)
    assert [made[path] for path in SEC_RINGS] == list(controller.rings)
    for device in ours:
        if device.path in made:
            sizes = [region.size for region in made[device.path].regions]
            assert [size for _, size in device.regions] == sizes


def test_another_sec_takes_the_place_of_the_boards(ours: tuple[PlatformDevice, ...]) -> None:
    devices = with_sec(ours, T4240)
    assert [device.path for device in devices] == [device.path for device in ours]
    made = made_of(devices)
    controller = made[SEC]
    assert isinstance(controller, SecController)
    assert controller.config.name == "T4240"
    assert [made[path] for path in SEC_RINGS] == list(controller.rings)
    (node,) = (device for device in devices if device.path == SEC)
    assert node.properties["fsl,sec-era"] == 5
    assert "ranges" in node.properties
    assert next(d for d in ours if d.path == SEC).properties["fsl,sec-era"] != 5


def test_the_others_stay_as_they_are(ours: tuple[PlatformDevice, ...]) -> None:
    others = [device for device in ours if device.path != SEC]
    assert [device for device in with_sec(ours, T4240) if device.path != SEC] == others


def test_plain_rings_are_all_there_is_of_their_sec(ours: tuple[PlatformDevice, ...]) -> None:
    devices = plain_rings(ours, T4240)
    rings = [device for device in devices if device.stream_id is not None]
    others = [device for device in devices if device.stream_id is None]
    assert others == [d for d in ours if d.stream_id is None and d.path != SEC]
    assert [ring.path for ring in rings] == ["/soc/jr@301000", "/soc/jr@302000"]
    assert [ring.registers for ring in rings] == [((0x301000, 0x1000),), ((0x302000, 0x1000),)]
    assert [ring.regions for ring in rings] == [ring.registers for ring in rings]
    given = [device for device in ours if device.path in SEC_RINGS]
    for ring, device in zip(rings, given, strict=True):
        assert ring.interrupts == device.interrupts
        assert ring.stream_id == device.stream_id
    hosts: list[dict[str, Device]] = [{}, {}]
    for made in hosts:
        for ring in rings:
            made[ring.path] = ring.model(made)
        first, second = made.values()
        assert isinstance(first, JobRing)
        assert isinstance(second, JobRing)
        assert [ring.index for ring in (first, second)] == [0, 1]
        assert list(first.siblings) == [first, second], "they are not of one SEC"
    assert not {*hosts[0].values()} & {*hosts[1].values()}, "two hosts share a ring"
