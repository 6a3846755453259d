# SPDX-License-Identifier: MIT
"""A board's devices with another SEC behind them, or with its job rings and nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.sec import JobRing, Sec, SecConfig, SecController
from testbed.boards import PlatformDevice
from testbed.boards.board import ModelFactory
from testbed.remoteport.device import Device

__all__ = ["SEC", "SEC_RINGS", "plain_rings", "sec_of", "with_sec"]

SEC = "/soc/crypto@300000"
SEC_RINGS = (f"{SEC}/jr@1000", f"{SEC}/jr@2000")


def sec_of(devices: Sequence[PlatformDevice]) -> SecConfig:
    """What the SEC among a board's devices is."""
    (controller,) = (device.model({}) for device in devices if device.path == SEC)
    assert isinstance(controller, SecController)
    return controller.config


def with_sec(devices: Sequence[PlatformDevice], config: SecConfig) -> tuple[PlatformDevice, ...]:
    """The same devices, with the SEC that `config` describes; its pages have to be the board's."""

    def model(_: Mapping[str, Device]) -> Device:
        return Sec(config, rings=len(SEC_RINGS)).controller

    return tuple(
        replace(
            device,
            model=model,
            properties={**device.properties, "fsl,sec-era": config.era},
        )
        if device.path == SEC
        else device
        for device in devices
    )


def plain_rings(devices: Sequence[PlatformDevice], config: SecConfig) -> tuple[PlatformDevice, ...]:
    """The job rings among the devices, directly on the bus, where they are.

    They are of one SEC, whose controller nobody has: what firmware does with it, `config` says.
    With them come the devices that have no IOMMU, since one of these may be it.
    """
    others = [d for d in devices if d.stream_id is None and d.path != SEC]
    first, *rest = (_plain(device) for device in devices if device.path in SEC_RINGS)
    path, count = first.path, 1 + len(rest)
    return (
        *others,
        replace(first, model=lambda _: Sec(config, rings=count).rings[0]),
        *(replace(ring, model=_sibling(path, index)) for index, ring in enumerate(rest, 1)),
    )


def _plain(device: PlatformDevice) -> PlatformDevice:
    (window,) = device.regions
    return replace(device, name=f"jr@{window[0]:x}", registers=(window,), windows=None)


def _sibling(path: str, index: int) -> ModelFactory:
    """Makes the ring of the SEC whose first one is at `path`."""

    def model(made: Mapping[str, Device]) -> Device:
        first = made[path]
        assert isinstance(first, JobRing)
        return first.siblings[index]

    return model
