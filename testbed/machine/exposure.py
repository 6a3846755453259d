# SPDX-License-Identifier: MIT
"""What VFIO exposes of a device, and what its device-tree node says it should.

Source: include/uapi/linux/vfio.h, drivers/vfio/platform/vfio_platform_{common,irq}.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from testbed.devicetree.address import cpu_address, register_windows
from testbed.devicetree.interrupts import interrupts
from testbed.devicetree.tree import Node, Tree

_PAGE_SIZE = 4096


@dataclass(frozen=True)
class ExposedRegion:
    """A register window: size in bytes and VFIO_REGION_INFO_FLAG_* names."""

    size: int
    flags: frozenset[str]

    def __str__(self) -> str:
        return f"{self.size:#x} {'|'.join(sorted(self.flags))}"


@dataclass(frozen=True)
class ExposedInterrupt:
    """An interrupt index: number of lines and VFIO_IRQ_INFO_* names."""

    count: int
    flags: frozenset[str]

    def __str__(self) -> str:
        return f"{self.count} line {'|'.join(sorted(self.flags))}"


@dataclass(frozen=True)
class Exposure:
    """Regions and interrupts of one device, in the order of their indexes."""

    regions: tuple[ExposedRegion, ...]
    interrupts: tuple[ExposedInterrupt, ...]

    def __repr__(self) -> str:
        """The same for equal exposures, in every process: flags in order."""
        return f"Exposure({'; '.join(map(str, (*self.regions, *self.interrupts)))})"

    def to_info(self) -> dict[str, Any]:
        """In the form of the `vfio-info` tool, for `parse_exposure`."""
        return {
            "regions": [{"size": r.size, "flag_names": sorted(r.flags)} for r in self.regions],
            "irqs": [{"count": i.count, "flag_names": sorted(i.flags)} for i in self.interrupts],
        }

    def differences(self, expected: Exposure) -> list[str]:
        """One line for each way this differs from `expected`."""
        lines = []
        for what, mine, theirs in (
            ("region", self.regions, expected.regions),
            ("interrupt", self.interrupts, expected.interrupts),
        ):
            if len(mine) != len(theirs):
                lines.append(f"{len(mine)} {what}s exposed, the node has {len(theirs)}")
            for index, (exposed, wanted) in enumerate(zip(mine, theirs, strict=False)):
                if exposed != wanted:
                    lines.append(f"{what} {index} is {exposed}, by the node it is {wanted}")
        return lines


def expected_exposure(tree: Tree, node: Node) -> Exposure:
    """What vfio-platform must expose of `node`: a window can be mapped when it is whole pages."""
    regions = []
    for address, size in register_windows(tree, node):
        flags = {"read", "write"}
        if not (cpu_address(tree, node, address) | size) % _PAGE_SIZE:
            flags.add("mmap")
        regions.append(ExposedRegion(size, frozenset(flags)))
    lines = []
    for line in interrupts(tree, node):
        flags = {"eventfd", "maskable", "automasked"} if line.level else {"eventfd"}
        lines.append(ExposedInterrupt(1, frozenset(flags)))
    return Exposure(tuple(regions), tuple(lines))


def parse_exposure(info: dict[str, Any]) -> Exposure:
    """Read what the `vfio-info` tool in the host printed, or `Exposure.to_info` gave."""
    return Exposure(
        tuple(ExposedRegion(r["size"], frozenset(r["flag_names"])) for r in info["regions"]),
        tuple(ExposedInterrupt(i["count"], frozenset(i["flag_names"])) for i in info["irqs"]),
    )
