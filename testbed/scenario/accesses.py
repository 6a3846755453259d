# SPDX-License-Identifier: MIT
"""Every register access that reaches some models, for scenarios that say which ones may."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from testbed.remoteport.device import Device


@dataclass(frozen=True, slots=True)
class Access:
    """A read or write of `size` bytes at `offset` of region `region` of a model."""

    device: str
    write: bool
    region: int
    offset: int
    size: int

    def __str__(self) -> str:
        verb = "write" if self.write else "read"
        return f"{verb} of {self.size} at {self.device}/{self.region}+{self.offset:#x}"


class AccessRecorder:
    """Records accesses to `devices` while it is entered; the models work on as they do."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._devices = tuple(devices)
        self._lock = threading.Lock()
        self._accesses: list[Access] = []

    def take(self) -> list[Access]:
        """The accesses since the last call, in order."""
        with self._lock:
            taken, self._accesses = self._accesses, []
        return taken

    def __enter__(self) -> AccessRecorder:
        for device in self._devices:
            with device.lock:
                self._wrap(device)
        return self

    def __exit__(self, *_: object) -> None:
        for device in self._devices:
            with device.lock:
                del vars(device)["read"], vars(device)["write"]

    def _wrap(self, device: Device) -> None:
        def read(region: int, offset: int, size: int) -> int:
            self._add(Access(device.name, False, region, offset, size))
            return type(device).read(device, region, offset, size)

        def write(region: int, offset: int, size: int, value: int) -> None:
            self._add(Access(device.name, True, region, offset, size))
            type(device).write(device, region, offset, size, value)

        vars(device).update(read=read, write=write)

    def _add(self, access: Access) -> None:
        with self._lock:
            self._accesses.append(access)
