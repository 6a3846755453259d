# SPDX-License-Identifier: MIT
"""A SEC among a board's devices: its controller, and job rings that can each be assigned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.sec import Sec, SecConfig, SecController
from testbed.boards.board import PlatformDevice
from testbed.devicetree.tree import Value
from testbed.remoteport.device import Device

_OFFSET = 0x300000
_SIZE = 0x10000
_RING = ("fsl,sec-v4.0-job-ring",)

# caam_jr goes even while the kernel tests its algorithms, and the host then oopses.
_TESTED = (
    "awk '/^driver/ { driver = $3 }"
    ' /^selftest/ && $3 == "unknown" && driver ~ /-caam$/ { untested = 1 }'
    " END { exit untested }' /proc/crypto"
)


def sec_devices(
    config: SecConfig,
    *,
    compatible: tuple[str, ...],
    interrupt: int,
    rings: Sequence[tuple[int, int]],
    properties: Mapping[str, Value],
    ring_compatible: tuple[str, ...] = _RING,
    offset: int = _OFFSET,
    size: int = _SIZE,
) -> tuple[PlatformDevice, ...]:
    """The SEC that `config` describes, by default where QorIQ parts have it, in their 64 KiB.

    `interrupt` is the controller's, `rings` the (interrupt, stream id) of each ring that the board
    has. `properties` are the controller's besides those of every SEC. `offset` and `size` are in
    bytes, within `/soc`.
    """
    rings_end = (1 + len(rings)) * config.page_size
    name = f"crypto@{offset:x}"
    controller = PlatformDevice(
        name=name,
        compatible=compatible,
        registers=((offset, size),),
        windows=((offset, config.page_size), (offset + rings_end, size - rings_end)),
        interrupts=(interrupt,),
        model=lambda _: Sec(config, rings=len(rings)).controller,
        properties={
            "fsl,sec-era": config.era,
            "#address-cells": 1,
            "#size-cells": 1,
            "ranges": (0, offset, size),
            **properties,
        },
        stand_in=lambda model: _controller(model).stand_in(config.page_size),
    )
    return controller, *(
        _ring(config, controller, index, ring_compatible, *ids) for index, ids in enumerate(rings)
    )


def _ring(
    config: SecConfig,
    controller: PlatformDevice,
    index: int,
    compatible: tuple[str, ...],
    interrupt: int,
    stream_id: int,
) -> PlatformDevice:
    ((base, _),) = controller.registers
    offset = (1 + index) * config.page_size
    return PlatformDevice(
        name=f"{controller.name}/jr@{offset:x}",
        compatible=compatible,
        registers=((offset, config.page_size),),
        windows=((base + offset, config.page_size),),
        interrupts=(interrupt,),
        idle=_TESTED,
        model=lambda made: _controller(made[controller.path]).rings[index],
        stream_id=stream_id,
    )


def _controller(model: Device) -> SecController:
    assert isinstance(model, SecController)
    return model
