# SPDX-License-Identifier: MIT
"""A UART that the nested QEMU makes itself, on the platform bus beside the assigned devices.

It is `-device ns16550` (guests/qemu/patches): no VFIO and no device of the host. The far end of its
serial line is a UNIX socket in the host, which the scenario has by the channel into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from testbed.boards.board import Board
from testbed.channel import Stream
from testbed.deadline import Deadline
from testbed.devicetree.guest_nodes import Placement
from testbed.machine.platform_bus import interrupt_of
from testbed.qmp import Qmp

_WRITE_SECONDS = 20


@dataclass(frozen=True)
class VirtualUart:
    """A 16550A of the nested QEMU's own, its registers `1 << register_shift` bytes apart."""

    name: str
    """Its id in the nested QEMU, and its chardev's."""
    register_shift: int = 0

    @property
    def size(self) -> int:
        """Bytes of its window: eight registers."""
        return 8 << self.register_shift

    def socket(self, folder: str) -> str:
        """The far end of its line, in the guest's folder in the host."""
        return f"{folder}/{self.name}"

    def arguments(self, folder: str) -> tuple[str, ...]:
        """What tells the nested QEMU to make it."""
        device = f"ns16550,id={self.name},chardev={self.name}"
        if self.register_shift:
            device += f",regshift={self.register_shift}"
        line = f"socket,id={self.name},path={self.socket(folder)},server=on,wait=off"
        return ("-chardev", line, "-device", device)

    def placement(self, board: Board, qmp: Qmp) -> Placement:
        """Where the nested QEMU put it; TestbedError when it did not."""
        peripheral = f"/machine/peripheral/{self.name}"
        offset: int = qmp.execute(
            "qom-get", {"path": f"{peripheral}/serial[0]", "property": "addr"}
        )
        number = interrupt_of(qmp, f"virtual UART {self.name}", self.name, 0)
        return Placement((offset,), (board.interrupts.specifier(number),))


class VirtualLine:
    """The far end of a virtual UART's line, as a model's `SerialLine` is that of an assigned one.

    What the guest sends while there is none is lost, as on a cable that is not plugged in.
    """

    def __init__(self, stream: Stream, deadline: Callable[[float], Deadline]) -> None:
        """`deadline` makes one of so many seconds, scaled as the person running asked."""
        self._stream = stream
        self._deadline = deadline

    def write(self, data: bytes) -> None:
        """Send to the guest."""
        self._stream.write(data, deadline=self._deadline(_WRITE_SECONDS))

    def read_exactly(self, count: int, deadline: Deadline) -> bytes:
        """`count` bytes that the guest sent; ChannelTimeout when they do not come."""
        return self._stream.read_exactly(count, deadline=deadline)

    def read(self, count: int | None = None) -> bytes:
        """What has come so far, at most `count` bytes, without waiting."""
        return self._stream.take_held(count)

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> VirtualLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
