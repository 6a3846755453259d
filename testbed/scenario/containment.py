# SPDX-License-Identifier: MIT
"""DMA of a device to where its IOMMU must not let it."""

from __future__ import annotations

from testbed.remoteport.device import BusError
from testbed.scenario.base import Scenario

_PAGE = 4096


def check_refused(scenario: Scenario, path: str, address: int, where: str) -> None:
    """Both directions are refused, and the host's log names the stream and the address.

    `path` is the device's in the host's tree, `where` what errors call the bus address. An IOMMU
    may keep one refusal at a time for the kernel and forget those that come meanwhile, and the
    kernel limits what it prints: so the device tries each second until it is told.
    """
    host = scenario.host
    stream = host.stream_id(path)
    page = (address + 8) & -_PAGE
    next_try = scenario.deadline(0)

    def told() -> bool:
        nonlocal next_try
        if next_try.expired:
            _try_both(scenario, path, address, where)
            next_try = scenario.deadline(1)
        return any(
            fault.source_id == stream and fault.address & -_PAGE == page
            for fault in host.iommu_faults()
        )

    scenario.wait_until(
        told, scenario.deadline(20), f"the host's log to tell of stream {stream:#x} at {page:#x}"
    )


def _try_both(scenario: Scenario, path: str, address: int, where: str) -> None:
    dma = scenario.host.model(path).dma
    for access in (
        lambda: dma.read(address, 16),
        lambda: dma.write(address, scenario.random.randbytes(16)),
    ):
        try:
            access()
        except BusError:
            continue
        raise AssertionError(f"DMA of {path} reached {where}, {address:#x}")
