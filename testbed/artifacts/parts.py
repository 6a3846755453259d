# SPDX-License-Identifier: MIT
"""What every board is made of, and what makes it of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from testbed.artifacts.progress import Progress
from testbed.artifacts.qemu import Distributed, Qemu
from testbed.artifacts.resolver import Resolve
from testbed.artifacts.selection import Selection, Wish
from testbed.artifacts.targets import Target

NestedQemu = Literal["stock", "built"]
"""A QEMU for guests: the distribution's, or the one built here."""


@dataclass(frozen=True)
class Parts:
    """The targets a run uses directly, and the sources that others are built from."""

    kernel: Target
    """Has the board's kernel as `Image`, what QEMU's -kernel takes, whatever its format."""
    host_initramfs: Target
    guest_initramfs: Target
    root: Target
    payload: Target
    bridge: Target
    nested_qemu: Target | None
    """The QEMU of guests that is built here, which the payload has too; None: the root system's."""
    linux_source: Target
    linux_headers: Target
    """What kernel modules are built against."""
    qemu_source: Target | None

    @property
    def used(self) -> tuple[Target, ...]:
        """In the order to start building them: what takes longest first."""
        return (
            self.payload,
            self.root,
            self.bridge,
            self.kernel,
            self.host_initramfs,
            self.guest_initramfs,
            *([] if self.nested_qemu is None else [self.nested_qemu]),
        )


@dataclass(frozen=True)
class Composition:
    """How a board's parts are chosen and made."""

    qemu: Distributed
    """Emulates the host unless the user brings another."""
    wishes: Callable[[Qemu, Progress, bool], list[tuple[Wish, Resolve]]]
    """What to choose from the archive; the last argument: to build nested QEMU of."""
    parts: Callable[[list[Selection], Qemu, Path | None, bool], Parts]
    """Targets for the selections of `wishes`, in their order; the guest kernel brought; the same.
    """
    kernel_image: Callable[[Path], bytes]
    """A kernel that the user brings, as QEMU takes it. TestbedError when it is none for it."""
    stock_nested_qemu: bool = False
    """Its root system has a QEMU for guests, so that none need be built."""
