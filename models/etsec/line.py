# SPDX-License-Identifier: MIT
"""The far end of the Ethernet cable: what a scenario sends, receives and watches."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from testbed.deadline import Deadline

__all__ = ["Counts", "EthernetLine", "Frame", "LineFull", "LineTimeout"]

MINIMUM = 60
"""Bytes of the shortest frame without its FCS."""

LONGEST = 0xFFFF - 4
"""Bytes of the longest frame that can be sent, without its FCS."""


class LineTimeout(TimeoutError):
    """The line did not show in time what was waited for: the scenario judges what that means."""


class LineFull(RuntimeError):
    """More frames were sent than the line holds for the device."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame on its way to the device, without its FCS. `bad_fcs`: that arrives wrong."""

    data: bytes
    bad_fcs: bool = False


@dataclass(slots=True)
class Counts:
    """Frames so far. `lost` went to a link that was down, or to a scenario that had no room."""

    sent: int = 0  # given to the device by `send`
    taken: int = 0  # of these, what the device received, or dropped as not for it
    dropped: int = 0  # of these, what it dropped, being stopped or out of descriptors
    transmitted: int = 0  # by the device
    lost: int = 0


class Station(Protocol):
    """What the line needs of the model; every call is made with `lock` held."""

    name: str
    lock: threading.RLock

    def line_moved(self) -> None: ...


class EthernetLine:
    """One cable, seen from its far end. Frames have no FCS. Every method may be called from any
    thread.

    Towards the device frames are held here, `capacity` at the most, until it takes them. While
    `patient`, they wait for the driver's empty descriptors, as flow control makes a switch do;
    else one that finds none is dropped, as on a cable without it. From the device `capacity` frames
    are kept for the scenario, and what comes then is lost.
    """

    def __init__(self, station: Station, capacity: int = 1 << 15) -> None:
        self._station = station
        self.capacity = capacity
        self.patient = True
        self.counts = Counts()
        self._changed = threading.Condition(station.lock)
        self._received: deque[bytes] = deque()
        self._link = True
        self._watchers: list[Callable[[], None]] = []
        self.held: deque[Frame] = deque()  # for the model, with the lock held

    @property
    def name(self) -> str:
        return self._station.name

    # The cable

    @property
    def link(self) -> bool:
        """Whether the cable is plugged in."""
        return self._link

    @link.setter
    def link(self, up: bool) -> None:
        with self._changed:
            if up == self._link:
                return
            self._link = up
            self.counts.lost += len(self.held)
            self.held.clear()
            for watcher in self._watchers:
                watcher()
            self._changed.notify_all()

    def connect(self) -> None:
        """Plug the cable in."""
        self.link = True

    def disconnect(self) -> None:
        """Pull the cable: what is on its way is lost."""
        self.link = False

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` after each change of the link, with the device's lock held."""
        with self._changed:
            self._watchers.append(watcher)

    # Towards the device

    def send(self, frame: bytes, *, runt: bool = False, bad_fcs: bool = False) -> None:
        """Send a frame, from destination address to data; returns at once.

        It is padded to 60 bytes but for a `runt`. LineFull when the device has not taken what was
        sent before; ValueError when it is no frame.
        """
        if not 1 <= len(frame) <= LONGEST:
            raise ValueError(
                f"ethernet line {self.name}: a frame of {len(frame)} bytes; give 1 to {LONGEST}"
            )
        data = bytes(frame) if runt else bytes(frame).ljust(MINIMUM, b"\0")
        with self._changed:
            if len(self.held) >= self.capacity:
                raise LineFull(
                    f"ethernet line {self.name}: {len(self.held)} frames wait for the device;"
                    " wait_drained before sending more"
                )
            self.counts.sent += 1
            if not self._link:
                self.counts.lost += 1
                return
            self.held.append(Frame(data, bad_fcs))
            self._station.line_moved()

    @property
    def pending(self) -> int:
        """Frames sent that the device has not taken."""
        return len(self.held)

    def wait_drained(self, deadline: Deadline) -> None:
        """Wait until the device has taken everything that was sent."""
        self.wait_until(lambda: not self.held, deadline, "the device to take what was sent")

    # From the device

    @property
    def available(self) -> int:
        """Frames that the device sent and nobody received."""
        return len(self._received)

    def receive(self, deadline: Deadline) -> bytes:
        """The next frame that the device sent. LineTimeout when none comes."""
        with self._changed:
            self.wait_until(lambda: bool(self._received), deadline, "a frame")
            return self._received.popleft()

    def receive_all(self) -> list[bytes]:
        """The frames that have come and were not received; does not wait."""
        with self._changed:
            result = list(self._received)
            self._received.clear()
            return result

    def wait_until(self, condition: Callable[[], bool], deadline: Deadline, what: str) -> None:
        """Wait until `condition()` holds; LineTimeout, naming `what`, when it does not in time.

        It is evaluated with the device's lock held, after frames have moved or the link changed.
        """
        with self._changed:
            while not condition():
                if deadline.expired:
                    counts = self.counts
                    raise LineTimeout(
                        f"ethernet line {self.name}: waited {deadline.seconds:g} s for {what};"
                        f" the device sent {counts.transmitted} frames and took {counts.taken} of"
                        f" {counts.sent}, the link is {'up' if self._link else 'down'}"
                    )
                self._changed.wait(deadline.remaining)

    # For the model, with the lock held

    def transmitted(self, frames: list[bytes]) -> None:
        """The device sent these."""
        counts = self.counts
        counts.transmitted += len(frames)
        if self._link:
            room = self.capacity - len(self._received)
            self._received += frames[:room]
            counts.lost += max(0, len(frames) - room)
        else:
            counts.lost += len(frames)
        self._changed.notify_all()

    def took(self, count: int, *, dropped: bool = False) -> None:
        """The device took the `count` oldest frames, or dropped them."""
        for _ in range(min(count, len(self.held))):
            self.held.popleft()
            self.counts.taken += not dropped
            self.counts.dropped += dropped
        self._changed.notify_all()
