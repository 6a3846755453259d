# SPDX-License-Identifier: MIT
"""The node of the device does not say that an IOMMU stands before it."""

from dataclasses import replace

from testbed.boards import Board, PlatformDevice
from testbed.scenario import Scenario


class NoIommuGroup(Scenario):
    def devices(self, board: Board) -> tuple[PlatformDevice, ...]:
        return tuple(replace(device, stream_id=None) for device in board.devices)

    def test(self) -> None:
        self.host.assign("/soc/serial@11d000")
