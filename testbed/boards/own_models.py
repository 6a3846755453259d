# SPDX-License-Identifier: MIT
"""A board's devices with other models behind some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from testbed.boards.board import ModelFactory, PlatformDevice
from testbed.errors import Stage, TestbedError


def with_models(
    devices: Sequence[PlatformDevice], models: Mapping[str, ModelFactory]
) -> tuple[PlatformDevice, ...]:
    """`devices` with `models` behind them, by device-tree path.

    TestbedError for a model that is made already, or is behind none of the devices.
    """
    known = {device.path for device in devices}
    for path, make in models.items():
        if path not in known:
            raise TestbedError(
                Stage.MODEL,
                f"no device is at {path} to put a model behind; devices are at "
                f"{', '.join(sorted(known))}",
            )
        if not callable(make):
            kind = type(make).__name__
            raise TestbedError(
                Stage.MODEL,
                f"behind {path} is a {kind} to be put, which is made already; give a function that"
                f" makes it, such as lambda others: {kind}(...): each host has a model of its own",
            )
    return tuple(replace(d, model=models.get(d.path, d.model)) for d in devices)
