# SPDX-License-Identifier: MIT
"""A UART among a board's devices."""

from __future__ import annotations

from models.ns16550a import Ns16550a
from testbed.boards.board import PlatformDevice

_CLOCK = 150_000_000
"""Hz; the platform clock / 2 that QorIQ DUARTs run from, within the driver's baud tolerance."""


def uart_device(
    name: str, window: tuple[int, int], *, interrupt: int, stream_id: int
) -> PlatformDevice:
    """A 16550A whose registers repeat through its `window`, an (offset, size) within `/soc`."""
    return PlatformDevice(
        name=name,
        compatible=("ns16550a",),
        registers=(window,),
        interrupts=(interrupt,),
        model=lambda _: Ns16550a(name=name, clock_frequency=_CLOCK, size=window[1]),
        stream_id=stream_id,
        properties={"clock-frequency": _CLOCK, "current-speed": 115200},
    )
