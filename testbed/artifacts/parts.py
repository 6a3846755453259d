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

NestedKernel = Literal["stock", "fast"]
"""A kernel for guests: the board's own, or the one built here to boot faster."""
FAST_KERNEL = "fast kernel"
"""The name of the target that makes it."""


@dataclass(frozen=True)
class Choice:
    """What of a board's parts is made instead of taken as it comes."""

    nested_qemu: bool = False
    """Build the QEMU of guests, on a board that has another."""
    fast_kernel: bool = False
    """Build the fast kernel for guests, on a board that has it."""
    kernel: Path | None = None
    """The host's kernel, if the user brings one: an image, or the tree that it was built in."""
    guest_kernel: Path | None = None
    """The same of guests; it takes the place of either of the board's."""
    kernel_series: str | None = None
    """The series of the distribution's kernels that the host has one of, if not the board's own."""
    guest_kernel_series: str | None = None
    """The same of guests."""

    @property
    def series(self) -> tuple[str, ...]:
        """The series of kernels that are asked for, once each."""
        asked = (self.kernel_series, self.guest_kernel_series)
        return tuple(dict.fromkeys(series for series in asked if series is not None))


@dataclass(frozen=True)
class Kernel:
    """A kernel, and its modules as the payload has them."""

    kernel: Target
    """Has Image, what QEMU's -kernel takes, and modules/RELEASE/."""
    modules: tuple[Target, ...]
    """Have modules/."""


@dataclass(frozen=True)
class Parts:
    """The targets a run uses directly, and the sources that others are built from."""

    kernel: Target
    """Has the host's kernel as `Image`, what QEMU's -kernel takes, whatever its format."""
    guest_kernel: Target
    """Has that of guests; the same where they have no other."""
    host_initramfs: Target
    guest_initramfs: Target
    root: Target
    payload: Target
    bridge: Target
    nested_qemu: Target | None
    """The QEMU of guests that is built here, which the payload has too; None: the root system's."""
    linux_source: Target
    """Of the host's kernel, if that is the board's own or of a series; else of the board's."""
    linux_headers: Target
    """What modules of that kernel are built against."""
    qemu_source: Target | None

    @property
    def used(self) -> tuple[Target, ...]:
        """In the order to start building them: what takes longest first."""
        return (
            self.payload,
            self.root,
            self.bridge,
            self.kernel,
            *([] if self.guest_kernel is self.kernel else [self.guest_kernel]),
            self.host_initramfs,
            self.guest_initramfs,
            *([] if self.nested_qemu is None else [self.nested_qemu]),
        )


@dataclass(frozen=True)
class Composition:
    """How a board's parts are chosen and made."""

    qemu: Distributed
    """Emulates the host unless the user brings another."""
    wishes: Callable[[Qemu, Progress, Choice], list[tuple[Wish, Resolve]]]
    """What to choose from the archive."""
    parts: Callable[[list[Selection], Qemu, Choice], Parts]
    """Targets for the selections of `wishes`, in their order."""
    stock_nested_qemu: bool = False
    """Its root system has a QEMU for guests, so that none need be built."""
    fast_kernel: bool = False
    """There is a kernel for guests that boots faster than the board's own."""
    kernel_series: tuple[str, ...] = ()
    """The series of the distribution's kernels that host and guests can have."""
