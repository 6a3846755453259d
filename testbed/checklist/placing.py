# SPDX-License-Identifier: MIT
"""Devices of a real board in the emulated host: where they go, and what their nodes keep.

A device is at the offset within `/soc` that it has on the part, modulo the size of `/soc`, if
nothing is there; else at the next free place. Interrupts and stream ids are the emulated board's:
those of the part where its interrupt controller is of the same kind and the number is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from testbed.boards.board import Board, PlatformDevice
from testbed.checklist.board_nodes import BoardNode
from testbed.checklist.kinds import Kind, Place, kind_of
from testbed.devicetree.fragment import Fragment
from testbed.devicetree.tree import Value
from testbed.errors import Stage, TestbedError

_PAGE = 4096
_BRIDGED = 0x100000
"""Of board e500 the first MiB of /soc is QEMU's own, but for what the board puts there itself."""
_FIRST_INTERRUPT = {"arm-virt": 176, "e500": 80}
_LAST_INTERRUPT = {"arm-virt": 255, "e500": 254}
_QEMU_INTERRUPTS = {"arm-virt": frozenset(range(176)), "e500": frozenset({*range(15), 42, 43, 47})}
_STREAM_IDS = tuple(range(0xF8, 0x48, -8))
"""Function numbers that no PCI device of the host has; see the board."""

_NEVER = frozenset(
    {
        *("reg", "interrupts", "interrupts-extended", "compatible", "status"),
        *("phandle", "linux,phandle"),
    }
)
_ELSEWHERE = frozenset(
    {
        *("clocks", "clock-names", "assigned-clocks", "interrupt-parent", "iommus"),
        *("fsl,iommu-parent", "fsl,liodn-reg", "fsl,liodn", "dmas", "dma-names", "power-domains"),
        *("resets", "phys", "phy-names", "msi-parent", "pinctrl-0", "pinctrl-names"),
    }
)
"""Properties that lead to nodes which the emulated host has not, or which it gives itself."""


class Placer:
    """Makes the devices of one emulated host, besides those that the board itself needs."""

    def __init__(self, board: Board, fragments: Sequence[Fragment]) -> None:
        self._board = board
        self._fragments = fragments
        self.devices: list[PlatformDevice] = [d for d in board.devices if d.stream_id is None]
        # A SEC of the board's own is one of the devices to test, not what the board needs.
        self.devices = [d for d in self.devices if d.stand_in is None]
        self._taken = [window for device in self.devices for window in device.registers]
        self._lines = {line for device in self.devices for line in device.interrupts}
        self._lines |= _QEMU_INTERRUPTS[board.name]
        self._streams = iter(_STREAM_IDS)

    def add(self, kind: Kind, node: BoardNode, parts: Sequence[BoardNode]) -> list[PlatformDevice]:
        """The devices for a node of this kind, and for `parts`: those made of it, in their order.

        TestbedError when the emulated host has no room for them.
        """
        assert kind.make is not None
        whole, *rest = self._place(node)
        place = Place(
            self._board.name,
            f"{node.node.name.partition('@')[0]}@{whole[0]:x}",
            node.compatible,
            (whole, *rest),
            self._interrupts(node),
            self._stream(node),
            self._properties(node),
            tuple(self._part(part, node) for part in parts),
        )
        made = kind.make(place)
        self.devices += made
        return list(made)

    def _part(self, part: BoardNode, whole: BoardNode) -> Place:
        base = whole.windows[0][0]
        return Place(
            self._board.name,
            part.node.name,
            part.compatible,
            tuple((address - base, size) for address, size in part.windows),
            self._interrupts(part),
            self._stream(part),
            self._properties(part),
        )

    def _place(self, node: BoardNode) -> Iterator[tuple[int, int]]:
        for address, size in node.windows:
            at = self._free(address % self._board.soc_size, size, node)
            self._taken.append((at, size))
            yield at, size

    def _free(self, wanted: int, size: int, node: BoardNode) -> int:
        end = self._board.soc_size
        first = _BRIDGED if self._board.name == "e500" else 0
        step = max(2 ** (size - 1).bit_length(), _PAGE)
        rest = (at + wanted % _PAGE for at in range(-(-first // step) * step, end, step))
        for at in (wanted, *rest):
            if at < first or at + size > end:
                continue
            if all(at + size <= start or at >= start + length for start, length in self._taken):
                return at
        raise _full(f"{size:#x} bytes of registers for {node.path}")

    def _interrupts(self, node: BoardNode) -> tuple[int, ...]:
        return tuple(self._interrupt(node, line) for line in node.lines)

    def _interrupt(self, node: BoardNode, line: tuple[int, ...]) -> int:
        name = self._board.name
        last = _LAST_INTERRUPT[name]
        pool: Iterable[int] = range(_FIRST_INTERRUPT[name], last + 1)
        # The same controller as on the part, if that may have more: a number of it means the same.
        same = name == "e500" and line[2:3] != (1,) and line[0] <= last
        wanted: tuple[int, ...] = (line[0],) if same else ()
        for number in (*wanted, *pool):
            if number not in self._lines:
                self._lines.add(number)
                return number
        raise _full(f"an interrupt for {node.path}")

    def _stream(self, node: BoardNode) -> int:
        try:
            return next(self._streams)
        except StopIteration:
            raise _full(f"a stream id for {node.path}") from None

    def _properties(self, node: BoardNode) -> dict[str, Value]:
        """What the node has, without what is the emulated host's to say."""
        rules = [f.rules for f in self._fragments if set(f.compatible) & set(node.compatible)]
        dropped = {name for rule in rules for name in rule.drop if name != "dma-coherent"}
        return {
            name: raw
            for name, raw in node.node.properties().items()
            if name not in _NEVER | _ELSEWHERE | dropped
        }


def parts_of(
    kind: Kind, node: BoardNode, nodes: Sequence[BoardNode], board: str
) -> list[BoardNode]:
    """The children of a node that a guest is given in its place, by address."""
    return sorted(
        (
            other
            for other in nodes
            if other.above is not None
            and other.above.path == node.path
            and not other.reason
            and (found := kind_of(other.compatible, board)) is not None
            and found.name == kind.part
            and fits(found, other)
        ),
        key=lambda other: other.windows,
    )


def fits(kind: Kind, node: BoardNode) -> bool:
    """Whether the model of a kind can stand for a node."""
    return kind.fits([size for _, size in node.windows], len(node.lines))


def _full(what: str) -> TestbedError:
    return TestbedError(
        Stage.INFRASTRUCTURE,
        f"the emulated host has no room for {what}: disable some devices of the tree",
    )
