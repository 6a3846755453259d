# SPDX-License-Identifier: MIT
"""What a scenario asks of a SATA controller, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from models.ata.transport import AtaDevice, LinkErrors

__all__ = ["SataController", "SataPort"]


class SataPort(Protocol):
    """One port: the device on it, and the lines that a scenario pulls, from any thread."""

    @property
    def device(self) -> AtaDevice | None:
        """What is plugged in."""

    @property
    def deepest_queue(self) -> int:
        """The most commands that were ever outstanding at once."""

    def plug(self, device: AtaDevice) -> None:
        """Hot-plug `device`. TestbedError when one is there."""

    def unplug(self) -> AtaDevice | None:
        """Pull the device out, in the middle of whatever it does; returns it, if there was one."""

    def lose_link(self) -> None:
        """Communication breaks down; the device stays plugged in and powered."""

    def restore_link(self) -> None:
        """After `lose_link`: the link comes up anew, which resets the device."""

    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        """An error of the link, which stops what is under way when it is `fatal`."""


@runtime_checkable
class SataController(Protocol):
    """A controller with its ports."""

    @property
    def ports(self) -> Sequence[SataPort]: ...

    @property
    def slots(self) -> int:
        """How many commands can be outstanding on a port at once."""

    @property
    def speed(self) -> int:
        """The fastest generation of a link: 1, 2, 3 for 1.5, 3 and 6 Gbit/s."""
